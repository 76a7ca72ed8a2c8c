//! What the control plane tells people of the ledger's way into the database.

use domain::view::LedgerHealth;
use store::spool::SpoolAppender;
use store::writer::WriterPulse;

use crate::health::Damage;

/// The spool and the writer of this process.
pub struct LedgerWatch {
    spool: SpoolAppender,
    writer: WriterPulse,
    damage: Damage,
}

impl LedgerWatch {
    /// Watches these.
    #[must_use]
    pub fn new(spool: SpoolAppender, writer: WriterPulse, damage: Damage) -> Self {
        Self { spool, writer, damage }
    }
}

impl control::LedgerWatch for LedgerWatch {
    fn health(&self) -> LedgerHealth {
        LedgerHealth {
            dead_letters: 0,
            stalled: self.writer.is_stalled(),
            backlog_bytes: self.spool.backlog_bytes(),
            rows_waiting: self.spool.waiting() as u64,
            damaged_segments: self.damage.segments().to_vec(),
        }
    }
}
