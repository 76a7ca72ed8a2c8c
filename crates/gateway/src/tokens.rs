//! How many tokens a question has, where the provider that would answer it does not count: an estimate, and marked as one.

use bytes::Bytes;
use domain::ledger::Outcome;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde_json::json;
use wire::api::{Api, Path};
use wire::usage::Observed;

use crate::body::Body;
use crate::error::Refusal;
use crate::headers::{name, response};
use crate::memory::Purpose;
use crate::settle::{Capture, End, Settlement};

const JSON: &str = "application/json";

/// Settles the request and answers it in the caller's API.
///
/// # Errors
/// `invalid_request`.
pub(crate) fn answer(
    settlement: &mut Settlement,
    front: Api,
    path: Path<'_>,
    body: &Bytes,
) -> Result<Response<Body>, Refusal> {
    let question = front.decode_count(body, path).map_err(Refusal::invalid_request)?;
    let tokens = wire::estimate::input_tokens(&question);
    let body = match front {
        Api::Gemini => json!({ "totalTokens": tokens }),
        _ => json!({ "input_tokens": tokens }),
    };
    let body = Bytes::from(body.to_string());
    let shared = settlement.shared().clone();
    let mut capture = Capture::new(&shared.memory, Purpose::Keeping, shared.options.payload_cap);
    capture.push(&body);
    settlement.finish(End {
        status: 200,
        outcome: Outcome::Ok,
        code: None,
        observed: Observed { finished: true, ..Observed::default() },
        response: Some(&capture),
        response_content_type: Some(JSON),
    });
    let mut answer = Response::new(Body::whole(body));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(name::ESTIMATED, HeaderValue::from_static("true"));
    response::complete(headers, settlement);
    Ok(answer)
}
