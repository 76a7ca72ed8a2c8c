//! Trying again.

use domain::ledger::{Cause, Outcome};
use domain::settings::Backoff;
use tokio::time::Instant;

use crate::world::*;

const BUSY: &str = r#"{"error":{"message":"overloaded"}}"#;

/// A provider that fails in the given ways before it answers.
async fn failing(failures: &'static [u16]) -> World {
    let mut world = World::new(move |seen| match failures.get(seen.number) {
        Some(0) => Answer::Reset,
        Some(status) => Answer::json(*status, BUSY),
        None => Answer::json(200, ANSWER),
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(3);
        settings.retry_delay = Some(0);
        settings.retry_backoff = Backoff::Constant;
    });
    world
}

#[tokio::test]
async fn each_attempt_has_a_row_and_the_last_is_marked() {
    // The reset comes first: on a connection that was used before, it would be taken for a stale one.
    let world = failing(&[0, 503]).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.body.as_str()), (200, ANSWER));
    let rows = world.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.attempt, row.last, row.status, row.outcome)).collect();
    let expected = [
        (1, false, 502, Outcome::UpstreamFailed),
        (2, false, 503, Outcome::UpstreamError),
        (3, true, 200, Outcome::Ok),
    ];
    assert_eq!(seen, expected);
    assert_eq!(rows.iter().map(|row| row.cause).collect::<Vec<_>>(), [Cause::First, Cause::Retry, Cause::Retry]);
    assert!(rows.iter().all(|row| row.request_id == rows[0].request_id));
    assert_eq!(rows[0].error_code.as_deref(), Some("upstream_reset"));
    let bodies: Vec<_> = world.upstream.calls().into_iter().map(|call| call.body).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    let auth = world.upstream.calls().iter().all(|call| call.headers["authorization"] == "Bearer sk-stored-openai");
    assert!(auth);
}

#[tokio::test]
async fn the_last_failure_is_the_answer() {
    let world = failing(&[500, 502, 529, 500]).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.body.as_str()), (529, BUSY));
    let lasts: Vec<_> = world.rows().iter().map(|row| row.last).collect();
    assert_eq!(lasts, [false, false, true]);
}

#[tokio::test]
async fn what_is_the_requests_fault_is_not_tried_again() {
    for statuses in [&[400_u16] as &'static [u16], &[401], &[409], &[422]] {
        let world = failing(statuses).await;
        assert_eq!(world.chat(QUESTION).await.status, statuses[0]);
        assert_eq!(world.rows().len(), 1);
    }
}

#[tokio::test]
async fn the_caller_decides_over_the_gateway() {
    let world = failing(&[503, 503, 503]).await;
    let read = world.send(and(post(CHAT, QUESTION), &[("cf-aig-max-attempts", "1")])).await;
    assert_eq!((read.status, world.rows().len()), (503, 1));
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_long_is_passed_on() {
    let mut world = World::new(|_| Answer::json(429, BUSY).header("retry-after", "60")).await;
    world.settings(|settings| settings.retry_max_attempts = Some(5));
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("retry-after"), world.rows().len()), (429, Some("60"), 1));
}

#[tokio::test]
async fn a_short_wait_is_waited() {
    let mut world = World::new(|seen| match seen.number {
        0 => Answer::json(429, BUSY).header("retry-after-ms", "40"),
        _ => Answer::json(200, ANSWER),
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(2);
        settings.retry_delay = Some(0);
    });
    let began = Instant::now();
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert!(began.elapsed().as_millis() >= 40);
}

#[tokio::test]
async fn nobody_there_is_tried_again_and_then_said() {
    let mut world = World::answering(200, ANSWER).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    world.change(|config| {
        config.teams[0].provider_keys[0].base_url = Some(format!("http://{gone}"));
        config.teams[0].gateways[0].settings.retry_max_attempts = Some(2);
        config.teams[0].gateways[0].settings.retry_delay = Some(0);
    });
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.code().as_str()), (502, "upstream_unreachable"));
    let rows = world.rows();
    assert_eq!(rows.iter().map(|row| row.last).collect::<Vec<_>>(), [false, true]);
    assert_eq!(rows[1].cost.map(|cost| cost.0), Some(0));
}
