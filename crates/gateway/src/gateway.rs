//! The handle the server holds: takes requests, takes new configuration, tells what goes on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::config::Config;
use domain::health::TeamHealth;
use domain::ledger::Past;
use domain::token::LastUse;
use domain::{GatewayId, RequestId, TeamId};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::sync::Notify;
use uuid::Uuid;
use wire::price::InForce;

use crate::body::Body;
use crate::cache::ExactCache;
use crate::client::Client as Caller;
use crate::clock::now_ms;
use crate::counters::{Counters, Live, count};
use crate::error::{self, Code};
use crate::hedge::Pace;
use crate::ingress::ingress;
use crate::memory::Memory;
use crate::options::Options;
use crate::pipeline;
use crate::policy::PolicyUsage;
use crate::ports::{Ledger, Ports};
use crate::queue::{Line, Room};
use crate::scan::BoxError;
use crate::settle::{self, Settlement};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::unpriced::{self, Unpriced};
use crate::upstream::Client;

/// Why a configuration could not be compiled; the previous one stays in force.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

/// The data plane. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub options: Options,
    pub snapshot: ArcSwap<Snapshot>,
    pub cache: ExactCache,
    pub memory: Arc<Memory>,
    pub client: Client,
    /// For addresses that callers name.
    pub fetcher: Client,
    pub ledger: Arc<dyn Ledger>,
    pub state: State,
    pub counters: Live,
    /// Runs of providers' that are billed.
    pub runs: settle::Runs,
    pub unpriced: unpriced::Counts,
    /// How long answers take to begin, where requests are hedged.
    pub pace: Pace,
    suspended: AtomicBool,
    closing: AtomicBool,
    cutting: AtomicBool,
    in_flight: AtomicUsize,
    /// Who waits until fewer requests are under way.
    pub line: Line,
    idle: Notify,
}

impl Shared {
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Whether what ends unfinished now is cut off by the server, and not left by its client.
    pub(crate) fn is_cutting(&self) -> bool {
        self.cutting.load(Ordering::Acquire)
    }
}

impl Room for Shared {
    fn line(&self) -> &Line {
        &self.line
    }

    fn begin_to_wait(&self) {
        // It was taken for one that works until then.
        self.line.give_turn();
    }
}

/// Counts a request as in flight for as long as it is held.
pub(crate) struct InFlight(Arc<Shared>);

impl InFlight {
    pub(crate) fn enter(shared: Arc<Shared>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
        self.0.line.give_turn();
    }
}

/// A configuration that is compiled and not in force yet.
#[derive(Debug)]
pub struct Compiled(Snapshot);

impl Compiled {
    /// The teams with limits that begin with it, each with the moment from which on they must be told what passed, in
    /// milliseconds since 1970.
    #[must_use]
    pub fn needs_history(&self) -> Vec<(TeamId, i64)> {
        self.0.needs_history(now_ms())
    }

    /// Tells a team's limits what passed, in the order of time.
    pub fn replay(&self, team: TeamId, past: &[Past]) {
        self.0.replay(team, past, now_ms());
    }
}

