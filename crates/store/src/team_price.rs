//! Queries on the prices of a team's own.

use chrono::{DateTime, Utc};
use domain::{TeamId, TeamPriceId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder,
};

use crate::entity::team_price::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// What a price says, and the change that made it so.
#[derive(Clone, Debug)]
pub struct Definition<'a> {
    /// The provider's slug.
    pub provider: &'a str,
    /// The model's id, or the beginning of ids and `*`.
    pub model: &'a str,
    /// A row of a price book, with the same provider and model.
    pub text: &'a str,
    /// The configuration version of this change.
    pub version: i64,
    pub now: DateTime<Utc>,
}

/// The team's prices, by provider and model, the oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(db: &impl ConnectionTrait, team: TeamId) -> Result<Vec<Model>, StoreError> {
    let of_team = Entity::find().filter(Column::TeamId.eq(team.0));
    let sorted = of_team.order_by_asc(Column::Provider).order_by_asc(Column::Model).order_by_asc(Column::Id);
    Ok(sorted.all(db).await?)
}

/// The team's prices of one provider and model, as they are written, the oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_of(
    db: &impl ConnectionTrait,
    team: TeamId,
    provider: &str,
    model: &str,
) -> Result<Vec<Model>, StoreError> {
    let of_team = Entity::find().filter(Column::TeamId.eq(team.0));
    let of_model = of_team.filter(Column::Provider.eq(provider)).filter(Column::Model.eq(model));
    Ok(of_model.order_by_asc(Column::Id).all(db).await?)
}

/// How many prices the team has.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn count(db: &impl ConnectionTrait, team: TeamId) -> Result<u64, StoreError> {
    Ok(Entity::find().filter(Column::TeamId.eq(team.0)).count(db).await?)
}

/// A price of the team.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn find(db: &impl ConnectionTrait, team: TeamId, id: TeamPriceId) -> Result<Model, StoreError> {
    Entity::find_by_id(id.0).filter(Column::TeamId.eq(team.0)).one(db).await?.ok_or(StoreError::NotFound)
}

/// Adds a price.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn create(tx: &WriteTx, team: TeamId, definition: &Definition<'_>) -> Result<Model, StoreError> {
    let row = ActiveModel { team_id: Set(team.0), created_at: Set(definition.now), ..defined(definition) };
    Ok(row.insert(tx).await?)
}

/// Changes a price.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(tx: &WriteTx, id: TeamPriceId, definition: &Definition<'_>) -> Result<Model, StoreError> {
    Ok(ActiveModel { id: Set(id.0), ..defined(definition) }.update(tx).await?)
}

/// Removes a price.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn delete(tx: &WriteTx, id: TeamPriceId) -> Result<(), StoreError> {
    Entity::delete_by_id(id.0).exec(tx).await?;
    Ok(())
}

fn defined(definition: &Definition<'_>) -> ActiveModel {
    ActiveModel {
        provider: Set(definition.provider.to_owned()),
        model: Set(definition.model.to_owned()),
        text: Set(definition.text.to_owned()),
        version: Set(definition.version),
        updated_at: Set(definition.now),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_config;
    use crate::secrets::Sealer;
    use crate::{Store, db_test};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).expect("a moment")
    }

    fn of<'a>(provider: &'a str, model: &'a str, text: &'a str) -> Definition<'a> {
        Definition { provider, model, text, version: 7, now: now() }
    }

    async fn team(store: &Store, slug: &str) -> TeamId {
        let tx = store.write_tx().await.expect("a transaction");
        let row = crate::team::create(&tx, slug, slug, now()).await.expect("created");
        tx.commit().await.expect("committed");
        TeamId(row.id)
    }

    async fn loaded(store: &Store) -> Vec<Vec<(i64, String)>> {
        let config = load_config(store, &Sealer::new([7; 32])).await.expect("loaded");
        let prices =
            |team: domain::config::TeamConfig| team.prices.into_iter().map(|price| (price.id.0, price.text)).collect();
        config.teams.into_iter().map(prices).collect()
    }

    db_test! {
        async fn a_teams_prices_are_its_own_and_reach_its_configuration(store: Store) {
            let (acme, other) = (team(&store, "acme").await, team(&store, "other").await);
            let tx = store.write_tx().await.expect("a transaction");
            let first = create(&tx, acme, &of("openai", "gpt-5*", "{\"a\":1}")).await.expect("created");
            let second = create(&tx, acme, &of("anthropic", "claude-x", "{\"b\":1}")).await.expect("created");
            tx.commit().await.expect("committed");
            let db = store.read();
            assert_eq!(list(db, acme).await.expect("listed"), [second.clone(), first.clone()]);
            assert_eq!(list_of(db, acme, "openai", "gpt-5*").await.expect("listed"), std::slice::from_ref(&first));
            assert!(list_of(db, acme, "openai", "gpt-5").await.expect("listed").is_empty());
            assert_eq!(count(db, acme).await.expect("counted"), 2);
            assert_eq!(count(db, other).await.expect("counted"), 0);
            assert_eq!(find(db, acme, TeamPriceId(first.id)).await.expect("found"), first);
            assert!(matches!(find(db, other, TeamPriceId(first.id)).await, Err(StoreError::NotFound)));
            let both = vec![(first.id, "{\"a\":1}".to_owned()), (second.id, "{\"b\":1}".to_owned())];
            assert_eq!(loaded(&store).await, [both, vec![]]);

            let tx = store.write_tx().await.expect("a transaction");
            let changed = update(&tx, TeamPriceId(first.id), &of("openai", "o3", "{\"c\":1}")).await.expect("changed");
            delete(&tx, TeamPriceId(second.id)).await.expect("deleted");
            tx.commit().await.expect("committed");
            assert_eq!((changed.model.as_str(), changed.team_id, changed.created_at), ("o3", acme.0, first.created_at));
            assert_eq!(loaded(&store).await, [vec![(first.id, "{\"c\":1}".to_owned())], vec![]]);
        }

        async fn prices_go_with_their_team(store: Store) {
            let acme = team(&store, "acme").await;
            let tx = store.write_tx().await.expect("a transaction");
            create(&tx, acme, &of("openai", "gpt-5", "{}")).await.expect("created");
            tx.commit().await.expect("committed");
            crate::fixture::execute(&store, "DELETE FROM teams").await;
            assert_eq!(count(store.read(), acme).await.expect("counted"), 0);
        }
    }
}
