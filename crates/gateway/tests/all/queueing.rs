//! Queueing: a request that would be refused because too many are under way waits for its turn.

use std::time::Duration;

use domain::ledger::Outcome;
use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use gateway::Options;
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep, timeout};

use crate::world::*;

const ONE: &str = r#"{"limit":{"concurrency":1}}"#;
const OTHER: &str = "weir_app-token-of-another";
const STREAM: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const END: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// A world whose provider takes so long for each answer, and in which so many may wait for a second.
async fn world(took_ms: u64, waiting: u32) -> World {
    with_options(Options::default(), took_ms, waiting).await
}

async fn with_options(options: Options, took_ms: u64, waiting: u32) -> World {
    let options = Options { allow_private_upstreams: true, ..options };
    let mut world = World::with_options(options, move |_| Answer::json(200, ANSWER).after_ms(took_ms)).await;
    world.change(|config| {
        config.teams[0].tokens.push(token_config(11, OTHER));
        let settings = &mut config.teams[0].gateways[0].settings;
        settings.queue_most_waiting = Some(waiting);
        settings.queue_longest_wait = Some(1_000);
    });
    world
}

fn of(token: &str) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    with(CHAT, QUESTION, &[("authorization", &format!("Bearer {token}"))])
}

fn queued_ms(read: &Read) -> Option<u64> {
    read.header("weir-queue-time").map(|ms| ms.parse().expect("a number"))
}

/// Nothing is left of anybody.
fn is_idle(world: &World) {
    assert_eq!((world.gateway.in_flight(), world.used().iter().sum::<u64>()), (0, 0));
    assert!(world.ledger.intents.lock().expect("free").iter().all(Option::is_none));
}

