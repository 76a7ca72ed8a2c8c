//! What it takes to ask policies whether a request may pass, to take room for it and to put right what it used: nanoseconds
//! for one thread and for as many as there are processors at the same counts. No sockets are in the figures.

mod some;

use std::sync::Barrier;
use std::thread;

use domain::ledger::Spent;
use domain::policy::NamedPolicy;
use domain::{GatewayId, Nanos, PolicyId, TokenId};
use gateway::trial::{Request, Trial, Tried};

use crate::clock::{nanos, shown, time};
use some::POLICIES;

/// Requests of each thread, where several ask.
const EACH: u64 = 200_000;

/// Prints the table.
pub fn run() {
    println!("| policies | one thread | all processors at once |");
    println!("|---|---|---|");
    for (name, texts) in [
        ("none", &[][..]),
        ("one limit of requests", &POLICIES[3..4]),
        ("a budget for each token", &POLICIES[2..3]),
        ("five", &POLICIES[..]),
    ] {
        let trial = trial(texts);
        let one = time(|| judge(&trial, 1));
        println!("| {name} | {} | {} |", shown(one), shown(crowded(&trial)));
    }
}

fn trial(texts: &[&str]) -> Trial {
    let named = |(id, text): (i64, &&str)| NamedPolicy {
        id: PolicyId(id),
        name: format!("policy {id}"),
        policy: serde_json::from_str(text).expect("a policy"),
    };
    Trial::new(&(1..).zip(texts).map(named).collect::<Vec<_>>())
}

fn judge(trial: &Trial, token: i64) {
    let spent = Spent {
        at_ms: i64::try_from(nanos() / 1_000_000).unwrap_or_default(),
        gateway_id: Some(GatewayId(1)),
        token_id: Some(TokenId(token)),
        surface: String::new(),
        provider: Some("openai".to_owned()),
        model: Some("gpt-4o-mini".to_owned()),
        user: None,
        metadata: None,
        is_request: true,
        tokens: 300,
        cost: Some(Nanos(90_000)),
    };
    let tried = trial.judge(Request { spent: &spent, gateway: Some("main"), token: Some("app") });
    assert!(tried <= Tried::Warned, "there is room for all");
}

/// Nanoseconds of a request while every processor asks, each for a token of its own.
fn crowded(trial: &Trial) -> u64 {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let barrier = Barrier::new(threads);
    let run = |token: i64| {
        barrier.wait();
        let began = nanos();
        (0..EACH).for_each(|_| judge(trial, token));
        nanos() - began
    };
    let run = &run;
    let took = thread::scope(|scope| {
        let running: Vec<_> = (1..).take(threads).map(|token| scope.spawn(move || run(token))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_default()).max()
    });
    took.unwrap_or_default() / EACH
}
