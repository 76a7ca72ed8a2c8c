//! Ledger rows and bodies as values of their tables.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use bytes::Bytes;
use domain::ledger::{AttemptRow, Cause, Payload};
use sea_orm::{ConnectionTrait, DbErr, Value};
use uuid::Uuid;

use crate::bulk::{Cell, Insert, chunks, clean, figure, fit, money};
use crate::pack::pack;
use crate::spool::Position;
use crate::{Backend, WriteTx, priced};

/// Bytes of bodies in one statement, if they are of several.
const STATEMENT_BYTES: usize = 256 << 10;

const COLUMNS: &[&str] = &[
    "request_id",
    "attempt",
    "last",
    "at_ms",
    "team_id",
    "gateway_id",
    "token_id",
    "provider_key_id",
    "surface",
    "method",
    "path",
    "provider",
    "model_asked",
    "model",
    "status",
    "outcome",
    "error_code",
    "cache",
    "streamed",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "audio_seconds",
    "characters",
    "images",
    "searches",
    "usage_more",
    "backend",
    "usage_source",
    "cost_nanos",
    "cost_formula",
    "duration_us",
    "first_byte_us",
    "gateway_us",
    "request_bytes",
    "response_bytes",
    "event_id",
    "metadata",
    "user_agent",
    "user_name",
    "logged",
    "cause",
    "called",
    "way",
];

/// New rows; one that is there already stays as it is.
pub(super) static REQUESTS: LazyLock<Insert> =
    LazyLock::new(|| Insert { table: "requests", columns: COLUMNS, tail: "ON CONFLICT DO NOTHING".to_owned() });

/// The same, telling which rows were not there before.
static TOLD: LazyLock<Insert> = LazyLock::new(|| Insert {
    table: "requests",
    columns: COLUMNS,
    tail: "ON CONFLICT DO NOTHING RETURNING request_id, attempt".to_owned(),
});

const BODY_COLUMNS: &[&str] = &[
    "request_id",
    "attempt",
    "request",
    "response",
    "request_content_type",
    "response_content_type",
    "request_cut",
    "response_cut",
];

/// The bodies of new rows.
pub(super) static BODIES: LazyLock<Insert> = LazyLock::new(|| Insert {
    table: "request_bodies",
    columns: BODY_COLUMNS,
    tail: "ON CONFLICT DO NOTHING".to_owned(),
});

/// A row ready to be written, and what it was made from.
pub(super) struct Row {
    pub(super) at: Position,
    pub(super) ledger: AttemptRow,
    body: Option<Body>,
}

/// What was said, compressed.
struct Body {
    request: Vec<u8>,
    response: Vec<u8>,
    payload: Payload,
}

impl Row {
    pub(super) fn new(at: Position, ledger: AttemptRow, payload: Option<Payload>) -> Self {
        let body = payload.map(|mut payload| {
            let (request, response) = (pack(&payload.request), pack(&payload.response));
            (payload.request, payload.response) = (Bytes::new(), Bytes::new());
            Body { request, response, payload }
        });
        Self { at, ledger, body }
    }

    fn key(&self) -> (Uuid, i32) {
        (self.ledger.request_id.0, self.ledger.attempt.into())
    }

    /// In the order of the columns of [`REQUESTS`].
    pub(super) fn cells(&self) -> [Cell<'_>; COLUMNS.len()] {
        cells(&self.ledger)
    }

    /// In the order of the columns of [`BODIES`]; nothing where nothing was said.
    pub(super) fn body_cells(&self) -> Option<[Cell<'_>; BODY_COLUMNS.len()]> {
        let Body { request, response, payload } = self.body.as_ref()?;
        let (request_id, attempt) = self.key();
        Some([
            request_id.into(),
            attempt.into(),
            Cell::Bytes(request),
            Cell::Bytes(response),
            text(payload.request_content_type.as_ref()),
            text(payload.response_content_type.as_ref()),
            payload.request_cut.into(),
            payload.response_cut.into(),
        ])
    }
}

/// The values of rows, one after the other.
fn values(rows: &[Row]) -> Vec<Value> {
    rows.iter().flat_map(Row::cells).map(Value::from).collect()
}

/// Inserts rows with their bodies where none of them was there before; otherwise answers `false`, and what was inserted is to be
/// rolled back. To be told of each row would cost a message between threads for each.
pub(super) async fn insert_new(backend: Backend, tx: &WriteTx, rows: &[Row]) -> Result<bool, DbErr> {
    for chunk in chunks(rows) {
        let inserted = tx.execute_raw(REQUESTS.statement(backend, values(chunk))).await?.rows_affected();
        if inserted != chunk.len() as u64 {
            return Ok(false);
        }
        insert_bodies(backend, tx, &chunk.iter().collect::<Vec<_>>()).await?;
    }
    Ok(true)
}

