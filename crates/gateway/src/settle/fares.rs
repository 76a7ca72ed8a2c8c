//! Tells how an attempt fared to what is known of its key and its address: once at the answer's head, and once more where what began
//! well ended badly.

use std::sync::Arc;
use std::time::Duration;

use domain::ledger::Outcome;
use tokio::time::Instant;

use crate::health::{Busy, Ended, Health, Nth};
use crate::plan::Healths;

/// The attempt under way.
#[derive(Debug, Default)]
pub(crate) struct Fares {
    key: Option<Under>,
    address: Option<Under>,
    began: Option<Instant>,
    is_told: bool,
}

#[derive(Debug)]
struct Under {
    health: Arc<Health>,
    _busy: Busy,
}

impl Under {
    fn begin(health: &Arc<Health>, now: Instant, nth: Nth) -> Self {
        Self { health: health.clone(), _busy: health.begin(now, nth) }
    }
}

impl Fares {
    /// An attempt begins.
    pub(crate) fn begin(healths: &Healths, nth: Nth) -> Self {
        let now = Instant::now();
        let under = |health: &Option<Arc<Health>>| health.as_ref().map(|health| Under::begin(health, now, nth));
        Self { key: under(&healths.key), address: under(&healths.address), began: Some(now), is_told: false }
    }

    /// An answer has begun, with the time after which the provider wants to be asked again.
    pub(crate) fn head(&mut self, status: u16, wished: Option<Duration>) {
        let (address, key) = match status {
            401 | 402 => (Ended::Well, Ended::Rejected),
            403 => (Ended::Well, Ended::Badly),
            429 => (Ended::Well, Ended::TooOften(wished)),
            500 | 502 | 503 | 504 | 529 => (Ended::Badly, Ended::Unknown),
            _ => (Ended::Well, Ended::Well),
        };
        let took = self.began.map(|began| began.elapsed()).filter(|_| status < 400);
        for under in [&self.key, &self.address].into_iter().flatten() {
            took.into_iter().for_each(|took| under.health.began(took));
        }
        for (under, ended) in [(&self.key, key), (&self.address, address)] {
            if let Some(under) = under.as_ref().filter(|_| !matches!(ended, Ended::Well | Ended::Unknown)) {
                under.health.failed_with(status);
            }
        }
        self.tell(address, key);
    }

    /// Another attempt was heard before this one began to answer: it took at least so long, and who was tried after a rest has not
    /// answered.
    pub(super) fn lost(&mut self) {
        let took = self.began.map(|began| began.elapsed()).unwrap_or_default();
        if let Some(under) = self.address.as_ref().filter(|_| !self.is_told) {
            under.health.lose(took, Instant::now());
        }
        if !self.is_told {
            self.tell(Ended::Unknown, Ended::Unknown);
        }
        *self = Self::default();
    }

    /// The attempt is over.
    pub(super) fn end(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::UpstreamFailed => {
                self.address.iter().for_each(|under| under.health.failed_with(0));
                self.tell(Ended::Badly, Ended::Unknown);
            }
            _ if self.is_told => {}
            _ => self.tell(Ended::Unknown, Ended::Unknown),
        }
        *self = Self::default();
    }

    fn tell(&mut self, address: Ended, key: Ended) {
        let now = Instant::now();
        if let Some(under) = &self.address {
            under.health.end(address, now);
        }
        if let Some(under) = &self.key {
            under.health.end(key, now);
        }
        self.is_told = true;
    }
}
