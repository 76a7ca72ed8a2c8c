//! Takes a plain answer in before any of it goes on.

use bytes::Bytes;
use domain::ledger::Outcome;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use tokio::time::timeout_at;
use wire::usage::Observed;

use super::clock::Clock;
use super::meter::{Finish, MAX_READ, Meter};
use super::way::{Fault, Make};
use crate::error::Refusal;
use crate::memory::Purpose;
use crate::plan::Plan;
use crate::settle::{End, Settlement};

/// The whole answer, settled.
///
/// # Errors
/// `upstream_timeout`, `upstream_reset`, `upstream_invalid`, `overloaded`, with the attempt's row ended.
pub(super) async fn hold(
    settlement: &mut Settlement,
    mut meter: Meter,
    upstream: Incoming,
    plan: &Plan,
    make: Make,
) -> Result<Bytes, Refusal> {
    let collected = collect(settlement, &mut meter, upstream, &plan.provider).await;
    match collected.and_then(|body| shape(settlement, &mut meter, plan, make, body)) {
        Ok(body) => {
            meter.settle(settlement, Finish::Whole);
            Ok(body)
        }
        Err(refusal) => {
            let end = End::without_answer(refusal.code.status(), Outcome::UpstreamFailed, Some(refusal.code));
            settlement.end_attempt(End { response: Some(meter.capture()), ..end });
            Err(refusal)
        }
    }
}

async fn collect(
    settlement: &Settlement,
    meter: &mut Meter,
    mut upstream: Incoming,
    provider: &str,
) -> Result<Bytes, Refusal> {
    let options = &settlement.shared().options;
    let mut clock = Clock::start(options.idle_timeout, settlement.attempt_started() + options.total_timeout);
    loop {
        match timeout_at(clock.next(), upstream.frame()).await {
            Err(_) => return Err(Refusal::upstream_timeout(provider)),
            Ok(Some(Err(_))) => return Err(Refusal::upstream_reset(provider)),
            Ok(None) => break,
            Ok(Some(Ok(frame))) => {
                clock.touch();
                if let Ok(bytes) = frame.into_data() {
                    meter.keep(&bytes);
                }
                if meter.capture().gave_up() {
                    return Err(Refusal::overloaded());
                }
                if meter.capture().seen() > MAX_READ as u64 {
                    return Err(Refusal::upstream_invalid(provider));
                }
            }
        }
    }
    meter.share_whole().ok_or_else(|| Refusal::upstream_invalid(provider))
}

/// What the client gets.
fn shape(settlement: &Settlement, meter: &mut Meter, plan: &Plan, make: Make, body: Bytes) -> Result<Bytes, Refusal> {
    let memory = &settlement.shared().memory;
    let invalid = || Refusal::upstream_invalid(&plan.provider);
    match make {
        Make::Same => serde_json::from_slice::<IgnoredAny>(&body).map(|_| body).map_err(|_| invalid()),
        Make::Error => {
            let shaped = wire::error::in_shape_of(settlement.dialect, meter.status(), &plan.provider, &body);
            let Some(shaped) = shaped else { return Ok(body) };
            let made = memory.hold(Purpose::Answer, Bytes::from(shaped))?;
            meter.replace(memory, &made, Observed { finished: true, ..Observed::default() });
            Ok(made)
        }
        Make::Answer | Make::Stream | Make::Assembled => {
            let (made, observed) = make.make(plan, &body).map_err(|fault| match fault {
                Fault::Unreadable => invalid(),
                Fault::Failed(error) => Refusal::upstream_failed(&plan.provider, &error),
            })?;
            let made = memory.hold(Purpose::Answer, Bytes::from(made))?;
            meter.replace(memory, &made, observed);
            Ok(made)
        }
    }
}
