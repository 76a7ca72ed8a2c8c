//! How the ledger does: what waits, and what is missing from all figures.

use domain::view::LedgerHealth;

use crate::{Control, ControlError, Grant, can};

/// Watches the way of rows into the database, in the process that writes them.
pub trait LedgerWatch: Send + Sync {
    /// How it does at the moment; records set aside are counted by others.
    fn health(&self) -> LedgerHealth;
}

impl Control {
    /// How the ledger of this installation does, of all teams.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn ledger_health(&self, _: &Grant<can::ViewAudit>) -> Result<LedgerHealth, ControlError> {
        let dead_letters = store::dead_letters::count(&self.inner.store).await?;
        let health = self.inner.ledger.get().map(|ledger| ledger.health()).unwrap_or_default();
        Ok(LedgerHealth { dead_letters, ..health })
    }

    /// Hands in who watches the ledger; the first one stays.
    pub fn set_ledger_watch(&self, watch: impl LedgerWatch + 'static) {
        let _ = self.inner.ledger.set(Box::new(watch));
    }
}
