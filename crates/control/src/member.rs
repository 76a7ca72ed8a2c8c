//! The people of a team, and what they did.

use domain::view::{AuditView, MemberView};

use crate::{Control, ControlError, Grant, can};

impl Control {
    /// The team's members, owners first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_members(&self, grant: &Grant<can::View>) -> Result<Vec<MemberView>, ControlError> {
        unimplemented!()
    }

    /// Audit events, newest first, older than the event `before`; at most 200 at a time.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_audit(
        &self,
        grant: &Grant<can::ViewAudit>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditView>, ControlError> {
        unimplemented!()
    }
}
