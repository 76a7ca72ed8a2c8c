//! The audit chain: each event carries the SHA-256 of the one before, so that a changed, removed or inserted row shows.

use aws_lc_rs::digest::{Context, SHA256};
use domain::{TeamId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::audit_event::{ActiveModel, Column, Entity, Model};
use crate::{StoreError, WriteTx};

/// Events read at once when the chain is checked.
const CHUNK: u64 = 500;

/// A change somebody made.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub team_id: Option<TeamId>,
    pub user_id: Option<UserId>,
    /// E-mail of the person, or the command.
    pub actor: String,
    /// `gateway.update`, `token.revoke`, …
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// JSON without secrets.
    pub before: Option<String>,
    /// JSON without secrets.
    pub after: Option<String>,
}

/// What a check of the chain found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// So many events, each fitting the one before.
    Intact(u64),
    /// The first event that does not fit.
    BrokenAt(i64),
}

/// Adds an event to the chain. The transaction must have raised the configuration version before: that lock is what
/// keeps two events from following the same one.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn append(tx: &WriteTx, event: NewEvent) -> Result<(), StoreError> {
    let previous = Entity::find().order_by_desc(Column::Id).limit(1).one(tx).await?;
    let previous = previous.map_or_else(|| vec![0; 32], |row| row.digest);
    let digest = digest(&previous, &event);
    let row = ActiveModel {
        at_ms: Set(event.at_ms),
        team_id: Set(event.team_id.map(|id| id.0)),
        user_id: Set(event.user_id.map(|id| id.0)),
        actor: Set(event.actor),
        action: Set(event.action),
        target: Set(event.target),
        before: Set(event.before),
        after: Set(event.after),
        previous: Set(previous),
        digest: Set(digest),
        ..Default::default()
    };
    row.insert(tx).await?;
    Ok(())
}

/// A team's events, newest first, older than `before`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    db: &impl ConnectionTrait,
    team: TeamId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let mut query = Entity::find().filter(Column::TeamId.eq(team.0));
    if let Some(id) = before {
        query = query.filter(Column::Id.lt(id));
    }
    Ok(query.order_by_desc(Column::Id).limit(limit).all(db).await?)
}

/// Walks the whole chain.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn verify(db: &impl ConnectionTrait) -> Result<Chain, StoreError> {
    let (mut previous, mut last, mut count) = (vec![0; 32], 0, 0);
    loop {
        let rows = Entity::find().filter(Column::Id.gt(last)).order_by_asc(Column::Id).limit(CHUNK).all(db).await?;
        if rows.is_empty() {
            return Ok(Chain::Intact(count));
        }
        for row in rows {
            if row.previous != previous || digest(&previous, &event_of(&row)) != row.digest {
                return Ok(Chain::BrokenAt(row.id));
            }
            (previous, last, count) = (row.digest, row.id, count + 1);
        }
    }
}

fn event_of(row: &Model) -> NewEvent {
    NewEvent {
        at_ms: row.at_ms,
        team_id: row.team_id.map(TeamId),
        user_id: row.user_id.map(UserId),
        actor: row.actor.clone(),
        action: row.action.clone(),
        target: row.target.clone(),
        before: row.before.clone(),
        after: row.after.clone(),
    }
}

/// Every field goes in with its length, so that text cannot move from one field to the next.
fn digest(previous: &[u8], event: &NewEvent) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(&event.at_ms.to_be_bytes());
    for id in [event.team_id.map(|id| id.0), event.user_id.map(|id| id.0)] {
        context.update(&id.unwrap_or(-1).to_be_bytes());
    }
    let texts =
        [Some(&event.actor), Some(&event.action), Some(&event.target), event.before.as_ref(), event.after.as_ref()];
    for text in texts {
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        context.update(&length.to_be_bytes());
        context.update(text.map_or(&[], |text| text.as_bytes()));
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::db_test;

    async fn add(store: &crate::Store, action: &str) {
        let tx = store.write_tx().await.expect("a transaction");
        crate::config::bump(&tx).await.expect("the lock");
        append(&tx, NewEvent { action: action.to_owned(), ..NewEvent::default() }).await.expect("appended");
        tx.commit().await.expect("committed");
    }

    db_test! {
        async fn a_changed_or_removed_event_breaks_the_chain(store: Store) {
            for action in ["a", "b", "c", "d"] {
                add(&store, action).await;
            }
            assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(4));
            let rows = Entity::find().order_by_asc(Column::Id).all(store.read()).await.expect("read");
            let tx = store.write_tx().await.expect("a transaction");
            let forged = ActiveModel { id: Set(rows[2].id), action: Set("x".to_owned()), ..Default::default() };
            forged.update(&tx).await.expect("forged");
            tx.commit().await.expect("committed");
            assert_eq!(verify(store.read()).await.expect("read"), Chain::BrokenAt(rows[2].id));
            let tx = store.write_tx().await.expect("a transaction");
            Entity::delete_by_id(rows[1].id).exec(&tx).await.expect("removed");
            tx.commit().await.expect("committed");
            assert_eq!(verify(store.read()).await.expect("read"), Chain::BrokenAt(rows[2].id));
        }
    }
}
