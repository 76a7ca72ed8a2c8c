//! Last stage: what happened becomes a row of the ledger, exactly once for each attempt.
//!
//! A [`Settlement`] is opened when a request comes in and follows it through every stage. Whoever finishes the request
//! says how; if nobody does, because the client left, the server stopped or the code panicked, dropping it writes the row. So a row cannot
//! be forgotten and, because closing is final, cannot be written twice.
//!
//! What a provider makes in the background is billed by a row beside that of the request which hears of its end (`run.rs`).
//!
//! Before a provider is called, the row as it is known by then is written down, so that `kill -9` leaves a row too.
//!
//! The row of a failed attempt waits until it is known whether another one follows: only the last row of a request has
//! `last` set.

mod capture;
mod cost;
mod fares;
mod note;
mod race;
mod run;
mod words;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use domain::ledger::{AttemptRow, CacheStatus, Cause, Outcome, Payload, Surface};
use domain::price::{Formula, Source};
use domain::provider::Dialect;
use domain::usage::UsageSource;
use domain::{Nanos, RequestId, Usage};
use tokio::time::{Duration, Instant};
use wire::usage::Observed;

pub(crate) use capture::Capture;
pub(crate) use cost::{Measure, Pricing, uses_nothing};
pub(crate) use fares::Fares;
pub(crate) use note::{bounded, note_backend, note_head, note_plan, note_request, note_user, note_user_of_metadata};
pub(crate) use race::{Race, Side};
pub(crate) use run::{Run, Runs, plausible};

use crate::client::Client;
use crate::counters::{count, count_outcome};
use crate::dynamic::Holds;
use crate::error::{Code, Refusal};
use crate::gateway::{InFlight, Shared};
use crate::memory::{Claim, Purpose};
use crate::policy::{Held, Used};
use crate::ports::Intent;
use crate::queue::Patience;

/// Status of a request whose client did not wait for the answer (nginx's number).
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Content type of the gateway's own answers.
const JSON: &str = "application/json";

/// A request on its way, with everything that will be written down about it.
pub(crate) struct Settlement {
    shared: Arc<Shared>,
    in_flight: Option<InFlight>,
    started: Instant,
    attempt_started: Instant,
    /// How long the client took to send its body: not the gateway's time.
    pub waited: Duration,
    /// The shape of errors.
    pub dialect: Dialect,
    /// What is known so far; stages fill in what they find out.
    pub row: AttemptRow,
    /// Whether the request may leave a row. Not until it names a token or a gateway that exists: a scanner must not be
    /// able to fill the disk.
    pub recordable: bool,
    pub keep_payload: bool,
    /// As much of the body as the log keeps.
    request: Bytes,
    request_content_type: Option<String>,
    /// What its attempts are priced by.
    pub pricing: Pricing,
    /// Fields of the request that could not be expressed, for a header.
    pub dropped: String,
    /// Where the request comes from.
    pub client: Client,
    /// How long it may wait for its turn, where it may.
    pub patience: Option<Box<Patience>>,
    /// The limits that it is under, and what it has taken of them.
    pub held: Held,
    /// What its attempts used, up to now.
    used: Used,
    /// The policies that warn of it, for a header.
    pub warnings: String,
    /// The policy that led it to another model than was asked for.
    pub fallback: Option<String>,
    /// What its attempt may use, where limits made somebody estimate it: should the process be killed, its row says that.
    pub estimate: Option<Box<Usage>>,
    /// How the attempt under way fares.
    pub fares: Fares,
    /// The place of the step that is tried, where a request brings several.
    pub step: Option<usize>,
    /// What the limits in its route have given it.
    pub holds: Holds,
    /// What those cost that were asked before.
    moved_cost: u64,
    /// Where a route has led it; the row has its way.
    pub led: Option<Box<Led>>,
    /// How long providers took to answer, up to now.
    pub upstream: Duration,
    /// Whether what was used has a row of its own.
    is_billed_apart: bool,
    /// What the running attempt, or the one that waits, was written down with before its call.
    intent: Option<Intent>,
    /// A finished attempt that may or may not have been the last.
    pending: Option<(AttemptRow, Option<Kept>)>,
    /// The other attempt that is under way at the same time, where there may be one.
    race: Option<(Arc<Race>, Side)>,
    stage: Stage,
}

/// What was said, and the room it takes while it waits to be written.
type Kept = (Payload, Claim);

/// Where a route has led.
#[derive(Clone, Debug)]
pub(crate) struct Led {
    pub provider: String,
    pub model: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No attempt is running.
    Between,
    /// An upstream has been called.
    Attempt,
    /// Everything is written.
    Closed,
}

