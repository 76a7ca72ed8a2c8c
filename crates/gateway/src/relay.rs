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
use hyper::body::Incoming;

use clock::Clock;
pub(crate) use flow::Flow;
use head::{Form, Head};
use hold::{Held, hold};
use meter::Meter;
use source::Source;
use way::{Make, Way};

use crate::body::Body;
use crate::error::{Refusal, respond};
use crate::headers::response;
use crate::plan::Plan;
use crate::reuse::Slot;
use crate::settle::{End, Settlement};
use crate::state::Keeper;

/// Passes an answer on and settles the request when it is through.
pub(crate) async fn relay(
    mut settlement: Box<Settlement>,
    mut plan: Box<Plan>,
    slot: Option<Slot>,
    answer: Response<Incoming>,
) -> Response<Body> {
    let (mut parts, upstream) = answer.into_parts();
    response::from_upstream(&mut parts.headers);
    if plan.shapes_errors && parts.status.is_redirection() {
        // No API of these answers so, and a client would go there with its token.
        return refuse(&mut settlement, &Refusal::upstream_invalid(&plan.provider));
    }
    let mut upstream = Source::new(upstream);
    let mut head = Head::read(&parts);
    if head.is_in_doubt(&plan) {
        let looked = upstream.look(Form::of_stream(&plan), &mut Clock::of(&settlement), &plan.provider).await;
        match looked {
            Ok(form) => head.form = form,
            Err(refusal) => return refuse(&mut settlement, &refusal),
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
        match Box::pin(hold(&mut settlement, meter, upstream, &plan, make)).await {
            Ok(Held { status, body }) => {
                // What is made of an answer has another length; hyper knows it.
                parts.headers.remove(CONTENT_LENGTH);
                parts.status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                if status >= 400 {
                    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                }
                Body::whole(body)
            }
            Err(refusal) => return respond(&mut settlement, &refusal),
        }
    } else {
        // What is compressed cannot be read, and would be held back to its end in search of an event.
        let shape = flow::Shape::of(&plan, way, meter.is_stream() && !encoded, &settlement.shared().memory);
        if !shape.is_as_it_comes() {
            parts.headers.remove(CONTENT_LENGTH);
        }
        response::complete(&mut parts.headers, &settlement);
        return answer_with(parts, Flow::start(settlement, meter, upstream, shape, plan.provider));
    };
    response::complete(&mut parts.headers, &settlement);
    answer_with(parts, body)
}

/// What the attempt brought is no answer.
fn refuse(settlement: &mut Settlement, refusal: &Refusal) -> Response<Body> {
    let (status, code) = (refusal.code.status(), Some(refusal.code));
    settlement.end_attempt(End::without_answer(status, Outcome::UpstreamFailed, code));
    respond(settlement, refusal)
}

fn answer_with(parts: http::response::Parts, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    answer
}
