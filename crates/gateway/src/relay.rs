//! Eighth stage: the provider's answer on its way to the client.
//!
//! Bytes pass as they come and as they are; beside them a watch reads usage. Four things are different: the usage event
//! that the gateway asked for itself is taken out again, a plain chat completion is held until it is known to be
//! JSON, so that a provider's HTML page becomes an error that an SDK can read, an answer in another API than the caller's is
//! translated, and so is an error in another shape. Whether a stream that was asked for is there shows in its label, or else in
//! its first bytes.

mod clock;
mod flow;
mod head;
mod hold;
mod meter;
mod poll;
mod source;
mod way;

use domain::ledger::Outcome;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};

use clock::Clock;
pub(crate) use flow::Flow;
use head::{Form, Head};
use hold::{Held, hold};
use meter::Meter;
use source::Source;
use way::{Make, Way};

use crate::body::Body;
use crate::error::Refusal;
use crate::failover::Failure;
use crate::headers::response;
use crate::plan::Plan;
use crate::reuse::Slot;
use crate::settle::{End, Settlement};
use crate::state::Keeper;
use crate::upstream::Incoming;

/// What is left of a request that may be answered by somebody else.
pub(crate) struct Unanswered {
    pub settlement: Box<Settlement>,
    pub failure: Box<Failure>,
}

/// Passes an answer on and settles the request when it is through. Where `others` may be asked, what shows before any of it has gone
/// on to be no answer is a failure.
///
/// # Errors
/// Why it is none, with the attempt's row ended.
pub(crate) async fn relay(
    mut settlement: Box<Settlement>,
    mut plan: Box<Plan>,
    slot: Option<Slot>,
    answer: Response<Incoming>,
    others: bool,
) -> Result<Response<Body>, Unanswered> {
    let (mut parts, upstream) = answer.into_parts();
    response::from_upstream(&mut parts.headers);
    if plan.shapes_errors && parts.status.is_redirection() {
        // No API of these answers so, and a client would go there with its token.
        let refusal = Refusal::upstream_invalid(&plan.provider);
        return Err(failed(settlement, Failure::refused(refusal)));
    }
    let mut upstream = Source::new(upstream);
    let mut head = Head::read(&parts, plan.words);
    let waits = others || plan.timeouts.first_token.is_some();
    if plan.stream && head.is_readable() && (waits || head.is_in_doubt(&plan)) {
        // Boxed: most answers need none of it.
        let begun = Box::pin(begin(&settlement, &plan, &mut upstream, &mut head, (others, waits)));
        if let Err(failure) = begun.await {
            return Err(failed(settlement, failure));
        }
    }
    let encoded = head.encoded;
    let way = Way::of(&plan, &head);
    let mut meter = Meter::new(&settlement, &plan, slot, head, way);
    meter.keeper = plan.after.take().map(|after| Keeper::new(after, &settlement.shared().state));
    settlement.row.streamed = meter.is_stream() || meter.is_list(&plan) || way == Way::Hold(Make::Stream);
    if let Some(content_type) = way.content_type(&plan) {
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }

    let body = if let Way::Hold(make) = way {
        // Boxed: what passes as it comes must not carry the room for it.
        match Box::pin(hold(&mut settlement, meter, upstream, &plan, (make, others))).await {
            Ok(Held { status, body }) => {
                // What is made of an answer has another length; hyper knows it.
                parts.headers.remove(CONTENT_LENGTH);
                parts.status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                if status >= 400 {
                    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                }
                Body::whole(body)
            }
            Err(failure) => return Err(Unanswered { settlement, failure }),
        }
    } else {
        // What is compressed cannot be read, and would be held back to its end in search of an event.
        let shape = flow::Shape::of(&plan, way, meter.is_stream() && !encoded, &settlement.shared().memory);
        if !shape.is_as_it_comes() {
            parts.headers.remove(CONTENT_LENGTH);
        }
        response::complete(&mut parts.headers, &settlement);
        let of = (plan.provider, &plan.timeouts);
        return Ok(answer_with(parts, Flow::start(settlement, meter, upstream, shape, of)));
    };
    response::complete(&mut parts.headers, &settlement);
    Ok(answer_with(parts, body))
}

/// Looks at the first bytes of a stream where they tell more than its head does: what it is made of, and, where that `waits` for it
/// because others may be asked or it must begin in time, whether it begins as an answer.
async fn begin(
    settlement: &Settlement,
    plan: &Plan,
    upstream: &mut Source,
    head: &mut Head,
    (others, waits): (bool, bool),
) -> Result<(), Box<Failure>> {
    let clock = &mut Clock::to_first(settlement, &plan.timeouts);
    if head.is_in_doubt(plan) {
        head.form = upstream.look(Form::of_stream(plan), clock, &plan.provider).await.map_err(Failure::refused)?;
    }
    if !waits {
        return Ok(());
    }
    let is_whole = others && plan.must_be_json && head.form == Form::Json;
    let begun = upstream.begin((head.form, is_whole), clock, &plan.provider).await;
    let error = begun.map_err(Failure::refused)?;
    match error.filter(|_| others) {
        Some(error) => {
            let refusal = Refusal::upstream_failed(&plan.provider, &error.message);
            Err(Failure::of_error(refusal, error.status, format!("{} {}", error.code, error.message).as_bytes()))
        }
        None => Ok(()),
    }
}

/// What the attempt brought is no answer.
fn failed(mut settlement: Box<Settlement>, failure: Box<Failure>) -> Unanswered {
    let (status, code) = failure.status_and_code();
    settlement.end_attempt(End::without_answer(status, Outcome::UpstreamFailed, code));
    Unanswered { settlement, failure }
}

fn answer_with(parts: http::response::Parts, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    answer
}
