//! The configuration as one value, its version, and single values of the installation.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::config::{
    Config, CustomProviderConfig, GatewayConfig, ProviderKeyConfig, RouteConfig, TeamConfig, TeamPrice, TokenConfig,
};
use domain::policy::{NamedPolicy, PolicyState};
use domain::{CustomProviderId, GatewayId, PolicyId, ProviderKeyId, RouteId, TeamId, TeamPriceId, TokenId};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use crate::entity::{
    api_token, config_version, custom_provider as custom, gateway, meta, policy, provider_key, route, route_version,
    team, team_price,
};
use crate::secrets::Sealer;
use crate::{Store, StoreError, WriteTx};

/// The version's only row.
const ROW: i64 = 1;
/// How long the data plane can still tell that a token was revoked or has expired, rather than unknown.
const REMEMBER_TOKENS: TimeDelta = TimeDelta::days(30);

/// The current configuration version.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn version(store: &Store) -> Result<i64, StoreError> {
    let row = config_version::Entity::find_by_id(ROW).one(store.read()).await?;
    row.map(|row| row.version).ok_or(StoreError::NotFound)
}

/// Raises the configuration version and answers it. Call it first in a transaction: on PostgreSQL the row's lock makes
/// changes of configuration wait for each other, as SQLite does by itself.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn bump(tx: &WriteTx) -> Result<i64, StoreError> {
    advance(tx, 1).await
}

/// Takes the lock of [`bump`] and leaves the version as it is: for changes that the data plane need not hear of.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn lock(tx: &WriteTx) -> Result<i64, StoreError> {
    advance(tx, 0).await
}

async fn advance(tx: &WriteTx, by: i64) -> Result<i64, StoreError> {
    use config_version::{Column, Entity};
    let rows = Entity::update_many()
        .filter(Column::Id.eq(ROW))
        .col_expr(Column::Version, Expr::col(Column::Version).add(by))
        .exec_with_returning(tx)
        .await?;
    rows.first().map(|row| row.version).ok_or(StoreError::NotFound)
}

/// A single value of the installation.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_meta(db: &impl ConnectionTrait, key: &str) -> Result<Option<String>, StoreError> {
    Ok(meta::Entity::find_by_id(key).one(db).await?.map(|row| row.value))
}

/// Sets a single value of the installation.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn set_meta(tx: &WriteTx, key: &str, value: &str) -> Result<(), StoreError> {
    let row = meta::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
    let replace = OnConflict::column(meta::Column::Key).update_column(meta::Column::Value).to_owned();
    meta::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

/// Removes a single value of the installation.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete_meta(tx: &WriteTx, key: &str) -> Result<(), StoreError> {
    meta::Entity::delete_by_id(key).exec(tx).await?;
    Ok(())
}

/// Reads everything the data plane needs, in one query a table. A row that cannot be read is left out and reported in
/// the log; the rest works on. The version is read first: a change made meanwhile is seen again at the next reload.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn load_config(store: &Store, sealer: &Sealer) -> Result<Config, StoreError> {
    let version = version(store).await?;
    let db = store.read();
    let now = Utc::now();
    let mut teams: HashMap<i64, TeamConfig> = HashMap::new();
    for row in team::Entity::find().all(db).await? {
        teams.insert(row.id, empty_team(row));
    }
    load_gateways(db, &mut teams).await?;
    load_routes(db, &mut teams).await?;
    load_provider_keys(db, sealer, &mut teams, now).await?;
    load_custom_providers(db, &mut teams).await?;
    load_tokens(db, &mut teams, now).await?;
    load_policies(db, &mut teams).await?;
    load_prices(db, &mut teams).await?;
    let book = crate::price_book::find(db).await?;
    let mut teams: Vec<_> = teams.into_values().collect();
    teams.sort_by_key(|team| team.id);
    Ok(Config { version, book, teams })
}

fn empty_team(row: team::Model) -> TeamConfig {
    TeamConfig {
        id: TeamId(row.id),
        slug: row.slug,
        gateways: Vec::new(),
        provider_keys: Vec::new(),
        custom_providers: Vec::new(),
        tokens: Vec::new(),
        policies: Vec::new(),
        prices: Vec::new(),
    }
}

type Teams = HashMap<i64, TeamConfig>;

async fn load_gateways(db: &impl ConnectionTrait, teams: &mut Teams) -> Result<(), StoreError> {
    use gateway::{Column, Entity};
    for row in Entity::find().filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id).all(db).await? {
        let settings = match crate::gateway::settings(&row) {
            Ok(settings) => settings,
            Err(error) => {
                tracing::error!(gateway.id = row.id, %error, "gateway left out");
                continue;
            }
        };
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.gateways.push(GatewayConfig {
                id: GatewayId(row.id),
                slug: row.slug,
                enabled: row.enabled,
                settings,
                cache_epoch: row.cache_epoch,
                routes: Vec::new(),
            });
        }
    }
    Ok(())
}

