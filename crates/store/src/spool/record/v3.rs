//! Records as version 3 wrote them: nobody who was asked for.

use domain::ledger::{AttemptRow, CacheStatus, Outcome, Surface};
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, RequestId, TeamId, TokenId};
use serde::Deserialize;

use super::v4::{Line, Usage, formula};

pub(super) const VERSION: u8 = 3;

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Row {
    request_id: RequestId,
    attempt: u16,
    last: bool,
    at_ms: i64,
    team_id: Option<TeamId>,
    gateway_id: Option<GatewayId>,
    token_id: Option<TokenId>,
    provider_key_id: Option<ProviderKeyId>,
    surface: Surface,
    method: String,
    path: String,
    provider: Option<String>,
    model_asked: Option<String>,
    model: Option<String>,
    status: u16,
    outcome: Outcome,
    error_code: Option<String>,
    cache: CacheStatus,
    streamed: bool,
    usage: Usage,
    usage_source: UsageSource,
    cost: Option<Nanos>,
    cost_formula: Vec<Line>,
    duration_us: u64,
    first_byte_us: Option<u64>,
    gateway_us: u64,
    request_bytes: u64,
    response_bytes: u64,
    event_id: Option<String>,
    metadata: Option<String>,
    user_agent: Option<String>,
    logged: bool,
}

impl From<Row> for AttemptRow {
    fn from(row: Row) -> Self {
        Self {
            request_id: row.request_id,
            attempt: row.attempt,
            last: row.last,
            at_ms: row.at_ms,
            team_id: row.team_id,
            gateway_id: row.gateway_id,
            token_id: row.token_id,
            provider_key_id: row.provider_key_id,
            surface: row.surface,
            method: row.method,
            path: row.path,
            provider: row.provider,
            backend: None,
            model_asked: row.model_asked,
            model: row.model,
            status: row.status,
            outcome: row.outcome,
            error_code: row.error_code,
            cache: row.cache,
            streamed: row.streamed,
            usage: row.usage.into(),
            usage_source: row.usage_source,
            cost: row.cost,
            cost_formula: formula(row.cost_formula),
            duration_us: row.duration_us,
            first_byte_us: row.first_byte_us,
            gateway_us: row.gateway_us,
            request_bytes: row.request_bytes,
            response_bytes: row.response_bytes,
            event_id: row.event_id,
            metadata: row.metadata,
            user_agent: row.user_agent,
            user: None,
            logged: row.logged,
        }
    }
}

#[cfg(test)]
impl Row {
    /// What version 3 wrote for a row.
    pub(super) fn of(row: &AttemptRow) -> Self {
        let row = row.clone();
        Self {
            request_id: row.request_id,
            attempt: row.attempt,
            last: row.last,
            at_ms: row.at_ms,
            team_id: row.team_id,
            gateway_id: row.gateway_id,
            token_id: row.token_id,
            provider_key_id: row.provider_key_id,
            surface: row.surface,
            method: row.method,
            path: row.path,
            provider: row.provider,
            model_asked: row.model_asked,
            model: row.model,
            status: row.status,
            outcome: row.outcome,
            error_code: row.error_code,
            cache: row.cache,
            streamed: row.streamed,
            usage: Usage::of(&row.usage),
            usage_source: row.usage_source,
            cost: row.cost,
            cost_formula: Line::all_of(&row.cost_formula),
            duration_us: row.duration_us,
            first_byte_us: row.first_byte_us,
            gateway_us: row.gateway_us,
            request_bytes: row.request_bytes,
            response_bytes: row.response_bytes,
            event_id: row.event_id,
            metadata: row.metadata,
            user_agent: row.user_agent,
            logged: row.logged,
        }
    }
}
