//! What happened in a team, for those who may read it.

use chrono::DateTime;
use domain::view::AuditView;

use crate::{Control, ControlError, Grant, can};

/// Most audit events at a time.
pub(crate) const MAX_AUDIT: u32 = 200;

impl Control {
    /// What happened in the team and to its members' accounts, newest first, older than the event `before`; at most 200 at
    /// a time.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_audit(
        &self,
        grant: &Grant<can::ViewAudit>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditView>, ControlError> {
        let limit = limit.clamp(1, MAX_AUDIT).into();
        let rows = store::audit::list_of_team(self.inner.store.read(), grant.team_id(), before, limit).await?;
        Ok(rows.into_iter().map(audit_view).collect())
    }
}

pub(crate) fn audit_view(row: store::entity::audit_event::Model) -> AuditView {
    AuditView {
        id: row.id,
        at: DateTime::from_timestamp_millis(row.at_ms).unwrap_or_default(),
        actor: row.actor,
        action: row.action,
        target: row.target,
        before: row.before,
        after: row.after,
    }
}