/// How an attempt, or a request without one, ended.
pub(crate) struct End<'a> {
    pub status: u16,
    pub outcome: Outcome,
    pub code: Option<Code>,
    pub observed: Observed,
    pub response: Option<&'a Capture>,
    pub response_content_type: Option<&'a str>,
}

impl End<'_> {
    /// An end without any answer of a provider.
    pub(crate) fn without_answer(status: u16, outcome: Outcome, code: Option<Code>) -> Self {
        Self { status, outcome, code, observed: Observed::default(), response: None, response_content_type: None }
    }
}

impl Settlement {
    /// Opens the books for a request that has just come in.
    pub(crate) fn open(
        shared: Arc<Shared>,
        id: RequestId,
        client: Client,
        surface: Surface,
        dialect: Dialect,
    ) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            in_flight: Some(InFlight::enter(shared.clone())),
            shared,
            started: now,
            attempt_started: now,
            waited: Duration::ZERO,
            dialect,
            row: blank(id, surface),
            recordable: false,
            keep_payload: false,
            request: Bytes::new(),
            request_content_type: None,
            pricing: Pricing::default(),
            dropped: String::new(),
            client,
            patience: None,
            held: Held::default(),
            used: Used::default(),
            warnings: String::new(),
            fallback: None,
            estimate: None,
            fares: Fares::default(),
            step: None,
            holds: Holds::default(),
            moved_cost: 0,
            led: None,
            upstream: Duration::ZERO,
            is_billed_apart: false,
            intent: None,
            pending: None,
            race: None,
            stage: Stage::Between,
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn id(&self) -> RequestId {
        self.row.request_id
    }

    /// When the request came in.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// When the running attempt began.
    pub(crate) fn attempt_started(&self) -> Instant {
        self.attempt_started
    }

    /// An upstream is about to be called, and that is written down. The attempt before it was not the last.
    ///
    /// # Errors
    /// `ledger_unavailable`: it could not be written down, so there is no such attempt.
    pub(crate) fn begin_attempt(&mut self) -> Result<(), Refusal> {
        let now = Instant::now();
        let before = self.row.attempt;
        self.row.attempt = self.race.as_ref().map_or(before + 1, |(race, _)| race.next());
        self.row.gateway_us =
            if self.row.attempt == 1 { micros((now - self.started).saturating_sub(self.waited)) } else { 0 };
        self.row.at_ms = if self.row.attempt == 1 { self.row.at_ms } else { crate::clock::now_ms() };
        self.row.first_byte_us = None;
        let intent = match self.intend() {
            Ok(intent) => intent,
            Err(error) => {
                tracing::debug!(%error, "an attempt could not be written down");
                self.row.attempt = before;
                return Err(Refusal::ledger_unavailable());
            }
        };
        // Not before: killed in between, the request would have no last row.
        self.write_pending(false);
        self.intent = intent;
        self.attempt_started = now;
        self.note_begin();
        self.used.requests = u64::from(!self.is_hedge());
        self.stage = Stage::Attempt;
        count(&self.shared.counters.attempts);
        Ok(())
    }

    /// Writes down what is known of the attempt before its call: what becomes of it, and what it costs, is not. Limits that have
    /// reserved something for it keep that, marked as an estimate, should nobody ever tell.
    fn intend(&mut self) -> std::io::Result<Option<Intent>> {
        if !self.recordable {
            return Ok(None);
        }
        let row = &mut self.row;
        if let Some(usage) = self.estimate.as_deref().filter(|_| !uses_nothing(row)) {
            let observed = Observed { usage: Some(*usage), estimated: true, ..Observed::default() };
            cost::price(row, &observed, None, &self.pricing);
        } else {
            row.cost = uses_nothing(row).then_some(Nanos::ZERO);
            (row.usage, row.usage_source) = (Usage::default(), UsageSource::None);
            row.cost_formula = Formula::default();
        }
        self.shared.ledger.begin(row).map(Some)
    }

    /// The provider's answer has begun.
    pub(crate) fn first_byte(&mut self, status: u16) {
        self.row.status = status;
        let waited = self.attempt_started.elapsed();
        self.row.first_byte_us = Some(micros(waited));
        self.upstream += waited;
    }

