//! The ledger writer: a thread of its own that carries rows from the spool into the database.
//!
//! Each transaction holds a batch of rows, their bodies, the roll-ups they add to and the spool's new position, so a
//! crash at any point leaves either all of it or nothing; what is read again after a commit of unknown outcome meets its
//! own rows and is not counted twice. The thread never gives a row up: while the database is locked, full or away it
//! tries again, and the rows wait in the spool. Only a row that the database refuses for what it says goes to
//! `dead_letters`, alone.

mod batch;
mod direct;
mod postgres;
mod rows;
mod run;
mod sqlite;
mod uses;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

use crate::Store;
use crate::spool::{Position, SpoolAppender, SpoolReader};

/// How much the thread gives way to others, as in `nice(1)`.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// How the writer works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// Most rows in one transaction.
    pub batch_rows: usize,
    /// Pause after a transaction that was not full, so that light traffic is not written row by row: a transaction costs as much
    /// as a hundred rows. Whoever waits for rows to be written ends it.
    pub pause: Duration,
    /// Shortest and longest wait before a failed transaction is tried again.
    pub backoff: (Duration, Duration),
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            batch_rows: 4_000,
            pause: Duration::from_millis(100),
            backoff: (Duration::from_millis(50), Duration::from_secs(5)),
        }
    }
}

/// What the writer has done and how it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStatus {
    /// Rows stored since the start.
    pub rows_written: u64,
    /// Records set aside in `dead_letters` since the start.
    pub dead_letters: u64,
    /// Bytes of the spool in which bits had changed, since the start.
    pub damaged_bytes: u64,
    /// Bytes that wait in the spool.
    pub backlog_bytes: u64,
    /// Why the last transaction failed; nothing once one succeeds.
    pub last_error: Option<String>,
    /// Whether the thread is alive.
    pub running: bool,
}

/// The running writer. Dropped, it writes what the spool holds and ends; [`LedgerWriter::stop`] waits for that,
/// [`LedgerWriter::halt`] leaves the rest in the spool.
pub struct LedgerWriter {
    shared: Arc<Shared>,
    progress: WriterProgress,
    ended: Option<oneshot::Receiver<()>>,
}

impl fmt::Debug for LedgerWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerWriter").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// Tells whether the writer lives, for those who do not own it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WriterPulse(Arc<Shared>);

impl WriterPulse {
    /// Whether the thread is alive. Once it is not, rows pile up in the spool until the next start.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !*self.0.ended.borrow()
    }

    /// Whether the last transaction failed. Rows wait in the spool; it is tried again.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.status().last_error.is_some()
    }

    /// Bytes of the spool that could not be read since the start.
    #[must_use]
    pub fn damaged_bytes(&self) -> u64 {
        self.status().damaged_bytes
    }

    fn status(&self) -> MutexGuard<'_, WriterStatus> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the thread is no longer alive.
    pub async fn ended(&self) {
        // The sender lives as long as this handle does, so there is no error.
        let _ = self.0.ended.subscribe().wait_for(|ended| *ended).await;
    }
}

/// Tells how far the writer is, for those who do not own it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WriterProgress {
    appender: SpoolAppender,
    drained: watch::Receiver<Position>,
    shared: Arc<Shared>,
}

impl WriterProgress {
    /// Waits until everything appended before the call is in the database; false where that takes longer than `timeout`.
    pub async fn drained(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.clone().caught_up()).await == Ok(true)
    }

    /// Waits until everything appended before the call is in the database, for which the writer makes no pause. Tells whether it
    /// is: a writer that has ended carries nothing over.
    pub async fn caught_up(mut self) -> bool {
        let target = self.appender.head();
        self.shared.hurry.notify_one();
        self.drained.wait_for(|at| *at >= target).await.is_ok()
    }
}

/// What the thread and its handles share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    status: Mutex<WriterStatus>,
    ended: watch::Sender<bool>,
    stop: Notify,
    /// Somebody waits for what was appended.
    hurry: Notify,
    /// Whether what is left in the spool is to stay there.
    halt: AtomicBool,
}

/// Lives on the thread: dropped when it ends, a panic included.
struct Alive(Arc<Shared>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.ended.send_replace(true);
        if std::thread::panicking() {
            tracing::error!("the ledger writer has died; rows wait in the spool until the server is started again");
        }
    }
}

impl Shared {
    pub(super) fn update(&self, change: impl FnOnce(&mut WriterStatus)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl LedgerWriter {
    /// Starts the thread `ledger-writer`, which opens connections of its own to the store's database. What the spool
    /// still holds from earlier runs is written first.
    ///
    /// # Errors
    /// Where no thread or runtime can be made.
    pub fn start(store: &Store, spool: SpoolReader, options: WriterOptions) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let (progress, drained) = watch::channel(Position::default());
        let (end, ended) = oneshot::channel();
        let appender = spool.appender();
        let run = run::Run::new(store.clone(), spool, options, Arc::clone(&shared), progress);
        let alive = Alive(Arc::clone(&shared));
        std::thread::Builder::new().name("ledger-writer".to_owned()).spawn(move || {
            yield_to_requests();
            runtime.block_on(run.until_stopped());
            drop(alive);
            // Nobody listens where the handle was dropped.
            let _ = end.send(());
        })?;
        let progress = WriterProgress { appender, drained, shared: Arc::clone(&shared) };
        Ok(Self { shared, progress, ended: Some(ended) })
    }

    /// Waits until everything appended before the call is in the database; false where that takes longer than `timeout`.
    pub async fn drained(&self, timeout: Duration) -> bool {
        self.progress.drained(timeout).await
    }

    /// Writes what the spool holds, then ends the thread. While the database fails it ends at once: the rows stay in
    /// the spool for the next start.
    pub async fn stop(self) {
        self.end().await;
    }

    /// Ends the thread after the batch it is at, a single transaction; what is left stays in the spool for the next start.
    pub async fn halt(self) {
        self.shared.halt.store(true, Ordering::Release);
        self.end().await;
    }

    async fn end(mut self) {
        self.shared.stop.notify_one();
        if let Some(ended) = self.ended.take() {
            // An error means that the thread is gone already.
            let _ = ended.await;
        }
    }

    /// Figures of this moment.
    #[must_use]
    pub fn status(&self) -> WriterStatus {
        let mut status = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        status.backlog_bytes = self.progress.appender.backlog_bytes();
        status.running = self.pulse().is_alive();
        status
    }

    /// A handle that tells how far the writer is.
    #[must_use]
    pub fn progress(&self) -> WriterProgress {
        self.progress.clone()
    }

    /// A handle that tells whether the writer lives.
    #[must_use]
    pub fn pulse(&self) -> WriterPulse {
        WriterPulse(Arc::clone(&self.shared))
    }
}

/// Where there is more to do than processors, requests are answered first; the writer gets a quarter of one even then, and what waits
/// for it is in the spool.
fn yield_to_requests() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

impl Drop for LedgerWriter {
    fn drop(&mut self) {
        self.shared.stop.notify_one();
    }
}

#[cfg(test)]
mod tests;
