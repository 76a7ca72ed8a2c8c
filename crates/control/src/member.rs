//! The people of a team: who they are, what they may do, and that they can be sent away.

use std::collections::HashMap;

use domain::validate::{FieldError, Problem};
use domain::view::MemberView;
use domain::{Permission, Role, TeamId, UserId};
use serde_json::json;
use store::StoreError;
use store::entity::membership;

use crate::change::{Change, Event};
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can};

/// Most people of a team, invited ones included: a list shows no more.
pub(crate) const MAX_MEMBERS: u64 = 1_000;

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
                let (user, role) = (users.remove(&row.user_id)?, role_of(&row)?);
                let (user_id, joined_at) = (UserId(user.id), row.created_at);
                Some(MemberView { user_id, email: user.email, name: user.name, role, joined_at })
            })
            .collect();
        members.sort_by_key(|member| Role::ALL.iter().position(|role| *role == member.role));
        Ok(members)
    }

    /// Gives a member another role; it counts from their next request on. `owners` is needed where one becomes an owner or
    /// stops being one.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Forbidden`] without `owners`; [`ControlError::Conflict`] for `role` where
    /// it would leave the team without an owner.
    pub async fn set_member_role(
        &self,
        grant: &Grant<can::ManageMembers>,
        owners: Option<&Grant<can::ManageOwners>>,
        user: UserId,
        role: Role,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let (old, email) = find(&change, grant.team_id(), user).await?;
        permit(owners, grant.team_id(), [old, role])?;
        if old == role {
            return Ok(());
        }
        let set = store::team::set_member(change.tx(), grant.team_id(), user, role, change.now()).await;
        set.map_err(last_owner)?;
        let event = Event {
            team: Some(grant.team_id()),
            action: "member.set",
            target: format!("member {email}"),
            before: Some(json!({ "role": old })),
            after: Some(json!({ "role": role })),
        };
        change.record(grant.author(), event).await?;
        self.commit_about(change, user).await
    }

    /// Takes the team away from a member, in all of their open sessions at once. Their account stays, and so do the tokens
    /// that they issued; an invitation of their address ends, which takes `owners` where it is for an owner.
    ///
    /// # Errors
    /// As [`Control::set_member_role`].
    pub async fn remove_member(
        &self,
        grant: &Grant<can::ManageMembers>,
        owners: Option<&Grant<can::ManageOwners>>,
        user: UserId,
    ) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let (old, email) = find(&change, grant.team_id(), user).await?;
        permit(owners, grant.team_id(), [old])?;
        store::team::remove_member(change.tx(), grant.team_id(), user).await.map_err(last_owner)?;
        crate::invitation::end_of(&change, owners, grant.team_id(), &email).await?;
        let event = Event {
            team: Some(grant.team_id()),
            action: "member.remove",
            target: format!("member {email}"),
            before: Some(json!({ "role": old })),
            after: None,
        };
        change.record(grant.author(), event).await?;
        self.commit_about(change, user).await
    }

    /// Commits a change of what a person may do, and forgets what was known about them.
    pub(crate) async fn commit_about(&self, change: Change, user: UserId) -> Result<(), ControlError> {
        let committed = change.commit(self).await;
        self.inner.recent.forget(user);
        committed
    }
}

/// The role of a member and their address.
async fn find(change: &Change, team: TeamId, user: UserId) -> Result<(Role, String), ControlError> {
    let row = store::team::find_membership(change.tx(), team, user).await?;
    let role = row.as_ref().and_then(role_of).ok_or(ControlError::NotFound("member"))?;
    let user = store::user::find(change.tx(), user).await.map_err(|error| missing(error, "member"))?;
    Ok((role, user.email))
}

/// The role of a row; nothing where a newer program wrote it.
pub(crate) fn role_of(row: &membership::Model) -> Option<Role> {
    row.role.parse().ok()
}

/// Whether the permission is there for what concerns these roles: owners take one of its own.
pub(crate) fn permit<const N: usize>(
    owners: Option<&Grant<can::ManageOwners>>,
    team: TeamId,
    roles: [Role; N],
) -> Result<(), ControlError> {
    let held = owners.is_some_and(|owners| owners.team_id() == team);
    if roles.contains(&Role::Owner) && !held {
        return Err(ControlError::Forbidden(Permission::ManageOwners));
    }
    Ok(())
}

fn last_owner(error: StoreError) -> ControlError {
    match error {
        StoreError::Conflict("role") => ControlError::Conflict(FieldError::new("role", Problem::LastOwner)),
        other => missing(other, "member"),
    }
}
