//! Policies: what limits a team's requests. They are checked here, counted by the data plane.

mod check;
mod engine;
pub(crate) mod own;
mod read;
mod simulate;

use domain::policy::{MAX_POLICIES, Policy, PolicyState};
use domain::validate::{self, FieldError, Problem};
use domain::view::PolicyView;
use domain::{PolicyId, TeamId, TokenId};
use serde_json::{Value, json};
use store::entity::policy::Model;
use store::policy as rows;

use crate::actor::Author;
use crate::change::{Change, Event};
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can};

pub(crate) use check::{Known, check, token_names};
pub use engine::{PastRequest, PolicyEngine, PolicyUsage, Replay, Verdict};
pub(crate) use read::PARTS;
pub use read::{TextError, read_parts, read_text};
#[cfg(test)]
pub(crate) use simulate::Bounds;
pub use simulate::{HitGroup, MAX_DAYS, Simulation, Untried};

/// A policy to create.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    pub name: String,
    pub state: PolicyState,
    pub policy: Policy,
}

/// What a policy is to become; its state stays.
#[derive(Clone, Debug)]
pub struct PolicyChange {
    pub name: String,
    pub policy: Policy,
    /// The policy's version that the change was made from. Where it has another by now, somebody else's change would be
    /// undone, so nothing is written.
    pub version: i64,
}

impl Control {
    /// The team's policies, by name.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_policies(&self, grant: &Grant<can::View>) -> Result<Vec<PolicyView>, ControlError> {
        let rows = rows::list(self.inner.store.read(), grant.team_id()).await?;
        Ok(rows.into_iter().map(|row| self.policy_view(row)).collect())
    }

    /// One policy of the team.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn find_policy(&self, grant: &Grant<can::View>, id: PolicyId) -> Result<PolicyView, ControlError> {
        let row = rows::find(self.inner.store.read(), grant.team_id(), id).await;
        Ok(self.policy_view(row.map_err(|error| missing(error, "policy"))?))
    }

    /// Creates a policy.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name` and the fields of the text form; [`ControlError::Conflict`] for a taken name.
    pub async fn create_policy(
        &self,
        grant: &Grant<can::EditPolicies>,
        new: NewPolicy,
    ) -> Result<PolicyView, ControlError> {
        let change = self.begin().await?;
        let mut errors = problems(&change, grant.team_id(), &new.name, &new.policy, None).await?;
        if rows::count(change.tx(), grant.team_id()).await? >= MAX_POLICIES as u64 {
            errors.push(FieldError::new("name", Problem::TooMany { max: MAX_POLICIES as u64 }));
        }
        refuse(errors)?;
        let row =
            rows::create(change.tx(), grant.team_id(), &definition(&change, &new.name, new.state, None, &new.policy))
                .await?;
        record(&change, grant.team_id(), grant.author(), None, Some(&row)).await?;
        change.commit(self).await?;
        Ok(self.policy_view(row))
    }

    /// Changes the name of a policy, and what it does.
    ///
    /// # Errors
    /// As [`Control::create_policy`]; [`ControlError::NotFound`]; [`ControlError::Conflict`] for `version` where the policy was
    /// changed meanwhile.
    pub async fn update_policy(
        &self,
        grant: &Grant<can::EditPolicies>,
        id: PolicyId,
        wanted: PolicyChange,
    ) -> Result<PolicyView, ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        // One that cannot be read is replaced as a whole.
        let present = rows::policy(&old).ok();
        refuse(problems(&change, grant.team_id(), &wanted.name, &wanted.policy, present.as_ref()).await?)?;
        if old.name == wanted.name.trim() && present.as_ref() == Some(&wanted.policy) {
            return Ok(self.policy_view(old));
        }
        if old.version != wanted.version {
            return Err(ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        }
        let owner = own::owner(&old, &wanted.policy);
        let definition = definition(&change, &wanted.name, rows::state(&old), owner, &wanted.policy);
        let row = rows::update(change.tx(), id, &definition).await?;
        record(&change, grant.team_id(), grant.author(), Some(&old), Some(&row)).await?;
        change.commit(self).await?;
        Ok(self.policy_view(row))
    }

    /// Puts a policy in or out of force, whatever else is changed at the same time.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn set_policy_state(
        &self,
        grant: &Grant<can::EditPolicies>,
        id: PolicyId,
        state: PolicyState,
    ) -> Result<PolicyView, ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        if rows::state(&old) == state {
            return Ok(self.policy_view(old));
        }
        let row = rows::set_state(change.tx(), id, state, change.version(), change.now()).await?;
        record(&change, grant.team_id(), grant.author(), Some(&old), Some(&row)).await?;
        change.commit(self).await?;
        Ok(self.policy_view(row))
    }

    /// Deletes a policy.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn delete_policy(&self, grant: &Grant<can::EditPolicies>, id: PolicyId) -> Result<(), ControlError> {
        let change = self.begin().await?;
        let old = find(&change, grant, id).await?;
        rows::delete(change.tx(), id).await?;
        record(&change, grant.team_id(), grant.author(), Some(&old), None).await?;
        change.commit(self).await
    }

    /// How far the limits that are in force here are used up; nothing where this process has no data plane.
    #[must_use]
    pub fn policy_usage(&self, grant: &Grant<can::View>) -> Vec<PolicyUsage> {
        self.inner.engine.get().map_or_else(Vec::new, |engine| engine.usage(grant.team_id()))
    }

    /// Hands the data plane's part of policies in; the first one stays.
    pub fn set_policy_engine(&self, engine: impl PolicyEngine + 'static) {
        let _ = self.inner.engine.set(Box::new(engine));
    }

    fn policy_view(&self, row: Model) -> PolicyView {
        PolicyView {
            id: PolicyId(row.id),
            owner: row.token_id.map(TokenId),
            state: rows::state(&row),
            policy: rows::policy(&row).ok(),
            name: row.name,
            text: row.policy,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
            live: row.version <= self.live_version(),
        }
    }
}