#[tokio::test(start_paused = true)]
async fn who_would_be_refused_waits_and_is_told_how_long() {
    let mut world = world(100, 10).await;
    world.policies(&[ONE]);
    let reads = join_all((0..5).map(|_| world.chat(QUESTION))).await;
    let mut waits: Vec<_> = reads.iter().map(queued_ms).collect();
    waits.sort_unstable();
    assert!(reads.iter().all(|read| read.status == 200));
    assert_eq!(waits[0], None, "the first need not wait");
    for (wait, place) in waits[1..].iter().zip(1..) {
        let wait = wait.expect("it waited");
        assert!((place * 100..place * 100 + 50).contains(&wait), "{waits:?}");
    }
    let rows = world.rows();
    assert!(rows.iter().all(|row| row.outcome == Outcome::Ok && row.attempt == 1));
    assert!(rows.iter().all(|row| row.gateway_us < 50_000), "to wait is not the gateway's own time: {rows:#?}");
    assert_eq!(world.gateway.counters().queued, 4);
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn off_by_default_and_then_nobody_waits() {
    let mut world = world(100, 10).await;
    world.settings(|settings| settings.queue_most_waiting = None);
    world.policies(&[ONE]);
    let reads = join_all((0..3).map(|_| world.chat(QUESTION))).await;
    let statuses: Vec<_> = reads.iter().map(|read| read.status).collect();
    assert_eq!(statuses, [200, 429, 429]);
    assert!(reads.iter().all(|read| queued_ms(read).is_none()));
}

#[tokio::test(start_paused = true)]
async fn no_more_wait_than_may() {
    let mut world = world(100, 2).await;
    world.policies(&[ONE]);
    let begin = Instant::now();
    let mut all: FuturesUnordered<_> = (0..6).map(|_| world.chat(QUESTION)).collect();
    for _ in 0..3 {
        let read = all.next().await.expect("one");
        assert_eq!((read.status, read.code().as_str(), read.header("retry-after")), (429, "rate_limited", Some("1")));
        assert!(begin.elapsed() < Duration::from_millis(50), "it is refused at once");
    }
    for _ in 0..3 {
        assert_eq!(all.next().await.expect("one").status, 200);
    }
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_may() {
    let mut world = world(5_000, 10).await;
    world.policies(&[ONE]);
    let begin = Instant::now();
    let (first, second) = tokio::join!(world.chat(QUESTION), async {
        let read = world.chat(QUESTION).await;
        (read, begin.elapsed().as_millis())
    });
    assert_eq!(first.status, 200);
    let (second, took) = second;
    assert_eq!((second.status, second.code().as_str(), second.header("retry-after")), (429, "rate_limited", Some("1")));
    assert!((1_000..1_050).contains(&took) && (1_000..1_050).contains(&queued_ms(&second).unwrap_or(0)), "{took}");
    let refused = world.rows().into_iter().find(|row| row.outcome == Outcome::Refused).expect("its row");
    assert_eq!((refused.attempt, refused.status, refused.last), (0, 429, true));
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_much_does_not_starve_another() {
    let mut world = world(20, 100).await;
    world.policies(&[ONE]);
    let busy = join_all((0..30).map(|_| world.send(of(TOKEN))));
    let (busy, other) = tokio::join!(busy, async {
        sleep(Duration::from_millis(10)).await;
        world.send(of(OTHER)).await
    });
    assert!(busy.iter().all(|read| read.status == 200));
    assert_eq!(other.status, 200);
    assert!(queued_ms(&other).is_some_and(|wait| wait < 60), "behind the one under way and one more: {other:?}");
    assert!(busy.iter().filter_map(queued_ms).max().is_some_and(|wait| wait > 500));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_place_and_passes_its_turn_on() {
    let mut world = world(100, 1).await;
    world.policies(&[ONE]);
    let (first, (), last) = tokio::join!(
        world.chat(QUESTION),
        async {
            sleep(Duration::from_millis(10)).await;
            let left = timeout(Duration::from_millis(40), world.start(post(CHAT, QUESTION))).await;
            assert!(left.is_err());
        },
        async {
            sleep(Duration::from_millis(60)).await;
            world.chat(QUESTION).await
        }
    );
    assert_eq!((first.status, last.status), (200, 200));
    let mut outcomes: Vec<_> = world.rows().iter().map(|row| (row.attempt, row.status)).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(0, 499), (1, 200), (1, 200)]);
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn a_turn_comes_when_a_stream_has_ended_and_not_before() {
    let (feed, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let mut world =
        World::new(move |_| answer.lock().expect("free").take().unwrap_or_else(|| Answer::json(200, ANSWER))).await;
    world.settings(|settings| settings.queue_most_waiting = Some(5));
    world.policies(&[ONE]);
    let body = world.start(post(CHAT, STREAM)).await.into_body();
    let ((), second) = tokio::join!(
        async {
            sleep(Duration::from_millis(300)).await;
            feed.send(Ok(END.into())).await.expect("room");
            body.collect().await.expect("whole");
        },
        world.chat(QUESTION)
    );
    assert_eq!(second.status, 200);
    assert!(queued_ms(&second).is_some_and(|wait| (300..350).contains(&wait)), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn what_time_alone_brings_is_not_waited_for() {
    let mut world = world(100, 10).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"minute"}}"#]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, queued_ms(&read)), (429, None));
    world.policies(&[
        r#"{"limit":{"concurrency":1},"when":{"model":["gpt-4o-mini"]},"action":{"fallback":"openai/gpt-4o"}}"#,
    ]);
    let reads = join_all((0..2).map(|_| world.chat(QUESTION))).await;
    assert!(reads.iter().all(|read| read.status == 200 && queued_ms(read).is_none()), "{reads:?}");
    assert_eq!(reads.iter().filter(|read| read.header("weir-fallback").is_some()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_two_limits_takes_neither_before_it_has_both() {
    let mut world = world(100, 10).await;
    world.policies(&[ONE, r#"{"limit":{"concurrency":2}}"#, r#"{"limit":{"requests":3,"per":"day"}}"#]);
    let reads = join_all((0..5).map(|_| world.chat(QUESTION))).await;
    let passed = reads.iter().filter(|read| read.status == 200).count();
    assert_eq!(passed, 3, "a limit that is used up while it waits refuses it");
    assert_eq!(world.used(), [0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn two_that_lack_the_same_limit_do_not_hand_turns_to_and_fro() {
    let mut world = world(100, 10).await;
    world.policies(&[r#"{"limit":{"concurrency":2}}"#, r#"{"limit":{"concurrency":1},"group_by":["token"]}"#]);
    let later = |ms: u64| async move { sleep(Duration::from_millis(ms)).await };
    let begin = Instant::now();
    // At 100 ms there is room for two again, but the token's own one is taken until 150.
    let (other, first, second, third) = tokio::join!(
        world.send(of(OTHER)),
        async {
            later(50).await;
            world.chat(QUESTION).await
        },
        async {
            later(60).await;
            world.chat(QUESTION).await
        },
        async {
            later(70).await;
            world.chat(QUESTION).await
        },
    );
    assert!([&other, &first, &second, &third].iter().all(|read| read.status == 200));
    let took = begin.elapsed().as_millis();
    assert!((350..420).contains(&took), "one after the other: {took}");
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn a_full_address_is_waited_for() {
    let options = Options { max_in_flight_per_upstream: 2, ..Options::default() };
    let mut world = with_options(options, 100, 10).await;
    let reads = join_all((0..6).map(|_| world.chat(QUESTION))).await;
    assert!(reads.iter().all(|read| read.status == 200), "{reads:?}");
    assert_eq!(reads.iter().filter(|read| queued_ms(read).is_some()).count(), 4);
    world.settings(|settings| settings.queue_longest_wait = Some(150));
    let reads = join_all((0..6).map(|_| world.chat(QUESTION))).await;
    let refused: Vec<_> = reads.iter().filter(|read| read.status == 503).collect();
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|read| read.code() == "upstream_busy" && read.header("retry-after") == Some("1")));
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn a_full_server_is_waited_for() {
    let options = Options { max_in_flight: 2, ..Options::default() };
    let mut world = with_options(options, 100, 3).await;
    let reads = join_all((0..6).map(|_| world.chat(QUESTION))).await;
    let statuses: Vec<_> = reads.iter().map(|read| read.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    let refused = reads.iter().find(|read| read.status == 503).expect("one too many");
    assert_eq!((refused.code().as_str(), refused.header("retry-after")), ("overloaded", Some("1")));
    assert_eq!(reads.iter().filter(|read| queued_ms(read).is_some()).count(), 3);
    assert_eq!(world.upstream.calls().len(), 5);
    world.settings(|settings| settings.queue_most_waiting = None);
    let reads = join_all((0..4).map(|_| world.chat(QUESTION))).await;
    assert_eq!(reads.iter().filter(|read| read.status == 200).count(), 2);
    is_idle(&world);
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_before_who_comes() {
    let mut world = world(100, 10).await;
    world.policies(&[ONE]);
    let begin = Instant::now();
    let (last, waited) = tokio::join!(
        async {
            world.chat(QUESTION).await;
            // It comes in the moment in which there is room, before the one that waits can hear of it.
            world.chat(QUESTION).await;
            begin.elapsed()
        },
        async {
            sleep(Duration::from_millis(10)).await;
            world.chat(QUESTION).await;
            begin.elapsed()
        }
    );
    assert!(waited < Duration::from_millis(250) && last >= Duration::from_millis(300), "{waited:?} {last:?}");
}
