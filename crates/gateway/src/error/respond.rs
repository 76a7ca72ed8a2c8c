//! Refusals on their way out.

use bytes::Bytes;
use domain::RequestId;
use domain::ledger::Surface;
use domain::provider::Dialect;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use wire::error::ErrorBody;

use super::Refusal;
use crate::body::Body;
use crate::headers::{name, response};
use crate::settle::Settlement;

/// Settles the request as refused and makes the answer that says so.
pub(crate) fn respond(settlement: &mut Settlement, refusal: &Refusal) -> Response<Body> {
    let id = settlement.id().to_string();
    let body = Bytes::from(wire::error::body(settlement.dialect, &describe(refusal, &id)));
    settlement.refuse(refusal, &body);
    let mut answer = Response::new(Body::whole(body));
    *answer.status_mut() = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = refusal.retry_after_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = refusal.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    if refusal.code.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response::complete(headers, settlement);
    answer
}

/// The answer to a request that was lost to a fault of ours. Its row is written already.
pub(crate) fn internal(dialect: Dialect, id: RequestId) -> Response<Body> {
    let (refusal, id) = (Refusal::internal(), id.to_string());
    let mut answer = Response::new(Body::whole(wire::error::body(dialect, &describe(&refusal, &id)).into()));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response::insert(headers, name::LOG_ID, &id);
    response::harden(headers);
    answer
}

/// The refusal as the last frame of a running stream of Amazon's frames.
pub(crate) fn frame(refusal: &Refusal) -> Bytes {
    let payload = serde_json::json!({ "message": refusal.message }).to_string();
    let mut out = Vec::new();
    // A message of the gateway's own is short.
    let _ = wire::eventstream::write_exception("modelStreamErrorException", payload.as_bytes(), &mut out);
    out.into()
}

/// The refusal as the last line of a running stream of lines: Ollama says so itself when a model fails.
pub(crate) fn line(refusal: &Refusal) -> Bytes {
    format!("{}\n", serde_json::json!({ "error": refusal.message })).into()
}

/// The refusal as the last event of a stream that is already running.
pub(crate) fn event(settlement: &Settlement, refusal: &Refusal) -> Bytes {
    let id = settlement.id().to_string();
    let error = describe(refusal, &id);
    let row = &settlement.row;
    if matches!(row.surface, Surface::Responses | Surface::StoredResponses) || row.path.ends_with("/responses") {
        return wire::error::event_of_responses(&error);
    }
    wire::error::event(settlement.dialect, &error)
}

fn describe<'a>(refusal: &'a Refusal, id: &'a str) -> ErrorBody<'a> {
    ErrorBody {
        status: refusal.code.status(),
        code: refusal.code.as_str(),
        message: &refusal.message,
        param: refusal.param.as_deref(),
        request_id: Some(id),
    }
}
