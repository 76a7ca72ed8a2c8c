//! Connections that wait for their next request, by the address they lead to.
//!
//! One over HTTP/1 is here while nobody uses it. The one used last is used first, so that those which only a burst needed come to
//! their end. One over HTTP/2 stays here, and is given to as many at once as its provider takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use tokio::time::{Instant, sleep};

use super::connection::{Alone, Connection, Shared, Single, Stream};
use super::error::SendError;

/// Idle connections kept for each address, and for all together.
const IDLE_PER_ADDRESS: usize = 256;
const IDLE: usize = 4_096;
/// Connections over HTTP/2 that are kept, for all addresses together. One beyond them ends with its only stream.
pub(super) const SHARED: usize = 1_024;
/// How long an idle connection is kept: shorter than most servers keep theirs, so that we close first.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often connections are looked for that are idle for longer.
const SWEEP: Duration = Duration::from_secs(10);

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
}

impl Address {
    /// # Errors
    /// [`SendError::InvalidRequest`] where the URI names no host.
    pub(super) fn of(uri: &Uri) -> Result<Self, SendError> {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => Ok(Self { scheme: scheme.clone(), authority: authority.clone() }),
            _ => Err(SendError::InvalidRequest { reason: "its address names no host".to_owned() }),
        }
    }

    /// The address alone, without what is asked for there.
    pub(super) fn uri(&self) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// The pool.
#[derive(Default)]
pub(super) struct Pool(Mutex<Waiting>);

struct Waiting {
    addresses: HashMap<Address, Connections>,
    /// How many are idle, over HTTP/1.
    idle: usize,
    /// Whether somebody sweeps.
    swept: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { addresses: HashMap::new(), idle: 0, swept: false }
    }
}

#[derive(Default)]
struct Connections {
    /// The one that has waited longest comes first.
    idle: Vec<(Instant, Alone)>,
    shared: Vec<Arc<Shared>>,
}

impl Pool {
    /// A connection that is there.
    pub(super) fn take(&self, address: &Address) -> Option<Connection> {
        let mut waiting = self.lock();
        let Waiting { addresses, idle, .. } = &mut *waiting;
        let connections = addresses.get_mut(address)?;
        if let Some(stream) = connections.shared.iter().find_map(Shared::enter) {
            return Some(Connection::Shared(stream));
        }
        while let Some((since, alone)) = connections.idle.pop() {
            *idle -= 1;
            if since.elapsed() < IDLE_TIMEOUT && alone.is_ready() {
                return Some(Connection::Single(Single::again(alone)));
            }
        }
        None
    }

    /// Keeps a connection over HTTP/1 that nobody uses, where there is room.
    pub(super) fn keep(&self, address: &Address, alone: Alone) {
        let mut waiting = self.lock();
        if waiting.idle >= IDLE {
            return;
        }
        let Waiting { addresses, idle, .. } = &mut *waiting;
        let connections = match addresses.get_mut(address) {
            Some(connections) => connections,
            None => addresses.entry(address.clone()).or_default(),
        };
        if connections.idle.len() < IDLE_PER_ADDRESS {
            connections.idle.push((Instant::now(), alone));
            *idle += 1;
        }
    }

    /// Uses a connection over HTTP/2, and keeps it for whoever comes next too, where there is room.
    pub(super) fn share(&self, address: &Address, shared: Arc<Shared>) -> Stream {
        let stream = Shared::first(&shared);
        let mut waiting = self.lock();
        if waiting.addresses.values().map(|connections| connections.shared.len()).sum::<usize>() < SHARED {
            waiting.addresses.entry(address.clone()).or_default().shared.push(shared);
        }
        stream
    }

    /// Closes what is idle for too long, from now on and until the pool is gone. Needs a runtime.
    pub(super) fn sweep(self: &Arc<Self>) {
        if !std::mem::replace(&mut self.lock().swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn close_idle(&self) {
        let mut waiting = self.lock();
        let mut idle = 0;
        waiting.addresses.retain(|_, connections| {
            connections.idle.retain(|(since, alone)| since.elapsed() < IDLE_TIMEOUT && alone.is_ready());
            connections.shared.retain(|shared| shared.is_wanted());
            idle += connections.idle.len();
            !connections.idle.is_empty() || !connections.shared.is_empty()
        });
        waiting.idle = idle;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(SWEEP).await;
        match pool.upgrade() {
            Some(pool) => pool.close_idle(),
            None => return,
        }
    }
}

#[cfg(test)]
impl Pool {
    /// Connections that nobody uses, over HTTP/1, and addresses of which anything is known.
    pub(super) fn count(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.idle, waiting.addresses.len())
    }

    /// Connections over HTTP/2.
    pub(super) fn count_shared(&self) -> usize {
        self.lock().addresses.values().map(|connections| connections.shared.len()).sum()
    }
}
