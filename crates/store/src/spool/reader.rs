//! The reading half of a spool: walks the segments once, in order, past whatever damage there is.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::appender::{Shared, SpoolAppender};
use super::frame::{self, Found, HEADER, HEADER_BYTES, MAX_PAYLOAD, PREFIX_BYTES};
use super::record::{self, Record, RecordError};
use super::{Position, SpoolId};

/// Bytes of the longest frame. A batch ends once it has taken as many: large payloads must not pile up in memory.
const LONGEST: u64 = (MAX_PAYLOAD + PREFIX_BYTES) as u64;
/// Bytes looked at in one go, from the beginning of a frame; as many as need be where the first one is longer. Much more would be
/// read in vain each time: a batch is some megabytes at most, as a rule.
const WINDOW: u64 = 1 << 20;

/// Reads a spool; there is one per spool.
#[derive(Debug)]
pub struct SpoolReader {
    shared: Arc<Shared>,
    /// Where this run began to write.
    opened: Position,
    /// Segments in which damage was found and that are not kept yet, to be set aside instead of deleted.
    damaged: Vec<u64>,
    /// Segments that are shorter than they were, and how long they were.
    cut: HashMap<u64, u64>,
    /// Memory for a window, kept from one to the next.
    window: Vec<u8>,
}

/// A record with its place.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Position,
    /// Where the bytes are intact but not understood, the reason and the bytes.
    pub(crate) record: Result<Record, (RecordError, Vec<u8>)>,
}

/// What stands between two places.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    /// Where to go on.
    pub(crate) end: Position,
    /// Whether there was more to read than a batch may hold.
    pub(crate) full: bool,
    /// Bytes that were neither intact frames nor a torn end.
    pub(crate) damaged_bytes: u64,
}

impl SpoolReader {
    pub(super) fn new(shared: Arc<Shared>, cut: HashMap<u64, u64>) -> Self {
        Self { opened: shared.head(), shared, damaged: Vec::new(), cut, window: Vec::new() }
    }

    pub(crate) fn appender(&self) -> SpoolAppender {
        SpoolAppender::new(Arc::clone(&self.shared))
    }

    pub(crate) fn id(&self) -> SpoolId {
        self.shared.directory.id
    }

    /// Where the appender writes next.
    pub(crate) fn head(&self) -> Position {
        self.shared.head()
    }

    /// Waits until something was appended since the last wait.
    pub(crate) async fn appended(&self) {
        self.shared.appended.notified().await;
    }

    /// Waits until a change of kept state was appended since the last such wait.
    pub(crate) async fn state_appended(&self) {
        self.shared.state_appended.notified().await;
    }

    /// Where to begin, given what the database remembers. A place that this spool has never reached means that the
    /// directory was put back from an older copy: it is read from its beginning, and what the database has already is
    /// recognised there.
    pub(crate) fn begin(&self, remembered: Option<Position>) -> io::Result<Position> {
        let head = self.head();
        let first = self.shared.directory.segments()?.first().map_or(head.segment, |segment| segment.number);
        let first = Position { segment: first, offset: HEADER_BYTES };
        // Compared with where this run began: rows that came in since may have carried the head past the remembered place.
        Ok(remembered.filter(|at| *at <= self.opened).map_or(first, |at| at.max(first)))
    }

    /// Up to about `rows` records from `from` on; none where `from` is the head.
    pub(crate) fn read(&mut self, from: Position, rows: usize) -> io::Result<Batch> {
        let mut batch = Batch { entries: Vec::new(), end: from, full: false, damaged_bytes: 0 };
        let head = self.head();
        let mut taken = 0;
        while batch.entries.len() < rows && taken < LONGEST && batch.end < head {
            let closed = batch.end.segment < head.segment;
            let Some((mut file, len)) = self.open_segment(batch.end, closed, head)? else {
                batch.end = after(batch.end.segment, head);
                continue;
            };
            while batch.entries.len() < rows && taken < LONGEST && batch.end.offset < len {
                let from = batch.end.offset;
                self.read_window(&mut file, len, rows, &mut batch)?;
                taken += batch.end.offset - from;
            }
            if batch.end.offset >= len && closed {
                batch.damaged_bytes += self.end_of(batch.end, len);
                batch.end = after(batch.end.segment, head);
            }
        }
        batch.full = batch.end < head;
        Ok(batch)
    }

    /// Forgets what the database has: bytes before `to` count as drained, segments before it are removed once it is in another
    /// than `from`. One that cannot be removed keeps none of the others; the error is the first one's.
    pub(crate) fn release(&mut self, from: Position, to: Position) -> io::Result<()> {
        if from.segment == to.segment {
            self.shared.drained(to.offset.saturating_sub(from.offset));
            return Ok(());
        }
        let (mut bytes, mut removed) = (0, Ok(()));
        for segment in self.shared.directory.segments()?.into_iter().filter(|segment| segment.number <= to.segment) {
            let begin = if segment.number == from.segment { from.offset } else { HEADER_BYTES };
            if segment.number < to.segment {
                bytes += if segment.number < from.segment { 0 } else { segment.len.saturating_sub(begin) };
                removed = removed.and(self.remove(segment.number));
            } else {
                bytes += to.offset.saturating_sub(begin);
            }
        }
        self.shared.drained(bytes);
        removed
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        let directory = &self.shared.directory;
        match self.damaged.iter().position(|damaged| *damaged == number) {
            Some(index) => {
                directory.set_aside(number)?;
                self.damaged.swap_remove(index);
                Ok(())
            }
            None => directory.remove(number),
        }
    }

