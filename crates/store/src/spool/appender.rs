//! The writing half of a spool: any number of threads append, one short lock apart.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ledger::{AttemptRow, Payload};
use domain::state::StateChange;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::directory::Directory;
use super::frame::{self, HEADER, HEADER_BYTES, MAX_PAYLOAD, PREFIX_BYTES};
use super::intents::{Intent, Intents};
use super::sync::Group;
use super::waiting::{Held, Kind, Waiting};
use super::{Position, SpoolOptions, record};

/// Room that must be there before a spool that failed is trusted again, in bytes.
const PROBE_BYTES: usize = 256 << 10;
/// Shortest pause between two attempts to recover from a failed write.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// Appends ledger rows. Clone it freely.
#[derive(Clone, Debug)]
pub struct SpoolAppender {
    shared: Arc<Shared>,
}

/// What both halves of a spool know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Arc<Directory>,
    options: SpoolOptions,
    intents: Intents,
    intents_synced: Group,
    head: Mutex<Head>,
    synced: Group,
    healthy: AtomicBool,
    backlog: AtomicU64,
    payloads_dropped: AtomicU64,
    waiting: AtomicUsize,
    rows_lost: AtomicU64,
    refusals_lost: AtomicU64,
    /// Costs no system call while the reader is awake.
    pub(super) appended: Notify,
    /// The same for changes of kept state alone.
    pub(super) state_appended: Notify,
}

#[derive(Debug)]
struct Head {
    /// Nothing after a failed write: the next append begins a new segment, so that a torn frame ends its segment.
    file: Option<Arc<File>>,
    at: Position,
    probed: Option<Instant>,
    /// Rows that came while writing failed, without their payloads.
    waiting: Waiting,
}

impl SpoolAppender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Everything before this place is completely written.
    pub(crate) fn head(&self) -> Position {
        self.shared.head()
    }

    /// Writes down that an attempt is about to begin, with its row as far as it is known. Where the process is killed before
    /// [`SpoolAppender::settle`], the next start makes a row of it that says so.
    ///
    /// # Errors
    /// It could not be written. The attempt must not begin: nobody would know of it.
    pub fn begin(&self, row: &AttemptRow) -> io::Result<Intent> {
        let shared = &*self.shared;
        let intent = shared.intents.begin(row)?;
        if shared.options.sync {
            shared.intents_synced.wait(|| shared.intents.sync())?;
        }
        Ok(intent)
    }

    /// Appends the row of something that was not begun.
    ///
    /// # Errors
    /// As [`SpoolAppender::settle`].
    pub fn append(&self, row: &AttemptRow, payload: Option<&Payload>) -> io::Result<()> {
        self.settle(row, payload, None)
    }

    /// Appends one row with a single `write`, and ends its intent. Under a long backlog the payload is dropped and counted.
    ///
    /// # Errors
    /// The row is lost: writing fails and too many rows of its kind wait for it to work again. What it began with stays for the
    /// next start. A row that waits is no error; it is in memory only, and [`SpoolAppender::ready`] is false until all that wait
    /// are written.
    pub fn settle(&self, row: &AttemptRow, payload: Option<&Payload>, mut intent: Option<Intent>) -> io::Result<()> {
        let shared = &*self.shared;
        let crowded = shared.backlog.load(Ordering::Relaxed) > shared.options.payload_backlog_bytes;
        let mut kept = payload.filter(|payload| !crowded && payload_bytes(payload) < MAX_PAYLOAD / 2);
        let mut buffer = encode(row, kept)?;
        if buffer.len() - PREFIX_BYTES > MAX_PAYLOAD && kept.is_some() {
            kept = None;
            buffer = encode(row, None)?;
        }
        if payload.is_some() && kept.is_none() {
            shared.payloads_dropped.fetch_add(1, Ordering::Relaxed);
        }
        if let Err(error) = shared.append(&mut buffer, &mut intent) {
            // The disk may have room for the row where it has none for what was said.
            if kept.is_some() {
                shared.payloads_dropped.fetch_add(1, Ordering::Relaxed);
                buffer = encode(row, None)?;
            }
            if kept.is_none() || shared.append(&mut buffer, &mut intent).is_err() {
                shared.hold(Kind::of(row), Held { row: buffer.into_boxed_slice(), intent }, error)?;
            }
        }
        shared.appended.notify_one();
        Ok(())
    }

    /// Appends a change of kept state with a single `write`.
    ///
    /// # Errors
    /// It is not kept: writing fails, the change is too large for a record, or the database is too far behind.
    pub fn append_state(&self, change: &StateChange) -> io::Result<()> {
        let shared = &*self.shared;
        // What an earlier run left open must be told however much waits.
        let may_wait = !matches!(change, StateChange::Interrupt { .. });
        if may_wait && shared.backlog.load(Ordering::Relaxed) > shared.options.payload_backlog_bytes {
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, "too much waits for the database"));
        }
        let buffer = vec![0; PREFIX_BYTES];
        let mut buffer = record::encode_state(change, buffer).map_err(io::Error::other)?;
        if buffer.len() - PREFIX_BYTES > MAX_PAYLOAD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the change is too large"));
        }
        shared.append(&mut buffer, &mut None)?;
        shared.appended.notify_one();
        shared.state_appended.notify_one();
        Ok(())
    }

    /// What names the spool: the same over all runs of a process on these data.
    #[must_use]
    pub fn id(&self) -> uuid::Uuid {
        self.shared.directory.id
    }

    /// Appends bytes that need not be a record.
    #[cfg(test)]
    pub(crate) fn append_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.shared.append(&mut [&[0; PREFIX_BYTES], bytes].concat(), &mut None)
    }

    /// Whether rows can be stored. After a failed write it looks again at most twice a second, so that a spool whose
    /// disk has room again comes back although nobody appends.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.shared.healthy.load(Ordering::Relaxed) || self.shared.recover()
    }

    /// Bytes that are not in the database yet.
    #[must_use]
    pub fn backlog_bytes(&self) -> u64 {
        self.shared.backlog.load(Ordering::Relaxed)
    }

    /// Names of the segments that were set aside because of damage and that nobody has taken away. Reads the directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn damaged_segments(&self) -> io::Result<Vec<String>> {
        self.shared.directory.damaged()
    }

    /// Payloads dropped since the start because of the backlog or their size.
    #[must_use]
    pub fn payloads_dropped(&self) -> u64 {
        self.shared.payloads_dropped.load(Ordering::Relaxed)
    }

    /// Rows that are in memory only, because they could not be written yet: the end of the process would lose them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Rows of calls that are lost since the start: nothing could be written, and too many waited.
    #[must_use]
    pub fn rows_lost(&self) -> u64 {
        self.shared.rows_lost.load(Ordering::Relaxed)
    }

    /// Rows of refusals, and of answers without a call, that are lost in the same way. They go first.
    #[must_use]
    pub fn refusals_lost(&self) -> u64 {
        self.shared.refusals_lost.load(Ordering::Relaxed)
    }
}

