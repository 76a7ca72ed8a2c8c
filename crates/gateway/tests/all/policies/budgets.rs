//! What is reserved, what passes at once, and what is counted in the end.

use bytes::Bytes;
use domain::Secret;
use domain::config::ProviderKeyConfig;
use domain::ledger::Outcome;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::BodyExt;

use super::NATIVE;
use crate::world::*;

/// A hundred tokens of gpt-4o-mini at most: $0.15 and $0.60 for a million.
const BOUNDED: &str = r#"{"model":"openai/gpt-4o-mini","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#;
/// The same as a stream.
const STREAM: &str = r#"{"model":"openai/gpt-4o-mini","max_tokens":100,"stream":true,"messages":[]}"#;
const EVENT: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
const END: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\ndata: [DONE]\n\n";
/// What [`ANSWER`] costs in nano-dollars: 10 and 5 tokens.
const COST: u64 = 10 * 150 + 5 * 600;

/// What is reserved for a question, in nano-dollars: as the provider is sent it.
fn reserved(body: &str) -> u64 {
    let sent = body.replace("openai/", "").len() as u64;
    sent.div_ceil(3) * 150 + 100 * 600
}

/// A limit of so many nano-dollars in all.
fn budget(nanos: u64) -> String {
    format!(r#"{{"limit":{{"cost":"{}.{:09}","per":"ever"}}}}"#, nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// Waits until the provider has been called so often.
async fn called(world: &World, times: usize) {
    while world.upstream.calls().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_many_at_once_exactly_those_pass_that_fit() {
    const MANY: usize = 500;
    const FIT: u64 = 37;
    let mut world = World::new(|_| Answer::Silence).await;
    let each = reserved(BOUNDED);
    world.policies(&[&budget(each * FIT + each - 1)]);
    let mut asked: FuturesUnordered<_> = (0..MANY).map(|_| world.chat(BOUNDED)).collect();
    for _ in 0..MANY - FIT as usize {
        let read = asked.next().await.expect("one that is refused");
        assert_eq!((read.status, read.code().as_str()), (429, "budget_exceeded"));
        assert_eq!(read.header("retry-after"), None, "time alone brings nothing");
    }
    // The others wait for the provider, all of them, and nobody else.
    tokio::select! {
        biased;
        _ = asked.next() => panic!("the provider is silent"),
        () = called(&world, FIT as usize) => {}
    }
    assert_eq!((world.used(), world.upstream.calls().len()), (vec![each * FIT], FIT as usize));
    drop(asked);
    // Nobody has heard what they cost, so what was reserved stays taken.
    world.gateway.drained().await;
    assert_eq!(world.used(), [each * FIT]);
    assert_eq!(world.chat(BOUNDED).await.code(), "budget_exceeded");
}

#[tokio::test]
async fn of_many_at_once_each_is_counted_at_what_it_cost() {
    const MANY: u64 = 300;
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        &budget(MANY * reserved(BOUNDED)),
        r#"{"limit":{"tokens":1000000,"per":"day"},"group_by":["token"]}"#,
        r#"{"limit":{"requests":1000,"per":"hour"}}"#,
        r#"{"limit":{"concurrency":1000}}"#,
    ]);
    let answers = futures_util::future::join_all((0..MANY).map(|_| world.chat(BOUNDED))).await;
    assert!(answers.iter().all(|read| read.status == 200));
    assert_eq!(world.used(), [MANY * COST, MANY * 15, MANY, 0]);
    let ledger: i64 = world.rows().iter().map(|row| row.cost.expect("a cost").0).sum();
    assert_eq!(ledger as u64, MANY * COST, "limits and ledger agree");
}

#[tokio::test]
async fn a_budget_says_how_much_is_left_and_when_there_is_more() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"cost":"0.0001","per":"month"},"message":"Ask Ann."}"#]);
    let read = world.chat(BOUNDED).await;
    let left = domain::Nanos(100_000 - reserved(BOUNDED) as i64).to_string().replace('$', "");
    let said = read.header("weir-budget").expect("a budget");
    assert!(said.starts_with(&format!("\"p1\";remaining={left};limit=0.0001;reset=")), "{said}");
    let long = BOUNDED.replace("100", "1000");
    let refused = world.chat(&long).await;
    let message = refused.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(
        message.starts_with(
            "The policy `p1` lets $0.0001 a month pass; $0.0000955 of it is left, and this request may take $0.0006"
        ),
        "{message}"
    );
    assert!(message.contains("more than may pass at once") && message.ends_with("Ask Ann."), "{message}");
    assert_eq!((refused.header("retry-after"), refused.code().as_str()), (None, "budget_exceeded"));
    for _ in 0..10 {
        world.chat(BOUNDED).await;
    }
    let refused = world.chat(BOUNDED).await;
    let seconds: u64 = refused.header("retry-after").and_then(|text| text.parse().ok()).expect("seconds");
    assert!((1..=31 * 86_400).contains(&seconds));
    assert!(refused.body.contains("There is room again in"), "{}", refused.body);
}