    /// The segment and how much of it may be read; nothing where the file is gone.
    fn open_segment(&self, at: Position, closed: bool, head: Position) -> io::Result<Option<(File, u64)>> {
        match self.shared.directory.open_segment(at.segment) {
            Ok(file) => {
                let len = if closed { file.metadata()?.len() } else { head.offset };
                Ok(Some((file, len)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && closed => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the frames of one window; `len` is the end of what may be read.
    fn read_window(&mut self, file: &mut File, len: u64, rows: usize, batch: &mut Batch) -> io::Result<()> {
        if batch.end.offset <= HEADER_BYTES && !has_header(file)? {
            tracing::warn!(spool.segment = batch.end.segment, "segment does not begin like one");
            self.mark_damaged(batch.end.segment);
        }
        let mut window = std::mem::take(&mut self.window);
        load(file, batch.end.offset, len.min(batch.end.offset + WINDOW), &mut window)?;
        let mut start = 0;
        while batch.entries.len() < rows && start < window.len() {
            let at = batch.end;
            let complete = at.offset + (window.len() - start) as u64 == len;
            match frame::read(self.id(), at, &window[start..]) {
                Found::Frame(payload) => {
                    let record = record::decode(payload).map_err(|error| (error, payload.to_vec()));
                    let size = PREFIX_BYTES + payload.len();
                    batch.entries.push(Entry { at, record });
                    batch.end.offset += size as u64;
                    start += size;
                }
                // The frame goes on behind the window.
                Found::Torn if !complete && start > 0 => break,
                Found::Torn if !complete && (window.len() as u64) < LONGEST => {
                    load(file, at.offset, len.min(at.offset + LONGEST), &mut window)?;
                }
                found => {
                    let torn = found == Found::Torn;
                    // What follows is searched to the end of the segment, which is bounded.
                    load(file, at.offset, len, &mut window)?;
                    let skipped = self.skip(at, torn, &window);
                    batch.damaged_bytes += skipped.damaged;
                    batch.end.offset += skipped.bytes as u64;
                    start = skipped.bytes;
                }
            }
        }
        if window.capacity() as u64 <= 2 * WINDOW {
            self.window = window;
        }
        Ok(())
    }

    /// How far it is from something unreadable to the next frame or the end of the segment. What a crash leaves, a torn
    /// frame with nothing behind it, is no damage.
    fn skip(&mut self, at: Position, torn: bool, rest: &[u8]) -> Skipped {
        let next = frame::resync(self.id(), at, rest);
        let bytes = next.unwrap_or(rest.len());
        if torn && next.is_none() {
            return Skipped { bytes, damaged: 0 };
        }
        tracing::warn!(spool.segment = at.segment, spool.offset = at.offset, bytes, "skipped damaged bytes");
        self.mark_damaged(at.segment);
        Skipped { bytes, damaged: bytes as u64 }
    }

    /// Bytes that a segment has lost at its end and that were not read before.
    fn end_of(&mut self, at: Position, len: u64) -> u64 {
        let Some(was) = self.cut.remove(&at.segment).filter(|was| *was > at.offset) else { return 0 };
        let missing = was - len.min(was);
        tracing::warn!(
            spool.segment = at.segment,
            spool.offset = len,
            bytes = missing,
            "the end of a segment is missing"
        );
        self.mark_damaged(at.segment);
        missing
    }

    fn mark_damaged(&mut self, segment: u64) {
        // At once: whatever becomes of this process, the next one may find nothing wrong with what is left to read.
        if let Err(error) = self.shared.directory.keep(segment)
            && !self.damaged.contains(&segment)
        {
            tracing::warn!(spool.segment = segment, %error, "a damaged segment is set aside once it has been read");
            self.damaged.push(segment);
        }
    }
}

/// The beginning of the segment after `number`, which need not be there: a number is used up where a segment failed.
fn after(number: u64, head: Position) -> Position {
    Position { segment: (number + 1).min(head.segment), offset: HEADER_BYTES }
}

struct Skipped {
    bytes: usize,
    damaged: u64,
}

fn has_header(file: &mut File) -> io::Result<bool> {
    let mut begin = Vec::new();
    load(file, 0, HEADER_BYTES, &mut begin)?;
    Ok(begin == HEADER)
}

fn load(file: &mut File, from: u64, to: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let len = to.saturating_sub(from);
    bytes.clear();
    bytes.reserve(usize::try_from(len).unwrap_or_default());
    file.seek(SeekFrom::Start(from))?;
    file.take(len).read_to_end(bytes).map(drop)
}
