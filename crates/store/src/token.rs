//! Queries on API tokens.

use chrono::{DateTime, Utc};
use domain::config::PreviousSecret;
use domain::token::{LastUse, Restrictions};
use domain::{TeamId, TokenId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Statement,
    sea_query::{Expr, ExprTrait, IntoCondition},
};

use crate::entity::api_token::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// Most tokens a list shows.
const LIST_LIMIT: u64 = 1_000;

/// Most names in one statement; the databases take some ten thousand values.
const NAMES_AT_ONCE: usize = 1_000;

/// What a token is called and may do.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub name: &'a str,
    pub restrictions: &'a Restrictions,
    pub expires_at: Option<DateTime<Utc>>,
}

/// The team's tokens, live ones first, then the latest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, team: TeamId) -> Result<Vec<Model>, StoreError> {
    Ok(Entity::find()
        .filter(Column::TeamId.eq(team.0))
        .order_by_desc(Column::RevokedAt.is_null())
        .order_by_desc(Column::Id)
        .limit(LIST_LIMIT)
        .all(db)
        .await?)
}

/// The team's live tokens with these names, however many others there are.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_live_named(
    db: &impl ConnectionTrait,
    team: TeamId,
    names: &[&str],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for names in names.chunks(NAMES_AT_ONCE) {
        let live = Entity::find().filter(Column::TeamId.eq(team.0)).filter(Column::RevokedAt.is_null());
        found.extend(live.filter(Column::Name.is_in(names.iter().copied())).all(db).await?);
    }
    Ok(found)
}

/// A token of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: TokenId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).filter(Column::TeamId.eq(team.0)).one(db).await?.ok_or(StoreError::NotFound)
}

/// The token that has or had a secret of this digest, of any team.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_by_digest(db: &impl ConnectionTrait, digest: &[u8; 32]) -> Result<Option<Model>, StoreError> {
    let digest = digest.to_vec();
    let known = Column::Digest.eq(digest.clone()).or(Column::PreviousDigest.eq(digest));
    Ok(Entity::find().filter(known).one(db).await?)
}

/// The secret before, where there was one.
///
/// # Errors
/// [`StoreError::Other`] for a damaged row.
pub fn previous(row: &Model) -> Result<Option<PreviousSecret>, StoreError> {
    let (Some(digest), Some(until)) = (&row.previous_digest, row.previous_until) else { return Ok(None) };
    let damaged = |_| StoreError::Other(format!("digest of the secret before of token {}", row.id));
    Ok(Some(PreviousSecret { digest: digest.as_slice().try_into().map_err(damaged)?, until }))
}

/// What the token of a row is held to.
///
/// # Errors
/// [`StoreError::Other`] for a damaged row, and for one that a newer program wrote: it must not count as unrestricted.
pub fn restrictions(row: &Model) -> Result<Restrictions, StoreError> {
    Ok(Restrictions {
        gateways: list_of(row.gateways.as_deref(), row.id)?,
        models: list_of(row.models.as_deref(), row.id)?,
        providers: list_of(row.providers.as_deref(), row.id)?,
        endpoints: list_of(row.endpoints.as_deref(), row.id)?,
        ip_ranges: list_of(row.ip_ranges.as_deref(), row.id)?,
    })
}

fn list_of<T: serde::de::DeserializeOwned>(text: Option<&str>, id: i64) -> Result<Option<Vec<T>>, StoreError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::Other(format!("restrictions of token {id}: {error}")))
}