/// Gives a token another name in the policies that write it out. A pattern that it matched, and one that cannot be read, stay.
pub(crate) async fn rename_token(
    change: &Change,
    team: TeamId,
    author: &Author,
    old_name: &str,
    new_name: &str,
) -> Result<(), ControlError> {
    for old in rows::list(change.tx(), team).await? {
        let Ok(mut policy) = rows::policy(&old) else { continue };
        let before = policy.when.clone();
        policy.when.rename_token(old_name, new_name);
        if policy.when != before {
            let owner = old.token_id.map(TokenId);
            let definition = definition(change, &old.name, rows::state(&old), owner, &policy);
            let row = rows::update(change.tx(), PolicyId(old.id), &definition).await?;
            record(change, team, author, Some(&old), Some(&row)).await?;
        }
    }
    Ok(())
}

/// Everything that is wrong with a policy; what the `present` one names already may be gone by now.
async fn problems(
    change: &Change,
    team: TeamId,
    name: &str,
    policy: &Policy,
    present: Option<&Policy>,
) -> Result<Vec<FieldError>, ControlError> {
    let name = validate::name(name).err().map(|problem| FieldError::new("name", problem));
    let known = Known::load(change.tx(), team, policy, present).await?;
    Ok(name.into_iter().chain(check(policy, &known)).collect())
}

fn refuse(errors: Vec<FieldError>) -> Result<(), ControlError> {
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}

pub(crate) fn definition<'a>(
    change: &Change,
    name: &'a str,
    state: PolicyState,
    owner: Option<TokenId>,
    policy: &'a Policy,
) -> rows::Definition<'a> {
    rows::Definition { name: name.trim(), owner, state, policy, version: change.version(), now: change.now() }
}

async fn find(change: &Change, grant: &Grant<can::EditPolicies>, id: PolicyId) -> Result<Model, ControlError> {
    rows::find(change.tx(), grant.team_id(), id).await.map_err(|error| missing(error, "policy"))
}

/// Writes down what becomes of a policy: made where there was no `old` one, deleted where there is no `new` one.
pub(crate) async fn record(
    change: &Change,
    team: TeamId,
    author: &Author,
    old: Option<&Model>,
    new: Option<&Model>,
) -> Result<(), ControlError> {
    let action = match (old, new) {
        (None, _) => "policy.create",
        (Some(_), Some(_)) => "policy.update",
        (Some(_), None) => "policy.delete",
    };
    let target = format!("policy {}", new.or(old).map_or("", |row| row.name.as_str()));
    let event = Event { team: Some(team), action, target, before: old.map(audited), after: new.map(audited) };
    change.record(author, event).await
}

fn audited(row: &Model) -> Value {
    let policy = serde_json::from_str::<Value>(&row.policy).unwrap_or_default();
    json!({ "name": row.name, "state": row.state, "policy": policy })
}
