//! API tokens: what applications authenticate with.

mod check;
mod rotate;

use chrono::{DateTime, Utc};
use domain::policy::OwnLimits;
use domain::token::{LastUse, Restrictions};
use domain::view::{IssuedToken, PreviousSecretView, TokenView};
use domain::{TeamId, TokenId};
use serde_json::{Value, json};
use store::entity::api_token::Model;
use store::token as rows;

use crate::change::{Change, Event};
use crate::cookie::{random_name, sha256};
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can, policy};

use check::check_scope;
pub(crate) use check::{check_endpoints, check_ip_ranges, check_models, check_name, check_providers};
pub(crate) use rotate::rotate;

/// What a token is to be called and may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenTerms {
    pub name: String,
    pub restrictions: Restrictions,
    pub expires_at: Option<DateTime<Utc>>,
    /// What its own limits are to be; where nothing is said they stay what they are.
    pub limits: Option<OwnLimits>,
}

impl Control {
    /// The team's tokens, the latest first, revoked ones included.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`].
    pub async fn list_tokens(&self, grant: &Grant<can::View>) -> Result<Vec<TokenView>, ControlError> {
        let rows = rows::list(self.inner.store.read(), grant.team_id()).await?;
        rows.into_iter().map(view).collect()
    }

    /// Issues a token. Its plain text is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for `name`, `gateways`, `models`, `providers`, `endpoints`, `ip_ranges`, `expires_at` and the
    /// names of its own limits; [`ControlError::Conflict`] for a taken name.
    pub async fn issue_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        terms: TokenTerms,
    ) -> Result<IssuedToken, ControlError> {
        let scope = scope_of(&terms);
        let plain = format!("weir_{}", random_name()?);
        let change = self.begin().await?;
        check_scope(&change, grant.team_id(), &scope, terms.limits.as_ref(), None).await?;
        let digest = sha256(plain.as_bytes());
        let row = rows::create(change.tx(), grant.team_id(), digest, hint(&plain), &scope, change.now()).await?;
        record(&change, grant, "token.issue", None, &row).await?;
        set_limits(&change, grant, &row, &terms).await?;
        change.commit(self).await?;
        Ok(IssuedToken { token: view(row)?, plain })
    }

    /// Changes what a token may do. Policies that name it follow it to another name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] for an unknown or revoked token; otherwise as [`Control::issue_token`].
    pub async fn restrict_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        id: TokenId,
        terms: TokenTerms,
    ) -> Result<TokenView, ControlError> {
        let scope = scope_of(&terms);
        let open = self.begin().await?;
        let old = find_live(&open, grant.team_id(), id).await?;
        check_scope(&open, grant.team_id(), &scope, terms.limits.as_ref(), Some(&old)).await?;
        let row = rows::update(open.tx(), id, &scope).await?;
        if row != old {
            record(&open, grant, "token.restrict", Some(&old), &row).await?;
        }
        if row.name != old.name {
            policy::rename_token(&open, grant.team_id(), grant.author(), &old.name, &row.name).await?;
            policy::own::rename(&open, grant.team_id(), grant.author(), (id, &old.name, &row.name)).await?;
        }
        let limited = set_limits(&open, grant, &row, &terms).await?;
        if row == old && !limited {
            return view(row);
        }
        open.commit(self).await?;
        view(row)
    }

    /// Ends a token for good, and its own limits.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn revoke_token(&self, grant: &Grant<can::ManageTokens>, id: TokenId) -> Result<TokenView, ControlError> {
        let change = self.begin().await?;
        let old = find_live(&change, grant.team_id(), id).await?;
        let row = rows::revoke(change.tx(), id, change.now()).await?;
        record(&change, grant, "token.revoke", Some(&old), &row).await?;
        policy::own::end(&change, grant.team_id(), grant.author(), id).await?;
        change.commit(self).await?;
        view(row)
    }

    /// Notes when tokens were last used. No change of configuration.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]; nothing was noted then.
    pub async fn touch_tokens(&self, used: &[LastUse]) -> Result<(), ControlError> {
        if used.is_empty() {
            return Ok(());
        }
        let tx = self.inner.store.write_tx().await?;
        rows::touch(&tx, used).await?;
        Ok(tx.commit().await.map_err(store::StoreError::from)?)
    }
}

fn scope_of(terms: &TokenTerms) -> rows::Scope<'_> {
    use chrono::SubsecRound;
    rows::Scope {
        name: terms.name.trim(),
        restrictions: &terms.restrictions,
        expires_at: terms.expires_at.map(|at| at.trunc_subsecs(3)),
    }
}

/// Tells whether anything was changed.
async fn set_limits(
    change: &Change,
    grant: &Grant<can::ManageTokens>,
    token: &Model,
    terms: &TokenTerms,
) -> Result<bool, ControlError> {
    match &terms.limits {
        Some(limits) => policy::own::set(change, grant.team_id(), grant.author(), token, limits).await,
        None => Ok(false),
    }
}

async fn find_live(change: &Change, team: TeamId, id: TokenId) -> Result<Model, ControlError> {
    let row = rows::find(change.tx(), team, id).await.map_err(|error| missing(error, "token"))?;
    if row.revoked_at.is_some() { Err(ControlError::NotFound("token")) } else { Ok(row) }
}

async fn record(
    change: &Change,
    grant: &Grant<can::ManageTokens>,
    action: &str,
    old: Option<&Model>,
    new: &Model,
) -> Result<(), ControlError> {
    let event = Event {
        team: Some(grant.team_id()),
        action,
        target: format!("token {}", new.name),
        before: old.map(audited),
        after: Some(audited(new)),
    };
    change.record(grant.author(), event).await
}

pub(crate) fn audited(row: &Model) -> Value {
    json!({
        "id": row.id, "name": row.name, "hint": row.hint, "gateways": row.gateways, "models": row.models,
        "providers": row.providers, "endpoints": row.endpoints, "ip_ranges": row.ip_ranges,
        "expires_at": row.expires_at, "revoked_at": row.revoked_at,
        "previous_hint": row.previous_hint, "previous_until": row.previous_until,
    })
}

/// The prefix with two characters and the last four; nothing of a short token.
pub(crate) fn hint(plain: &str) -> String {
    if plain.len() < 24 || !plain.is_ascii() {
        return "…".to_owned();
    }
    format!("{}…{}", &plain[..7], &plain[plain.len() - 4..])
}

pub(crate) fn view(row: Model) -> Result<TokenView, ControlError> {
    let previous = row.previous_hint.clone().zip(row.previous_until);
    Ok(TokenView {
        id: TokenId(row.id),
        rotated_at: row.rotated_at,
        previous: previous.map(|(hint, until)| PreviousSecretView { hint, until, last_used_at: row.previous_used_at }),
        restrictions: rows::restrictions(&row)?,
        name: row.name,
        hint: row.hint,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    })
}
