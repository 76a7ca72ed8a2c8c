//! Queueing: where as much is under way as may be at once, a request waits for its turn instead of being refused.
//!
//! Off unless the gateway's settings turn it on. Waited for is room in a limit of concurrency, at a provider's address and in the server
//! itself; never for time to bring room to a limit of requests, tokens or cost. How many wait is bounded for each gateway, and how long a
//! request waits in all; beyond either it is refused as it would have been. Whose turn it is [`line`] says. What waits for a limit
//! has taken nothing of it, and what need not wait looks at one number.

mod line;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub(crate) use self::line::{InLine, Line, Room};
use crate::admit::policies::{self, Stop};
use crate::admit::{check_in_flight, check_server};
use crate::attempt::check_room;
use crate::authenticate::Access;
use crate::counters::count;
use crate::error::Refusal;
use crate::gateway::Shared;
use crate::health::Health;
use crate::plan::Plan;
use crate::settle::Settlement;
use crate::snapshot::GatewayState;

/// Milliseconds that a request waits at most, where the gateway does not say.
const LONGEST_MS: u32 = 10_000;
/// After so many seconds it is worth trying again where nobody knows when there is room.
const RETRY_AFTER_S: u64 = 1;

/// How many requests of a gateway wait.
#[derive(Debug, Default)]
pub(crate) struct Waiting(AtomicUsize);

/// That a request may wait, and how long it still may.
#[derive(Debug)]
pub(crate) struct Patience {
    waiting: Arc<Waiting>,
    most: usize,
    left: Duration,
    /// Whose turn it takes: the token's id, or 0 for all that come without one.
    token: i64,
    /// How long it has waited, if it has.
    waited: Option<Duration>,
    /// Whether somebody else is asked sooner than it waits.
    pub has_others: bool,
}

impl Patience {
    /// That of a request; none where its gateway has no queue.
    pub(crate) fn of(gateway: &GatewayState, access: &Access) -> Option<Self> {
        let most = usize::try_from(gateway.settings.queue_most_waiting?).ok()?;
        let left = Duration::from_millis(gateway.settings.queue_longest_wait.unwrap_or(LONGEST_MS).into());
        let token = access.token.as_ref().map_or(0, |token| token.id.0);
        Some(Self { waiting: gateway.waiting.clone(), most, left, token, waited: None, has_others: false })
    }
}

impl Settlement {
    /// Whether the request may wait for its turn.
    pub(crate) fn may_wait(&self) -> bool {
        self.patience.as_ref().is_some_and(|patience| !patience.has_others)
    }

    /// How long it has waited for its turn, if it has.
    pub(crate) fn queued(&self) -> Option<Duration> {
        self.patience.as_ref()?.waited
    }

    fn note_queued(&mut self, waited: Duration) {
        // It is not the gateway's own time.
        self.waited += waited;
        if let Some(patience) = &mut self.patience {
            patience.left = patience.left.saturating_sub(waited);
            *patience.waited.get_or_insert_default() += waited;
        }
    }
}

/// A place among those of a gateway that wait.
struct Place(Arc<Waiting>);

impl Place {
    /// None where as many wait as may.
    fn take(patience: &Patience) -> Option<Self> {
        let waiting = &patience.waiting.0;
        let one_more = |waiting: usize| (waiting < patience.most).then_some(waiting + 1);
        waiting.try_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self(patience.waiting.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why there is no room: what the caller is told, and what is to be waited for, where waiting helps.
pub(crate) struct Full<R, E> {
    pub error: E,
    pub of: Option<Arc<R>>,
}

/// Waits until `attempt` finds room, at one turn after the other; it is told for what it has its turn. What comes back beside its result
/// is the turn: it is over once the room is taken.
async fn in_turn<R: Room, T, E>(
    settlement: &mut Settlement,
    full: Full<R, E>,
    mut attempt: impl FnMut(&mut Settlement, &Arc<R>) -> Result<T, Full<R, E>>,
) -> Result<(T, InLine<R>), E> {
    let (mut error, of) = match full {
        Full { error, of: Some(of) } => (error, of),
        Full { error, of: None } => return Err(error),
    };
    let Some(patience) = settlement.patience.as_deref() else { return Err(error) };
    let (token, left) = (patience.token, patience.left);
    let Some(_place) = Place::take(patience) else { return Err(error) };
    count(&settlement.shared().counters.queued);
    let begin = Instant::now();
    let mut line = InLine::enter(of, token);
    // Who begins to wait may let go of room with that.
    line.of().begin_to_wait();
    let result = loop {
        if timeout_at(begin + left, line.turn()).await.is_err() {
            break Err(error);
        }
        let seen = line.seen();
        match attempt(settlement, line.of()) {
            Ok(done) => break Ok((done, line)),
            Err(Full { error: new, of: Some(of) }) => {
                error = new;
                if Arc::ptr_eq(&of, line.of()) {
                    line.go_back(seen);
                } else {
                    line = InLine::enter(of, token);
                }
            }
            Err(Full { error: new, of: None }) => break Err(new),
        }
    };
    settlement.note_queued(begin.elapsed());
    result
}

/// Waits until the limits have room for a planned request that they were too full for.
///
/// # Errors
/// As [`policies::take`].
pub(crate) async fn for_limits(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    plan: &Plan,
    stop: Box<Stop>,
) -> Result<(), Box<Stop>> {
    let full = |mut stop: Box<Stop>| Full { of: stop.of.take(), error: stop };
    let target = plan.target();
    let waited = in_turn(settlement, full(stop), |settlement, group| {
        policies::take_in_turn(settlement, access, gateway, (target, plan), group).map_err(full)
    });
    waited.await.map(|_| ()).map_err(|mut stop| {
        stop.refusal.retry_after_s.get_or_insert(RETRY_AFTER_S);
        stop
    })
}

/// Waits until the provider's address has room; what comes back is to be kept until the attempt counts there.
///
/// # Errors
/// `upstream_busy`.
pub(crate) async fn for_address(
    settlement: &mut Settlement,
    plan: &Plan,
    refusal: Refusal,
) -> Result<Option<InLine<Health>>, Refusal> {
    let full = |error| Full { error, of: plan.healths.address.clone() };
    let waited = in_turn(settlement, full(refusal), |settlement, _| check_room(settlement, plan, true).map_err(full));
    waited.await.map(|((), turn)| Some(turn))
}

/// Waits until the server takes on one more.
///
/// # Errors
/// As [`check_server`].
pub(crate) async fn for_server(settlement: &mut Settlement, refusal: Refusal) -> Result<(), Refusal> {
    let of: Arc<Shared> = settlement.shared().clone();
    // However many gateways have a queue, no more wait here than twice as many as may work.
    if of.line.waiting() >= of.options.max_in_flight.saturating_mul(2) {
        return Err(refusal);
    }
    let waited = in_turn(settlement, Full { error: refusal, of: Some(of) }, |settlement, of| {
        check_server(settlement).map_err(|error| Full { error, of: None })?;
        check_in_flight(settlement, true).map_err(|error| Full { error, of: Some(of.clone()) })
    });
    waited.await.map(|_| ())
}