    /// The running attempt is over, or the request needed none. Whether it was the last is told by what comes next:
    /// [`Settlement::begin_attempt`] or [`Settlement::close`].
    pub(crate) fn end_attempt(&mut self, end: End<'_>) {
        let whole = micros(self.started.elapsed());
        let row = &mut self.row;
        if row.attempt == 0 {
            row.duration_us = whole;
            row.gateway_us = whole.saturating_sub(micros(self.waited));
        } else {
            let took = self.attempt_started.elapsed();
            row.duration_us = micros(took);
            if row.first_byte_us.is_none() {
                self.upstream += took;
            }
        }
        row.status = end.status;
        row.outcome = end.outcome;
        row.error_code = end.code.map(|code| code.as_str().to_owned());
        row.response_bytes = end.response.map_or(0, Capture::seen);
        let model = end.observed.model.as_deref().map(bounded).or_else(|| self.row.model.clone());
        let priced = cost::price(&mut self.row, &end.observed, end.code, &self.pricing);
        self.note_priced(priced);
        if self.is_billed_apart && end.observed.usage.is_none() {
            self.row.cost = Some(Nanos::ZERO);
            self.row.cost_formula = Formula { source: Source::Apart, ..Formula::default() };
        }
        self.add_up(end.code);
        if end.code == Some(Code::HedgeCancelled) && self.row.first_byte_us.is_none() {
            self.fares.lost();
        } else {
            self.fares.end(end.outcome);
        }
        let asked = std::mem::replace(&mut self.row.model, model);
        self.row.called = if asked == self.row.model { None } else { asked.clone() };
        let payload = self.payload(&end);
        self.count(end.outcome);
        let finished = self.row.clone();
        (self.row.model, self.row.called) = (asked, None);
        self.pending = Some((finished, payload));
        self.stage = Stage::Between;
    }

    /// Counts what has no price.
    fn note_priced(&self, priced: cost::Priced) {
        if priced == cost::Priced::No && self.recordable {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            self.shared.unpriced.add(&text(&self.row.provider), &text(&self.row.model));
        }
    }

    /// Adds what the row says to what the request used.
    fn add_up(&mut self, code: Option<Code>) {
        let (row, used) = (&self.row, &mut self.used);
        if row.attempt == 0 {
            // What the gateway answers by itself, and not from the cache, counts as a request.
            used.requests = u64::from(row.outcome == Outcome::Ok && row.cache != CacheStatus::Hit);
            return;
        }
        used.add(row);
        used.broke_off |= cost::broke_off(row, code);
    }

    /// Somebody else is asked for the same: what was taken of the limits is put right for what was used up to now, and taken anew.
    pub(crate) fn move_on(&mut self) {
        // The request itself counts where it is answered.
        let used = Used { requests: 0, ..std::mem::take(&mut self.used) };
        self.moved_cost = self.moved_cost.saturating_add(used.cost);
        std::mem::take(&mut self.held).settle(&used);
        self.row.cache = CacheStatus::Off;
        self.estimate = None;
        self.is_billed_apart = false;
        self.dropped.clear();
    }

    /// The request is over: what was written last was the last row.
    pub(crate) fn close(&mut self) {
        if self.stage == Stage::Closed {
            return;
        }
        self.stage = Stage::Closed;
        if let Some((race, side)) = self.race.clone() {
            race.leave(side, self.left());
        } else {
            self.write_pending(true);
            self.held.settle(&self.used);
            self.holds.settle(self.moved_cost.saturating_add(self.used.cost));
        }
    }

    /// Ends the running attempt and the request with it.
    pub(crate) fn finish(&mut self, end: End<'_>) {
        if self.stage != Stage::Closed {
            self.end_attempt(end);
            self.close();
        }
    }

    /// The gateway itself says no, with this body. Where an attempt brought it to this, that attempt's row tells it.
    pub(crate) fn refuse(&mut self, refusal: &Refusal, body: &Bytes) {
        self.shared.counters.refusals.count(refusal.code);
        let mut response = self.capture_for_log();
        response.push(body);
        if let Some((row, payload)) = &mut self.pending {
            row.response_bytes = response.seen();
            if let Some((payload, _)) = payload {
                payload.response = response.share_head(self.shared.options.payload_cap);
                payload.response_cut = (payload.response.len() as u64) < response.seen();
                payload.response_content_type = Some(JSON.to_owned());
            }
        } else {
            let outcome = if self.row.attempt == 0 { Outcome::Refused } else { Outcome::UpstreamFailed };
            let end = End::without_answer(refusal.code.status(), outcome, Some(refusal.code));
            self.end_attempt(End { response: Some(&response), response_content_type: Some(JSON), ..end });
        }
        self.close();
    }

    /// Keeps an answer as far as the log wants it.
    pub(crate) fn capture_for_log(&self) -> Capture {
        let cap = if self.keep_payload { self.shared.options.payload_cap } else { 0 };
        Capture::new(&self.shared.memory, Purpose::Keeping, cap)
    }

