//! The machine's clock, which two processes read alike. Tokio's instants mean something only within one.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before this machine's processes began.
pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part is ever negative.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// How long one figure is measured, in nanoseconds.
const ENOUGH: u64 = 300_000_000;

/// Nanoseconds of one call: the least of several rounds, since whatever else the machine does only adds.
pub fn time<T>(mut call: impl FnMut() -> T) -> u64 {
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

/// A figure for people.
pub fn shown(nanos: u64) -> String {
    if nanos < 10_000 { format!("{nanos} ns") } else { format!("{:.1} µs", nanos as f64 / 1_000.0) }
}
