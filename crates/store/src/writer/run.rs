//! The writer's loop: read, write, forget, wait.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::batch::{self, Prepared};
use super::direct::Direct;
use super::uses::Uses;
use super::{Shared, WriterOptions};
use crate::spool::{Position, SpoolReader};
use crate::{Store, StoreError};

/// Longest pause where kept state was changed: another replica may be asked for it the next moment.
const STATE_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Run {
    store: Store,
    direct: Option<Direct>,
    spool: SpoolReader,
    options: WriterOptions,
    shared: Arc<Shared>,
    progress: watch::Sender<Position>,
    stopping: bool,
    uses: Uses,
}

/// Ends the loop: somebody asked for it.
struct Stopped;

impl Run {
    pub(super) fn new(
        store: Store,
        spool: SpoolReader,
        options: WriterOptions,
        shared: Arc<Shared>,
        progress: watch::Sender<Position>,
    ) -> Self {
        Self { store, direct: None, spool, options, shared, progress, stopping: false, uses: Uses::default() }
    }

    pub(super) async fn until_stopped(mut self) {
        // Whoever stops the loop knows; there is nothing to hand on.
        let _ = self.run().await;
        if let Some(direct) = self.direct.take() {
            direct.close(&self.store).await;
        }
        if self.store.close().await.is_err() {
            tracing::debug!("the writer's connections did not end well");
        }
    }

    async fn run(&mut self) -> Result<(), Stopped> {
        (self.store, self.direct) = self.connect().await?;
        let mut at = self.begin().await?;
        loop {
            if self.shared.halt.load(Ordering::Acquire) {
                return Err(Stopped);
            }
            let batch = self.read(at).await?;
            self.shared.update(|status| status.damaged_bytes += batch.damaged_bytes);
            if batch.end == at {
                self.progress.send_replace(at);
                self.idle().await?;
                continue;
            }
            let full = batch.full;
            let prepared = Prepared::new(self.store.backend(), batch, &self.uses);
            self.write(&prepared).await?;
            self.uses.note(&prepared.used);
            self.release(at, prepared.end).await?;
            at = prepared.end;
            self.progress.send_replace(at);
            if !full && !self.stopping {
                self.gather().await;
            }
        }
    }

    async fn connect(&mut self) -> Result<(Store, Option<Direct>), Stopped> {
        let mut backoff = self.backoff();
        loop {
            let connected = match self.store.reconnect().await {
                Ok(store) => Direct::of(&store).await.map(|direct| (store, direct)),
                Err(error) => Err(error),
            };
            match connected {
                Ok(connected) => return Ok(connected),
                Err(error) => self.failed("connecting", &error, &mut backoff).await?,
            }
        }
    }

    async fn begin(&mut self) -> Result<Position, Stopped> {
        let mut backoff = self.backoff();
        loop {
            let begun = match batch::position(&self.store, self.spool.id()).await {
                Ok(remembered) => self.spool.begin(remembered).map_err(io_error),
                Err(error) => Err(error),
            };
            match begun {
                Ok(at) => {
                    self.release(Position::default(), at).await?;
                    return Ok(at);
                }
                Err(error) => self.failed("finding the spool's position", &error, &mut backoff).await?,
            }
        }
    }

    async fn read(&mut self, at: Position) -> Result<crate::spool::Batch, Stopped> {
        let mut backoff = self.backoff();
        loop {
            match self.spool.read(at, self.options.batch_rows) {
                Ok(batch) => return Ok(batch),
                Err(error) => self.failed("reading the spool", &io_error(error), &mut backoff).await?,
            }
        }
    }

    async fn write(&mut self, prepared: &Prepared) -> Result<(), Stopped> {
        let mut backoff = self.backoff();
        loop {
            match batch::write(&self.store, self.direct.as_mut(), self.spool.id(), prepared).await {
                Ok(written) => {
                    self.shared.update(|status| {
                        status.rows_written += written.rows;
                        status.dead_letters += written.dead_letters;
                        status.last_error = None;
                    });
                    return Ok(());
                }
                Err(error) => self.failed("writing rows", &error, &mut backoff).await?,
            }
        }
    }

    async fn release(&mut self, from: Position, to: Position) -> Result<(), Stopped> {
        // A segment that cannot be removed now is removed at the next start: its rows are known by then.
        if let Err(error) = self.spool.release(from, to) {
            tracing::warn!(error = %error, "a drained segment could not be removed");
        }
        Ok(())
    }

    /// Waits for something to write.
    async fn idle(&mut self) -> Result<(), Stopped> {
        if self.stopping {
            return Err(Stopped);
        }
        tokio::select! {
            () = self.spool.appended() => {}
            () = self.shared.stop.notified() => self.stopping = true,
        }
        Ok(())
    }

    /// Lets rows come together, as long as nobody waits for them.
    async fn gather(&mut self) {
        let pause = self.options.pause;
        let until_kept = async {
            self.spool.state_appended().await;
            tokio::time::sleep(STATE_PAUSE).await;
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = until_kept => {}
            () = self.shared.hurry.notified() => {}
            () = self.shared.stop.notified() => self.stopping = true,
        }
    }

    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.shared.stop.notified() => self.stopping = true,
        }
    }

    fn backoff(&self) -> Duration {
        self.options.backoff.0
    }

    /// Notes a failure and waits, longer each time.
    async fn failed(&mut self, doing: &str, error: &StoreError, backoff: &mut Duration) -> Result<(), Stopped> {
        tracing::warn!(error = %error, retry_ms = backoff.as_millis() as u64, "ledger writer: {doing} failed");
        self.shared.update(|status| status.last_error = Some(error.to_string()));
        self.pause(*backoff).await;
        *backoff = (*backoff * 2).min(self.options.backoff.1);
        if self.stopping { Err(Stopped) } else { Ok(()) }
    }
}

fn io_error(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