    fn payload(&self, end: &End<'_>) -> Option<Kept> {
        let dropped = &self.shared.counters.captures_dropped;
        if end.response.is_some_and(Capture::gave_up) {
            count(dropped);
        }
        if !self.keep_payload {
            return None;
        }
        let cap = self.shared.options.payload_cap;
        let seen = end.response.map_or(0, Capture::seen);
        let response = end.response.filter(|response| words::is_text(end.response_content_type, response.head(cap)));
        let mut claim = self.shared.memory.claim(Purpose::Keeping);
        if claim.grow(response.map_or(0, |response| response.copied(cap))).is_err() {
            count(dropped);
            return None;
        }
        let response = response.map(|response| response.share_head(cap)).unwrap_or_default();
        let payload = Payload {
            request: self.request.clone(),
            request_cut: (self.request.len() as u64) < self.row.request_bytes,
            request_content_type: self.request_content_type.clone(),
            response_cut: (response.len() as u64) < seen,
            response,
            response_content_type: end.response_content_type.map(str::to_owned),
        };
        Some((payload, claim))
    }

    fn count(&self, outcome: Outcome) {
        let counters = &self.shared.counters;
        match outcome {
            Outcome::Refused => count(&counters.refused),
            Outcome::UpstreamFailed => count(&counters.upstream_failures),
            Outcome::ClientGone if self.is_lost() => {}
            Outcome::ClientGone => count(&counters.clients_gone),
            Outcome::Interrupted => count(&counters.interrupted),
            Outcome::Ok | Outcome::UpstreamError => {}
        }
        if self.row.attempt > 0 {
            count_outcome(&counters.attempts_ended, outcome);
        }
        if self.row.cache == CacheStatus::Hit {
            count(&counters.cache_hits);
        }
        if !self.recordable {
            count(&counters.refused_unrecorded);
        }
    }

    fn write_pending(&mut self, last: bool) {
        let Some((mut row, payload)) = self.pending.take() else { return };
        row.last = last;
        if last {
            count_outcome(&self.shared.counters.requests_ended, row.outcome);
        }
        let intent = self.intent.take();
        self.record(&row, payload.as_ref().map(|(payload, _)| payload), intent);
    }

    fn record(&self, row: &AttemptRow, payload: Option<&Payload>, intent: Option<Intent>) {
        record(&self.shared, self.recordable, row, payload, intent);
    }
}

fn record(shared: &Shared, is_recordable: bool, row: &AttemptRow, payload: Option<&Payload>, intent: Option<Intent>) {
    if !is_recordable {
        return;
    }
    if let Err(error) = shared.ledger.record(row, payload, intent) {
        let failures = shared.counters.ledger_failures.fetch_add(1, Ordering::Relaxed) + 1;
        // While a disk is full this happens for each request: tell it less and less often.
        if failures.is_power_of_two() {
            tracing::error!(%error, failures, "a ledger row could not be written");
        }
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if self.stage == Stage::Closed {
            return;
        }
        if self.stage == Stage::Attempt || self.pending.is_none() {
            let called = self.row.attempt > 0;
            let (code, outcome) = if std::thread::panicking() {
                (Some(Code::InternalError), if called { Outcome::UpstreamFailed } else { Outcome::Refused })
            } else if self.shared.is_cutting() {
                (Some(Code::ShuttingDown), if called { Outcome::Interrupted } else { Outcome::Refused })
            } else {
                (self.is_lost().then_some(Code::HedgeCancelled), Outcome::ClientGone)
            };
            let status = code.map_or(CLIENT_CLOSED_REQUEST, Code::status);
            let end = End::without_answer(status, outcome, code);
            // The provider goes on, or not, and tells nobody: what was reserved for it is the best that is known.
            let usage = self.estimate.as_deref().filter(|_| code == Some(Code::HedgeCancelled)).copied();
            let observed = Observed { estimated: usage.is_some(), usage, ..Observed::default() };
            self.end_attempt(End { observed, ..end });
        }
        self.close();
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A row of which nothing is known but its key.
fn blank(id: RequestId, surface: Surface) -> AttemptRow {
    AttemptRow {
        request_id: id,
        attempt: 0,
        last: false,
        at_ms: crate::clock::now_ms(),
        team_id: None,
        gateway_id: None,
        token_id: None,
        provider_key_id: None,
        surface,
        method: String::new(),
        path: String::new(),
        provider: None,
        backend: None,
        model_asked: None,
        model: None,
        status: 0,
        outcome: Outcome::Refused,
        error_code: None,
        cache: CacheStatus::Off,
        streamed: false,
        usage: Usage::default(),
        usage_source: UsageSource::None,
        cost: Some(Nanos::ZERO),
        cost_formula: Formula::default(),
        duration_us: 0,
        first_byte_us: None,
        gateway_us: 0,
        request_bytes: 0,
        response_bytes: 0,
        event_id: None,
        metadata: None,
        user_agent: None,
        user: None,
        logged: true,
        cause: Cause::First,
        called: None,
        way: None,
    }
}
