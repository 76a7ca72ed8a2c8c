//! What callers are told of the limits they are under.

use bytes::Bytes;
use domain::ledger::Surface;
use http::Request;
use http_body_util::Full;

use crate::world::*;

#[tokio::test]
async fn each_limit_of_a_request_is_told() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| {
        settings.rate_limiting_limit = Some(100);
        settings.rate_limiting_interval = Some(60);
    });
    world.policies(&[
        r#"{"limit":{"requests":7,"per":"day","window":"fixed"}}"#,
        r#"{"limit":{"requests":50,"per":"month"}}"#,
        r#"{"limit":{"tokens":1000000,"per":"5h"}}"#,
        r#"{"limit":{"concurrency":3}}"#,
        r#"{"limit":{"requests":5,"per":"ever"},"when":{"gateway":["open"]}}"#,
        r#"{"limit":{"cost":"5","per":"ever","warn_at":50}}"#,
    ]);
    let read = world.chat(QUESTION).await;
    assert_eq!(
        read.header("ratelimit-policy"),
        Some(
            "\"default\";q=100;w=60, \"p1\";q=7;w=86400, \"p2\";q=50, \"p3\";q=1000000;qu=\"tokens\";w=18000, \
             \"p4\";q=3;qu=\"concurrent-requests\""
        )
    );
    let states = read.header("ratelimit").expect("states");
    let items: Vec<_> = states.split(", ").collect();
    assert!(items[0].starts_with("\"default\";r=99;t=60"), "{states}");
    assert!(items[1].starts_with("\"p1\";r=6;t="), "{states}");
    assert!(items[2].starts_with("\"p2\";r=49;t="), "{states}");
    assert_eq!(items[4], "\"p4\";r=2");
    assert_eq!(
        (read.header("x-ratelimit-limit-requests"), read.header("x-ratelimit-remaining-requests")),
        (Some("7"), Some("6"))
    );
    assert!(read.header("x-ratelimit-reset-requests").is_some_and(|reset| reset.ends_with(['s', 'm'])), "{read:?}");
    assert_eq!(read.header("x-ratelimit-limit-tokens"), Some("1000000"));
    let budget = read.header("weir-budget").expect("a budget");
    assert!(budget.starts_with("\"p6\";remaining=4.99") && budget.ends_with(";limit=5.00"), "{budget}");
    assert_eq!(read.header("weir-warning"), None);
}

#[tokio::test]
async fn a_provider_s_own_limits_pass_where_the_gateway_has_none() {
    let world = World::new(|_| Answer::json(200, ANSWER).header("x-ratelimit-remaining-requests", "59")).await;
    assert_eq!(world.chat(QUESTION).await.header("x-ratelimit-remaining-requests"), Some("59"));
}

#[tokio::test]
async fn a_refusal_says_which_limit_and_when_it_clears_in_the_callers_words() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        r#"{"limit":{"requests":100,"per":"day"}}"#,
        r#"{"limit":{"requests":1,"per":"5h"},"group_by":["token"]}"#,
    ]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    let claude = r#"{"model":"openai/gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
    let refused = world.send(post("/v1/acme/main/compat/v1/messages", claude)).await;
    let json = refused.json();
    assert_eq!((json["type"].as_str(), json["error"]["type"].as_str()), (Some("error"), Some("rate_limit_error")));
    let message = json["error"]["message"].as_str().expect("a message");
    assert!(
        message.starts_with("The policy `p2` lets 1 request in 5h for each token pass; none is left. There is room again in 5 hours, at 2"),
        "{message}"
    );
    let seconds: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((17_990..=18_000).contains(&seconds), "{seconds}");
    // Both are told, and nothing was taken from the first.
    assert!(
        refused
            .header("ratelimit")
            .is_some_and(|text| text.starts_with("\"p1\";r=99;") && text.contains("\"p2\";r=0;"))
    );
    assert_eq!(world.used(), [1, 1]);
}

