//! The people of a team, and what they did.

use std::collections::HashMap;

use chrono::DateTime;
use domain::view::{AuditView, MemberView};
use domain::{Role, UserId};

use crate::{Control, ControlError, Grant, can};

/// Most audit events at a time.
pub(crate) const MAX_AUDIT: u32 = 200;

impl Control {
    /// The team's members, owners first.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_members(&self, grant: &Grant<can::View>) -> Result<Vec<MemberView>, ControlError> {
        let db = self.inner.store.read();
        let memberships = store::team::list_memberships(db, grant.team_id()).await?;
        let users = store::user::list(db, memberships.iter().map(|row| row.user_id)).await?;
        let mut users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user)).collect();
        let mut members: Vec<_> = memberships
            .into_iter()
            .filter_map(|row| {
                let (user, role) = (users.remove(&row.user_id)?, row.role.parse().ok()?);
                let (user_id, joined_at) = (UserId(user.id), row.created_at);
                Some(MemberView { user_id, email: user.email, name: user.name, role, joined_at })
            })
            .collect();
        members.sort_by_key(|member| Role::ALL.iter().position(|role| *role == member.role));
        Ok(members)
    }

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
