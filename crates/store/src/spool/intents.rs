//! Attempts that are under way: each has its row in a slot of the file `intents`, from before its provider is called until the
//! row that it ends with is in a segment.
//!
//! # Why
//! What is killed between the call and the row would leave a call that somebody pays for and no row. So the row as it is known
//! before the call stands in a slot, and what a start finds there becomes a row that says so (`Outcome::Interrupted`,
//! [`KILLED`]). Where the row itself reached a segment, both have one key, and the ledger takes the first.
//!
//! # Slots
//! A slot is used again as soon as it is free, the last one first, so the file is as long as most attempts ever ran at once. It
//! is written with one `pwrite` before a call and with a short one once the row is in a segment. Both say how far the segments
//! reached by then: a segment that is shorter at the next start has lost its end, and the slots may know what stood there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::RequestId;
use domain::ledger::{AttemptRow, KILLED, Outcome};

use super::frame::{self, Found, PREFIX_BYTES};
use super::record::{self, Record};
use super::{Position, SpoolId};

/// Room for a row without payload, whose texts are bounded to less.
const SLOT_BYTES: usize = 8 << 10;
/// What stands before a slot's frame: its state, and how far the segments reached.
const HEAD_BYTES: usize = 1 + 16;
/// First byte of a slot whose attempt is under way, and of one whose row is in a segment.
const OPEN: u8 = 1;
const DONE: u8 = 2;
/// Status of a row that tells of a killed process.
const KILLED_STATUS: u16 = 503;

/// An attempt that is under way.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an intent that nobody ends keeps its slot until the next start"]
pub struct Intent(u32);

impl Intent {
    /// A number that stands for it outside of this crate.
    #[must_use]
    pub fn into_number(self) -> u32 {
        self.0
    }

    /// The intent that a number stands for.
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// The file.
#[derive(Debug)]
pub(super) struct Intents {
    file: File,
    id: SpoolId,
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    slots: Vec<u32>,
    /// The first that was never used.
    next: u32,
    /// How far the segments reach, as far as slots say.
    reached: Position,
}

/// What an earlier run left.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Attempts that were under way.
    pub(super) open: Vec<(Intent, AttemptRow)>,
    /// Attempts whose rows were in a segment, with the place where each ended. Their slots are free.
    pub(super) done: Vec<(Position, AttemptRow)>,
    /// Bytes of each segment that were written, as far as slots say.
    pub(super) reached: HashMap<u64, u64>,
}

