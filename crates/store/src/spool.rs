//! The ledger's first resting place: an append-only log on the local disk, written before an answer's last byte leaves.
//!
//! # What it promises
//! A row whose `append` returned is in the page cache of the operating system, so it survives the end of the process in
//! any form (`kill -9`, panic, out of memory). It is not synced: a power failure may lose the last seconds. With
//! [`SpoolOptions::sync`] it is on the disk.
//!
//! What is killed before its row is known is in `intents`: see that module.
//!
//! # Layout
//! `id` names the spool; the database remembers per id how far it has been read. `lock` is held by the process that has
//! it open. `intents` tells of attempts that are under way. `{number}.segment` files hold a header and frames. Every start begins a new segment, so only the end of a
//! segment can be torn. A segment is deleted when the database has all of it; one in which bits had changed, or that has
//! lost its end, is renamed to `.damaged` instead, for a person to look at.
//!
//! # Frames
//! `mark, length, check, payload`, integers little-endian. The check covers the spool's id and the frame's own place as
//! well as the payload: bytes that a client sent and that look like a frame are never taken for one when the reader has
//! to look for the next frame behind damage.

mod appender;
mod directory;
mod frame;
mod intents;
mod reader;
mod record;
mod sync;
mod waiting;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use appender::SpoolAppender;
use directory::Segment;
pub use intents::Intent;
use intents::Intents;
pub(crate) use reader::Batch;
#[cfg(test)]
pub(crate) use reader::Entry;
pub use reader::SpoolReader;
#[cfg(test)]
pub(crate) use record::RecordError;
pub(crate) use record::{Record, encode_row, encode_state};
use uuid::Uuid;

/// Bounds of a spool, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolOptions {
    /// A segment that has reached this size is closed and the next one begun.
    pub segment_bytes: u64,
    /// While more than this waits for the database, payloads are dropped and counted, and changes of kept state are not
    /// taken. Rows always are.
    pub payload_backlog_bytes: u64,
    /// Whether a row and an intent are on the disk before the call returns, so that they outlive a power failure.
    pub sync: bool,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, payload_backlog_bytes: 512 << 20, sync: false }
    }
}

/// Why a spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process has it open.
    #[error("the data directory is in use by another process")]
    InUse,
    /// The file `id` is not one of ours.
    #[error("the spool's id file is damaged")]
    BadId,
    /// The directory cannot be used.
    #[error("the spool directory cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// A place in a spool: the next byte to read or write. Ordered as the bytes were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Number of the segment file.
    pub segment: u64,
    /// Bytes from its start.
    pub offset: u64,
}

/// Opens spools.
#[derive(Debug)]
pub struct Spool;

impl Spool {
    /// Opens the spool in `dir`, which is created where missing, and holds it until both halves are dropped. Attempts that an
    /// earlier run had under way get their rows.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] where another process holds it: two servers on the same data would count everything twice.
    pub fn open(dir: &Path, options: SpoolOptions) -> Result<(SpoolAppender, SpoolReader), SpoolError> {
        let directory = Arc::new(directory::Directory::open(dir)?);
        let segments = directory.segments()?;
        let waiting = segments.iter().map(|segment| segment.len.saturating_sub(frame::HEADER_BYTES)).sum();
        let (intents, left) = Intents::open(&directory.intents(), directory.id)?;
        let next =
            segments.last().map(|segment| segment.number).max(left.reached.keys().max().copied()).unwrap_or(0) + 1;
        let cut: HashMap<_, _> = segments.iter().filter_map(|segment| cut_off(segment, &left)).collect();
        let lost: HashMap<_, _> = segments.iter().map(|segment| (segment.number, segment.len)).collect();
        let killed = left.rows(|end| lost.get(&end.segment).is_some_and(|len| *len < end.offset));
        let shared = Arc::new(appender::Shared::begin(directory, intents, next, waiting, options)?);
        let (appender, reader) = (SpoolAppender::new(Arc::clone(&shared)), SpoolReader::new(shared, cut));
        if !killed.is_empty() {
            tracing::warn!(
                attempts = killed.len(),
                "attempts were under way when the process was killed; their cost is unknown"
            );
        }
        for (intent, row) in killed {
            appender.settle(&row, None, intent)?;
        }
        Ok((appender, reader))
    }
}

/// How long a segment was that is shorter by now than it was known to be.
fn cut_off(segment: &Segment, left: &intents::Left) -> Option<(u64, u64)> {
    let reached = left.reached.get(&segment.number).filter(|reached| **reached > segment.len)?;
    Some((segment.number, *reached))
}

/// What names a spool in the database.
pub(crate) type SpoolId = Uuid;

#[cfg(test)]
mod tests;