/// The deployed ones. Their elements are text: who reads it leaves out and reports what it cannot read.
async fn load_routes(db: &impl ConnectionTrait, teams: &mut Teams) -> Result<(), StoreError> {
    use route::Column;
    let mut gateways: HashMap<i64, &mut GatewayConfig> =
        teams.values_mut().flat_map(|team| &mut team.gateways).map(|gateway| (gateway.id.0, gateway)).collect();
    let deployed = Query::select()
        .column(Column::DeployedId)
        .from(route::Entity)
        .and_where(Column::DeployedId.is_not_null())
        .to_owned();
    let versions =
        route_version::Entity::find().filter(route_version::Column::Id.in_subquery(deployed)).all(db).await?;
    let mut versions: HashMap<_, _> = versions.into_iter().map(|row| (row.id, row)).collect();
    for row in route::Entity::find().filter(Column::DeployedId.is_not_null()).order_by_asc(Column::Id).all(db).await? {
        // Where it was deployed between the two queries, the version is another by now, and all is read again.
        let Some(version) = row.deployed_id.and_then(|id| versions.remove(&id)) else { continue };
        if let Some(gateway) = gateways.get_mut(&row.gateway_id) {
            let (id, version, elements) = (RouteId(row.id), version.number, version.elements);
            gateway.routes.push(RouteConfig { id, name: row.name, version, elements });
        }
    }
    Ok(())
}

async fn load_provider_keys(
    db: &impl ConnectionTrait,
    sealer: &Sealer,
    teams: &mut Teams,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    use provider_key::{Column, Entity};
    let in_time = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(now));
    let rows =
        Entity::find().filter(Column::DeletedAt.is_null()).filter(in_time).order_by_asc(Column::Id).all(db).await?;
    for row in rows {
        let secret = match crate::provider_key::open(sealer, &row) {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(provider_key.id = row.id, provider.name = row.provider, %error, "provider key left out");
                continue;
            }
        };
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.provider_keys.push(ProviderKeyConfig {
                id: ProviderKeyId(row.id),
                provider: row.provider,
                alias: row.alias,
                secret,
                base_url: row.base_url,
                enabled: row.enabled,
                expires_at: row.expires_at,
                weight: u32::try_from(row.weight).unwrap_or_default(),
                region: row.region,
                requests_per_minute: row.requests_per_minute.and_then(|most| u32::try_from(most).ok()),
            });
        }
    }
    Ok(())
}

async fn load_custom_providers(db: &impl ConnectionTrait, teams: &mut Teams) -> Result<(), StoreError> {
    use custom::{Column, Entity};
    for row in Entity::find().filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id).all(db).await? {
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.custom_providers.push(CustomProviderConfig {
                id: CustomProviderId(row.id),
                dialect: crate::custom_provider::dialect(&row),
                auth: crate::custom_provider::auth(&row),
                slug: row.slug,
                base_url: row.base_url,
                enabled: row.enabled,
            });
        }
    }
    Ok(())
}

async fn load_tokens(db: &impl ConnectionTrait, teams: &mut Teams, now: DateTime<Utc>) -> Result<(), StoreError> {
    use api_token::{Column, Entity};
    let since = now - REMEMBER_TOKENS;
    let recent = Condition::all()
        .add(Condition::any().add(Column::RevokedAt.is_null()).add(Column::RevokedAt.gt(since)))
        .add(Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(since)));
    for row in Entity::find().filter(recent).order_by_asc(Column::Id).all(db).await? {
        let token = match token_config(&row) {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(token.id = row.id, %error, "token left out");
                continue;
            }
        };
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.tokens.push(token);
        }
    }
    Ok(())
}

async fn load_policies(db: &impl ConnectionTrait, teams: &mut Teams) -> Result<(), StoreError> {
    use policy::{Column, Entity};
    let idle = [PolicyState::Draft.as_str(), PolicyState::Off.as_str()];
    for row in Entity::find().filter(Column::State.is_not_in(idle)).order_by_asc(Column::Id).all(db).await? {
        let policy = match crate::policy::policy(&row) {
            Ok(policy) => policy,
            Err(error) => {
                // Nobody can tell whom it would limit, so nobody is; the dashboard says so to the team.
                tracing::error!(policy.id = row.id, policy.name = row.name, %error, "policy left out: it is NOT in force");
                continue;
            }
        };
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.policies.push(NamedPolicy {
                id: PolicyId(row.id),
                name: row.name,
                owner: row.token_id.map(TokenId),
                policy,
            });
        }
    }
    Ok(())
}

/// As text: who reads it leaves out and reports what it cannot read.
async fn load_prices(db: &impl ConnectionTrait, teams: &mut Teams) -> Result<(), StoreError> {
    use team_price::{Column, Entity};
    for row in Entity::find().order_by_asc(Column::Id).all(db).await? {
        if let Some(team) = teams.get_mut(&row.team_id) {
            team.prices.push(TeamPrice { id: TeamPriceId(row.id), text: row.text });
        }
    }
    Ok(())
}

fn token_config(row: &api_token::Model) -> Result<TokenConfig, StoreError> {
    Ok(TokenConfig {
        id: TokenId(row.id),
        name: row.name.clone(),
        digest: row
            .digest
            .as_slice()
            .try_into()
            .map_err(|_| StoreError::Other(format!("digest of token {}", row.id)))?,
        previous: crate::token::previous(row)?,
        restrictions: crate::token::restrictions(row)?,
        revoked: row.revoked_at.is_some(),
        expires_at: row.expires_at,
    })
}
