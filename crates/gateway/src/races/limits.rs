//! Requests that take room out of several limits at once.

use std::sync::Arc;

use shuttle::thread;

use crate::team::{Belief, NOW_MS, fullness, held, policies, used, wants};

/// What a request does with the room that it has taken.
#[derive(Clone, Copy)]
enum End {
    /// It tells what it used: so many tokens.
    Settle(u64),
    /// It is dropped: its caller left before a provider was called.
    Drop,
}

/// Requests, tokens and those under way are bounded. Some settle with less than they took, one is dropped. No limit is ever
/// exceeded, and at the end each count is what was used in truth: nothing is lost, nothing given back twice.
pub fn no_limit_is_exceeded() {
    const TOKENS: u64 = 40;
    let limits = [
        r#"{"limit":{"requests":2,"per":"ever"}}"#,
        r#"{"limit":{"tokens":100,"per":"60s","window":"fixed"}}"#,
        r#"{"limit":{"concurrency":2}}"#,
        r#"{"limit":{"tokens":90,"per":"60s"}}"#,
    ];
    let policies = policies(&limits, None);
    let beliefs = Arc::new([2, 100, 2, 90].map(Belief::of));
    let ask = |end: End| {
        let (policies, beliefs) = (policies.clone(), beliefs.clone());
        thread::spawn(move || {
            let mut held = held(&policies, "app");
            if held.take(&wants(TOKENS), NOW_MS).is_err() {
                return;
            }
            let [requests, fixed, running, sliding] = &*beliefs;
            requests.take(1);
            running.take(1);
            let tokens = [fixed, sliding];
            tokens.iter().for_each(|belief| belief.take(TOKENS));
            running.give_back(1);
            match end {
                End::Settle(actual) => {
                    tokens.iter().for_each(|belief| belief.give_back(TOKENS - actual));
                    held.settle(&used(actual));
                }
                End::Drop => {
                    requests.give_back(1);
                    tokens.iter().for_each(|belief| belief.give_back(TOKENS));
                    drop(held);
                }
            }
        })
    };
    join([End::Settle(40), End::Settle(10), End::Drop, End::Settle(0)].map(ask));
    let expected: Vec<u64> = beliefs.iter().map(Belief::taken).collect();
    assert_eq!(fullness(&policies), expected);
    assert_eq!(expected[2], 0, "nobody is under way");
}

/// Four want one of two that are left: two pass, in whatever order they come.
pub fn exactly_those_that_fit_pass() {
    let policies = policies(
        &[
            r#"{"limit":{"requests":2,"per":"60s","window":"bucket","burst":"2"}}"#,
            r#"{"limit":{"tokens":50,"per":"hour"}}"#,
        ],
        None,
    );
    let ask = |_| {
        let policies = policies.clone();
        thread::spawn(move || {
            let mut held = held(&policies, "app");
            let passes = held.take(&wants(10), NOW_MS).is_ok();
            held.settle(&used(10));
            passes
        })
    };
    let passed = join([0, 1, 2, 3].map(ask)).into_iter().filter(|passed| *passed).count();
    assert_eq!((passed, fullness(&policies)), (2, vec![2, 20]));
}

/// Who is refused by one limit has taken nothing of another: not even for a moment is there less for others.
pub fn a_refusal_takes_nothing() {
    let policies = policies(
        &[
            r#"{"limit":{"requests":1,"per":"60s"}}"#,
            r#"{"limit":{"requests":0,"per":"60s"},"when":{"token":["poor"]}}"#,
        ],
        None,
    );
    let ask = |token: &'static str| {
        let policies = policies.clone();
        thread::spawn(move || {
            let mut held = held(&policies, token);
            let passes = held.take(&wants(0), NOW_MS).is_ok();
            held.settle(&used(0));
            passes
        })
    };
    assert_eq!(join(["poor", "rich"].map(ask)), [false, true]);
    assert_eq!(fullness(&policies), [1, 0]);
}

/// Three limits, of which each token meets two others, while somebody looks at all of them: nobody waits for ever.
pub fn nobody_waits_for_ever() {
    let policies = policies(
        &[
            r#"{"limit":{"requests":9,"per":"ever"},"when":{"token":["a","c"]}}"#,
            r#"{"limit":{"requests":9,"per":"60s"},"when":{"token":["a","b"]}}"#,
            r#"{"limit":{"concurrency":9},"when":{"token":["b","c"]}}"#,
        ],
        None,
    );
    let looks = policies.clone();
    let looking = thread::spawn(move || fullness(&looks));
    let ask = |token: &'static str| {
        let policies = policies.clone();
        thread::spawn(move || {
            let mut held = held(&policies, token);
            held.take(&wants(0), NOW_MS).expect("room");
            held.look(NOW_MS);
            held.settle(&used(0));
        })
    };
    join(["a", "b", "c"].map(ask));
    let seen = looking.join().expect("no panic");
    assert!(seen.iter().all(|used| *used <= 2));
    assert_eq!(fullness(&policies), [2, 2, 0]);
}

/// While a new version of the configuration comes into force, requests of both take of the same counts.
pub fn two_versions_share_their_counts() {
    let old = policies(&[r#"{"limit":{"requests":2,"per":"ever"}}"#, r#"{"limit":{"tokens":9,"per":"60s"}}"#], None);
    let new =
        policies(&[r#"{"limit":{"requests":1,"per":"ever"}}"#, r#"{"limit":{"tokens":5,"per":"60s"}}"#], Some(&old));
    let beliefs = Arc::new([2, 9].map(Belief::of));
    let ask = |policies: &Arc<crate::policy::Policies>| {
        let (policies, beliefs) = (policies.clone(), beliefs.clone());
        thread::spawn(move || {
            let mut held = held(&policies, "app");
            if held.take(&wants(5), NOW_MS).is_ok() {
                beliefs[0].take(1);
                beliefs[1].take(5);
                beliefs[1].give_back(2);
                held.settle(&used(3));
            }
        })
    };
    join([&old, &new, &old].map(ask));
    let expected: Vec<u64> = beliefs.iter().map(Belief::taken).collect();
    assert!(expected[0] >= 1);
    assert_eq!((fullness(&old), fullness(&new)), (expected.clone(), expected));
}

fn join<T, const N: usize>(threads: [thread::JoinHandle<T>; N]) -> [T; N] {
    threads.map(|thread| thread.join().expect("no panic"))
}