/// Inserts rows with their bodies; answers those that were not there before. A row that was there keeps its body too.
pub(super) async fn insert<'r>(backend: Backend, tx: &WriteTx, rows: &'r [Row]) -> Result<Vec<&'r AttemptRow>, DbErr> {
    let mut inserted = Vec::with_capacity(rows.len());
    for chunk in chunks(rows) {
        let mut new = HashSet::with_capacity(chunk.len());
        for row in tx.query_all_raw(TOLD.statement(backend, values(chunk))).await? {
            new.insert((row.try_get_by_index::<Uuid>(0)?, row.try_get_by_index::<i32>(1)?));
        }
        // A key that stands twice in one chunk is inserted once and must be counted once.
        let new: Vec<_> = chunk.iter().filter(|row| new.remove(&row.key())).collect();
        insert_bodies(backend, tx, &new).await?;
        inserted.extend(new.into_iter().map(|row| &row.ledger));
    }
    Ok(inserted)
}

async fn insert_bodies(backend: Backend, tx: &WriteTx, rows: &[&Row]) -> Result<(), DbErr> {
    let bodies: Vec<_> = rows.iter().filter_map(|row| row.body_cells()).collect();
    for chunk in chunks(&bodies) {
        // Large ones go alone: over a slow way a statement must arrive while its answer is waited for.
        let together = if bytes(chunk) <= STATEMENT_BYTES { chunk.len() } else { 1 };
        for bodies in chunk.chunks(together) {
            let values = bodies.iter().flatten().cloned().map(Value::from).collect();
            tx.execute_raw(BODIES.statement(backend, values)).await?;
        }
    }
    Ok(())
}

fn bytes(bodies: &[[Cell<'_>; BODY_COLUMNS.len()]]) -> usize {
    bodies.iter().flatten().map(|cell| if let Cell::Bytes(bytes) = cell { bytes.len() } else { 0 }).sum()
}

fn cells(row: &AttemptRow) -> [Cell<'_>; COLUMNS.len()] {
    let usage = &row.usage;
    [
        row.request_id.0.into(),
        i32::from(row.attempt).into(),
        row.last.into(),
        row.at_ms.into(),
        row.team_id.map(|id| id.0).into(),
        row.gateway_id.map(|id| id.0).into(),
        row.token_id.map(|id| id.0).into(),
        row.provider_key_id.map(|id| id.0).into(),
        row.surface.as_str().into(),
        fit(&row.method).into(),
        fit(&row.path).into(),
        text(row.provider.as_ref()),
        text(row.model_asked.as_ref()),
        text(row.model.as_ref()),
        i32::from(row.status).into(),
        row.outcome.as_str().into(),
        text(row.error_code.as_ref()),
        row.cache.as_str().into(),
        row.streamed.into(),
        figure(usage.input).into(),
        figure(usage.output).into(),
        figure(usage.cached_input).into(),
        figure(usage.cache_write).into(),
        figure(usage.cache_write_1h).into(),
        figure(usage.reasoning).into(),
        figure(usage.audio_input).into(),
        figure(usage.audio_output).into(),
        figure(usage.image_input).into(),
        figure(usage.audio_seconds).into(),
        figure(usage.characters).into(),
        figure(usage.images).into(),
        figure(usage.searches).into(),
        Cell::Text(priced::usage_more(usage).map(Cow::Owned)),
        text(row.backend.as_ref()),
        row.usage_source.as_str().into(),
        row.cost.map(money).into(),
        Cell::Text(priced::formula(&row.cost_formula).map(|json| Cow::Owned(clean(&json)))),
        figure(row.duration_us).into(),
        row.first_byte_us.map(figure).into(),
        figure(row.gateway_us).into(),
        figure(row.request_bytes).into(),
        figure(row.response_bytes).into(),
        text(row.event_id.as_ref()),
        text(row.metadata.as_ref()),
        text(row.user_agent.as_ref()),
        text(row.user.as_ref()),
        row.logged.into(),
        Cell::Text((row.cause != Cause::First).then(|| Cow::Borrowed(row.cause.as_str()))),
        text(row.called.as_ref()),
        text(row.way.as_ref()),
    ]
}

fn text(text: Option<&String>) -> Cell<'_> {
    Cell::Text(text.map(|text| fit(text)))
}
