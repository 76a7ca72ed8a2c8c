//! The machine's clock, which two processes read alike. Tokio's instants mean something only within one.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before this machine's processes began.
pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither part is ever negative.
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
