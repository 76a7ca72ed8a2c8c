//! How many tokens a question has, where the provider that would answer it does not count: an estimate, and marked as one.

use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::json;
use wire::api::{Api, Path};

use crate::answer;
use crate::body::Body;
use crate::error::Refusal;
use crate::headers::name;
use crate::settle::Settlement;

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
    let mut answer = answer::json(settlement, body.to_string());
    answer.headers_mut().insert(name::ESTIMATED, HeaderValue::from_static("true"));
    Ok(answer)
}
