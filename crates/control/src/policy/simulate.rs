//! What a policy would have done over the last days: the ledger is played through it, by the data plane's own code.
//!
//! Rows are read in pages, so that nobody who writes waits, and only so many of them; one at a time plays, and not for long.
//! What lies before the days that were asked for is counted as far as the policy's window reaches back (90 days in all), as it would be if the
//! policy were switched on at that moment.

mod groups;
mod past;

use std::collections::HashMap;
use std::time::Duration;

use domain::ledger::Spent;
use domain::policy::{Field, Limit, Measure, NamedPolicy, Policy, PolicyState, Rule, Unit, Window};
use domain::{GatewayId, Nanos, PolicyId, TeamId, TokenId};
use store::entity::policy::Model;
use store::{Store, names, policy as rows, spent};
use tokio::time::Instant;

use self::groups::Groups;
use self::past::{Merge, Request};
use super::engine::{PastRequest, Replay, Verdict};
use crate::change::now;
use crate::{Control, ControlError, Grant, can};

/// Most days a policy is tried on, and most days that are read.
pub const MAX_DAYS: u16 = 90;
/// How much is read, and for how long.
const BOUNDS: Bounds = Bounds { rows: 1_000_000, page: 5_000, patience: Duration::from_secs(20) };
/// Seconds after which somebody who found the place taken may try again.
const RETRY_S: u32 = 10;
const DAY_MS: i64 = 86_400_000;

/// What a simulation may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most rows that are read, to the next page.
    pub(crate) rows: usize,
    /// Rows in a page.
    pub(crate) page: u32,
    /// Longest time.
    pub(crate) patience: Duration,
}

/// Why a policy cannot be tried on the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untried {
    /// This process has no data plane.
    NoEngine,
    /// It cannot be read.
    Damaged,
    /// The ledger does not know what was under way at the same time.
    Concurrency,
    /// The ledger does not know addresses and countries.
    Origin,
}

/// What a policy would have done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// The span that was played, in milliseconds since 1970, the end exclusive.
    pub from_ms: i64,
    pub to_ms: i64,
    /// Whether all of the span that was asked for was played; if not, there was too much of it.
    pub complete: bool,
    /// Requests that were judged.
    pub requests: u64,
    pub refused: u64,
    pub warned: u64,
    /// Requests that another model would have answered.
    pub diverted: u64,
    /// What those cost that would have been refused or answered by another model.
    pub cost: Nanos,
    /// How many of them have an unknown cost.
    pub unpriced: u64,
    /// When the first request would have been refused, warned or diverted.
    pub first_ms: Option<i64>,
    /// The ten that it would have hit hardest.
    pub groups: Vec<HitGroup>,
}

/// Requests alike that a policy would have refused, warned or diverted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HitGroup {
    /// What the policy groups by; the token where it does not group. Empty for all that are too many to be told apart.
    pub values: Vec<(Field, String)>,
    pub requests: u64,
    pub cost: Nanos,
    pub first_ms: i64,
}

impl Control {
    /// Plays the last days through a stored policy, whatever its state.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Throttled`] while somebody else does the same.
    pub async fn simulate_policy(
        &self,
        grant: &Grant<can::View>,
        id: PolicyId,
        days: u16,
    ) -> Result<Result<Simulation, Untried>, ControlError> {
        self.simulate_within(grant, id, days, BOUNDS).await
    }

    pub(crate) async fn simulate_within(
        &self,
        grant: &Grant<can::View>,
        id: PolicyId,
        days: u16,
        bounds: Bounds,
    ) -> Result<Result<Simulation, Untried>, ControlError> {
        let all = rows::list(self.inner.store.read(), grant.team_id()).await?;
        let row = all.iter().find(|row| row.id == id.0).ok_or(ControlError::NotFound("policy"))?;
        let Ok(policy) = rows::policy(row) else { return Ok(Err(Untried::Damaged)) };
        let Some(engine) = self.inner.engine.get() else { return Ok(Err(Untried::NoEngine)) };
        if let Some(reason) = untried(&policy) {
            return Ok(Err(reason));
        }
        let _place =
            self.inner.simulations.try_acquire().map_err(|_| ControlError::Throttled { retry_after_s: RETRY_S })?;
        let limit = policy.limit().cloned();
        let mut together = vec![named(row, policy)];
        if together[0].policy.rule == Rule::Allow {
            together.extend(all.iter().filter(|other| other.id != id.0).filter_map(permitting));
        }
        let to_ms = now().timestamp_millis();
        let days = i64::from(days.clamp(1, MAX_DAYS));
        let replay = engine.replay(&together);
        let mut player = Player::new(replay, limit, to_ms - days * DAY_MS, to_ms);
        self.play(grant.team_id(), &mut player, bounds).await?;
        Ok(Ok(player.finish()))
    }

    async fn play(&self, team: TeamId, player: &mut Player, bounds: Bounds) -> Result<(), ControlError> {
        let store = &self.inner.store;
        let span = spent::Span { from_ms: player.begins_ms(), to_ms: player.told.to_ms };
        let gateways = spent::gateways(store, team, span).await?;
        let mut merge = Merge::default();
        let (mut after, mut read, give_up) = (None, 0, Instant::now() + bounds.patience);
        player.told.complete = gateways.len() <= spent::MAX_GATEWAYS;
        loop {
            let page = spent::page(store, &gateways, span, after, bounds.page).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.request_id, last.attempt));
            read += page.len();
            player.names.learn(store, page.iter().map(|row| &row.spent)).await?;
            for row in page {
                if let Some(request) = merge.add(row) {
                    player.take(&request);
                }
            }
            if read >= bounds.rows || Instant::now() >= give_up {
                player.told.complete = false;
                break;
            }
        }
        if let Some(request) = merge.finish() {
            player.take(&request);
        }
        Ok(())
    }
}

