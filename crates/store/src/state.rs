//! What is kept of the Responses API. Changes come through the spool and the ledger writer, in the order in which they were
//! made; here is what reads them, and what makes room.

mod change;
#[cfg(test)]
mod tests;

use std::io::Read;

use domain::state::{Conversation, ConversationItem, ItemPage, KeptResponse, ResponseStatus};
use domain::{GatewayId, TeamId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, TryGetable, Value,
};

pub(crate) use self::change::Prepared;
use crate::entity::{conversation, conversation_item, response};
use crate::{Store, StoreError, pack};

/// Rows deleted in one transaction, and about how many bytes of them.
const RANGE: u64 = 64;
const RANGE_BYTES: i64 = 16 << 20;
/// What a team gives at least before another is looked at, in bytes.
const STEP_BYTES: i64 = 1 << 20;
/// A page of a conversation's items: at most so many, about so many bytes as they are stored and as they are.
const PAGE_ITEMS: u64 = 1_000;
const PAGE_STORED: i64 = 1 << 20;
const PAGE_TEXT: usize = 4 << 20;
/// Most bytes that a frame is unpacked to.
const MAX_TEXT: u64 = 64 << 20;

/// A response of a team, where there is one that is valid at `now_ms`.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; [`StoreError::Other`] where the row is damaged.
pub async fn load_response(
    store: &Store,
    team: TeamId,
    id: &str,
    now_ms: i64,
) -> Result<Option<KeptResponse>, StoreError> {
    let found = response::Entity::find_by_id((team.0, id.to_owned()))
        .filter(response::Column::ExpiresAtMs.gt(now_ms))
        .one(store.read())
        .await?;
    found.map(kept).transpose()
}

fn kept(row: response::Model) -> Result<KeptResponse, StoreError> {
    let status = ResponseStatus::from_name(&row.status);
    Ok(KeptResponse {
        team_id: TeamId(row.team_id),
        gateway_id: GatewayId(row.gateway_id),
        id: row.id,
        provider: row.provider,
        holder: row.holder,
        status: status.ok_or_else(|| StoreError::Other(format!("a response is {:?}", row.status)))?,
        background: row.background,
        owner: row.owner,
        previous_id: row.previous_id,
        conversation_id: row.conversation_id,
        created_at_ms: row.created_at_ms,
        expires_at_ms: row.expires_at_ms,
        input: unpack(&row.input)?,
        response: unpack(&row.response)?,
    })
}

/// A conversation of a team without its items, where there is one that is valid at `now_ms`.
///
/// # Errors
/// As [`load_response`].
pub async fn load_conversation(
    store: &Store,
    team: TeamId,
    id: &str,
    now_ms: i64,
) -> Result<Option<Conversation>, StoreError> {
    let found = conversation::Entity::find_by_id((team.0, id.to_owned()))
        .filter(conversation::Column::ExpiresAtMs.gt(now_ms))
        .one(store.read())
        .await?;
    Ok(found.map(|row| Conversation {
        team_id: team,
        gateway_id: GatewayId(row.gateway_id),
        id: row.id,
        metadata: row.metadata,
        created_at_ms: row.created_at_ms,
        expires_at_ms: row.expires_at_ms,
    }))
}

/// The next items of a team's conversation, in their order: those behind the one at `after`, as many as make a page. Whoever reads
/// a long conversation never has more of it in hand than a page and what there was room for.
///
/// # Errors
/// As [`load_response`].
pub async fn load_items(
    store: &Store,
    team: TeamId,
    conversation: &str,
    after: Option<(i64, String)>,
) -> Result<ItemPage, StoreError> {
    use conversation_item::Column;
    use sea_orm::sea_query::ExprTrait as _;

    let place = || Expr::tuple([Expr::col(Column::Position), Expr::col(Column::Id)]);
    let at = |(position, id): (i64, String)| Expr::tuple([Expr::value(position), Expr::value(id)]);
    let mut rest = conversation_item::Entity::find()
        .filter(Column::TeamId.eq(team.0))
        .filter(Column::ConversationId.eq(conversation))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id);
    if let Some(after) = after {
        rest = rest.filter(place().gt(at(after)));
    }
    let sizes = rest.clone().select_only().columns([Column::Position, Column::Id, Column::Bytes]).limit(PAGE_ITEMS + 1);
    let (mut last, mut more, mut count, mut stored) = (None, false, 0, 0);
    for (position, id, bytes) in sizes.into_tuple::<(i64, String, i64)>().all(store.read()).await? {
        (count, stored) = (count + 1, stored + bytes);
        more = last.is_some() && (count > PAGE_ITEMS || stored > PAGE_STORED);
        if more {
            break;
        }
        last = Some((position, id));
    }
    let Some(last) = last else { return Ok(ItemPage::default()) };
    let mut page = ItemPage::default();
    let mut text = 0;
    for row in rest.filter(place().lte(at(last))).limit(PAGE_ITEMS).all(store.read()).await? {
        // Text that says the same again and again is stored in next to nothing.
        if text > PAGE_TEXT {
            more = true;
            break;
        }
        let item = unpack(&row.item)?;
        text += item.len();
        page.items.push(ConversationItem { id: row.id, position: row.position, item });
    }
    page.next = page.items.last().filter(|_| more).map(|last| (last.position, last.id.clone()));
    Ok(page)
}

