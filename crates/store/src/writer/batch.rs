//! One batch, one transaction.

use domain::ledger::AttemptRow;
use domain::token::LastUse;
use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use super::direct::Direct;
use super::rows::{self, Row};
use super::uses::Uses;
use crate::bulk::Insert;
use crate::error::is_fault_of_row;
use crate::rollup::Tally;
use crate::spool::{Batch, Position, Record, SpoolId, encode_row, encode_state};
use crate::{Backend, Store, StoreError, WriteTx, dead_letters, state, token};

/// A batch with everything computed that can be, so that SQLite's write lock is held for the writing only.
pub(super) struct Prepared {
    pub(super) rows: Vec<Row>,
    /// What the rows add up to, all of them new.
    pub(super) tally: Tally,
    /// Changes of kept state, in their order.
    pub(super) changes: Vec<state::Prepared>,
    /// Records that are not understood: place, reason, bytes.
    pub(super) unreadable: Vec<(Position, String, Vec<u8>)>,
    /// When tokens were last used, where that is worth writing down.
    pub(super) used: Vec<LastUse>,
    pub(super) end: Position,
}

/// What a transaction did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) rows: u64,
    pub(super) dead_letters: u64,
}

impl Prepared {
    pub(super) fn new(backend: Backend, batch: Batch, uses: &Uses) -> Self {
        let mut prepared = Self {
            rows: Vec::with_capacity(batch.entries.len()),
            tally: Tally::default(),
            changes: Vec::new(),
            unreadable: Vec::new(),
            used: Vec::new(),
            end: batch.end,
        };
        for entry in batch.entries {
            match entry.record {
                Ok(Record::Row(row, payload)) => prepared.rows.push(Row::new(entry.at, *row, payload)),
                Ok(Record::State(change)) => {
                    prepared.changes.push(state::Prepared::new(backend, entry.at, *change));
                }
                Err((error, bytes)) => prepared.unreadable.push((entry.at, error.to_string(), bytes)),
            }
        }
        prepared.tally = Tally::of(prepared.rows.iter().map(|row| &row.ledger));
        prepared.used = uses.of(prepared.rows.iter().map(|row| &row.ledger));
        prepared
    }
}

/// How far the database has read a spool.
pub(super) async fn position(store: &Store, spool: SpoolId) -> Result<Option<Position>, StoreError> {
    let sql = "SELECT segment, at_byte FROM spool_positions WHERE spool_id = $1";
    let statement = Statement::from_sql_and_values(store.backend().into(), sql, [spool.into()]);
    let Some(row) = store.read().query_one_raw(statement).await? else { return Ok(None) };
    let (segment, offset): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(Some(Position { segment: unsigned(segment)?, offset: unsigned(offset)? }))
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Other("a spool position is negative".to_owned()))
}

/// Writes a batch, on the short way where there is one and nothing is unusual.
pub(super) async fn write(
    store: &Store,
    direct: Option<&mut Direct>,
    spool: SpoolId,
    prepared: &Prepared,
) -> Result<Written, StoreError> {
    if let Some(direct) = direct
        && direct.write(store, spool, prepared).await?
    {
        return Ok(Written { rows: prepared.rows.len() as u64, dead_letters: 0 });
    }
    write_carefully(store, spool, prepared).await
}