impl Gateway {
    /// Compiles the first configuration.
    ///
    /// # Errors
    /// The configuration cannot be compiled.
    pub fn new(options: Options, config: &Config, ports: Ports) -> Result<Self, BuildError> {
        let shared = Shared {
            snapshot: ArcSwap::from_pointee(Snapshot::build(config, None, &options.price_keys)?),
            cache: ExactCache::new(options.cache_bytes, ports.cache_tier),
            memory: Memory::new(options.body_memory),
            client: Client::new(&options),
            fetcher: Client::new(&Options { allow_private_upstreams: options.allow_private_media, ..options.clone() }),
            state: State::new(&options, ports.state),
            options,
            ledger: ports.ledger,
            counters: Live::default(),
            runs: settle::Runs::default(),
            unpriced: unpriced::Counts::default(),
            pace: Pace::default(),
            suspended: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            cutting: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            line: Line::default(),
            idle: Notify::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Answers one request of a client; every failure is an answer too.
    pub async fn handle<B>(&self, request: Request<B>, client: impl Into<Caller>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        count(&self.shared.counters.requests);
        let (parts, body) = request.into_parts();
        let mut body = body.map_err(Into::into);
        let ingress = ingress(&parts.method, parts.uri.path());
        let id = RequestId(Uuid::now_v7());
        let mut settlement =
            Settlement::open(self.shared.clone(), id, client.into(), ingress.surface(), ingress.dialect);
        settle::note_head(&mut settlement, &parts);
        let run = AssertUnwindSafe(pipeline::run(settlement, ingress, &parts, &mut body));
        run.catch_unwind().await.unwrap_or_else(|_| {
            count(&self.shared.counters.panics);
            error::internal(ingress.dialect, id)
        })
    }

    /// Puts a new configuration in force for the requests that come from now on. Limits that it brings begin empty; where what
    /// passed before is to count, see [`Gateway::compile`].
    ///
    /// # Errors
    /// The configuration cannot be compiled; the old one stays.
    pub fn reload(&self, config: &Config) -> Result<(), BuildError> {
        self.adopt(self.compile(config)?);
        Ok(())
    }

    /// Compiles a configuration, to be told what passed before and then adopted. While requests are suspended nothing has
    /// been counted, so nothing is carried over.
    ///
    /// # Errors
    /// The configuration cannot be compiled.
    pub fn compile(&self, config: &Config) -> Result<Compiled, BuildError> {
        let previous = self.shared.snapshot.load();
        let previous = (!self.shared.is_suspended()).then_some(&**previous);
        Snapshot::build(config, previous, &self.shared.options.price_keys).map(Compiled)
    }

    /// Puts a compiled configuration in force for the requests that come from now on, and lets them in.
    pub fn adopt(&self, compiled: Compiled) {
        self.shared.snapshot.store(Arc::new(compiled.0));
        self.shared.suspended.store(false, Ordering::Release);
    }

    /// Refuses what would call a provider with `starting`, until a configuration is adopted that knows what passed before. Tells
    /// whether there is anything to know: where nothing limits, requests are let in at once.
    pub fn suspend(&self) -> bool {
        let needed = !self.shared.snapshot.load().needs_history(now_ms()).is_empty();
        self.shared.suspended.store(needed, Ordering::Release);
        needed
    }

    /// Whether requests wait for what passed before to be known.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.shared.is_suspended()
    }

    /// How full the limits of a team's policies are.
    #[must_use]
    pub fn usage(&self, team: TeamId) -> Vec<PolicyUsage> {
        let snapshot = self.shared.snapshot.load();
        snapshot.team_by_id(team).map(|team| team.policies.usage(now_ms())).unwrap_or_default()
    }

    /// How a team's provider keys fare, and the addresses that they are for.
    #[must_use]
    pub fn health(&self, team: TeamId) -> TeamHealth {
        let snapshot = self.shared.snapshot.load();
        snapshot.team_by_id(team).map(|team| team.health(now_ms())).unwrap_or_default()
    }

    /// The same of all teams, by their slugs.
    #[must_use]
    pub fn healths(&self) -> Vec<(String, TeamHealth)> {
        let snapshot = self.shared.snapshot.load();
        let mut all: Vec<_> = snapshot.teams().map(|team| (team.slug.clone(), team.health(now_ms()))).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// The version of the configuration in force.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.shared.snapshot.load().version()
    }

    /// The price book in force.
    #[must_use]
    pub fn price_book(&self) -> Arc<InForce> {
        self.shared.snapshot.load().book().clone()
    }

    /// Requests whose answer is not complete.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::Acquire)
    }

    /// Waits until no request is in flight.
    pub async fn drained(&self) {
        loop {
            // Listening before looking: otherwise the last request could end between the two, unheard.
            let idle = self.shared.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Refuses every new request with `shutting_down` from now on; running ones go on.
    pub fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
    }

    /// The time to finish is over: requests that are dropped from now on are written down as interrupted by the server.
    /// To be called before their connections are dropped.
    pub fn cut(&self) {
        self.close();
        self.shared.cutting.store(true, Ordering::Release);
    }

    /// When each token was last used that was used since the start, in the order of their ids.
    #[must_use]
    pub fn last_used(&self) -> Vec<LastUse> {
        self.shared.snapshot.load().last_used()
    }

    /// Bytes that bodies under way take of [`Options::body_memory`].
    #[must_use]
    pub fn body_memory_used(&self) -> usize {
        self.shared.memory.used()
    }

    /// Bounds and time limits.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.shared.options
    }

    /// Totals since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters.read()
    }

    /// How often the gateway itself said no since the start, for each code.
    pub fn refusals(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        Code::ALL.iter().map(|code| (*code, self.shared.counters.refusals.of(*code)))
    }

    /// Models whose calls were counted and had no price, since the start: most calls first, up to 501.
    #[must_use]
    pub fn unpriced(&self) -> Vec<Unpriced> {
        self.shared.unpriced.read()
    }

    /// Drops the cached answers of a gateway from memory.
    pub fn forget_cache(&self, gateway: GatewayId) {
        self.shared.cache.forget(gateway);
    }
}
