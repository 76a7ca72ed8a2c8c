//! Housekeeping, called hourly by the server.

use crate::change::now;
use crate::{Control, ControlError};

impl Control {
    /// Writes what is still to be told about wrong passwords, removes expired sessions and invitations, the secrets of provider keys past their end, and whatever retention says is over.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]; the next call tries again.
    pub async fn sweep(&self) -> Result<(), ControlError> {
        self.write_refusals().await;
        let now = now();
        let tx = self.inner.store.write_tx().await?;
        let sessions = store::session::delete_expired(&tx, now).await?;
        let invitations = store::invitation::delete_expired(&tx, now).await?;
        let provider_keys = store::provider_key::erase_expired(&tx, now).await?;
        tx.commit().await.map_err(store::StoreError::from)?;
        let swept = store::retention::sweep(&self.inner.store, now.timestamp_millis()).await?;
        if swept.dead_letters > 0 {
            tracing::warn!(
                records = swept.dead_letters,
                "records in dead_letters were past their time and are deleted"
            );
        }
        let set_aside = store::dead_letters::count(&self.inner.store).await?;
        if set_aside > 0 {
            tracing::warn!(
                records = set_aside,
                "records of the ledger are in dead_letters; their cost is in no figure"
            );
        }
        tracing::debug!(sessions, invitations, provider_keys, "swept");
        Ok(())
    }
}