impl Intents {
    /// Opens the file, which is made where missing, with what is in it.
    pub(super) fn open(path: &Path, id: SpoolId) -> io::Result<(Self, Left)> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut free = Free::default();
        let mut left = Left::default();
        let mut slot = vec![0; SLOT_BYTES];
        let slots = file.metadata()?.len().div_ceil(SLOT_BYTES as u64);
        for number in 0..u32::try_from(slots).map_err(io::Error::other)? {
            let bytes = read_slot(&file, number, &mut slot)?;
            free.next = number + 1;
            let Some(reached) = reached(bytes) else {
                free.slots.push(number);
                continue;
            };
            let known = left.reached.entry(reached.segment).or_default();
            *known = reached.offset.max(*known);
            free.reached = free.reached.max(reached);
            match (bytes[0], read_row(id, number, bytes)) {
                (DONE, row) => {
                    left.done.extend(row.map(|row| (reached, row)));
                    free.slots.push(number);
                }
                (_, Some(row)) => left.open.push((Intent(number), row)),
                (_, None) => {
                    // Written in part: its provider was not called.
                    free.slots.push(number);
                }
            }
        }
        left.reached.remove(&0);
        Ok((Self { file, id, free: Mutex::new(free) }, left))
    }

    /// Writes down that an attempt is about to begin.
    pub(super) fn begin(&self, row: &AttemptRow) -> io::Result<Intent> {
        let mut slot = [0; SLOT_BYTES];
        let (head, frame) = slot.split_at_mut(HEAD_BYTES);
        let (prefix, payload) = frame.split_at_mut(PREFIX_BYTES);
        let len = record::encode_into(row, payload).map_err(io::Error::other)?;
        let digest = frame::digest(&payload[..len]);
        let (number, reached) = self.take();
        head.copy_from_slice(&self::head(OPEN, reached));
        prefix.copy_from_slice(&frame::prefix(self.id, place(number), len as u32, digest));
        match self.file.write_all_at(&slot[..HEAD_BYTES + PREFIX_BYTES + len], offset(number)) {
            Ok(()) => Ok(Intent(number)),
            Err(error) => {
                self.lock().slots.push(number);
                Err(error)
            }
        }
    }

    /// Frees a slot: the attempt's row is in a segment, and ends at `end`.
    pub(super) fn end(&self, intent: &Intent, end: Position) {
        // What is left of it if this fails has the key of a row that is there.
        let _ = self.file.write_all_at(&head(DONE, end), offset(intent.0));
        let mut free = self.lock();
        free.reached = free.reached.max(end);
        free.slots.push(intent.0);
    }

    /// Hands what was written over to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn take(&self) -> (u32, Position) {
        let mut free = self.lock();
        let number = free.slots.pop().unwrap_or_else(|| {
            free.next += 1;
            free.next - 1
        });
        (number, free.reached)
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        // A panic under the lock loses a slot at most.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Left {
    /// The rows that tell of what was killed. Rows whose place is in `lost` may not have reached a segment after all, and the
    /// last one of a request is the last one that is known.
    pub(super) fn rows(self, lost: impl Fn(Position) -> bool) -> Vec<(Option<Intent>, AttemptRow)> {
        let open = self.open.into_iter().map(|(intent, row)| (Some(intent), row));
        let done = self.done.into_iter().filter(|(end, _)| lost(*end)).map(|(_, row)| (None, row));
        let mut rows: Vec<_> = open.chain(done).collect();
        let mut newest = HashMap::<RequestId, u16>::new();
        for (_, row) in &rows {
            let newest = newest.entry(row.request_id).or_default();
            *newest = row.attempt.max(*newest);
        }
        for (_, row) in &mut rows {
            row.last = newest.get(&row.request_id) == Some(&row.attempt);
            row.outcome = Outcome::Interrupted;
            row.status = KILLED_STATUS;
            row.error_code = Some(KILLED.to_owned());
        }
        rows
    }
}

fn head(state: u8, reached: Position) -> [u8; HEAD_BYTES] {
    let mut head = [state; HEAD_BYTES];
    head[1..9].copy_from_slice(&reached.segment.to_le_bytes());
    head[9..].copy_from_slice(&reached.offset.to_le_bytes());
    head
}

/// What a slot says of the segments; nothing where it was never written.
fn reached(slot: &[u8]) -> Option<Position> {
    let number = |at: usize| slot.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    (*slot.first()? != 0).then_some(Position { segment: number(1)?, offset: number(9)? })
}

fn read_row(id: SpoolId, number: u32, slot: &[u8]) -> Option<AttemptRow> {
    let Found::Frame(payload) = frame::read(id, place(number), slot.get(HEAD_BYTES..)?) else { return None };
    match record::decode(payload) {
        Ok(Record::Row(row, _)) => Some(*row),
        Ok(Record::State(_)) => None,
        Err(error) => {
            tracing::error!(%error, "an attempt that was under way cannot be read; it has no row");
            None
        }
    }
}

fn read_slot<'a>(file: &File, number: u32, slot: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while filled < slot.len() {
        match file.read_at(&mut slot[filled..], offset(number) + filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(&slot[..filled])
}

/// Where a slot's frame stands, as its check has it: segments count from 1.
fn place(number: u32) -> Position {
    Position { segment: 0, offset: offset(number) }
}

fn offset(number: u32) -> u64 {
    u64::from(number) * SLOT_BYTES as u64
}

#[cfg(test)]
mod tests {
    use domain::ledger::AttemptRow;
    use uuid::Uuid;

    use super::*;
    use crate::fixture;

    const ID: Uuid = Uuid::from_u128(7);

    fn at(offset: u64) -> Position {
        Position { segment: 3, offset }
    }

    fn open(dir: &tempfile::TempDir) -> (Intents, Left) {
        Intents::open(&dir.path().join("intents"), ID).expect("opens")
    }

