//! A change as statements, made before the transaction that runs them.

use domain::state::{Conversation, ConversationItem, KeptResponse, StateChange};
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use crate::Backend;
use crate::bulk::{Insert, clean};
use crate::pack::pack;
use crate::spool::Position;

/// What a row takes beside its texts, in bytes.
const OVERHEAD: usize = 512;

/// A change that is ready to be made.
pub(crate) struct Prepared {
    pub(crate) at: Position,
    pub(crate) change: StateChange,
    /// What must find a row; where it does not, nothing else is done.
    pub(crate) guard: Option<Statement>,
    pub(crate) statements: Vec<Statement>,
}

impl Prepared {
    pub(crate) fn new(backend: Backend, at: Position, change: StateChange) -> Self {
        let (guard, statements) = match &change {
            StateChange::Keep(response) => (None, vec![keep(backend, response)]),
            StateChange::Finish(response) => (None, vec![finish(backend, response)]),
            StateChange::Forget { team_id, id } => {
                (None, vec![plain(backend, "DELETE FROM responses WHERE team_id = $1 AND id = $2", key(team_id.0, id))])
            }
            StateChange::Interrupt { owner, before_ms } => {
                let sql = "UPDATE responses SET status = 'interrupted' WHERE owner = $1 AND created_at_ms < $2 \
                           AND status IN ('queued', 'in_progress')";
                (None, vec![plain(backend, sql, vec![(*owner).into(), (*before_ms).into()])])
            }
            StateChange::Converse(conversation) => (None, vec![converse(backend, conversation)]),
            StateChange::Describe(conversation) => {
                let sql = "UPDATE conversations SET metadata = $3, expires_at_ms = $4 WHERE team_id = $1 AND id = $2";
                let mut values = key(conversation.team_id.0, &conversation.id);
                values.extend([clean(&conversation.metadata).into(), conversation.expires_at_ms.into()]);
                (None, vec![plain(backend, sql, values)])
            }
            StateChange::EndConversation { team_id, id } => {
                let items = "DELETE FROM conversation_items WHERE team_id = $1 AND conversation_id = $2";
                let own = "DELETE FROM conversations WHERE team_id = $1 AND id = $2";
                (None, [items, own].map(|sql| plain(backend, sql, key(team_id.0, id))).into())
            }
            StateChange::AddItems { team_id, conversation_id, items, expires_at_ms } => {
                let sql = "UPDATE conversations SET expires_at_ms = $3 WHERE team_id = $1 AND id = $2";
                let mut values = key(team_id.0, conversation_id);
                values.push((*expires_at_ms).into());
                let add = |item| add_item(backend, team_id.0, conversation_id, item);
                (Some(plain(backend, sql, values)), items.iter().map(add).collect())
            }
            StateChange::RemoveItem { team_id, conversation_id, item_id } => {
                let sql = "DELETE FROM conversation_items WHERE team_id = $1 AND conversation_id = $2 AND id = $3";
                let mut values = key(team_id.0, conversation_id);
                values.push(clean(item_id).into());
                (None, vec![plain(backend, sql, values)])
            }
        };
        Self { at, change, guard, statements }
    }

    /// Makes the change.
    pub(crate) async fn apply(&self, tx: &impl ConnectionTrait) -> Result<(), DbErr> {
        if let Some(guard) = &self.guard
            && tx.execute_raw(guard.clone()).await?.rows_affected() == 0
        {
            return Ok(());
        }
        for statement in &self.statements {
            tx.execute_raw(statement.clone()).await?;
        }
        Ok(())
    }
}

fn plain(backend: Backend, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(backend.into(), sql, values)
}

fn key(team: i64, id: &str) -> Vec<Value> {
    vec![team.into(), clean(id).into()]
}

fn keep(backend: Backend, kept: &KeptResponse) -> Statement {
    let insert = Insert {
        table: "responses",
        columns: &[
            "team_id",
            "id",
            "gateway_id",
            "provider",
            "holder",
            "status",
            "background",
            "owner",
            "previous_id",
            "conversation_id",
            "created_at_ms",
            "expires_at_ms",
            "input",
            "response",
            "bytes",
        ],
        // The first final status stays: of a cancellation and an end that cross, one is told.
        tail: "ON CONFLICT (team_id, id) DO UPDATE SET status = excluded.status, owner = excluded.owner, \
               expires_at_ms = excluded.expires_at_ms, response = excluded.response, bytes = excluded.bytes \
               WHERE responses.status IN ('queued', 'in_progress')"
            .to_owned(),
    };
    let (input, response) = (pack(kept.input.as_bytes()), pack(kept.response.as_bytes()));
    let bytes = size(OVERHEAD + input.len() + response.len());
    let text = |text: &Option<String>| Value::from(text.as_deref().map(clean));
    let values = vec![
        kept.team_id.0.into(),
        clean(&kept.id).into(),
        kept.gateway_id.0.into(),
        clean(&kept.provider).into(),
        text(&kept.holder),
        kept.status.as_str().into(),
        kept.background.into(),
        kept.owner.into(),
        text(&kept.previous_id),
        text(&kept.conversation_id),
        kept.created_at_ms.into(),
        kept.expires_at_ms.into(),
        input.into(),
        response.into(),
        bytes,
    ];
    insert.statement(backend, values)
}

/// Writes over a row that is there and open; one that was deleted does not come back.
fn finish(backend: Backend, kept: &KeptResponse) -> Statement {
    let sql = "UPDATE responses SET status = $3, owner = NULL, response = $4, \
               bytes = CAST($5 AS bigint) + OCTET_LENGTH(input) \
               WHERE team_id = $1 AND id = $2 AND status IN ('queued', 'in_progress')";
    let response = pack(kept.response.as_bytes());
    let bytes = size(OVERHEAD + response.len());
    let mut values = key(kept.team_id.0, &kept.id);
    values.extend([kept.status.as_str().into(), response.into(), bytes]);
    plain(backend, sql, values)
}

fn converse(backend: Backend, conversation: &Conversation) -> Statement {
    let insert = Insert {
        table: "conversations",
        columns: &["team_id", "id", "gateway_id", "metadata", "created_at_ms", "expires_at_ms"],
        tail: "ON CONFLICT (team_id, id) DO UPDATE SET metadata = excluded.metadata, \
               expires_at_ms = excluded.expires_at_ms"
            .to_owned(),
    };
    let values = vec![
        conversation.team_id.0.into(),
        clean(&conversation.id).into(),
        conversation.gateway_id.0.into(),
        clean(&conversation.metadata).into(),
        conversation.created_at_ms.into(),
        conversation.expires_at_ms.into(),
    ];
    insert.statement(backend, values)
}

fn add_item(backend: Backend, team: i64, conversation: &str, item: &ConversationItem) -> Statement {
    let insert = Insert {
        table: "conversation_items",
        columns: &["team_id", "conversation_id", "id", "position", "item", "bytes"],
        tail: "ON CONFLICT DO NOTHING".to_owned(),
    };
    let packed = pack(item.item.as_bytes());
    let bytes = size(OVERHEAD + packed.len());
    let mut values = key(team, conversation);
    values.extend([clean(&item.id).into(), item.position.into(), packed.into(), bytes]);
    insert.statement(backend, values)
}

fn size(bytes: usize) -> Value {
    i64::try_from(bytes).unwrap_or(i64::MAX).into()
}
