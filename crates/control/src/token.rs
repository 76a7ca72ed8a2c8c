//! API tokens: what applications authenticate with.

use chrono::{DateTime, Utc};
use domain::validate::{self, FieldError, Problem};
use domain::view::{IssuedToken, TokenView};
use domain::{GatewayId, TeamId, TokenId};
use serde_json::{Value, json};
use store::entity::api_token::Model;
use store::token as rows;

use crate::change::{Change, Event, now};
use crate::cookie::{random_name, sha256};
use crate::gateway::missing;
use crate::{Control, ControlError, Grant, can, policy};

/// Most models and gateways a token is restricted to.
const MAX_SCOPE: usize = 100;
/// Longest model pattern, in bytes.
const MAX_MODEL: usize = 200;

/// A token to issue.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    pub name: String,
    /// The gateways it may use; none means all of the team's.
    pub gateways: Option<Vec<GatewayId>>,
    /// The models it may ask for, `*` at the end matching any rest; none means all.
    pub models: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a token is to become; its secret stays.
#[derive(Clone, Debug, Default)]
pub struct TokenChange {
    pub name: String,
    pub gateways: Option<Vec<GatewayId>>,
    pub models: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
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
    /// [`ControlError::Invalid`] for `name`, `gateways`, `models`, `expires_at`; [`ControlError::Conflict`] for a taken
    /// name.
    pub async fn issue_token(
        &self,
        grant: &Grant<can::ManageTokens>,
        new: NewToken,
    ) -> Result<IssuedToken, ControlError> {
        let scope = scope_of(&new.name, &new.gateways, &new.models, new.expires_at);
        let plain = format!("weir_{}", random_name()?);
        let change = self.begin().await?;
        check_scope(&change, grant.team_id(), &scope, None).await?;
        let digest = sha256(plain.as_bytes());
        let row = rows::create(change.tx(), grant.team_id(), digest, hint(&plain), &scope, change.now()).await?;
        record(&change, grant, "token.issue", None, &row).await?;
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
        change: TokenChange,
    ) -> Result<TokenView, ControlError> {
        let scope = scope_of(&change.name, &change.gateways, &change.models, change.expires_at);
        let open = self.begin().await?;
        let old = find_live(&open, grant.team_id(), id).await?;
        check_scope(&open, grant.team_id(), &scope, Some(&old)).await?;
        let row = rows::update(open.tx(), id, &scope).await?;
        if row == old {
            return view(row);
        }
        record(&open, grant, "token.restrict", Some(&old), &row).await?;
        if row.name != old.name {
            policy::rename_token(&open, grant.team_id(), grant.author(), &old.name, &row.name).await?;
        }
        open.commit(self).await?;
        view(row)
    }

    /// Ends a token for good.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub async fn revoke_token(&self, grant: &Grant<can::ManageTokens>, id: TokenId) -> Result<TokenView, ControlError> {
        let change = self.begin().await?;
        let old = find_live(&change, grant.team_id(), id).await?;
        let row = rows::revoke(change.tx(), id, change.now()).await?;
        record(&change, grant, "token.revoke", Some(&old), &row).await?;
        change.commit(self).await?;
        view(row)
    }

    /// Notes when tokens were last used, as (token, milliseconds since 1970). No change of configuration.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`]; nothing was noted then.
    pub async fn touch_tokens(&self, used: &[(TokenId, i64)]) -> Result<(), ControlError> {
        if used.is_empty() {
            return Ok(());
        }
        let tx = self.inner.store.write_tx().await?;
        for (id, at_ms) in used {
            if let Some(at) = DateTime::from_timestamp_millis(*at_ms) {
                rows::touch(&tx, *id, at).await?;
            }
        }
        Ok(tx.commit().await.map_err(store::StoreError::from)?)
    }
}

fn scope_of<'a>(
    name: &'a str,
    gateways: &'a Option<Vec<GatewayId>>,
    models: &'a Option<Vec<String>>,
    expires_at: Option<DateTime<Utc>>,
) -> rows::Scope<'a> {
    use chrono::SubsecRound;
    rows::Scope {
        name: name.trim(),
        gateways: gateways.as_deref(),
        models: models.as_deref(),
        expires_at: expires_at.map(|at| at.trunc_subsecs(3)),
    }
}

/// What an existing token has already is not refused: a gateway that was deleted since, or an end that has passed, must
/// not stand in the way of another name.
async fn check_scope(
    change: &Change,
    team: TeamId,
    scope: &rows::Scope<'_>,
    old: Option<&Model>,
) -> Result<(), ControlError> {
    let known = store::gateway::list(change.tx(), team).await?;
    let had = old.map(rows::gateways).transpose()?.flatten().unwrap_or_default();
    let ended = old.and_then(|old| old.expires_at);
    let gateways = scope.gateways.and_then(|ids| {
        let all_known = ids.iter().all(|id| had.contains(id) || known.iter().any(|row| row.id == id.0));
        count(ids.len()).or((!all_known).then_some(Problem::Unknown))
    });
    let past = scope.expires_at.filter(|at| *at <= now() && ended != Some(*at));
    let problems = [
        ("name", check_name(scope.name, old).err()),
        ("gateways", gateways),
        ("models", scope.models.and_then(|models| check_models(models).err())),
        ("expires_at", past.map(|_| Problem::InThePast)),
    ];
    let errors: Vec<_> =
        problems.into_iter().filter_map(|(field, problem)| Some(FieldError::new(field, problem?))).collect();
    if errors.is_empty() { Ok(()) } else { Err(ControlError::Invalid(errors)) }
}

/// A name that a token has had since before is not refused for its asterisk.
pub(crate) fn check_name(name: &str, old: Option<&Model>) -> Result<(), Problem> {
    if old.is_some_and(|old| old.name == name) { validate::name(name) } else { validate::token_name(name) }
}

fn count(length: usize) -> Option<Problem> {
    match length {
        0 => Some(Problem::Required),
        1..=MAX_SCOPE => None,
        _ => Some(Problem::OutOfRange { min: 1, max: MAX_SCOPE as u64 }),
    }
}

/// Patterns of models: visible ASCII, an asterisk at the end only.
pub(crate) fn check_models(models: &[String]) -> Result<(), Problem> {
    if let Some(problem) = count(models.len()) {
        return Err(problem);
    }
    for model in models {
        let stem = model.strip_suffix('*').unwrap_or(model);
        if model.is_empty() {
            return Err(Problem::Required);
        }
        if model.len() > MAX_MODEL {
            return Err(Problem::TooLong { max: MAX_MODEL as u64 });
        }
        if stem.contains('*') || !stem.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Problem::NotAChoice);
        }
    }
    Ok(())
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
        "expires_at": row.expires_at, "revoked_at": row.revoked_at,
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
    Ok(TokenView {
        id: TokenId(row.id),
        gateways: rows::gateways(&row)?,
        models: rows::models(&row)?,
        name: row.name,
        hint: row.hint,
        created_at: row.created_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
        last_used_at: row.last_used_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_patterns_may_only_end_with_an_asterisk() {
        for fine in ["gpt-4o", "openai/*", "*", "@cf/meta/llama"] {
            assert_eq!(check_models(&[fine.into()]), Ok(()), "{fine}");
        }
        for bad in ["a*b", "a b", "ä", "**"] {
            assert_eq!(check_models(&[bad.into()]), Err(Problem::NotAChoice), "{bad}");
        }
        assert_eq!(check_models(&[]), Err(Problem::Required));
    }
}