#[tokio::test]
async fn a_soft_limit_warns_from_its_share_on() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"requests":4,"per":"day","warn_at":75}}"#]);
    for (number, warns) in [(1, false), (2, false), (3, true), (4, true)] {
        let read = world.chat(QUESTION).await;
        let wanted = warns.then(|| format!("\"p1\";used={number};limit=4"));
        assert_eq!(read.header("weir-warning"), wanted.as_deref());
    }
}

#[tokio::test]
async fn more_for_a_while_is_told_and_ends() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"day","extra":{"amount":"1","until":"2100-01-01T00:00:00Z"}}}"#]);
    assert_eq!(world.chat(QUESTION).await.header("x-ratelimit-limit-requests"), Some("2"));
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(world.chat(QUESTION).await.status, 429);
    world.policies(&[r#"{"limit":{"requests":1,"per":"day","extra":{"amount":"9","until":"2020-01-01T00:00:00Z"}}}"#]);
    assert_eq!(world.chat(QUESTION).await.status, 429);
}

fn limits(query: &str) -> Request<Full<Bytes>> {
    Request::get(format!("/v1/acme/main/compat/limits{query}"))
        .header("x-api-key", TOKEN)
        .body(Full::default())
        .expect("a request")
}

#[tokio::test]
async fn what_is_left_can_be_asked_for() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        r#"{"limit":{"cost":"1.5","per":"month","zone":"Europe/Berlin"}}"#,
        r#"{"limit":{"tokens":100000,"per":"ever"},"when":{"model":["openai/gpt-4o-mini"]}}"#,
        r#"{"limit":{"requests":10,"per":"60s","window":"sliding"},"group_by":["model"],"action":"warn"}"#,
        r#"{"limit":{"requests":7,"per":"ever"},"when":{"endpoint":["embeddings"]}}"#,
        r#"{"limit":{"concurrency":4},"when":{"token":["other"]}}"#,
    ]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    let calls = world.upstream.calls().len();
    let told = |read: &Read| -> Vec<serde_json::Value> {
        assert_eq!(read.status, 200, "{}", read.body);
        read.json()["data"].as_array().expect("a list").clone()
    };
    let all = told(&world.send(limits("")).await);
    assert_eq!(all.len(), 1, "{all:?}");
    let budget = &all[0];
    assert_eq!((budget["policy"].as_str(), budget["unit"].as_str()), (Some("p1"), Some("usd")));
    // 10 and 5 tokens at $0.15 and $0.60 a million.
    let amounts = ["limit", "used", "remaining"].map(|name| budget[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(amounts, ["1.50", "0.0000045", "1.4999955"]);
    let month = serde_json::json!({ "type": "calendar", "per": "month", "time_zone": "Europe/Berlin" });
    assert_eq!(budget["window"], month);
    assert!(budget["resets_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{budget}");

    let read = world.send(limits("?model=openai/gpt-4o-mini")).await;
    let of_model = told(&read);
    let names: Vec<_> = of_model.iter().map(|limit| limit["policy"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["p1", "p2", "p3"]);
    assert_eq!((&of_model[1]["used"], &of_model[1]["remaining"]), (&15.into(), &99985.into()));
    assert_eq!((of_model[1]["resets_at"].is_null(), &of_model[2]["used"]), (true, &1.into()));
    assert_eq!(of_model[2]["action"], "warn");
    assert!(read.header("weir-budget").is_some_and(|text| text.contains("remaining=1.4999955")));

    let embeddings = told(&world.send(limits("?endpoint=embeddings")).await);
    assert_eq!((embeddings.len(), &embeddings[1]["remaining"]), (2, &7.into()));
    let wrong = world.send(limits("?endpoint=chat")).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "invalid_query"));
    assert_eq!(world.upstream.calls().len(), calls, "nobody is called");
    assert_eq!(world.rows().last().map(|row| row.surface), Some(Surface::Limits));
    let again = told(&world.send(limits("")).await);
    assert_eq!(again[0]["used"], "0.0000045", "to look costs nothing");
}
