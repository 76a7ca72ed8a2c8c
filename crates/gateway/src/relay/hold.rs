//! Takes a plain answer in before any of it goes on.

use std::sync::Arc;

use bytes::Bytes;
use domain::ledger::Outcome;
use wire::chat::StreamError;
use wire::error::ErrorBody;
use wire::usage::Observed;

use super::clock::Clock;
use super::meter::{Finish, MAX_READ, Meter};
use super::poll::Poll;
use super::source::Source;
use super::way::{Fault, Make};
use crate::error::{Code, Refusal};
use crate::failover::Failure;
use crate::memory::{Full, Memory, Purpose};
use crate::plan::Plan;
use crate::settle::{End, Settlement};

/// An answer that was taken in, settled.
#[derive(Debug)]
pub(super) struct Held {
    pub status: u16,
    pub body: Bytes,
}

/// The whole answer, settled.
///
/// # Errors
/// `upstream_timeout`, `upstream_reset`, `upstream_invalid`, `overloaded`, and where `others` may be asked what the answer says of its
/// failure, with the attempt's row ended.
pub(super) async fn hold(
    settlement: &mut Settlement,
    mut meter: Meter,
    upstream: Source,
    plan: &Plan,
    (make, others): (Make, bool),
) -> Result<Held, Box<Failure>> {
    let collected = whole(settlement, &mut meter, upstream, plan).await;
    let is_judged = others && meter.status() < 400;
    let says_so = |body: &Bytes| if is_judged { wire::api::failure(body) } else { None };
    if let Some(error) = collected.as_ref().ok().and_then(says_so) {
        let end = End::without_answer(meter.status(), Outcome::UpstreamFailed, None);
        settlement.end_attempt(End { response: Some(meter.capture()), ..end });
        let said = format!("{} {}", error.code, error.message);
        let refusal = Refusal::upstream_failed(&plan.provider, &error.message);
        return Err(Failure::of_error(refusal, error.status, said.as_bytes()));
    }
    match collected.and_then(|body| shape(settlement, &mut meter, plan, make, body)) {
        Ok((body, finish)) => {
            meter.settle(settlement, finish);
            Ok(Held { status: meter.status(), body })
        }
        Err(refusal) => {
            let end = End::without_answer(refusal.code.status(), Outcome::UpstreamFailed, Some(refusal.code));
            settlement.end_attempt(End { response: Some(meter.capture()), ..end });
            Err(Failure::refused(refusal))
        }
    }
}

/// The answer, once the provider is done with it.
async fn whole(settlement: &Settlement, meter: &mut Meter, upstream: Source, plan: &Plan) -> Result<Bytes, Refusal> {
    let mut body = collect(settlement, meter, upstream, plan).await?;
    if let Some(mut poll) = Poll::of(plan, &body) {
        while Poll::goes_on(&body) {
            drop(std::mem::take(&mut body));
            let answer = poll.again(settlement, plan).await?;
            meter.restart(&settlement.shared().memory, answer.status().as_u16());
            body = collect(settlement, meter, Source::new(answer.into_body()), plan).await?;
        }
    }
    if plan.translation.is_some() && (200..300).contains(&meter.status()) {
        // That something was created is the provider's business.
        meter.pass_as(200);
    }
    Ok(body)
}

async fn collect(
    settlement: &Settlement,
    meter: &mut Meter,
    mut upstream: Source,
    plan: &Plan,
) -> Result<Bytes, Refusal> {
    let provider = &plan.provider;
    let mut clock = Clock::of(settlement, &plan.timeouts);
    while let Some(bytes) = upstream.next(&mut clock, provider).await? {
        meter.keep(&bytes);
        if meter.capture().gave_up() {
            return Err(Refusal::overloaded());
        }
        if meter.capture().seen() > MAX_READ as u64 {
            return Err(Refusal::upstream_invalid(provider));
        }
    }
    meter.share_whole().ok_or_else(|| Refusal::upstream_invalid(provider))
}

/// What the client gets, and how the answer ended.
fn shape(
    settlement: &Settlement,
    meter: &mut Meter,
    plan: &Plan,
    make: Make,
    body: Bytes,
) -> Result<(Bytes, Finish), Refusal> {
    let memory = &settlement.shared().memory;
    let invalid = || Refusal::upstream_invalid(&plan.provider);
    let body = match make {
        Make::Same if meter.is_json() => body,
        Make::Same => return Err(invalid()),
        Make::Error => {
            let shaped = wire::error::in_shape_of(settlement.dialect, meter.status(), &plan.provider, &body);
            let Some(shaped) = shaped else { return Ok((body, Finish::Whole)) };
            let made = memory.hold_made(Purpose::Answer, shaped.into_bytes())?;
            meter.replace(memory, &made, Observed { finished: true, ..Observed::default() });
            made
        }
        Make::Answer | Make::Stream | Make::Assembled | Make::Retold => {
            match in_room(memory, &body, || make.make(plan, &body))? {
                Ok((made, observed)) => {
                    let made = memory.hold_made(Purpose::Answer, made)?;
                    meter.replace(memory, &made, observed);
                    made
                }
                Err(Fault::Unreadable) => return Err(invalid()),
                // It costs nothing, as an error with a status of its own does not.
                Err(Fault::Failed(error)) => tell(settlement, meter, &error)?,
                Err(Fault::BrokeOff(error)) => {
                    return Ok((tell(settlement, meter, &error)?, Finish::Failed(Code::UpstreamReset)));
                }
            }
        }
    };
    Ok((body, Finish::Whole))
}

/// Makes something of a body, with room for the work: in its common form an answer takes about as much as in the provider's
/// words, and written once more the same.
fn in_room<T>(memory: &Arc<Memory>, body: &Bytes, work: impl FnOnce() -> T) -> Result<T, Full> {
    let mut room = memory.claim(Purpose::Answer);
    room.grow(body.len() * 2)?;
    Ok(work())
}

/// A provider's error that came with the status of an answer, with the status that it speaks of.
fn tell(settlement: &Settlement, meter: &mut Meter, error: &StreamError) -> Result<Bytes, Refusal> {
    let memory = &settlement.shared().memory;
    let id = settlement.id().to_string();
    let error = ErrorBody {
        status: error.status,
        code: &error.code,
        message: &error.message,
        param: None,
        request_id: Some(&id),
    };
    let made = memory.hold(Purpose::Answer, Bytes::from(wire::error::body(settlement.dialect, &error)))?;
    meter.replace(memory, &made, Observed::default());
    meter.fail(error.status);
    Ok(made)
}