/// Adds a token.
///
/// # Errors
/// [`StoreError::Conflict`] on `name`.
pub async fn create(
    tx: &WriteTx,
    team: TeamId,
    digest: [u8; 32],
    hint: String,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        team_id: Set(team.0),
        digest: Set(digest.to_vec()),
        hint: Set(hint),
        created_at: Set(now),
        ..scoped(scope)?
    };
    row.insert(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Changes what a token may do.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`] on `name`.
pub async fn update(tx: &WriteTx, id: TokenId, scope: &Scope<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel { id: Set(id.0), ..scoped(scope)? };
    row.update(tx).await.map_err(|error| StoreError::unique(error, "name"))
}

/// Gives a token another secret. The one that it has works on until a moment; the one before that is forgotten.
///
/// # Errors
/// [`StoreError::Conflict`] on `token` where another token has had the secret.
pub async fn rotate(
    tx: &WriteTx,
    old: &Model,
    (digest, hint): ([u8; 32], String),
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Model, StoreError> {
    let row = ActiveModel {
        id: Set(old.id),
        digest: Set(digest.to_vec()),
        hint: Set(hint),
        rotated_at: Set(Some(now)),
        previous_digest: Set(Some(old.digest.clone())),
        previous_hint: Set(Some(old.hint.clone())),
        previous_until: Set(Some(until)),
        previous_used_at: Set(old.last_used_at),
        ..Default::default()
    };
    row.update(tx).await.map_err(|error| StoreError::unique(error, "token"))
}

/// Lets the secret before the last rotation work no longer than until a moment.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn end_previous(tx: &WriteTx, id: TokenId, until: DateTime<Utc>) -> Result<Model, StoreError> {
    Ok(ActiveModel { id: Set(id.0), previous_until: Set(Some(until)), ..Default::default() }.update(tx).await?)
}

/// Ends a token; its name is free again.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn revoke(tx: &WriteTx, id: TokenId, now: DateTime<Utc>) -> Result<Model, StoreError> {
    Ok(ActiveModel { id: Set(id.0), revoked_at: Set(Some(now)), ..Default::default() }.update(tx).await?)
}

/// Notes when tokens were last used, each unless a later use is known. Call it with tokens in the order of their ids: whoever
/// else does so waits then, and nobody waits for somebody who waits.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn touch(tx: &WriteTx, used: &[LastUse]) -> Result<(), StoreError> {
    Ok(note_uses(tx, used).await?)
}

pub(crate) async fn note_uses(tx: &WriteTx, used: &[LastUse]) -> Result<(), DbErr> {
    for statement in use_statements(tx.get_database_backend(), used) {
        tx.execute_raw(statement).await?;
    }
    Ok(())
}

/// What writes uses down.
pub(crate) fn use_statements(backend: DbBackend, used: &[LastUse]) -> Vec<Statement> {
    let note_later = |column: Column, row: Condition, at_ms: i64| {
        let at = DateTime::from_timestamp_millis(at_ms)?;
        let earlier = column.is_null().or(Expr::col(column).lt(at));
        let update = Entity::update_many().filter(row).filter(earlier).col_expr(column, at.into());
        Some(update.build(backend))
    };
    let mut statements = Vec::new();
    for LastUse { token, at_ms, previous } in used {
        let own = Column::Id.eq(token.0);
        statements.extend(note_later(Column::LastUsedAt, own.clone().into_condition(), *at_ms));
        if let Some((digest, at_ms)) = previous {
            let same = own.and(Column::PreviousDigest.eq(digest.to_vec()));
            statements.extend(note_later(Column::PreviousUsedAt, same.into_condition(), *at_ms));
        }
    }
    statements
}

fn scoped(scope: &Scope<'_>) -> Result<ActiveModel, StoreError> {
    let restrictions = scope.restrictions;
    Ok(ActiveModel {
        name: Set(scope.name.to_owned()),
        gateways: Set(json(restrictions.gateways.as_ref())?),
        models: Set(json(restrictions.models.as_ref())?),
        providers: Set(json(restrictions.providers.as_ref())?),
        endpoints: Set(json(restrictions.endpoints.as_ref())?),
        ip_ranges: Set(json(restrictions.ip_ranges.as_ref())?),
        expires_at: Set(scope.expires_at),
        ..Default::default()
    })
}

fn json<T: serde::Serialize>(list: Option<&Vec<T>>) -> Result<Option<String>, StoreError> {
    list.map(serde_json::to_string).transpose().map_err(|error| StoreError::Other(error.to_string()))
}
