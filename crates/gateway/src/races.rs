//! The root of another crate than the gateway (`crates/gateway/races`), of the same sources: the limiter with locks of
//! [shuttle](https://docs.rs/shuttle), which decides at each of them which thread goes on. What is a race of nanoseconds in
//! the server happens here in thousands of orders within a second, and a failure tells the order that leads to it.
//!
//! Shuttle and not loom: all that the limiter shares is behind mutexes, so there is nothing for loom's model of weak memory
//! to find, and it tries all orders, of which three threads at four locks have too many. Where a scenario is small enough
//! the tests try all of them here too.
//!
//! A scenario is one run; `crates/gateway/races/tests` lets it happen in many orders.

// The sources' own tests belong to the gateway, with real locks.
#![cfg(not(test))]
#![allow(dead_code, unused_imports, reason = "the gateway uses the rest")]

mod client;
mod count;
#[path = "queue/line.rs"]
mod line;
mod policy;

/// Who waits for room. Its lock is not the limiter's, and is never held while another is taken.
mod queue {
    pub(crate) use crate::line::{Line, Room};
}

/// What `sync.rs` is in the gateway.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
}

#[path = "races/limits.rs"]
pub mod limits;
#[path = "races/team.rs"]
mod team;
#[path = "races/windows.rs"]
pub mod windows;
