//! Connections that wait for their next request, and requests that wait for a connection, by the address they lead to.
//!
//! One over HTTP/1 is here while nobody uses it. The one used last is used first, so that those which only a burst needed come to
//! their end. One over HTTP/2 stays here, and is given to as many at once as its provider takes. Where there is none, a request
//! makes one, and is given what comes back or is made for somebody else meanwhile: the request that has waited longest comes first.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use super::connection::{Alone, Connection, Shared, Stream};
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
    /// How many are idle, over HTTP/1, and how many may be.
    idle: usize,
    most_idle: usize,
    /// Whether somebody sweeps.
    swept: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { addresses: HashMap::new(), idle: 0, most_idle: IDLE, swept: false }
    }
}

#[derive(Default)]
struct Connections {
    /// The one that has waited longest comes first.
    idle: VecDeque<(Instant, Alone)>,
    shared: Vec<Arc<Shared>>,
    /// Requests without a connection, those among them that have one by now or are given up.
    requests: VecDeque<oneshot::Sender<Connection>>,
}

impl Connections {
    fn enter(&self) -> Option<Connection> {
        self.shared.iter().find_map(Shared::enter).map(Connection::Shared)
    }

    /// A place in the queue. It grows only by requests that still wait.
    fn queue(&mut self) -> oneshot::Receiver<Connection> {
        if self.requests.len() == self.requests.capacity() {
            self.requests.retain(|request| !request.is_closed());
        }
        let (request, queued) = oneshot::channel();
        self.requests.push_back(request);
        queued
    }
}

impl Waiting {
    fn at(&mut self, address: &Address) -> &mut Connections {
        self.addresses.entry(address.clone()).or_default()
    }

    /// Keeps an idle connection, for which another may have to end: returned is what is to be closed.
    fn keep(&mut self, address: &Address, alone: Alone) -> Option<Alone> {
        let connections = self.at(address);
        if connections.idle.len() >= IDLE_PER_ADDRESS {
            return Some(alone);
        }
        connections.idle.push_back((Instant::now(), alone));
        self.idle += 1;
        if self.idle > self.most_idle { self.oldest() } else { None }
    }

    /// Takes the connection out that has been idle for longest.
    fn oldest(&mut self) -> Option<Alone> {
        let since = |connections: &&mut Connections| connections.idle.front().map(|(since, _)| *since);
        let connections =
            self.addresses.values_mut().filter(|connections| !connections.idle.is_empty()).min_by_key(since)?;
        let (_, alone) = connections.idle.pop_front()?;
        self.idle -= 1;
        Some(alone)
    }
}

impl Pool {
    /// A connection that is there, or a place in the queue for one.
    pub(super) fn take(self: &Arc<Self>, address: &Address) -> Result<Connection, Queued> {
        let mut waiting = self.lock();
        if let Some(connections) = waiting.addresses.get_mut(address) {
            if let Some(stream) = connections.enter() {
                return Ok(stream);
            }
            let mut taken = 0;
            let found = loop {
                let Some((since, alone)) = connections.idle.pop_back() else { break None };
                taken += 1;
                if since.elapsed() < IDLE_TIMEOUT && alone.is_ready() {
                    break Some(alone);
                }
            };
            waiting.idle -= taken;
            if let Some(mut alone) = found {
                alone.may_be_stale = true;
                return Ok(Connection::Single(alone));
            }
        }
        let queued = waiting.at(address).queue();
        Err(Queued { queued, pool: Arc::clone(self), address: address.clone() })
    }

    /// One more stream over a connection that is there, where there is room.
    pub(super) fn enter(&self, address: &Address) -> Option<Connection> {
        self.lock().addresses.get(address)?.enter()
    }

    /// Gives a connection over HTTP/1 that nobody uses to a request that waits, or keeps it.
    pub(super) fn keep(&self, address: &Address, alone: Alone) {
        let mut connection = Connection::Single(alone);
        loop {
            let mut waiting = self.lock();
            let Some(request) = waiting.at(address).requests.pop_front() else {
                let Connection::Single(alone) = connection else { return };
                let ended = waiting.keep(address, alone);
                drop(waiting);
                drop(ended);
                return;
            };
            drop(waiting);
            match request.send(connection) {
                Ok(()) => return,
                Err(back) => connection = back,
            }
        }
    }

    /// Uses a connection over HTTP/2, and keeps it for those who wait and whoever comes next, where there is room.
    pub(super) fn share(&self, address: &Address, shared: Arc<Shared>) -> Stream {
        let stream = Shared::first(&shared);
        let mut waiting = self.lock();
        if waiting.addresses.values().map(|connections| connections.shared.len()).sum::<usize>() < SHARED {
            waiting.at(address).shared.push(shared);
            drop(waiting);
            self.serve(address);
        }
        stream
    }

    /// Gives requests that wait a stream each, as long as connections over HTTP/2 have room.
    pub(super) fn serve(&self, address: &Address) {
        let mut served = Vec::new();
        if let Some(connections) = self.lock().addresses.get_mut(address) {
            while let Some(request) = connections.requests.pop_front() {
                if request.is_closed() {
                    continue;
                }
                let Some(stream) = connections.enter() else {
                    connections.requests.push_front(request);
                    break;
                };
                served.push((request, stream));
            }
        }
        for (request, stream) in served {
            // One that left in this moment needs none, and its stream makes room again.
            let _ = request.send(stream);
        }
    }

    /// How many streams a connection to this address takes, as far as others to it know.
    pub(super) fn streams(&self, address: &Address) -> Option<usize> {
        self.lock().addresses.get(address)?.shared.iter().map(|shared| shared.most()).min()
    }

    /// Closes what is idle for too long, from now on and until the pool is gone. Needs a runtime.
    pub(super) fn sweep(self: &Arc<Self>) {
        if !std::mem::replace(&mut self.lock().swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn close_idle(&self) {
        let mut closed = Vec::new();
        let mut waiting = self.lock();
        let mut idle = 0;
        waiting.addresses.retain(|_, connections| {
            let (kept, old) = std::mem::take(&mut connections.idle)
                .into_iter()
                .partition(|(since, alone)| since.elapsed() < IDLE_TIMEOUT && alone.is_ready());
            connections.idle = kept;
            closed.push((old, connections.shared.extract_if(.., |shared| !shared.is_wanted()).collect::<Vec<_>>()));
            connections.requests.retain(|request| !request.is_closed());
            idle += connections.idle.len();
            !(connections.idle.is_empty() && connections.shared.is_empty() && connections.requests.is_empty())
        });
        waiting.idle = idle;
        // What ends them wakes their tasks, which need not wait for the others here.
        drop(waiting);
        drop::<Vec<(VecDeque<_>, _)>>(closed);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place in the queue for a connection. One that is dropped gives back what it was given.
pub(super) struct Queued {
    queued: oneshot::Receiver<Connection>,
    pool: Arc<Pool>,
    address: Address,
}

impl Future for Queued {
    type Output = Connection;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Connection> {
        match Pin::new(&mut self.queued).poll(cx) {
            Poll::Ready(Ok(connection)) => Poll::Ready(connection),
            Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.queued.close();
        if let Ok(Connection::Single(alone)) = self.queued.try_recv() {
            self.pool.keep(&self.address, alone);
        }
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
    /// Keeps no more than so many.
    pub(super) fn bound(&self, most_idle: usize) {
        self.lock().most_idle = most_idle;
    }

    /// Places in queues, also those of requests that left.
    pub(super) fn count_queued(&self) -> usize {
        self.lock().addresses.values().map(|connections| connections.requests.len()).sum()
    }

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