fn unpack(frame: &[u8]) -> Result<String, StoreError> {
    let mut text = String::new();
    let read = pack::unpack(frame, MAX_TEXT).and_then(|mut frame| frame.read_to_string(&mut text));
    read.map(|_| text).map_err(|error| StoreError::Other(format!("kept state is damaged: {error}")))
}

/// Deletes what is no longer valid at `now_ms`; answers how many responses and conversations.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn purge_expired(store: &Store, now_ms: i64) -> Result<u64, StoreError> {
    let mut purged = 0;
    for table in ["responses", "conversations"] {
        let sql = format!("SELECT team_id, id FROM {table} WHERE expires_at_ms <= $1 LIMIT {RANGE}");
        loop {
            let keys: Vec<(i64, String)> = rows(store, &sql, [now_ms.into()]).await?;
            delete(store, table, &keys).await?;
            purged += keys.len() as u64;
            if (keys.len() as u64) < RANGE {
                break;
            }
        }
    }
    Ok(purged)
}

/// Deletes the oldest until each team's responses, and each team's conversations, take at most `per_team` bytes, and those
/// of all teams at most `total`. Answers how many were deleted. Of conversations, those are oldest that nobody has
/// added to for longest; one without items counts too, so that a team's bytes bound their number.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer; what was deleted until then stays deleted.
pub async fn trim(store: &Store, per_team: u64, total: u64) -> Result<u64, StoreError> {
    let (per_team, total) = (signed(per_team), signed(total));
    let mut trimmed = 0;
    for kind in [RESPONSES, CONVERSATIONS] {
        let mut sums: Vec<(i64, i64)> = rows(store, kind.sums, []).await?;
        for (team, bytes) in &mut sums {
            let freed = trim_team(store, kind, *team, *bytes - per_team, &mut trimmed).await?;
            *bytes -= freed;
        }
        // Whoever takes most gives first.
        loop {
            let excess = sums.iter().map(|(_, bytes)| bytes).sum::<i64>() - total;
            sums.sort_unstable_by_key(|(_, bytes)| *bytes);
            let next = sums.iter().rev().nth(1).map_or(0, |(_, bytes)| *bytes);
            let Some((team, bytes)) = sums.last_mut().filter(|_| excess > 0) else { break };
            let step = (*bytes - next).clamp(STEP_BYTES, RANGE_BYTES).min(excess);
            let freed = trim_team(store, kind, *team, step, &mut trimmed).await?;
            if freed == 0 {
                break;
            }
            *bytes -= freed;
        }
    }
    Ok(trimmed)
}

/// A table whose oldest rows can be deleted.
#[derive(Clone, Copy)]
struct Kind {
    table: &'static str,
    /// Bytes by team.
    sums: &'static str,
    /// The oldest of team `$1`, with their bytes.
    oldest: &'static str,
}

const RESPONSES: Kind = Kind {
    table: "responses",
    sums: "SELECT team_id, CAST(SUM(bytes) AS bigint) FROM responses GROUP BY team_id",
    oldest: "SELECT id, bytes FROM responses WHERE team_id = $1 ORDER BY created_at_ms LIMIT 64",
};
const CONVERSATIONS: Kind = Kind {
    table: "conversations",
    // A row of its own takes a kibibyte, with its places in the indexes.
    sums: "SELECT team_id, CAST(SUM(bytes) AS bigint) FROM (SELECT team_id, bytes FROM conversation_items \
           UNION ALL SELECT team_id, 1024 + OCTET_LENGTH(metadata) FROM conversations) AS kept GROUP BY team_id",
    oldest: "SELECT c.id, CAST(1024 + OCTET_LENGTH(c.metadata) + COALESCE((SELECT SUM(i.bytes) \
             FROM conversation_items i WHERE i.team_id = c.team_id AND i.conversation_id = c.id), 0) AS bigint) \
             FROM conversations c WHERE c.team_id = $1 ORDER BY c.expires_at_ms LIMIT 64",
};

/// Deletes a team's oldest rows until `excess` bytes are free; answers how many are.
async fn trim_team(store: &Store, kind: Kind, team: i64, excess: i64, trimmed: &mut u64) -> Result<i64, StoreError> {
    let mut freed = 0;
    while freed < excess {
        let oldest: Vec<(String, i64)> = rows(store, kind.oldest, [team.into()]).await?;
        let (mut keys, before) = (Vec::new(), freed);
        for (id, bytes) in oldest {
            if freed >= excess || freed - before >= RANGE_BYTES {
                break;
            }
            freed += bytes;
            keys.push((team, id));
        }
        if keys.is_empty() {
            break;
        }
        *trimmed += keys.len() as u64;
        delete(store, kind.table, &keys).await?;
    }
    Ok(freed)
}

/// Deletes rows by team and id; a conversation's items go with it.
async fn delete(store: &Store, table: &str, keys: &[(i64, String)]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let tx = store.write_tx().await?;
    let items = "DELETE FROM conversation_items WHERE team_id = $1 AND conversation_id = $2";
    let own = format!("DELETE FROM {table} WHERE team_id = $1 AND id = $2");
    let with_items = table == "conversations";
    for (team, id) in keys {
        for sql in with_items.then_some(items).into_iter().chain([own.as_str()]) {
            let values: [Value; 2] = [(*team).into(), id.clone().into()];
            tx.execute_raw(Statement::from_sql_and_values(store.backend().into(), sql, values)).await?;
        }
    }
    Ok(tx.commit().await?)
}

async fn rows<A: TryGetable, B: TryGetable>(
    store: &Store,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<(A, B)>, StoreError> {
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, values);
    let rows = store.read().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
