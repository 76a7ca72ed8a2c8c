//! Exactly one row for each attempt, whatever happens.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use domain::Nanos;
use domain::ledger::Outcome;
use http_body_util::BodyExt;
use proptest::prelude::*;

use crate::world::*;

const ASK: &str = r#"{"model":"openai/gpt-4o-mini","stream":true,"messages":[]}"#;
const EVENT: &str = "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
const END: &str =
    "data: {\"model\":\"gpt-4o-mini\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// Drops a request whose provider has been called and is silent.
async fn dropped_while_waiting(before: impl FnOnce(&World)) -> World {
    let (called, calls) = std::sync::mpsc::channel();
    let world = World::new(move |_| {
        called.send(()).expect("the test waits");
        Answer::Silence
    })
    .await;
    let mut handled = Box::pin(world.start(post(CHAT, QUESTION)));
    while calls.try_recv().is_err() {
        tokio::select! {
            biased;
            _ = &mut handled => unreachable!("the provider is silent"),
            () = tokio::task::yield_now() => {}
        }
    }
    before(&world);
    drop(handled);
    world
}

#[tokio::test]
async fn a_server_that_stops_before_any_answer_says_that_it_was_the_server() {
    let world = dropped_while_waiting(|world| world.gateway.cut()).await;
    let row = world.row();
    assert_eq!((row.attempt, row.last, row.status, row.outcome), (1, true, 503, Outcome::Interrupted));
    assert_eq!((row.error_code.as_deref(), row.cost), (Some("shutting_down"), None));
    assert_eq!((world.gateway.counters().interrupted, world.gateway.counters().clients_gone), (1, 0));
}

#[tokio::test]
async fn a_client_that_leaves_before_any_answer_has_a_row() {
    let world = dropped_while_waiting(|_| ()).await;
    world.memory_is_free().await;
    let row = world.row();
    assert_eq!((row.attempt, row.last, row.status, row.outcome), (1, true, 499, Outcome::ClientGone));
    assert_eq!(world.gateway.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_between_two_attempts_has_one_last_row() {
    let mut world = World::answering(503, "{}").await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(2);
        settings.retry_delay = Some(5_000);
    });
    let left = tokio::time::timeout(std::time::Duration::from_secs(2), world.start(post(CHAT, QUESTION))).await;
    assert!(left.is_err());
    let row = world.row();
    assert_eq!((row.attempt, row.last, row.status, row.outcome), (1, true, 503, Outcome::UpstreamError));
}

#[tokio::test]
async fn a_call_is_written_down_before_it_is_made() {
    let (called, calls) = std::sync::mpsc::channel();
    let mut world = World::new(move |seen| {
        called.send(()).expect("the test waits");
        if seen.number == 0 { Answer::json(503, "{}") } else { Answer::Silence }
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(2);
        settings.retry_delay = Some(0);
    });
    let mut handled = Box::pin(world.start(post(CHAT, QUESTION)));
    for _ in 0..2 {
        while calls.try_recv().is_err() {
            tokio::select! {
                biased;
                _ = &mut handled => unreachable!("the provider is silent"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    // Killed here, the first attempt has its row and the second what it began with.
    let rows = world.rows();
    assert_eq!(rows.iter().map(|row| (row.attempt, row.last)).collect::<Vec<_>>(), [(1, false)]);
    let intents: Vec<_> = world.ledger.intents.lock().expect("free").iter().flatten().cloned().collect();
    let [intent] = intents.as_slice() else { panic!("{intents:?}") };
    assert_eq!((intent.request_id, intent.attempt, intent.cost), (rows[0].request_id, 2, None));
    assert_eq!((intent.provider.as_deref(), intent.model.as_deref()), (Some("openai"), Some("gpt-4o-mini")));
    assert!(intent.team_id.is_some() && intent.gateway_id.is_some() && intent.token_id.is_some());
}

#[tokio::test]
async fn a_call_that_cannot_be_written_down_is_not_made() {
    let world = World::answering(200, ANSWER).await;
    world.ledger.takes_no_intents.store(true, Ordering::Release);
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.code().as_str()), (503, "ledger_unavailable"));
    assert!(world.upstream.calls().is_empty());
    let row = world.row();
    assert_eq!((row.attempt, row.last, row.outcome, row.cost), (0, true, Outcome::Refused, Some(Nanos::ZERO)));
    assert_eq!(world.gateway.in_flight(), 0);
}

/// What happens to one request.
#[derive(Clone, Debug)]
struct Fate {
    /// Attempts that fail first.
    failures: u8,
    /// Events before the end.
    events: u8,
    /// How often the client asks for more before it leaves; it may stay.
    patience: Option<u8>,
    /// Whether the provider resets in the place of an end.
    reset: bool,
}

fn fates() -> impl Strategy<Value = Fate> {
    (0..4_u8, 0..4_u8, proptest::option::of(0..5_u8), any::<bool>())
        .prop_map(|(failures, events, patience, reset)| Fate { failures, events, patience, reset })
}

async fn live(fate: Fate) {
    let script = Mutex::new((fate.failures, fate.clone()));
    let mut world = World::new(move |_| {
        let mut script = script.lock().expect("free");
        if script.0 > 0 {
            script.0 -= 1;
            return Answer::json(503, "{}");
        }
        let (feed, answer) = Answer::stream();
        for _ in 0..script.1.events {
            feed.try_send(Ok(Bytes::from_static(EVENT.as_bytes()))).expect("room");
        }
        let end =
            if script.1.reset { Err(std::io::Error::other("reset")) } else { Ok(Bytes::from_static(END.as_bytes())) };
        feed.try_send(end).expect("room");
        answer
    })
    .await;
    world.settings(|settings| {
        settings.retry_max_attempts = Some(3);
        settings.retry_delay = Some(0);
    });
    let mut body = world.start(post(CHAT, ASK)).await.into_body();
    let mut asked = 0;
    while fate.patience != Some(asked) && body.frame().await.is_some() {
        asked = asked.saturating_add(1);
    }
    drop(body);

    let rows = world.rows();
    let attempts: Vec<_> = rows.iter().map(|row| usize::from(row.attempt)).collect();
    assert_eq!(attempts, (1..=rows.len()).collect::<Vec<_>>(), "{fate:?}");
    if !fate.reset {
        // A reset may come before the head, and is then tried again too.
        assert_eq!(rows.len(), usize::from(fate.failures.min(2)) + 1, "{fate:?}");
        assert_eq!(world.upstream.calls().len(), rows.len(), "{fate:?}");
    }
    assert_eq!(rows.iter().filter(|row| row.last).count(), 1, "{fate:?}");
    let intents = world.ledger.intents.lock().expect("free").clone();
    assert_eq!(intents, vec![None; rows.len()], "each was written down before its call, and ended: {fate:?}");
    assert!(rows.last().is_some_and(|row| row.last), "{fate:?}");
    assert_eq!(world.gateway.in_flight(), 0, "{fate:?}");
    world.memory_is_free().await;
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn every_attempt_has_one_row_whenever_the_client_leaves(fate in fates()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(live(fate));
    }
}

#[tokio::test]
async fn a_request_takes_little_room() {
    let world = World::answering(200, ANSWER).await;
    let request = world.start(post(CHAT, QUESTION));
    let size = std::mem::size_of_val(&request);
    fn may_move_between_threads<T: Send>(_: &T) {}
    may_move_between_threads(&request);
    println!("a request in flight takes {size} bytes");
    assert!(size < 8 << 10, "{size}");
}
