use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

use domain::settings::RateTechnique::{Fixed, Sliding};
use proptest::prelude::*;

use super::*;

const START: i64 = 1_800_000_000_000;

#[test]
fn a_fixed_window_starts_anew_at_multiples_of_the_interval() {
    let limiter = Limiter::new(2, 10, Fixed);
    let first = limiter.try_take(START + 9_000).expect("free");
    assert_eq!((first.limit, first.remaining, first.reset_s), (2, 1, 1));
    limiter.try_take(START + 9_999).expect("free");
    let refused = limiter.try_take(START + 9_999).expect_err("full");
    assert_eq!((refused.retry_after_ms, refused.reset_s, refused.remaining), (1, 1, 0));
    assert_eq!(limiter.try_take(START + 10_000).expect("a new window").remaining, 1);
}

#[test]
fn a_sliding_window_frees_each_request_an_interval_after_it_passed() {
    let limiter = Limiter::new(2, 10, Sliding);
    limiter.try_take(START).expect("free");
    let second = limiter.try_take(START + 4_000).expect("free");
    assert_eq!((second.remaining, second.reset_s), (0, 6));
    let refused = limiter.try_take(START + 9_999).expect_err("full");
    assert_eq!((refused.retry_after_ms, refused.reset_s), (1, 1));
    limiter.try_take(START + 10_000).expect("the first has left");
    assert_eq!(limiter.try_take(START + 10_001).expect_err("full").retry_after_ms, 3_999);
}

#[test]
fn a_clock_set_back_by_an_hour_does_not_block_for_an_hour() {
    for technique in [Fixed, Sliding] {
        let limiter = Limiter::new(1, 60, technique);
        limiter.try_take(START).expect("free");
        limiter.try_take(START - 3_600_000).expect("the count starts anew");
        limiter.try_take(START - 3_600_000).expect_err("full");
    }
}

#[test]
fn a_late_thread_does_not_reopen_a_window() {
    for technique in [Fixed, Sliding] {
        let limiter = Limiter::new(1, 1, technique);
        limiter.try_take(START).expect("free");
        limiter.try_take(START - 1).expect_err("counts as the latest moment");
    }
}

#[test]
fn a_limit_of_none_lets_nothing_pass() {
    for technique in [Fixed, Sliding] {
        let refused = Limiter::new(0, 1, technique).try_take(START).expect_err("never");
        assert!(refused.retry_after_ms >= 1);
    }
}

#[test]
fn many_threads_get_exactly_the_limit() {
    const THREADS: usize = 8;
    for technique in [Fixed, Sliding] {
        for limit in [1, 100, 5_000] {
            let limiter = Limiter::new(limit, 3_600, technique);
            let barrier = Barrier::new(THREADS);
            let passed: usize = thread::scope(|scope| {
                let run = || {
                    barrier.wait();
                    (0..1_000).filter(|step| limiter.try_take(START + step).is_ok()).count()
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
            });
            assert_eq!(passed, limit as usize, "{technique:?} {limit}");
        }
    }
}

/// A random history: milliseconds since the step before.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![0..3_i64, 0..400_i64, 900..1_100_i64, 0..3_000_i64], 1..300)
}

proptest! {
    #[test]
    fn a_sliding_window_agrees_with_a_list_of_moments(limit in 1..30_u32, interval_s in 1..3_u32, steps in steps()) {
        let limiter = Limiter::new(limit, interval_s, Sliding);
        let interval_ms = i64::from(interval_s) * 1_000;
        let (mut now, mut passed) = (START, Vec::<i64>::new());
        for pause in steps {
            now += pause;
            let in_window: Vec<i64> = passed.iter().copied().filter(|at| now - at < interval_ms).collect();
            match limiter.try_take(now) {
                Ok(taken) => {
                    prop_assert!(in_window.len() < limit as usize);
                    prop_assert_eq!(taken.remaining as usize, limit as usize - in_window.len() - 1);
                    passed.push(now);
                }
                Err(refused) => {
                    prop_assert_eq!(in_window.len(), limit as usize);
                    prop_assert_eq!(refused.retry_after_ms as i64, in_window[0] + interval_ms - now);
                }
            }
        }
    }

    #[test]
    fn a_large_sliding_limit_is_never_exceeded_and_hardly_ever_early(bursts in prop::collection::vec((0..900_i64, 1..4_000_u32), 1..40)) {
        let (limit, interval_ms) = (5_000_u32, 1_000_i64 * 20);
        let tick_ms = interval_ms / 4_096 + 1;
        let limiter = Limiter::new(limit, 20, Sliding);
        let (mut now, mut passed) = (START, Vec::<(i64, u32)>::new());
        for (pause, burst) in bursts {
            now += pause * 5;
            let used = |span: i64| passed.iter().filter(|(at, _)| now - at < span).map(|(_, count)| count).sum::<u32>();
            let (exact, kept_longest) = (used(interval_ms), used(interval_ms + tick_ms));
            let taken = (0..burst).filter(|_| limiter.try_take(now).is_ok()).count() as u32;
            prop_assert!(exact + taken <= limit);
            prop_assert!(taken >= burst.min(limit.saturating_sub(kept_longest)));
            passed.push((now, taken));
        }
        let Window::Sliding(window) = &limiter.window else { unreachable!("made sliding") };
        prop_assert!(window.runs() <= 4_097);
    }

    #[test]
    fn a_fixed_window_agrees_with_a_count_per_window(limit in 1..30_u32, interval_s in 1..3_u32, steps in steps()) {
        let limiter = Limiter::new(limit, interval_s, Fixed);
        let interval_ms = i64::from(interval_s) * 1_000;
        let (mut now, mut counts) = (START, HashMap::<i64, u32>::new());
        for pause in steps {
            now += pause;
            let used = counts.entry(now / interval_ms).or_default();
            match limiter.try_take(now) {
                Ok(_) => {
                    prop_assert!(*used < limit);
                    *used += 1;
                }
                Err(refused) => {
                    prop_assert_eq!(*used, limit);
                    prop_assert_eq!(refused.retry_after_ms as i64, interval_ms - now % interval_ms);
                }
            }
        }
    }
}

#[test]
fn looking_takes_no_place() {
    for technique in [Fixed, Sliding] {
        let limiter = Limiter::new(2, 60, technique);
        assert_eq!(limiter.peek(START).remaining, 2);
        let taken = limiter.try_take(START).expect("free");
        let room = limiter.peek(START);
        assert_eq!((room.limit, room.remaining, room.reset_s), (2, taken.remaining, taken.reset_s));
        limiter.try_take(START).expect("free");
        assert_eq!((limiter.peek(START).remaining, limiter.peek(START + 60_000).remaining), (0, 2));
        limiter.try_take(START).expect_err("full");
        assert_eq!(limiter.peek(START - 3_600_000).remaining, 2);
        limiter.try_take(START).expect_err("still full: looking back changed nothing");
    }
}
