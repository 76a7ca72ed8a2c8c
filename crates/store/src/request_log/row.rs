//! From a stored row to what is shown.

use domain::ledger::Cause;
use domain::view::RequestRow;
use domain::{GatewayId, Nanos, RequestId, TokenId, Usage};
use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};

use crate::entity::request;
use crate::{StoreError, priced};

/// A row with the names of its gateway and token, and its cost after the last correction.
pub(super) fn view(
    model: request::Model,
    corrected: Option<i64>,
    gateway: Option<String>,
    token: Option<String>,
) -> Result<RequestRow, StoreError> {
    Ok(RequestRow {
        request_id: RequestId(model.request_id),
        attempt: u16::try_from(model.attempt).unwrap_or(u16::MAX),
        last: model.last,
        at_ms: model.at_ms,
        gateway_id: model.gateway_id.map(GatewayId),
        gateway,
        token_id: model.token_id.map(TokenId),
        token,
        surface: named(&model.surface)?,
        usage: usage(&model)?,
        method: model.method,
        path: model.path,
        provider: model.provider,
        backend: model.backend,
        model_asked: model.model_asked,
        model: model.model,
        status: u16::try_from(model.status).unwrap_or_default(),
        outcome: named(&model.outcome)?,
        error_code: model.error_code,
        cache: named(&model.cache)?,
        streamed: model.streamed,
        usage_source: named(&model.usage_source)?,
        cost: corrected.or(model.cost_nanos).map(Nanos),
        duration_us: count(model.duration_us),
        first_byte_us: model.first_byte_us.map(count),
        gateway_us: count(model.gateway_us),
        request_bytes: count(model.request_bytes),
        response_bytes: count(model.response_bytes),
        event_id: model.event_id,
        metadata: model.metadata,
        user_agent: model.user_agent,
        user: model.user_name,
        cause: model.cause.as_deref().map_or(Ok(Cause::First), named)?,
        way: model.way,
    })
}

/// What an attempt used.
pub(crate) fn usage(model: &request::Model) -> Result<Usage, StoreError> {
    let counted = Usage {
        input: count(model.input_tokens),
        output: count(model.output_tokens),
        cached_input: count(model.cached_input_tokens),
        cache_write: count(model.cache_write_tokens),
        cache_write_1h: count(model.cache_write_1h_tokens),
        reasoning: count(model.reasoning_tokens),
        audio_input: count(model.audio_input_tokens),
        audio_output: count(model.audio_output_tokens),
        image_input: count(model.image_input_tokens),
        audio_seconds: count(model.audio_seconds),
        characters: count(model.characters),
        images: count(model.images),
        searches: count(model.searches),
        ..Usage::default()
    };
    let damaged = |error: serde_json::Error| StoreError::Other(format!("usage: {error}"));
    priced::with_more(counted, model.usage_more.as_deref()).map_err(damaged)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A value of an enum by its stored name, which is its serde name.
fn named<'a, T: Deserialize<'a>>(name: &'a str) -> Result<T, StoreError> {
    T::deserialize(StrDeserializer::<Error>::new(name)).map_err(|error| StoreError::Other(error.to_string()))
}