/// All rows together, or one by one where the database refuses one of them.
pub(super) async fn write_carefully(store: &Store, spool: SpoolId, prepared: &Prepared) -> Result<Written, StoreError> {
    let mut care = Care::New;
    loop {
        care = match try_write(store, spool, prepared, care).await {
            Ok(Some(written)) => return Ok(written),
            // They are read a second time after a crash, or after a commit of which nobody knew.
            Ok(None) => Care::Again,
            Err(error) if is_fault_of_row(&error) && care != Care::RowByRow => {
                tracing::warn!(error = %error, "a row was refused; writing the batch row by row");
                Care::RowByRow
            }
            Err(error) => return Err(error.into()),
        };
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Care {
    /// No row is there yet, as almost always.
    New,
    /// Some are there, and are not counted again.
    Again,
    RowByRow,
}

/// Nothing where a row was there already and the care taken does not allow for that.
async fn try_write(store: &Store, spool: SpoolId, prepared: &Prepared, care: Care) -> Result<Option<Written>, DbErr> {
    let tx = store.begin_write().await?;
    let mut transaction = Transaction { backend: store.backend(), tx: &tx, spool, written: Written::default() };
    let inserted = match care {
        Care::New if rows::insert_new(store.backend(), &tx, &prepared.rows).await? => None,
        Care::New => {
            tx.rollback().await?;
            return Ok(None);
        }
        Care::Again => Some(rows::insert(store.backend(), &tx, &prepared.rows).await?),
        Care::RowByRow => Some(transaction.insert_row_by_row(&prepared.rows).await?),
    };
    match inserted {
        None => {
            transaction.written.rows = prepared.rows.len() as u64;
            prepared.tally.save(store.backend(), &tx).await?;
        }
        Some(some) => {
            transaction.written.rows = some.len() as u64;
            Tally::of(some).save(store.backend(), &tx).await?;
        }
    }
    token::note_uses(&tx, &prepared.used).await?;
    match care {
        Care::New | Care::Again => {
            for change in &prepared.changes {
                change.apply(&tx).await?;
            }
        }
        Care::RowByRow => transaction.change_one_by_one(&prepared.changes).await?,
    }
    for (at, reason, bytes) in &prepared.unreadable {
        transaction.set_aside(*at, reason, bytes.clone()).await?;
    }
    tx.execute_raw(save_position(store.backend(), spool, prepared.end)).await?;
    let written = transaction.written;
    tx.commit().await?;
    Ok(Some(written))
}

struct Transaction<'a> {
    backend: Backend,
    tx: &'a WriteTx,
    spool: SpoolId,
    written: Written,
}

impl Transaction<'_> {
    /// Each row behind a savepoint, because PostgreSQL gives up a transaction in which a statement failed.
    async fn insert_row_by_row<'r>(&mut self, rows: &'r [Row]) -> Result<Vec<&'r AttemptRow>, DbErr> {
        let mut inserted = Vec::new();
        for row in rows {
            let savepoint = self.tx.savepoint().await?;
            match rows::insert(self.backend, &savepoint, std::slice::from_ref(row)).await {
                Ok(some) => {
                    savepoint.commit().await?;
                    inserted.extend(some);
                }
                Err(error) if is_fault_of_row(&error) => {
                    savepoint.rollback().await?;
                    let record = encode_row(&row.ledger).unwrap_or_default();
                    self.set_aside(row.at, &error.to_string(), record).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(inserted)
    }

    /// The same for changes of kept state.
    async fn change_one_by_one(&mut self, changes: &[state::Prepared]) -> Result<(), DbErr> {
        for change in changes {
            let savepoint = self.tx.savepoint().await?;
            match change.apply(&savepoint).await {
                Ok(()) => savepoint.commit().await?,
                Err(error) if is_fault_of_row(&error) => {
                    savepoint.rollback().await?;
                    let record = encode_state(&change.change, Vec::new()).unwrap_or_default();
                    self.set_aside(change.at, &error.to_string(), record).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn set_aside(&mut self, at: Position, reason: &str, record: Vec<u8>) -> Result<(), DbErr> {
        tracing::error!(spool.segment = at.segment, spool.offset = at.offset, reason, "a record went to dead_letters");
        let insert = Insert {
            table: "dead_letters",
            columns: &["spool_id", "segment", "at_byte", "reason", "record", "at_ms", "bytes"],
            tail: "ON CONFLICT DO NOTHING".to_owned(),
        };
        let reason = crate::bulk::clean(reason);
        let (now_ms, bytes) = (chrono::Utc::now().timestamp_millis(), dead_letters::size(&record));
        let mut values = vec![self.spool.into(), signed(at.segment), signed(at.offset), reason.into(), record.into()];
        values.extend([now_ms.into(), bytes.into()]);
        self.tx.execute_raw(insert.statement(self.backend, values)).await?;
        self.written.dead_letters += 1;
        Ok(())
    }
}

/// Remembers how far a spool is read.
pub(super) fn save_position(backend: Backend, spool: SpoolId, at: Position) -> Statement {
    let insert = Insert {
        table: "spool_positions",
        columns: &["spool_id", "segment", "at_byte"],
        tail: "ON CONFLICT (spool_id) DO UPDATE SET segment = excluded.segment, at_byte = excluded.at_byte".to_owned(),
    };
    insert.statement(backend, vec![spool.into(), signed(at.segment), signed(at.offset)])
}

fn signed(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