fn payload_bytes(payload: &Payload) -> usize {
    payload.request.len() + payload.response.len()
}

/// A record behind room for its frame's prefix.
fn encode(row: &AttemptRow, payload: Option<&Payload>) -> io::Result<Vec<u8>> {
    let mut buffer = Vec::with_capacity(1024 + payload.map_or(0, payload_bytes));
    buffer.resize(PREFIX_BYTES, 0);
    record::encode(row, payload, buffer).map_err(io::Error::other)
}

impl Shared {
    /// Begins segment `next`; `waiting` bytes are in older ones.
    pub(super) fn begin(
        directory: Arc<Directory>,
        intents: Intents,
        next: u64,
        waiting: u64,
        options: SpoolOptions,
    ) -> io::Result<Self> {
        let file = begin_segment(&directory, next, options.sync)?;
        let at = Position { segment: next, offset: HEADER_BYTES };
        Ok(Self {
            directory,
            options,
            intents,
            intents_synced: Group::default(),
            synced: Group::default(),
            head: Mutex::new(Head { file: Some(Arc::new(file)), at, probed: None, waiting: Waiting::default() }),
            healthy: AtomicBool::new(true),
            backlog: AtomicU64::new(waiting),
            payloads_dropped: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            rows_lost: AtomicU64::new(0),
            refusals_lost: AtomicU64::new(0),
            appended: Notify::new(),
            state_appended: Notify::new(),
        })
    }

    /// Everything before this place is completely written.
    pub(super) fn head(&self) -> Position {
        self.lock().at
    }

