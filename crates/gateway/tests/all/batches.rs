//! What a batch used is billed once, by a row of its own, when its end is heard.

use domain::ledger::{AttemptRow, Surface};
use domain::usage::ServiceTier;
use http::Method;

use crate::world::*;

const ENDED: &str = r#"{"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","model":"gpt-4o-mini-2024-07-18","status":"completed","created_at":1711471533,"usage":{"input_tokens":1000000,"output_tokens":100000,"total_tokens":1100000}}"#;

fn get(path: &str) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let mut request = post(path, "");
    *request.method_mut() = Method::GET;
    request
}

/// The rows of batches, apart from those of the looks at them.
fn billed(world: &World) -> Vec<AttemptRow> {
    world.rows().into_iter().filter(|row| row.usage.input > 0).collect()
}

#[tokio::test]
async fn a_batch_that_has_ended_is_billed_once_at_the_prices_of_batches() {
    let world = World::answering(200, ENDED).await;
    for path in [
        "/v1/acme/main/compat/batches/batch_1",
        "/v1/acme/main/compat/batches/batch_1",
        "/v1/acme/main/openai/v1/batches/batch_1",
        "/v1/acme/open/compat/batches/batch_1",
    ] {
        let read = world.send(get(path)).await;
        assert_eq!((read.status, read.body.as_str()), (200, ENDED), "untouched");
    }
    let billed = billed(&world);
    assert_eq!(billed.len(), 1, "{billed:#?}");
    let row = &billed[0];
    // Half of 0.15 and of 0.60 dollars for a million.
    assert_eq!(row.cost.map(|cost| cost.0), Some(75_000_000 + 30_000_000));
    assert_eq!((row.usage.service_tier, row.surface), (ServiceTier::Batch, Surface::Batches));
    assert_eq!(row.model.as_deref(), Some("gpt-4o-mini-2024-07-18"));
    let looks: Vec<_> = world.rows().into_iter().filter(|row| row.usage.input == 0).collect();
    assert_eq!(looks.len(), 4);
    assert!(looks.iter().all(|row| row.cost.is_some_and(|cost| cost.0 == 0)), "a look costs nothing");
    // Another process writes the same row, which the ledger takes once.
    let elsewhere = world.replica();
    elsewhere.handle(get("/v1/acme/main/compat/batches/batch_1"), LOCALHOST).await;
    let keys: std::collections::HashSet<_> =
        self::billed(&world).iter().map(|row| (row.request_id, row.attempt)).collect();
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn a_batch_counts_against_budgets_once() {
    let mut world = World::answering(200, ENDED).await;
    world.policies(&[r#"{"limit":{"cost":"1","per":"day"}}"#]);
    for _ in 0..3 {
        world.send(get("/v1/acme/main/compat/batches/batch_1")).await;
    }
    assert_eq!(world.used(), [105_000_000]);
}

#[tokio::test]
async fn a_batch_that_runs_or_says_nothing_is_not_billed() {
    for body in [
        r#"{"id":"batch_1","object":"batch","status":"in_progress","created_at":1711471533,"model":"gpt-4o-mini","usage":{"input_tokens":10,"output_tokens":10,"total_tokens":20}}"#,
        r#"{"id":"batch_1","object":"batch","status":"completed","created_at":1711471533}"#,
        r#"{"id":"batch_1","object":"batch","status":"completed","usage":{"input_tokens":"many"}}"#,
        r#"{"object":"list","data":[]}"#,
    ] {
        let world = World::answering(200, body).await;
        assert_eq!(world.send(get("/v1/acme/main/compat/batches")).await.body, body);
        assert!(billed(&world).is_empty(), "{body}");
        assert_eq!(world.row().cost.map(|cost| cost.0), Some(0));
    }
}

#[tokio::test]
async fn what_a_caller_has_written_into_a_file_is_no_batch() {
    let world = World::answering(200, ENDED).await;
    for path in [
        "/v1/acme/main/openai/v1/files/file_1/content",
        "/v1/acme/main/compat/files/file_1/content",
        "/v1/acme/main/openai/v1/batches/batch_2",
        "/v1/acme/main/openai/v1/x/batches/batch_1/y",
    ] {
        assert_eq!(world.send(get(path)).await.status, 200);
        assert!(billed(&world).is_empty(), "{path}");
    }
    world.send(get("/v1/acme/main/openai/v1/batches/batch_1")).await;
    assert_eq!(billed(&world).len(), 1, "the true one is billed all the same");
}

#[tokio::test]
async fn a_list_bills_each_of_its_batches() {
    let list = format!(r#"{{"object":"list","data":[{ENDED},{}]}}"#, ENDED.replace("batch_1", "batch_2"));
    let world = World::new(move |_| Answer::json(200, &list)).await;
    for _ in 0..2 {
        world.send(get("/v1/acme/main/compat/batches")).await;
    }
    assert_eq!(billed(&world).len(), 2);
}
