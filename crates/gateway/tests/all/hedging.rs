//! Hedged requests: a second attempt beside a first that takes too long.

use std::time::Duration;

use domain::config::ProviderKeyConfig;
use domain::ledger::{AttemptRow, Outcome};
use domain::usage::UsageSource;
use domain::{Nanos, Secret};
use http_body_util::BodyExt;
use proptest::prelude::*;
use tokio::time::Instant;

use crate::world::*;

const NO: &str = r#"{"error":{"message":"no"}}"#;
const STREAM: &str =
    r#"{"model":"openai/gpt-4o-mini","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
const BOUNDED: &str = r#"{"model":"openai/gpt-4o-mini","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}"#;
const WORD: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
const END: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15}}\n\ndata: [DONE]\n\n";
/// What [`ANSWER`] costs in nano-dollars.
const COST: u64 = 10 * 150 + 5 * 600;

/// What is reserved for [`BOUNDED`], in nano-dollars.
fn reserved() -> u64 {
    (BOUNDED.replace("openai/", "").len() as u64).div_ceil(3) * 150 + 100 * 600
}

/// A world with a key 1 that is asked first and others that stand by; `script` tells what a key is answered at its how-manieth call.
async fn world(keys: i64, script: impl Fn(i64, usize) -> Answer + Send + Sync + 'static) -> World {
    let mut world = World::new(move |seen| {
        let number =
            seen.headers["authorization"].to_str().ok().and_then(|key| key.strip_prefix("Bearer sk-")?.parse().ok());
        script(number.unwrap_or_default(), seen.number)
    })
    .await;
    let url = world.upstream.url();
    world.change(|config| {
        let team = &mut config.teams[0];
        team.provider_keys.retain(|key| key.provider != "openai");
        team.provider_keys.extend((1..=keys).map(|id| ProviderKeyConfig {
            secret: Secret::new(format!("sk-{id}")),
            weight: u32::from(id == 1),
            ..key(id, "openai", &url)
        }));
        let settings = &mut team.gateways[0].settings;
        settings.hedge_percentile = Some(95);
        settings.hedge_most_delay = Some(300);
    });
    world
}

fn good() -> Answer {
    Answer::json(200, ANSWER)
}

type Told = (u16, bool, i64, u16, Outcome, Option<String>);

fn told(row: &AttemptRow) -> Told {
    let key = row.provider_key_id.map_or(0, |key| key.0);
    (row.attempt, row.last, key, row.status, row.outcome, row.error_code.clone())
}

/// The rows, and that everything that was begun has ended once.
fn rows(world: &World) -> Vec<Told> {
    assert!(world.ledger.intents.lock().expect("free").iter().all(Option::is_none), "an attempt has no row");
    assert_eq!(world.gateway.in_flight(), 0);
    world.rows().iter().map(told).collect()
}

fn cancelled(attempt: u16, key: i64) -> Told {
    (attempt, false, key, 499, Outcome::ClientGone, Some("hedge_cancelled".to_owned()))
}