    /// Takes bytes that the database has off the backlog.
    pub(super) fn drained(&self, bytes: u64) {
        let less = |backlog: u64| Some(backlog.saturating_sub(bytes));
        // The closure never declines.
        let _ = self.backlog.try_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    fn lock(&self) -> MutexGuard<'_, Head> {
        // A panic under the lock leaves a head that is at worst behind a torn frame, which readers expect.
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a record that stands behind room for its prefix, after those that wait, and ends the intent.
    fn append(&self, buffer: &mut [u8], intent: &mut Option<Intent>) -> io::Result<()> {
        let written = {
            let mut head = self.lock();
            let result = self.flush(&mut head).and_then(|()| self.write(&mut head, buffer));
            self.turned_out(&result);
            result.map(|()| head.at)
        };
        let end = written?;
        if self.options.sync && self.sync().is_err() {
            // The row is where the next start finds it, unless power fails. Its intent stays, because it may be on the disk.
            return Ok(());
        }
        if let Some(intent) = intent.take() {
            self.intents.end(&intent, end);
        }
        Ok(())
    }

    /// Waits until what was written is on the disk. Where that fails, rows cannot be stored.
    fn sync(&self) -> io::Result<()> {
        let result = self.synced.wait(|| {
            // What stands in older segments was synced when they were left.
            let file = self.lock().file.clone();
            file.map_or(Ok(()), |file| file.sync_data())
        });
        if result.is_err() {
            let mut head = self.lock();
            head.file = None;
            self.turned_out(&result);
        }
        result
    }

    /// Remembers whether rows can be stored, under the head's lock, and tells when that changes.
    fn turned_out(&self, result: &io::Result<()>) {
        let was_healthy = self.healthy.swap(result.is_ok(), Ordering::Relaxed);
        match result {
            Err(error) if was_healthy => tracing::error!(
                %error,
                "the spool cannot be written: requests are refused with ledger_unavailable until it can"
            ),
            Ok(()) if !was_healthy => tracing::info!("the spool takes rows again"),
            _ => {}
        }
    }

    /// Keeps a row that could not be written until it can be. While any waits the spool is not ready, so only rows of calls
    /// that were running already come here, and of requests that are refused.
    fn hold(&self, kind: Kind, held: Held, error: io::Error) -> io::Result<()> {
        let mut head = self.lock();
        if !head.waiting.push(kind, held) {
            let lost = if kind == Kind::Call { &self.rows_lost } else { &self.refusals_lost };
            lost.fetch_add(1, Ordering::Relaxed);
            return Err(error);
        }
        self.waiting.store(head.waiting.len(), Ordering::Relaxed);
        // Another row may have been written since this one failed; nobody would look after this one then.
        self.turned_out(&Err(error));
        Ok(())
    }

    /// Writes the rows that wait.
    fn flush(&self, head: &mut Head) -> io::Result<()> {
        while let Some((kind, mut held)) = head.waiting.pop() {
            if let Err(error) = self.write(head, &mut held.row) {
                head.waiting.put_back((kind, held));
                return Err(error);
            }
            if let Some(intent) = held.intent {
                self.intents.end(&intent, head.at);
            }
            self.waiting.store(head.waiting.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(&self, head: &mut Head, buffer: &mut [u8]) -> io::Result<()> {
        let payload = &buffer[PREFIX_BYTES..];
        let len = u32::try_from(payload.len()).ok().filter(|len| *len as usize <= MAX_PAYLOAD);
        let len = len.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the row is too large"))?;
        let digest = frame::digest(payload);
        let result = self.room(head).and_then(|()| {
            buffer[..PREFIX_BYTES].copy_from_slice(&frame::prefix(self.directory.id, head.at, len, digest));
            write_once(head.file.as_deref(), buffer)
        });
        match result {
            Ok(()) => {
                head.at.offset += buffer.len() as u64;
                self.backlog.fetch_add(buffer.len() as u64, Ordering::Relaxed);
            }
            Err(_) => head.give_up(&self.directory, self.options.sync),
        }
        result
    }

    /// Makes sure that there is a segment with room.
    fn room(&self, head: &mut Head) -> io::Result<()> {
        if head.file.is_none() || head.at.offset >= self.options.segment_bytes {
            let next = head.at.segment + 1;
            // Whatever happens now, that number is used up: a half-made file may be there.
            head.at = Position { segment: next, offset: HEADER_BYTES };
            if let Some(left) = head.file.take().filter(|_| self.options.sync) {
                left.sync_data()?;
            }
            head.file = Some(Arc::new(begin_segment(&self.directory, next, self.options.sync)?));
        }
        Ok(())
    }

    /// Tries, not too often, whether a failed spool can be written again.
    fn recover(&self) -> bool {
        let mut head = self.lock();
        if self.healthy.load(Ordering::Relaxed) {
            return true;
        }
        if head.probed.is_some_and(|probed| probed.elapsed() < PROBE_PAUSE) {
            return false;
        }
        head.probed = Some(Instant::now());
        let room = self.room(&mut head).and_then(|()| probe(head.file.as_deref()));
        if room.is_err() {
            head.give_up(&self.directory, self.options.sync);
        }
        let recovered = room.and_then(|()| self.flush(&mut head));
        self.turned_out(&recovered);
        if recovered.is_ok() {
            self.appended.notify_one();
        }
        recovered.is_ok()
    }
}

impl Head {
    /// Cuts off what a failed write may have left and stops using the file. Where even that fails, the reader finds a
    /// torn frame at the end of a closed segment, which it knows how to skip. A segment that never held a row goes: a disk
    /// that is full for hours would leave thousands.
    fn give_up(&mut self, directory: &Directory, sync: bool) {
        let Some(file) = self.file.take() else { return };
        let _ = match self.at.offset {
            HEADER_BYTES => directory.remove(self.at.segment),
            offset => file.set_len(offset).and_then(|()| if sync { file.sync_data() } else { Ok(()) }),
        };
    }
}

fn begin_segment(directory: &Directory, number: u64, sync: bool) -> io::Result<File> {
    let file = directory.create(number)?;
    let begun = write_once(Some(&file), HEADER).and_then(|()| if sync { directory.sync() } else { Ok(()) });
    if let Err(error) = begun {
        let _ = directory.remove(number);
        return Err(error);
    }
    Ok(file)
}

/// One system call: two would let a reader of a crashed process's segment see half a frame more often than need be.
fn write_once(file: Option<&File>, bytes: &[u8]) -> io::Result<()> {
    let mut file = file.ok_or_else(|| io::Error::other("no segment is open"))?;
    loop {
        match file.write(bytes) {
            Ok(written) if written == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::Error::new(io::ErrorKind::StorageFull, "only a part was written")),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes and takes back a good deal more than a row, because a full disk often has room for a few bytes.
fn probe(file: Option<&File>) -> io::Result<()> {
    let mut file = file.ok_or_else(|| io::Error::other("no segment is open"))?;
    let len = file.metadata()?.len();
    let result = file.write_all(&vec![0; PROBE_BYTES]);
    file.set_len(len)?;
    result
}

#[cfg(test)]
mod tests {
    use super::super::Spool;
    use super::*;
    use crate::fixture;

    #[test]
    fn a_row_that_begins_to_wait_is_looked_after_even_if_another_was_written_meanwhile() {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, mut reader) = Spool::open(dir.path(), SpoolOptions::default()).expect("opens");
        let failed = encode(&fixture::row(1, 1, 1), None).expect("encodes");
        appender.append(&fixture::row(1, 1, 2), None).expect("the disk had room for this one");
        let held = Held { row: failed.into_boxed_slice(), intent: None };
        appender.shared.hold(Kind::Call, held, io::Error::other("the disk was full")).expect("kept");
        assert_eq!(appender.waiting(), 1);
        assert!(appender.ready(), "it looks, and there is room");
        assert_eq!(appender.waiting(), 0);
        let from = reader.begin(None).expect("readable");
        assert_eq!(reader.read(from, 10).expect("readable").entries.len(), 2);
    }

    #[test]
    fn failures_leave_no_empty_segments_behind() {
        let dir = tempfile::tempdir().expect("a directory");
        let (appender, mut reader) = Spool::open(dir.path(), SpoolOptions::default()).expect("opens");
        appender.append(&fixture::row(1, 1, 1), None).expect("stored");
        for _ in 0..50 {
            let mut head = appender.shared.lock();
            appender.shared.room(&mut head).expect("a segment");
            head.give_up(&appender.shared.directory, false);
        }
        assert_eq!(appender.shared.directory.segments().expect("readable").len(), 1);
        let from = reader.begin(None).expect("readable");
        let first = reader.read(from, 10).expect("readable");
        assert_eq!((first.entries.len(), reader.read(first.end, 10).expect("readable").entries.len()), (1, 0));
        appender.append(&fixture::row(1, 1, 2), None).expect("stored");
        let second = reader.read(first.end, 10).expect("the numbers that were used up are passed over");
        assert_eq!((second.entries.len(), second.end), (1, reader.head()));
    }
}
