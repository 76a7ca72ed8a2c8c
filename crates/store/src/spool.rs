//! The ledger's first resting place: an append-only log on the local disk, written before an answer's last byte leaves.
//!
//! # What it promises
//! A row whose `append` returned is in the page cache of the operating system, so it survives the end of the process in
//! any form (`kill -9`, panic, out of memory). It is not synced: a power failure may lose the last seconds.
//!
//! # Layout
//! `id` names the spool; the database remembers per id how far it has been read. `lock` is held by the process that has
//! it open. `{number}.segment` files hold a header and frames. Every start begins a new segment, so only the end of a
//! segment can be torn. A segment is deleted when the database has all of it; one in which bits had changed is renamed
//! to `.damaged` instead, for a person to look at.
//!
//! # Frames
//! `mark, length, check, payload`, integers little-endian. The check covers the spool's id and the frame's own place as
//! well as the payload: bytes that a client sent and that look like a frame are never taken for one when the reader has
//! to look for the next frame behind damage.

mod appender;
mod directory;
mod frame;
mod reader;
mod record;
mod waiting;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use appender::SpoolAppender;
pub(crate) use reader::Batch;
pub use reader::SpoolReader;
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
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, payload_backlog_bytes: 512 << 20 }
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
    /// Opens the spool in `dir`, which is created where missing, and holds it until both halves are dropped.
    ///
    /// # Errors
    /// [`SpoolError::InUse`] where another process holds it: two servers on the same data would count everything twice.
    pub fn open(dir: &Path, options: SpoolOptions) -> Result<(SpoolAppender, SpoolReader), SpoolError> {
        let directory = Arc::new(directory::Directory::open(dir)?);
        let segments = directory.segments()?;
        let waiting = segments.iter().map(|segment| segment.len.saturating_sub(frame::HEADER_BYTES)).sum();
        let next = segments.last().map_or(1, |segment| segment.number + 1);
        let shared = Arc::new(appender::Shared::begin(directory, next, waiting, options)?);
        Ok((SpoolAppender::new(Arc::clone(&shared)), SpoolReader::new(shared)))
    }
}

/// What names a spool in the database.
pub(crate) type SpoolId = Uuid;

#[cfg(test)]
mod tests;
