//! What is called how: names of gateways and tokens by the ids that the ledger and the roll-ups have. Deleted and revoked ones
//! have their names still.

use std::collections::HashMap;

use domain::{GatewayId, TokenId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use crate::entity::{api_token, gateway};
use crate::{Store, StoreError};

/// Slugs of gateways, of at most a few thousand ids.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn gateways(
    store: &Store,
    ids: impl Iterator<Item = GatewayId>,
) -> Result<HashMap<GatewayId, String>, StoreError> {
    use gateway::{Column, Entity};
    let found = find::<Entity, _>(store, Column::Id, Column::Slug, ids.map(|id| id.0)).await?;
    Ok(found.into_iter().map(|(id, name)| (GatewayId(id), name)).collect())
}

/// Names of tokens, of at most a few thousand ids.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn tokens(store: &Store, ids: impl Iterator<Item = TokenId>) -> Result<HashMap<TokenId, String>, StoreError> {
    use api_token::{Column, Entity};
    let found = find::<Entity, _>(store, Column::Id, Column::Name, ids.map(|id| id.0)).await?;
    Ok(found.into_iter().map(|(id, name)| (TokenId(id), name)).collect())
}

async fn find<E, C>(
    store: &Store,
    id: C,
    name: C,
    ids: impl Iterator<Item = i64>,
) -> Result<Vec<(i64, String)>, StoreError>
where
    E: EntityTrait,
    C: ColumnTrait,
{
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = E::find().select_only().column(id).column(name).filter(id.is_in(ids));
    Ok(found.into_tuple().all(store.read()).await?)
}