#[tokio::test]
async fn a_stream_is_counted_at_its_end() {
    let mut world = World::new(|_| Answer::events(&format!("{EVENT}{END}"))).await;
    world.policies(&[&budget(1_000_000), r#"{"limit":{"concurrency":1}}"#]);
    let running = world.start(post(CHAT, STREAM)).await;
    assert_eq!(world.used()[1], 1);
    let refused = world.send(post(CHAT, STREAM)).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert!(refused.body.contains("another request has ended"), "{}", refused.body);
    read(running).await;
    assert_eq!(world.used(), [COST, 0]);
}

#[tokio::test]
async fn a_stream_that_its_client_leaves_stays_as_it_was_reserved() {
    let (feed, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let mut world = World::new(move |_| answer.lock().expect("free").take().expect("one call")).await;
    world.policies(&[
        &budget(1_000_000),
        r#"{"limit":{"tokens":10000,"per":"day"}}"#,
        r#"{"limit":{"concurrency":1}}"#,
    ]);
    feed.send(Ok(Bytes::from_static(EVENT.as_bytes()))).await.expect("room");
    let mut body = world.start(post(CHAT, STREAM)).await.into_body();
    body.frame().await.expect("an event").expect("it goes on");
    let before = world.used();
    drop(body);
    feed.closed().await;
    world.gateway.drained().await;
    assert_eq!(world.row().outcome, Outcome::ClientGone);
    assert_eq!(world.used(), [before[0], before[1], 0]);
}

#[tokio::test]
async fn what_failed_for_nothing_is_given_back() {
    for answer in [(500, "{}"), (400, r#"{"error":{"message":"no"}}"#)] {
        let mut world = World::answering(answer.0, answer.1).await;
        world.policies(&[&budget(1_000_000), r#"{"limit":{"requests":10,"per":"day"}}"#]);
        assert_eq!(world.chat(BOUNDED).await.status, answer.0);
        assert_eq!(world.used(), [0, 1], "the provider was called");
    }
    // A picture that cannot be fetched: nobody was called.
    let mut world = World::answering(200, ANSWER).await;
    let base_url = Some(world.upstream.url());
    let bedrock = ProviderKeyConfig { secret: Secret::new("ABSKkey".into()), base_url, ..key(90, "aws-bedrock", "") };
    world.change(|config| config.teams[0].provider_keys.push(bedrock));
    world.policies(&[r#"{"limit":{"tokens":10000,"per":"day"}}"#, r#"{"limit":{"requests":10,"per":"day"}}"#]);
    let body = r#"{"model":"aws-bedrock/anthropic.claude-x","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://10.0.0.1/a.png"}}]}]}"#;
    assert_eq!((world.chat(body).await.code().as_str(), world.used()), ("fetch_failed", vec![0, 0]));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_one_request_and_each_is_paid_for() {
    let mut world = World::new(|seen| match seen.number {
        0 | 1 => Answer::json(503, "{}"),
        _ => Answer::json(200, ANSWER),
    })
    .await;
    world.settings(|settings| settings.retry_max_attempts = Some(3));
    world.policies(&[&budget(1_000_000), r#"{"limit":{"requests":10,"per":"day"}}"#]);
    assert_eq!(world.chat(BOUNDED).await.status, 200);
    assert_eq!((world.rows().len(), world.used()), (3, vec![COST, 1]));
}

#[tokio::test]
async fn an_answer_from_the_cache_takes_nothing() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    world.policies(&[&budget(reserved(BOUNDED)), r#"{"limit":{"requests":1,"per":"day"}}"#]);
    for status in ["MISS", "HIT", "HIT"] {
        let read = world.chat(BOUNDED).await;
        assert_eq!((read.status, read.header("cf-aig-cache-status")), (200, Some(status)));
        assert!(read.header("weir-budget").is_some() && read.header("ratelimit").is_some());
    }
    assert_eq!(world.used(), [COST, 1]);
}

#[tokio::test]
async fn what_costs_nothing_passes_a_budget_that_is_used_up() {
    let mut world = World::new(|seen| match seen.target.as_str() {
        target if target.ends_with("/moderations") => {
            Answer::json(200, r#"{"id":"m","model":"omni-moderation-latest","results":[]}"#)
        }
        target if target.ends_with("/count_tokens") => Answer::json(200, r#"{"input_tokens":3}"#),
        _ => Answer::json(200, ANSWER),
    })
    .await;
    world.policies(&[r#"{"limit":{"cost":"0","per":"day"}}"#]);
    assert_eq!(world.chat(BOUNDED).await.code(), "budget_exceeded");
    let compat = |path: &str, body: &str| post(&format!("/v1/acme/main/compat/{path}"), body);
    let moderation =
        world.send(compat("moderations", r#"{"model":"openai/omni-moderation-latest","input":"x"}"#)).await;
    assert_eq!(moderation.status, 200, "{}", moderation.body);
    let counted = r#"{"model":"anthropic/claude-sonnet-4-5","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(world.send(compat("v1/messages/count_tokens", counted)).await.status, 200);
    let estimated = counted.replace("anthropic/claude-sonnet-4-5", "openai/gpt-4o");
    assert_eq!(world.send(compat("v1/messages/count_tokens", &estimated)).await.status, 200);
    let mut look = compat("files", "");
    *look.method_mut() = http::Method::GET;
    assert_eq!(world.send(look).await.status, 200);
}

#[tokio::test]
async fn without_a_price_money_is_not_counted_or_nothing_passes() {
    let claude = r#"{"id":"m","type":"message","role":"assistant","model":"own-1","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
    let mut world = World::answering(200, claude).await;
    let own = BOUNDED.replace("openai/gpt-4o-mini", "custom-own/own-1");
    world.policies(&[r#"{"limit":{"cost":"0","per":"day"}}"#, r#"{"limit":{"tokens":1000,"per":"day"}}"#]);
    assert_eq!(world.chat(&own).await.status, 200);
    assert_eq!(world.used(), [0, 7]);
    world.policies(&[r#"{"limit":{"cost":"10","per":"day"},"unknown":"refuse"}"#]);
    let refused = world.chat(&own).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "price_unknown"));
    assert!(refused.body.contains("custom-own/own-1"), "{}", refused.body);
}

#[tokio::test]
async fn a_provider_s_own_path_is_estimated_and_counted_too() {
    let mut world = World::answering(200, ANSWER).await;
    let native = BOUNDED.replace("openai/", "");
    world.policies(&[&budget(reserved(BOUNDED))]);
    assert_eq!(world.send(post(NATIVE, &native)).await.status, 200);
    assert_eq!(world.used(), [COST]);
    world.policies(&[&budget(reserved(BOUNDED) - 1)]);
    assert_eq!(world.send(post(NATIVE, &native)).await.code(), "budget_exceeded");
}

#[tokio::test]
async fn tokens_are_reserved_by_the_longest_answer() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"tokens":4000,"per":"minute"}}"#]);
    let refused = world.chat(QUESTION).await;
    assert_eq!(refused.code(), "rate_limited");
    assert!(refused.body.contains("4,000 tokens of it is left, and this request may take 4,1"), "{}", refused.body);
    let read = world.chat(BOUNDED).await;
    assert_eq!(read.status, 200);
    let taken = BOUNDED.replace("openai/", "").len().div_ceil(3) + 100;
    assert_eq!(read.header("ratelimit-policy"), Some("\"p1\";q=4000;qu=\"tokens\";w=60"));
    assert_eq!(read.header("x-ratelimit-remaining-tokens"), Some((4_000 - taken).to_string().as_str()));
    assert_eq!(world.used(), [15]);
}

#[tokio::test]
async fn a_response_in_the_background_holds_its_place_until_it_is_made() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":20}}"#;
    let mut world = World::answering(200, answer).await;
    world.policies(&[r#"{"limit":{"concurrency":1}}"#, r#"{"limit":{"tokens":100000,"per":"day"}}"#]);
    let ask = r#"{"model":"anthropic/claude-sonnet-4-5","input":"hi","background":true}"#;
    let begun = world.send(post("/v1/acme/main/compat/responses", ask)).await;
    assert_eq!(
        (begun.status, begun.header("ratelimit-policy")),
        (200, Some("\"p1\";q=1;qu=\"concurrent-requests\", \"p2\";q=100000;qu=\"tokens\";w=86400"))
    );
    assert_eq!(world.used()[0], 1);
    world.gateway.drained().await;
    assert_eq!(world.used(), [0, 120]);
}
