//! What people are told of a health.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::health::{Cause, Circuit};
use tokio::time::Instant;

use super::{Health, Rest};

/// A rest, and how long it goes on; no time where it is over but for the request that tries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It may be asked.
    Well,
    /// It was asked too often.
    TooOften(Duration),
    /// Its circuit is open.
    Open(Duration),
    /// One request at a time tries it.
    HalfOpen,
}

impl Health {
    /// How it stands.
    pub(crate) fn told(&self, now: Instant) -> Told {
        let left = |rest: Rest| rest.until.saturating_duration_since(now);
        match self.lock().rest {
            Some(rest) if rest.is_open && now < rest.until => Told::Open(left(rest)),
            Some(rest) if rest.is_open => Told::HalfOpen,
            Some(rest) if now < rest.until => Told::TooOften(left(rest)),
            _ => Told::Well,
        }
    }

    /// What its last failure was.
    pub(crate) fn cause(&self) -> Cause {
        match self.failed.load(Ordering::Relaxed) {
            0 => Cause::NoAnswer,
            status => Cause::Status(status),
        }
    }
}

impl Told {
    /// As the circuit of an address, and how long it stays open.
    pub(crate) fn circuit(self) -> (Circuit, Duration) {
        match self {
            Self::Well => (Circuit::Closed, Duration::ZERO),
            Self::TooOften(left) | Self::Open(left) => (Circuit::Open, left),
            Self::HalfOpen => (Circuit::HalfOpen, Duration::ZERO),
        }
    }
}
