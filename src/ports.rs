//! What the data plane is handed from outside: the ledger's spool, the cache's second tier and what is kept of the Responses API; and what
//! the control plane is handed of the data plane. The gateway knows the traits only; the store knows nothing of the gateway.

mod cache_tier;
mod ledger_watch;
mod policies;
mod provider_watch;
mod state;

use std::io;

use domain::ledger::{AttemptRow, Payload};
use gateway::ports;
use store::spool::{Intent, SpoolAppender};

pub use cache_tier::CacheTier;
pub use ledger_watch::LedgerWatch;
pub use policies::Policies;
pub use provider_watch::ProviderWatch;
pub use state::{State, StateLimits};

/// Writes ledger rows into the spool.
pub struct Ledger(pub SpoolAppender);

impl ports::Ledger for Ledger {
    fn begin(&self, row: &AttemptRow) -> io::Result<ports::Intent> {
        self.0.begin(row).map(|intent| ports::Intent(intent.into_number()))
    }

    fn record(&self, row: &AttemptRow, payload: Option<&Payload>, intent: Option<ports::Intent>) -> io::Result<()> {
        self.0.settle(row, payload, intent.map(|intent| Intent::from_number(intent.0)))
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }
}
