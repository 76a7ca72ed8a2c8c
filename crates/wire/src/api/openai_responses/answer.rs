//! Whole answers: read as a stream of one event, written as what a stream's last event holds.

use serde_json::value::RawValue;

use super::decoder::Decoder;
use super::encoder::Encoder;
use super::object::Object;
use crate::chat::{Answer, Asked, Assembly, BlockKind, Event, Finish, Refused, StreamError, replay};
use crate::usage;

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let response = serde_json::from_slice::<Object<'_>>(body)?;
    if response.raw("output").is_none() {
        let error = response.raw("error").map(|_| stream_error(&response).message);
        let message = error.unwrap_or_else(|| "The provider's answer is no response: it has no output.".to_owned());
        return Err(Refused { field: Some("output".to_owned()), message });
    }
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    decoder.begin(&response, &mut events);
    let output: Vec<&RawValue> = response.list("output");
    for (place, raw) in output.into_iter().enumerate() {
        decoder.done(place as u64, raw, &mut events);
    }
    events.push(Event::Finish { choice: 0, finish: decoder.seen.finish(&response) });
    events.extend(usage::from_body(domain::provider::Dialect::Openai, body).usage.map(Event::Usage));
    events.push(Event::End);
    let mut assembly = Assembly::default();
    events.into_iter().for_each(|event| assembly.push(event));
    let answer = assembly.finish().map_err(|error| Refused { field: None, message: error.message })?;
    Ok(Answer { service_tier: response.get("service_tier"), ..answer })
}

/// Writes an answer for a caller.
pub(in crate::api) fn encode_answer(answer: &Answer, asked: &Asked) -> Vec<u8> {
    let mut encoder = Encoder::silent(asked, answer.service_tier.clone());
    let mut nothing = Vec::new();
    for event in replay(answer.clone()) {
        encoder.push(event, &mut nothing);
    }
    encoder.into_response()
}

/// What an answer consists of, to say why it ended.
#[derive(Debug, Default)]
pub(super) struct Seen {
    calls: bool,
    refusal: bool,
    /// Whether it has words that do not decline.
    pub(super) text: bool,
}

impl Seen {
    pub(super) fn block(&mut self, kind: &BlockKind) {
        match kind {
            BlockKind::ToolCall { .. } => self.calls = true,
            BlockKind::Refusal => self.refusal = true,
            _ => {}
        }
    }

    /// Why the response ended. OpenAI says `completed` whatever it consists of.
    pub(super) fn finish(&self, response: &Object<'_>) -> Finish {
        let reason = response.object("incomplete_details").map(|details| details.text("reason"));
        match response.text("status").as_str() {
            "incomplete" => match reason.as_deref().unwrap_or_default() {
                "max_output_tokens" | "max_tokens" | "" => Finish::Length,
                "content_filter" => Finish::ContentFilter,
                other => Finish::Other(other.to_owned()),
            },
            "failed" => Finish::Failed(stream_error(response).code),
            "cancelled" => Finish::Failed("cancelled".to_owned()),
            other @ ("in_progress" | "queued") => Finish::Other(other.to_owned()),
            _ if self.calls => Finish::ToolCalls,
            _ if self.refusal && !self.text => Finish::Refusal,
            _ => Finish::Stop,
        }
    }
}

/// The failure in an event, a response or a body: an object, a text, or fields of the event itself.
pub(super) fn stream_error(holder: &Object<'_>) -> StreamError {
    let inner = holder.object("error");
    let error = inner.as_ref().unwrap_or(holder);
    let kind = if inner.is_some() { error.kind() } else { String::new() };
    let code = [error.text("code"), kind].into_iter().find(|code| !code.is_empty());
    let code = code.or_else(|| error.get::<u16>("code").map(|code| code.to_string()));
    let code = code.unwrap_or_else(|| "server_error".to_owned());
    let message = [error.text("message"), holder.text("error")].into_iter().find(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| "The provider reported an error without a word about it.".to_owned());
    StreamError { status: status(&code), code, message }
}

/// The HTTP status that stands behind a code.
fn status(code: &str) -> u16 {
    match code {
        "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota" | "too_many_requests" => 429,
        "invalid_api_key" | "authentication_error" => 401,
        "permission_error" | "permission_denied" => 403,
        "model_not_found" | "not_found_error" => 404,
        "overloaded" | "overloaded_error" | "server_is_overloaded" | "slow_down" => 503,
        "timeout" | "timeout_error" | "vector_store_timeout" => 504,
        "context_length_exceeded" | "content_filter" | "bio_policy" | "cyber_policy" => 400,
        code if code.starts_with("invalid_") || code.starts_with("image_") => 400,
        code => code.parse().ok().filter(|status| (400..600).contains(status)).unwrap_or(500),
    }
}
