//! What it takes to translate: nanoseconds for requests of three sizes and for single events of streams, beside what merely
//! passes. Nothing but `wire` runs, so no sockets are in the figures.

mod work;

use crate::clock::{shown, time};
use work::{PAIRS, Passing, SIZES, ask, begin, pass, question};

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
