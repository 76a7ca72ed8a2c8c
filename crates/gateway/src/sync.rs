//! The locks of the limiter. Here they are the standard library's; [`races.rs`](../races.rs) compiles the same limiter with
//! locks that let a checker choose which thread goes on.

pub(crate) use std::sync::{Mutex, MutexGuard};