fn won(attempt: u16, key: i64) -> Told {
    (attempt, true, key, 200, Outcome::Ok, None)
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_asked_again_with_another_key_and_the_quicker_is_heard() {
    let world = world(2, |key, _| if key == 1 { good().after_ms(5_000) } else { good().after_ms(50) }).await;
    let begin = Instant::now();
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.body.as_str(), read.header("weir-hedged")), (200, ANSWER, Some("second")));
    let took = begin.elapsed().as_millis();
    assert!((350..400).contains(&took), "{took}");
    assert_eq!(rows(&world), [cancelled(1, 1), won(2, 2)]);
    let rows = world.rows();
    assert_eq!((rows[0].cost, rows[0].usage_source), (None, UsageSource::None), "nobody knows what it did");
    assert_eq!(rows[1].cost, Some(Nanos(i64::try_from(COST).expect("small"))));
    assert!((340_000..400_000).contains(&rows[0].duration_us) && (40_000..90_000).contains(&rows[1].duration_us));
    let counters = world.gateway.counters();
    assert_eq!((counters.attempts, counters.hedges, counters.hedges_won, counters.clients_gone), (2, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_be_the_quicker_and_its_row_is_the_last() {
    let world = world(2, |key, _| if key == 1 { good().after_ms(500) } else { good().after_ms(5_000) }).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("weir-hedged")), (200, Some("first")));
    assert_eq!(rows(&world), [cancelled(1, 2), won(2, 1)]);
    assert_eq!((world.gateway.counters().hedges, world.gateway.counters().hedges_won), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_quick_is_asked_once() {
    let world = world(2, |_, _| good().after_ms(290)).await;
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("weir-hedged")), (200, None));
    assert_eq!(rows(&world), [won(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_caller_decides_for_its_request() {
    let mut world = world(2, |_, _| good().after_ms(2_000)).await;
    for (setting, header, calls) in [
        (None, None, 1),
        (None, Some("false"), 1),
        (None, Some("true"), 2),
        (None, Some("1900"), 2),
        (None, Some("2100"), 1),
        (Some(95), Some("false"), 1),
        (Some(95), Some("2100"), 1),
        (Some(95), None, 2),
    ] {
        world.settings(|settings| settings.hedge_percentile = setting);
        let before = world.upstream.calls().len();
        let request =
            header.into_iter().fold(post(CHAT, QUESTION), |request, header| and(request, &[("weir-hedge", header)]));
        assert_eq!(world.send(request).await.status, 200);
        assert_eq!(world.upstream.calls().len() - before, calls, "{setting:?} {header:?}");
    }
    let refused = world.send(and(post(CHAT, QUESTION), &[("weir-hedge", "often")])).await;
    assert_eq!(refused.code(), "invalid_header");
}

#[tokio::test(start_paused = true)]
async fn where_there_is_one_key_it_is_asked_again() {
    let world = world(1, |_, number| if number == 0 { Answer::Silence } else { good() }).await;
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(rows(&world), [cancelled(1, 1), won(2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_won_by_its_first_event_and_not_by_its_head() {
    let (kept, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let world = world(2, move |key, _| match key {
        1 => answer.lock().expect("free").take().expect("asked once"),
        _ => Answer::events(&format!("{WORD}{END}")).after_ms(100),
    })
    .await;
    let read = world.chat(STREAM).await;
    assert_eq!((read.status, read.header("weir-hedged")), (200, Some("second")));
    assert!(read.body.contains("\"x\""), "{}", read.body);
    kept.closed().await;
    // Its head had come, with 200; the client got nothing of it.
    assert_eq!(rows(&world), [cancelled(1, 1), won(2, 2)]);
    assert_eq!(world.rows()[1].usage.output, 5);
}

#[tokio::test(start_paused = true)]
async fn once_an_event_has_gone_to_the_client_nothing_is_asked_again() {
    let (feed, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let world = world(2, move |_, _| answer.lock().expect("free").take().expect("asked once")).await;
    feed.send(Ok(WORD.into())).await.expect("room");
    let mut body = world.start(post(CHAT, STREAM)).await.into_body();
    body.frame().await.expect("a frame").expect("whole");
    tokio::time::sleep(Duration::from_secs(5)).await;
    feed.send(Ok(END.into())).await.expect("room");
    while body.frame().await.is_some() {}
    drop(body);
    assert_eq!(rows(&world), [won(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_leaves_the_other_to_answer() {
    for status in [500, 429, 401] {
        let failed = |attempt, key| (attempt, false, key, status, Outcome::UpstreamError, None);
        let world_first = world(2, move |key, _| match key {
            1 => Answer::json(status, NO).after_ms(400),
            _ => good().after_ms(1_000),
        })
        .await;
        let read = world_first.chat(QUESTION).await;
        assert_eq!((read.status, read.header("weir-hedged")), (200, Some("second")), "{status}");
        assert_eq!(rows(&world_first), [failed(1, 1), won(2, 2)]);

        let world_second = world(2, move |key, _| match key {
            1 => good().after_ms(1_000),
            _ => Answer::json(status, NO),
        })
        .await;
        let read = world_second.chat(QUESTION).await;
        assert_eq!((read.status, read.header("weir-hedged")), (200, Some("first")), "{status}");
        assert_eq!(rows(&world_second), [failed(1, 2), won(2, 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn where_both_fail_the_third_key_is_asked_and_no_key_twice() {
    let world = world(3, |_, number| match number {
        0 => Answer::json(401, NO).after_ms(400),
        1 => Answer::json(401, NO).after_ms(600),
        _ => good().after_ms(2_000),
    })
    .await;
    assert_eq!(world.chat(QUESTION).await.status, 200, "and it is not asked twice, however long it takes");
    let seen = rows(&world);
    let mut keys: Vec<_> = seen.iter().map(|row| row.2).collect();
    let seen: Vec<_> = seen.iter().map(|row| (row.0, row.1, row.3)).collect();
    assert_eq!((seen, keys[0]), (vec![(1, false, 401), (2, false, 401), (3, true, 200)], 1));
    keys.sort_unstable();
    assert_eq!(keys, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn where_all_fail_the_firsts_error_is_told() {
    let world = world(2, |key, _| match key {
        1 => Answer::json(503, r#"{"error":{"message":"one"}}"#).after_ms(400),
        _ => Answer::json(500, r#"{"error":{"message":"two"}}"#).after_ms(100),
    })
    .await;
    let read = world.chat(QUESTION).await;
    assert_eq!(read.status, 503);
    assert!(read.body.contains("one"), "{}", read.body);
    let rows: Vec<_> = rows(&world).iter().map(|row| (row.0, row.1, row.2, row.3)).collect();
    assert_eq!(rows, [(1, false, 2, 500), (2, true, 1, 503)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_the_questions_fault_ends_both() {
    let world = world(2, |key, _| match key {
        1 => Answer::json(400, NO).after_ms(400),
        _ => Answer::Silence,
    })
    .await;
    let begin = Instant::now();
    assert_eq!(world.chat(QUESTION).await.status, 400);
    assert!(begin.elapsed() < Duration::from_millis(500));
    assert_eq!(rows(&world), [cancelled(1, 2), (2, true, 1, 400, Outcome::UpstreamError, None)]);
}

#[tokio::test(start_paused = true)]
async fn retries_of_the_first_go_on_beside_the_second() {
    let mut world = world(1, |_, number| match number {
        0 => Answer::json(500, NO).after_ms(400),
        1 => Answer::Silence,
        _ => good(),
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(2);
        settings.retry_delay = Some(100);
    });
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("weir-hedged")), (200, Some("first")));
    let failed = (1, false, 1, 500, Outcome::UpstreamError, None);
    assert_eq!(rows(&world), [failed, cancelled(2, 1), won(3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_leaves_a_row_of_each_and_one_is_the_last() {
    let world = world(2, |_, _| Answer::Silence).await;
    let left = tokio::time::timeout(Duration::from_secs(1), world.start(post(CHAT, QUESTION))).await;
    assert!(left.is_err());
    let gone = |attempt, last, key| (attempt, last, key, 499, Outcome::ClientGone, None);
    let mut rows = rows(&world);
    rows.sort_by_key(|row| row.0);
    assert_eq!(rows, [gone(1, false, 1), gone(2, true, 2)]);
    assert_eq!(world.gateway.counters().clients_gone, 2);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_has_both_written_down_until_the_answer_is_complete() {
    let (feed, answer) = Answer::stream();
    let answer = std::sync::Mutex::new(Some(answer));
    let world = world(2, move |key, _| match key {
        1 => Answer::Silence,
        _ => answer.lock().expect("free").take().expect("asked once"),
    })
    .await;
    feed.send(Ok(WORD.into())).await.expect("room");
    let body = world.start(post(CHAT, STREAM)).await.into_body();
    let open: Vec<_> = {
        let intents = world.ledger.intents.lock().expect("free");
        intents.iter().flatten().map(|row| (row.attempt, row.provider_key_id.map_or(0, |key| key.0))).collect()
    };
    assert_eq!((open, world.rows().len(), world.gateway.in_flight()), (vec![(1, 1), (2, 2)], 0, 1));
    feed.send(Ok(END.into())).await.expect("room");
    drop(feed);
    body.collect().await.expect("whole");
    assert_eq!(rows(&world), [cancelled(1, 1), won(2, 2)]);
}

#[tokio::test(start_paused = true)]
async fn both_are_paid_for_and_the_request_counts_once() {
    for quicker in [1, 2] {
        let (feed, answer) = Answer::stream();
        let answer = std::sync::Mutex::new(Some(answer));
        let mut world = world(2, move |key, _| {
            if key != quicker {
                return Answer::Silence;
            }
            answer.lock().expect("free").take().expect("asked once").after_ms(400)
        })
        .await;
        world.policies(&[
            r#"{"limit":{"cost":"1.0","per":"ever"}}"#,
            r#"{"limit":{"requests":10,"per":"day"}}"#,
            r#"{"limit":{"concurrency":10}}"#,
        ]);
        feed.send(Ok(WORD.into())).await.expect("room");
        let body = world.start(post(CHAT, STREAM)).await.into_body();
        let reserved = world.used()[0];
        assert_eq!(world.used()[1..], [1, 1]);
        feed.send(Ok(END.into())).await.expect("room");
        drop(feed);
        body.collect().await.expect("whole");
        rows(&world);
        let rows = world.rows();
        assert_eq!((rows[0].usage_source, rows[1].usage_source), (UsageSource::Estimated, UsageSource::Reported));
        let costs: Vec<_> = rows.iter().map(|row| row.cost.expect("a cost").0.unsigned_abs()).collect();
        assert_eq!((costs[0] * 2, costs[1]), (reserved, COST), "both were reserved");
        assert_eq!(world.used(), [costs[0] + COST, 1, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_afforded_twice_is_asked_once() {
    for (room, calls) in [(reserved() * 2 - 1, 1), (reserved() * 2, 2)] {
        let mut world = world(2, |_, _| good().after_ms(1_000)).await;
        world.policies(&[&format!(r#"{{"limit":{{"cost":"0.{room:09}","per":"ever"}}}}"#)]);
        let read = world.chat(BOUNDED).await;
        assert_eq!((read.status, world.upstream.calls().len()), (200, calls));
        rows(&world);
        let spent: u64 = world.rows().iter().map(|row| row.cost.expect("a cost").0.unsigned_abs()).sum();
        assert_eq!(world.used(), [spent]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fills_its_limits_is_hedged_all_the_same() {
    let mut world = world(2, |key, _| if key == 1 { Answer::Silence } else { good() }).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"day"}}"#, r#"{"limit":{"concurrency":1}}"#]);
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("weir-hedged")), (200, Some("second")));
    assert_eq!(world.used(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn hedges_stay_few_where_a_provider_has_become_slow() {
    let mut world = world(2, |_, _| good().after_ms(100)).await;
    world.settings(|settings| {
        settings.hedge_least_delay = Some(10);
        settings.hedge_most_delay = Some(10);
    });
    for _ in 0..60 {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    let hedges = world.gateway.counters().hedges;
    assert_eq!(hedges, 16, "ten, and one for ten of those that were asked first");
    assert_eq!(world.rows().len() as u64, 60 + hedges);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(world.gateway.counters().hedges, hedges + 1, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_learned_from_the_answers_of_the_same_model() {
    let mut world = world(2, |key, number| match key {
        1 if number < 30 => good().after_ms(40),
        1 => Answer::Silence,
        _ => good(),
    })
    .await;
    world.settings(|settings| {
        settings.hedge_least_delay = Some(10);
        settings.hedge_most_delay = None;
    });
    for _ in 0..30 {
        assert_eq!(world.chat(QUESTION).await.header("weir-hedged"), None);
    }
    let begin = Instant::now();
    assert_eq!(world.chat(QUESTION).await.header("weir-hedged"), Some("second"));
    let took = begin.elapsed().as_millis();
    assert!((40..70).contains(&took), "{took}");
    let begin = Instant::now();
    let other = QUESTION.replace("gpt-4o-mini", "o4-mini");
    assert_eq!(world.chat(&other).await.header("weir-hedged"), Some("second"));
    let took = begin.elapsed().as_millis();
    assert!((10_000..10_100).contains(&took), "of another model nothing is known: {took}");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_rests_is_not_asked_beside_another() {
    let mut world = world(2, |key, _| if key == 2 { Answer::json(401, NO) } else { good().after_ms(1_000) }).await;
    for calls in [2, 3, 4] {
        assert_eq!(world.chat(QUESTION).await.status, 200);
        assert_eq!(world.upstream.calls().len(), calls);
    }
    assert_eq!(world.gateway.counters().hedges, 1);
    world.settings(|settings| settings.hedge_percentile = None);
    assert_eq!(world.chat(QUESTION).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_anywhere_is_never_asked_twice() {
    let world =
        world(2, |_, _| Answer::json(200, r#"{"id":"x","object":"response","output":[]}"#).after_ms(2_000)).await;
    let question = r#"{"model":"openai/gpt-4o-mini","input":"hi"}"#;
    for (path, body) in [
        ("/v1/acme/main/openai/v1/batches", r#"{"input_file_id":"file-1"}"#),
        ("/v1/acme/main/compat/batches", r#"{"input_file_id":"file-1"}"#),
        ("/v1/acme/main/openai/v1/fine_tuning/jobs", r#"{"model":"gpt-4o-mini"}"#),
        ("/v1/acme/main/compat/responses", question),
    ] {
        let before = world.upstream.calls().len();
        world.send(post(path, body)).await;
        assert_eq!(world.upstream.calls().len() - before, 1, "{path}");
    }
    assert_eq!(world.gateway.counters().hedges, 0);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_the_second_is_kept_in_the_cache() {
    let mut world = world(2, |key, _| if key == 1 { Answer::Silence } else { good() }).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    for status in ["MISS", "HIT"] {
        assert_eq!(world.chat(QUESTION).await.header("cf-aig-cache-status"), Some(status));
    }
    assert_eq!(world.upstream.calls().len(), 2);
}

/// What a call is answered, and after how many milliseconds.
#[derive(Clone, Debug)]
struct Fate {
    calls: Vec<(u8, u64)>,
    keys: i64,
    retries: u8,
    stream: bool,
    /// After how many milliseconds the client leaves; it may stay.
    patience_ms: Option<u64>,
}

fn fates() -> impl Strategy<Value = Fate> {
    let calls = prop::collection::vec((0_u8..8, 0_u64..900), 1..6);
    (calls, 1_i64..4, 1_u8..4, any::<bool>(), proptest::option::of(0_u64..1_500))
        .prop_map(|(calls, keys, retries, stream, patience_ms)| Fate { calls, keys, retries, stream, patience_ms })
}

fn answer(kind: u8, stream: bool) -> Answer {
    match kind {
        0 => Answer::json(500, NO),
        1 => Answer::json(401, NO),
        2 => Answer::json(400, NO),
        3 => Answer::Silence,
        4 => Answer::Reset,
        5 => Answer::json(200, "{\"id\":"),
        _ if stream => {
            let (feed, answer) = Answer::stream();
            feed.try_send(Ok(WORD.into())).expect("room");
            feed.try_send(if kind == 6 { Err(std::io::Error::other("reset")) } else { Ok(END.into()) }).expect("room");
            answer
        }
        _ => good(),
    }
}

async fn live(fate: Fate) {
    let (calls, stream) = (fate.calls.clone(), fate.stream);
    let mut world = world(fate.keys, move |_, number| {
        let (kind, ms) = calls.get(number).copied().unwrap_or((7, 0));
        answer(kind, stream).after_ms(ms)
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(fate.retries);
        settings.retry_delay = Some(50);
        settings.request_timeout = Some(1_000);
        settings.total_timeout = Some(2_000);
    });
    world.policies(&[
        r#"{"limit":{"cost":"1.0","per":"ever"}}"#,
        r#"{"limit":{"requests":10,"per":"day"}}"#,
        r#"{"limit":{"concurrency":10}}"#,
    ]);
    let whole = async {
        let body = world.start(post(CHAT, if fate.stream { STREAM } else { BOUNDED })).await.into_body();
        let _ = body.collect().await;
    };
    let left = match fate.patience_ms {
        Some(ms) => tokio::time::timeout(Duration::from_millis(ms), whole).await.is_err(),
        None => {
            whole.await;
            false
        }
    };
    let rows = world.rows();
    let mut attempts: Vec<_> = rows.iter().map(|row| row.attempt).collect();
    attempts.sort_unstable();
    let begun = u16::try_from(world.gateway.counters().attempts).expect("few");
    let first = u16::from(begun > 0);
    assert_eq!(attempts, (first..=begun.max(first)).collect::<Vec<_>>(), "one row for each: {fate:?} {rows:#?}");
    let last: Vec<_> = rows.iter().filter(|row| row.last).map(|row| row.attempt).collect();
    assert_eq!(last, [begun], "{fate:?}");
    // A reset of a connection that was used before may be an idle one's end: its call is repeated within its attempt.
    let resets = fate.calls.iter().filter(|(kind, _)| matches!(kind, 4 | 6)).count();
    assert!(world.upstream.calls().len() <= usize::from(begun) + resets, "{fate:?}");
    assert!(left || rows.iter().all(|row| row.outcome != Outcome::ClientGone || row.error_code.is_some()), "{fate:?}");
    assert!(world.gateway.counters().hedges <= 1, "{fate:?}");
    assert!(world.ledger.intents.lock().expect("free").iter().all(Option::is_none), "{fate:?}");
    assert_eq!(world.gateway.in_flight(), 0, "{fate:?}");
    // What nobody knows the cost of keeps what was reserved.
    let known: u64 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.0.unsigned_abs()).sum();
    let used = world.used();
    assert!(used[0] >= known && used[1] <= 1 && used[2] == 0, "{used:?} {known} {fate:?}");
    assert!(used[0] == known || rows.iter().any(|row| row.cost.is_none()), "{used:?} {known} {fate:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn every_attempt_has_one_row_whoever_is_quicker_and_whoever_leaves(fate in fates()) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().expect("a runtime").block_on(live(fate));
    }
}
