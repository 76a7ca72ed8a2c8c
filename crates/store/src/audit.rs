//! The audit chain: each event carries the SHA-256 of the one before, so that a changed, removed or inserted row shows.

use aws_lc_rs::digest::{Context, SHA256};
use domain::{TeamId, UserId};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, sea_query::Query,
};

use crate::entity::audit_event::{ActiveModel, Column, Entity, Model};
use crate::entity::membership;
use crate::{StoreError, WriteTx};

/// Events read at once when the chain is checked.
const CHUNK: u64 = 500;

/// A change somebody made.
#[derive(Clone, Debug, Default)]
pub struct NewEvent {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Nothing for events of an account, such as signing in, and for those of the price book.
    pub team_id: Option<TeamId>,
    /// Who did it; for events of an account, whose account it is, whoever did it. Nothing for what a command did.
    pub user_id: Option<UserId>,
    /// E-mail of the person, the command, or `unknown`.
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

/// Adds an event to the chain. The transaction must have called [`crate::config::bump`] or [`crate::config::lock`]
/// before: that lock is what keeps two events from following the same one.
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

/// How the actions begin that concern all teams.
const OF_ALL: &str = "price_book.";

/// A team's events, those of its members' accounts and those of the price book of all, newest first, older than `before`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_of_team(
    db: &impl ConnectionTrait,
    team: TeamId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let members = Query::select()
        .column(membership::Column::UserId)
        .from(membership::Entity)
        .and_where(membership::Column::TeamId.eq(team.0))
        .to_owned();
    let of_team = Entity::find().filter(Column::TeamId.eq(team.0));
    let of_members = Entity::find().filter(Column::TeamId.is_null()).filter(Column::UserId.in_subquery(members));
    // Not all that belongs to nobody: somebody else's failure to sign in does too.
    let of_all = Entity::find().filter(Column::TeamId.is_null()).filter(Column::UserId.is_null());
    let of_all = of_all.filter(Column::Action.starts_with(OF_ALL));
    // Three queries, because each walks an index from its end, and one with an OR would not.
    let mut events = page(of_team, before, limit).all(db).await?;
    events.extend(page(of_members, before, limit).all(db).await?);
    events.extend(page(of_all, before, limit).all(db).await?);
    events.sort_unstable_by_key(|event| std::cmp::Reverse(event.id));
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(events)
}

/// The events of a person's account, newest first, older than `before`.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list_of_account(
    db: &impl ConnectionTrait,
    user: UserId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let of_account = Entity::find().filter(Column::TeamId.is_null()).filter(Column::UserId.eq(user.0));
    Ok(page(of_account, before, limit).all(db).await?)
}

fn page(query: Select<Entity>, before: Option<i64>, limit: u64) -> Select<Entity> {
    let query = match before {
        Some(id) => query.filter(Column::Id.lt(id)),
        None => query,
    };
    query.order_by_desc(Column::Id).limit(limit)
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
        add_for(store, action, None, None).await;
    }

    async fn add_for(store: &crate::Store, action: &str, team_id: Option<TeamId>, user_id: Option<UserId>) {
        let tx = store.write_tx().await.expect("a transaction");
        crate::config::lock(&tx).await.expect("the lock");
        let event = NewEvent { action: action.to_owned(), team_id, user_id, ..NewEvent::default() };
        append(&tx, event).await.expect("appended");
        tx.commit().await.expect("committed");
    }

    fn actions(events: &[Model]) -> Vec<&str> {
        events.iter().map(|event| event.action.as_str()).collect()
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

        async fn a_team_sees_its_own_events_and_those_of_its_members_accounts(store: Store) {
            let tx = store.write_tx().await.expect("a transaction");
            let now = chrono::DateTime::UNIX_EPOCH;
            let mut people = Vec::new();
            for slug in ["acme", "other"] {
                let team = TeamId(crate::team::create(&tx, slug, slug, now).await.expect("a team").id);
                let email = format!("{slug}@example.com");
                let user = crate::user::create(&tx, &email, slug, "hash".into(), now).await.expect("a person");
                crate::team::set_member(&tx, team, UserId(user.id), domain::Role::Owner, now).await.expect("joined");
                people.push((team, UserId(user.id)));
            }
            tx.commit().await.expect("committed");
            let ((acme, ann), (other, bob)) = (people[0], people[1]);
            add_for(&store, "ann signs in", None, Some(ann)).await;
            add_for(&store, "bob signs in", None, Some(bob)).await;
            add_for(&store, "ann changes acme", Some(acme), Some(ann)).await;
            add_for(&store, "bob changes other", Some(other), Some(bob)).await;
            add_for(&store, "of nobody", None, None).await;
            add_for(&store, "price_book.import", None, None).await;
            let events = list_of_team(store.read(), acme, None, 10).await.expect("listed");
            assert_eq!(actions(&events), ["price_book.import", "ann changes acme", "ann signs in"]);
            let newest = list_of_team(store.read(), acme, None, 1).await.expect("listed");
            assert_eq!(actions(&newest), ["price_book.import"]);
            let older = list_of_team(store.read(), acme, Some(newest[0].id), 1).await.expect("listed");
            assert_eq!(actions(&older), ["ann changes acme"]);
            let own = list_of_account(store.read(), bob, None, 10).await.expect("listed");
            assert_eq!(actions(&own), ["bob signs in"]);
            assert!(list_of_account(store.read(), bob, Some(own[0].id), 10).await.expect("listed").is_empty());
        }

        async fn the_lock_leaves_the_version_alone(store: Store) {
            let before = crate::config::version(&store).await.expect("a version");
            add(&store, "a").await;
            assert_eq!(crate::config::version(&store).await.expect("a version"), before);
        }
    }
}
