//! What is kept of the Responses API: changes go into the spool, and the database is asked for what memory does not know.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::TeamId;
use domain::state::{Conversation, ItemPage, KeptResponse, StateChange};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gateway::ports::{self, Loaded, Unavailable};
use store::spool::SpoolAppender;
use store::writer::WriterProgress;
use store::{Store, StoreError, state};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

/// Looks into the database at once: when it hangs, what waits for it must not pile up.
const MAX_LOADS: usize = 64;
/// The part of the bounds by which what is kept may grow before room is made.
const SLACK_PART: u64 = 16;
/// How often room is made in any case: other processes add to what is kept too.
const TRIM_EVERY: Duration = Duration::from_secs(600);

/// How much may be kept, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateLimits {
    /// Of each team's responses, and of its conversations.
    pub per_team: u64,
    /// Of all teams together, the same.
    pub total: u64,
}

/// Keeps responses and conversations in the database, by way of the spool.
pub struct State {
    store: Store,
    spool: SpoolAppender,
    writer: WriterProgress,
    loads: Arc<Semaphore>,
    runtime: Handle,
    growth: Arc<Growth>,
}

/// What was added since room was made.
#[derive(Default)]
struct Growth {
    bytes: AtomicU64,
    enough: Notify,
    slack: u64,
}

impl State {
    /// Starts the task that makes room on the given runtime. Responses that an earlier run was still making are told to
    /// have been interrupted; where the disk does not take that, those who ask for them are told so all the same.
    pub fn open(
        store: Store,
        spool: SpoolAppender,
        writer: WriterProgress,
        limits: StateLimits,
        runtime: Handle,
    ) -> Self {
        if let Err(error) = spool.append_state(&StateChange::Interrupt { owner: spool.id(), before_ms: now_ms() }) {
            tracing::warn!(%error, "responses that an earlier run left open could not be ended");
        }
        let slack = limits.per_team.min(limits.total) / SLACK_PART;
        let growth = Arc::new(Growth { slack, ..Growth::default() });
        runtime.spawn(make_room(store.clone(), limits, growth.clone()));
        Self { store, spool, writer, loads: Arc::new(Semaphore::new(MAX_LOADS)), runtime, growth }
    }

    /// Runs a look into the database on the dashboard's runtime, where its connections live.
    fn look<T: Send + 'static>(
        &self,
        query: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Loaded<T> {
        let Ok(place) = Arc::clone(&self.loads).try_acquire_owned() else { return async { Err(Unavailable) }.boxed() };
        let query = self.runtime.spawn(async move {
            let found = query.await;
            drop(place);
            found
        });
        async move {
            match query.await {
                Ok(Ok(found)) => Ok(found),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "kept state cannot be read");
                    Err(Unavailable)
                }
                Err(_) => Err(Unavailable),
            }
        }
        .boxed()
    }
}

impl ports::State for State {
    fn owner(&self) -> Uuid {
        self.spool.id()
    }

    fn record(&self, change: &StateChange) -> io::Result<()> {
        self.spool.append_state(change)?;
        let bytes = match change {
            StateChange::Keep(response) | StateChange::Finish(response) => response.size(),
            StateChange::Converse(conversation) | StateChange::Describe(conversation) => conversation.size(),
            StateChange::AddItems { items, .. } => items.iter().map(|item| item.item.len()).sum(),
            _ => 0,
        };
        let grown = self.growth.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if grown + bytes as u64 > self.growth.slack {
            self.growth.enough.notify_one();
        }
        Ok(())
    }

    fn caught_up(&self) -> BoxFuture<'static, bool> {
        self.writer.clone().caught_up().boxed()
    }

    fn load_response(&self, team: TeamId, id: String) -> Loaded<Option<KeptResponse>> {
        let store = self.store.clone();
        self.look(async move { state::load_response(&store, team, &id, now_ms()).await })
    }

    fn load_conversation(&self, team: TeamId, id: String) -> Loaded<Option<Conversation>> {
        let store = self.store.clone();
        self.look(async move { state::load_conversation(&store, team, &id, now_ms()).await })
    }

    fn load_items(&self, team: TeamId, conversation: String, after: Option<(i64, String)>) -> Loaded<ItemPage> {
        let store = self.store.clone();
        self.look(async move { state::load_items(&store, team, &conversation, after).await })
    }
}

/// Keeps what is kept within its bounds.
async fn make_room(store: Store, limits: StateLimits, growth: Arc<Growth>) {
    // Room for what comes until the next time.
    let below = |limit: u64| limit.saturating_sub(growth.slack);
    loop {
        growth.bytes.store(0, Ordering::Relaxed);
        match state::trim(&store, below(limits.per_team), below(limits.total)).await {
            Ok(0) => {}
            Ok(trimmed) => tracing::info!(trimmed, "the oldest responses and conversations made room"),
            Err(error) => tracing::warn!(%error, "no room could be made for kept responses; the next time tries again"),
        }
        // Not at once again: what was added may still be on its way into the database.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = tokio::time::timeout(TRIM_EVERY, growth.enough.notified()).await;
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