fn named(row: &Model, policy: Policy) -> NamedPolicy {
    NamedPolicy { id: PolicyId(row.id), name: row.name.clone(), owner: None, policy }
}

/// A policy that is on and permits: what it permits passes, whatever another one does.
fn permitting(row: &Model) -> Option<NamedPolicy> {
    let policy = rows::policy(row).ok().filter(|policy| policy.rule == Rule::Allow)?;
    (rows::state(row) == PolicyState::On).then(|| named(row, policy))
}

fn untried(policy: &Policy) -> Option<Untried> {
    let groups = policy.limit().map_or(&[][..], |limit| &limit.group_by);
    let by_origin = groups.iter().any(|field| matches!(field, Field::Ip | Field::Country));
    if policy.limit().is_some_and(|limit| limit.measure == Measure::Concurrency) {
        Some(Untried::Concurrency)
    } else if by_origin || policy.when.walk().any(|part| !part.ip.is_empty() || !part.country.is_empty()) {
        Some(Untried::Origin)
    } else {
        None
    }
}

/// How far back a limit looks, at most, in milliseconds.
fn reach_ms(limit: &Limit) -> i64 {
    let days = match &limit.window {
        Window::Fixed { seconds } | Window::Sliding { seconds } | Window::Bucket { seconds, .. } => {
            return i64::from(*seconds) * 1_000;
        }
        Window::Calendar { unit: Unit::Minute | Unit::Hour | Unit::Day, .. } => 2,
        Window::Calendar { unit: Unit::Week, .. } => 8,
        Window::Calendar { unit: Unit::Month, .. } => 32,
        Window::Ever => i64::from(MAX_DAYS),
    };
    days * DAY_MS
}

/// Plays requests through a policy and notes what would have become of them.
struct Player {
    replay: Box<dyn Replay>,
    limit: Option<Limit>,
    names: Names,
    groups: Groups,
    told: Simulation,
    /// When the last request began that was played.
    reached_ms: i64,
}

impl Player {
    fn new(replay: Box<dyn Replay>, limit: Option<Limit>, from_ms: i64, to_ms: i64) -> Self {
        Self {
            replay,
            groups: Groups::by(limit.as_ref().map(|limit| limit.group_by.clone()).unwrap_or_default()),
            limit,
            names: Names::default(),
            told: Simulation { from_ms, to_ms, ..Simulation::default() },
            reached_ms: from_ms,
        }
    }

    /// Where to begin, so that windows which are open at the beginning hold what they would hold.
    fn begins_ms(&self) -> i64 {
        let reach = self.limit.as_ref().map_or(0, reach_ms);
        (self.told.from_ms - reach).max(self.told.to_ms - i64::from(MAX_DAYS) * DAY_MS)
    }

    fn take(&mut self, request: &Request) {
        let Request { spent, from_cache } = request;
        // What the cache answers is limited by nothing.
        if *from_cache && self.limit.is_some() {
            return;
        }
        let past = PastRequest {
            spent,
            gateway: spent.gateway_id.and_then(|id| self.names.gateways.get(&id)).map(String::as_str),
            token: spent.token_id.and_then(|id| self.names.tokens.get(&id)).map(String::as_str),
        };
        if spent.at_ms < self.told.from_ms {
            return self.replay.count(past);
        }
        self.reached_ms = spent.at_ms;
        self.told.requests += 1;
        let verdict = self.replay.judge(past);
        match verdict {
            Verdict::Pass => return,
            Verdict::Warn => self.told.warned += 1,
            Verdict::Refuse => self.told.refused += 1,
            Verdict::Fallback => self.told.diverted += 1,
        }
        self.told.first_ms.get_or_insert(spent.at_ms);
        self.groups.hit(past);
        if verdict != Verdict::Warn {
            self.told.cost += spent.cost.unwrap_or_default();
            self.told.unpriced += u64::from(spent.cost.is_none());
        }
    }

    fn finish(mut self) -> Simulation {
        if !self.told.complete {
            self.told.to_ms = self.reached_ms;
        }
        self.told.groups = self.groups.hardest();
        self.told
    }
}

/// Names of gateways and tokens by the ids of the ledger, looked up as they come.
#[derive(Default)]
struct Names {
    gateways: HashMap<GatewayId, String>,
    tokens: HashMap<TokenId, String>,
}

impl Names {
    async fn learn<'a>(
        &mut self,
        store: &Store,
        spent: impl Iterator<Item = &'a Spent> + Clone,
    ) -> Result<(), ControlError> {
        let gateways = spent.clone().filter_map(|spent| spent.gateway_id).filter(|id| !self.gateways.contains_key(id));
        let gateways = names::gateways(store, gateways).await?;
        let tokens = spent.filter_map(|spent| spent.token_id).filter(|id| !self.tokens.contains_key(id));
        let tokens = names::tokens(store, tokens).await?;
        self.gateways.extend(gateways);
        self.tokens.extend(tokens);
        Ok(())
    }
}
