//! What is sent: one row for each kind of traffic.

mod body;

use std::time::Duration;

pub use body::{Bodies, pace, prose};

/// A kind of traffic.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub name: &'static str,
    /// Length of the request body in bytes, about.
    pub body: usize,
    pub stream: bool,
    /// Whether every request is the same, so that a cache can answer; otherwise no two are.
    pub repeat: bool,
    /// Whether it is about memory, so that every target must be newly started.
    pub fresh: bool,
    pub load: Load,
}

/// How requests follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// So many connections, each of which sends when it has its answer: shows what a request costs.
    Closed { connections: usize },
    /// So many requests a second, whether answers come or not: shows what callers wait.
    Open { rate: u32 },
    /// So many streams at a time, each with an event every so often.
    Paced { streams: usize, pace: Duration },
}

/// Every case, in the order to measure.
pub const ALL: &[Case] = &[
    Case { name: "1 KB chat", ..chat(1 << 10, Load::Closed { connections: 32 }) },
    Case { name: "32 KB chat", ..chat(32 << 10, Load::Closed { connections: 32 }) },
    Case { name: "stream of 200 events", stream: true, ..chat(1 << 10, Load::Closed { connections: 16 }) },
    Case { name: "cache hit", repeat: true, ..chat(1 << 10, Load::Closed { connections: 32 }) },
    Case { name: "one connection", ..chat(1 << 10, Load::Closed { connections: 1 }) },
    Case { name: "1,000 a second", ..chat(1 << 10, Load::Open { rate: 1_000 }) },
    Case { name: "3,000 a second", ..chat(1 << 10, Load::Open { rate: 3_000 }) },
    Case { name: "50 paced streams", stream: true, ..chat(1 << 10, paced(50, 20)) },
    Case { name: "2,000 slow streams", stream: true, fresh: true, ..chat(1 << 10, paced(2_000, 1_000)) },
];

const fn chat(body: usize, load: Load) -> Case {
    Case { name: "", body, stream: false, repeat: false, fresh: false, load }
}

const fn paced(streams: usize, pace_ms: u64) -> Load {
    Load::Paced { streams, pace: Duration::from_millis(pace_ms) }
}

impl Case {
    /// Whether latency is what the case is about, and not the cost.
    pub fn is_about_waiting(&self) -> bool {
        !matches!(self.load, Load::Closed { connections: 2.. })
    }
}
