//! What it takes to ask policies whether a request may pass, to take room for it and to put right what it used: nanoseconds
//! for one thread and for as many as there are processors at the same counts. No sockets are in the figures. What the same
//! allocates is held by the gates.

mod some;

use std::sync::Barrier;
use std::thread;

use gateway::trial::Tried;

use crate::clock::{nanos, shown, time};
use some::{Asking, CASES};

/// Requests of each thread, where several ask.
const EACH: u64 = 200_000;

/// Prints the table.
pub fn run() {
    println!("| policies | one thread | all processors at once |");
    println!("|---|---|---|");
    for (name, texts) in CASES {
        let mut asking = Asking::under(texts);
        let one = time(|| judge(&mut asking));
        println!("| {name} | {} | {} |", shown(one), shown(crowded(&asking)));
    }
}

fn judge(asking: &mut Asking) {
    let tried = asking.judge(i64::try_from(nanos() / 1_000_000).unwrap_or_default());
    assert!(tried <= Tried::Warned, "there is room for all");
}

/// Nanoseconds of a request while every processor asks, each for a token of its own.
fn crowded(asking: &Asking) -> u64 {
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let barrier = Barrier::new(threads);
    let run = |token: i64| {
        let mut asking = asking.of_token(token);
        barrier.wait();
        let began = nanos();
        (0..EACH).for_each(|_| judge(&mut asking));
        nanos() - began
    };
    let run = &run;
    let took = thread::scope(|scope| {
        let running: Vec<_> = (1..).take(threads).map(|token| scope.spawn(move || run(token))).collect();
        running.into_iter().map(|thread| thread.join().unwrap_or_default()).max()
    });
    took.unwrap_or_default() / EACH
}
