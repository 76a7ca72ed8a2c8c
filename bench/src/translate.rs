//! What it takes to translate: nanoseconds for requests of three sizes and for single events of streams, beside what merely
//! passes. Nothing but `wire` runs, so no sockets are in the figures.

mod work;

use crate::clock::nanos;
use work::{PAIRS, Passing, SIZES, ask, begin, pass, question};

/// How long one figure is measured, in nanoseconds.
const ENOUGH: u64 = 300_000_000;

/// Prints the table.
pub fn run() {
    println!("| from | to | {} | event of a stream |", SIZES.map(|(name, _)| name).join(" | "));
    println!("|---|---|{}", "---|".repeat(SIZES.len() + 1));
    for pair in PAIRS {
        let requests = SIZES.map(|(_, size)| {
            let body = question(pair.0, size);
            shown(time(|| ask(pair, &body)))
        });
        let (mut stream, event) = begin(pair);
        let mut out = Vec::new();
        let event = time(|| {
            out.clear();
            stream.push(event, &mut out);
        });
        println!("| {} | {} | {} | {} |", pair.0.name(), pair.1.name(), requests.join(" | "), shown(event));
    }
    let requests = SIZES.map(|(_, size)| {
        let body = question(PAIRS[0].0, size);
        shown(time(|| pass(&body)))
    });
    let mut passing = Passing::begin();
    println!("| passes | | {} | {} |", requests.join(" | "), shown(time(|| passing.event())));
}

/// Nanoseconds of one call: the least of several rounds, since whatever else the machine does only adds.
fn time<T>(mut call: impl FnMut() -> T) -> u64 {
    const ROUNDS: u64 = 10;
    let mut round = |times: u64| {
        let began = nanos();
        for _ in 0..times {
            std::hint::black_box(call());
        }
        nanos() - began
    };
    let mut times = 1;
    while round(times) * ROUNDS < ENOUGH {
        times *= 2;
    }
    (0..ROUNDS).map(|_| round(times) / times).min().unwrap_or_default()
}

fn shown(nanos: u64) -> String {
    if nanos < 10_000 { format!("{nanos} ns") } else { format!("{:.1} µs", nanos as f64 / 1_000.0) }
}
