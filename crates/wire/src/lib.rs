//! API dialects, SSE, usage and prices: pure functions over bytes, without I/O. What comes from outside is judged here,
//! so everything is bounded: depth, line length, memory.

pub mod api;
pub mod auth;
pub mod chat;
pub mod embed;
pub mod error;
pub mod estimate;
pub mod eventstream;
pub mod multipart;
pub mod price;
pub mod providers;
pub mod rerank;
pub mod scan;
pub mod splice;
pub mod sse;
pub mod task;
pub mod translate;
pub mod usage;

/// How many cases a property test tries; `PROPTEST_CASES` says otherwise.
#[cfg(test)]
fn cases(few: u32) -> proptest::test_runner::Config {
    let config = proptest::test_runner::Config::default();
    if std::env::var_os("PROPTEST_CASES").is_some() {
        config
    } else {
        proptest::test_runner::Config { cases: few, ..config }
    }
}