    fn keys(rows: &[(Option<Intent>, AttemptRow)]) -> Vec<(u16, bool)> {
        rows.iter().map(|(_, row)| (row.attempt, row.last)).collect()
    }

    #[test]
    fn what_is_under_way_is_found_and_what_ended_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let (intents, _) = open(&dir);
        let first = intents.begin(&fixture::row(5, 1, 1)).expect("written");
        let _second = intents.begin(&fixture::row(5, 2, 1)).expect("written");
        intents.end(&first, at(100));
        let (_, left) = open(&dir);
        assert_eq!(left.reached, HashMap::from([(3, 100)]));
        let rows = left.rows(|_| false);
        assert_eq!(rows.len(), 1);
        let row = &rows[0].1;
        assert_eq!((row.request_id, row.last, row.outcome), (fixture::id(5, 2), true, Outcome::Interrupted));
        assert_eq!((row.status, row.error_code.as_deref()), (503, Some(KILLED)));
    }

    #[test]
    fn slots_are_used_again_and_remember_how_far_the_segments_reached() {
        let dir = tempfile::tempdir().expect("a directory");
        let (intents, _) = open(&dir);
        for number in 0..100 {
            let intent = intents.begin(&fixture::row(5, number, 1)).expect("written");
            intents.end(&intent, at(100 + number));
        }
        let _open = intents.begin(&fixture::row(5, 100, 1)).expect("written");
        drop(intents);
        let (intents, left) = open(&dir);
        assert_eq!((left.open.len(), left.reached[&3]), (1, 199));
        assert!(intents.file.metadata().expect("there").len() <= SLOT_BYTES as u64);
        let taken = intents.begin(&fixture::row(5, 101, 1)).expect("written");
        assert_eq!(taken, Intent(1), "the slot of what was left is not free");
    }

    #[test]
    fn the_last_known_attempt_of_a_request_is_its_last() {
        let dir = tempfile::tempdir().expect("a directory");
        let (intents, _) = open(&dir);
        let _first = intents.begin(&fixture::row(5, 1, 1)).expect("written");
        let _second = intents.begin(&fixture::row(5, 1, 2)).expect("written");
        assert_eq!(keys(&open(&dir).1.rows(|_| false)), [(1, false), (2, true)]);
    }

    #[test]
    fn a_row_whose_place_is_lost_is_told_of() {
        let dir = tempfile::tempdir().expect("a directory");
        let (intents, _) = open(&dir);
        let intents =
            [1, 2].map(|number| (number, intents.begin(&fixture::row(5, number, 1)).expect("written"), &intents));
        for (number, intent, file) in &intents {
            file.end(intent, at(number * 100));
        }
        let rows = open(&dir).1.rows(|end| end > at(150));
        assert_eq!(rows.iter().map(|(_, row)| row.request_id).collect::<Vec<_>>(), [fixture::id(5, 2)]);
    }

    #[test]
    fn the_longest_row_fits_a_slot() {
        let dir = tempfile::tempdir().expect("a directory");
        let text = |len: usize| Some("x".repeat(len));
        let row = AttemptRow {
            path: "x".repeat(512),
            method: "x".repeat(256),
            provider: text(256),
            model_asked: text(256),
            model: text(256),
            event_id: text(128),
            metadata: text(4_096),
            user_agent: text(256),
            user: text(256),
            called: text(256),
            way: text(512),
            ..fixture::row(i64::MAX, 1, 1)
        };
        let _intent = open(&dir).0.begin(&row).expect("written");
        assert_eq!(open(&dir).1.open.len(), 1);
    }

    #[test]
    fn a_slot_that_was_written_in_part_is_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let _intent = open(&dir).0.begin(&fixture::row(5, 1, 1)).expect("written");
        let file = OpenOptions::new().write(true).open(dir.path().join("intents")).expect("there");
        file.set_len(60).expect("cut");
        let (intents, left) = open(&dir);
        assert!(left.open.is_empty());
        assert_eq!(intents.begin(&fixture::row(5, 2, 1)).expect("written"), Intent(0));
    }
}
