//! How long keys and addresses rest, and how long is waited before something is tried again: in whole requests, while the clock is
//! put forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use domain::config::ProviderKeyConfig;
use domain::ledger::Outcome;
use domain::settings::Backoff;
use tokio::time::{Duration, advance, pause, resume};

use crate::world::*;

const NO: &str = r#"{"error":{"message":"no"}}"#;

/// Puts the clock forward.
async fn later(by: Duration) {
    pause();
    advance(by).await;
    resume();
}

/// What the key 1 is answered by now; every other key has an answer.
#[derive(Clone, Default)]
struct First(Arc<AtomicU16>);

impl First {
    fn is(&self, status: u16) {
        self.0.store(status, Ordering::Relaxed);
    }
}

/// Two keys of OpenAI's. The first is asked wherever it may be, the other stands by at an address of its own.
async fn world(first: &First, headers: &'static [(&'static str, &'static str)]) -> (World, Upstream) {
    let status = first.clone();
    let mut world = World::new(move |_| match status.0.load(Ordering::Relaxed) {
        200 => Answer::json(200, ANSWER),
        status => headers.iter().fold(Answer::json(status, NO), |answer, (name, value)| answer.header(name, value)),
    })
    .await;
    let other = Upstream::start(|_| Answer::json(200, ANSWER)).await;
    let urls = [world.upstream.url(), other.url()];
    world.change(|config| {
        config.teams[0].provider_keys.retain(|key| key.provider != "openai");
        let keys = (1..)
            .zip(&urls)
            .map(|(id, url)| ProviderKeyConfig { weight: u32::from(id == 1), ..key(id, "openai", url) });
        config.teams[0].provider_keys.extend(keys);
    });
    (world, other)
}

/// Asks so often; answers how many attempts were made with the first key.
async fn asked_of_first((world, _): &(World, Upstream), times: usize) -> usize {
    let before = world.upstream.calls().len();
    for _ in 0..times {
        assert_eq!(world.chat(QUESTION).await.status, 200);
    }
    world.upstream.calls().len() - before
}

#[tokio::test]
async fn an_open_circuit_is_left_alone_then_tried_by_one_request_and_closed_by_its_answer() {
    let first = First::default();
    first.is(500);
    let world = world(&first, &[]).await;
    assert_eq!(asked_of_first(&world, 20).await, 5, "five in a row open the circuit");
    later(Duration::from_millis(4_500)).await;
    assert_eq!(asked_of_first(&world, 5).await, 0, "it rests for five seconds");
    // One tries it; as it fails again, the rest is twice as long.
    later(Duration::from_secs(1)).await;
    assert_eq!(asked_of_first(&world, 5).await, 1);
    later(Duration::from_millis(9_000)).await;
    assert_eq!(asked_of_first(&world, 5).await, 0);
    first.is(200);
    later(Duration::from_secs(2)).await;
    assert_eq!(asked_of_first(&world, 5).await, 5, "its answer closed the circuit");
    let failed = world.0.rows().iter().filter(|row| row.outcome != Outcome::Ok).count();
    assert_eq!(failed, 6, "each attempt has its row, and every request its answer");
}

#[tokio::test]
async fn a_key_that_is_asked_too_often_rests_as_long_as_its_provider_says() {
    for (headers, seconds) in [(&[("retry-after", "20")][..], 20), (&[], 5), (&[("retry-after", "4000")], 300)] {
        let first = First::default();
        first.is(429);
        let world = world(&first, headers).await;
        assert_eq!(asked_of_first(&world, 5).await, 1);
        first.is(200);
        later(Duration::from_secs(seconds - 1)).await;
        assert_eq!(asked_of_first(&world, 5).await, 0, "{headers:?}");
        later(Duration::from_secs(2)).await;
        assert_eq!(asked_of_first(&world, 5).await, 5, "{headers:?}");
    }
}

#[tokio::test]
async fn a_key_that_is_refused_is_tried_after_a_minute_then_after_two() {
    let first = First::default();
    first.is(401);
    let world = world(&first, &[]).await;
    for minutes in [1, 2, 4, 8, 15, 15] {
        assert_eq!(asked_of_first(&world, 5).await, 1, "one tries it");
        later(Duration::from_mins(minutes) - Duration::from_secs(2)).await;
        assert_eq!(asked_of_first(&world, 5).await, 0, "{minutes} minutes are not over");
        later(Duration::from_secs(4)).await;
    }
    first.is(200);
    assert_eq!(asked_of_first(&world, 5).await, 5);
}

/// Waits until the provider was called so often.
async fn called(world: &World, times: usize) {
    while world.upstream.calls().len() < times {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_pause_before_the_same_is_asked_again_grows_by_the_chosen_rule() {
    let pauses = [(Backoff::Constant, [4, 4, 4]), (Backoff::Linear, [4, 8, 12]), (Backoff::Exponential, [4, 8, 16])];
    for (backoff, seconds) in pauses {
        let mut world = World::new(|_| Answer::json(503, NO)).await;
        world.settings(|settings| {
            settings.retry_max_attempts = Some(4);
            settings.retry_delay = Some(4_000);
            settings.retry_backoff = backoff;
        });
        let asked = world.chat(QUESTION);
        tokio::pin!(asked);
        for (made, pause) in (1..).zip(seconds) {
            tokio::select! {
                read = &mut asked => panic!("no pause: {}", read.status),
                () = called(&world, made) => {}
            }
            // The answer of that attempt is read, and the pause begins.
            for _ in 0..300 {
                tokio::select! {
                    biased;
                    read = &mut asked => panic!("no pause: {}", read.status),
                    () = tokio::task::yield_now() => {}
                }
            }
            // A quarter more or less.
            later(Duration::from_millis(pause * 740)).await;
            for _ in 0..300 {
                tokio::select! {
                    biased;
                    read = &mut asked => panic!("too short a pause: {}", read.status),
                    () = tokio::task::yield_now() => {}
                }
            }
            assert_eq!(world.upstream.calls().len(), made, "{backoff:?}: three quarters are not over");
            later(Duration::from_millis(pause * 520)).await;
        }
        assert_eq!(asked.await.status, 503);
        assert_eq!(world.upstream.calls().len(), 4);
    }
}
