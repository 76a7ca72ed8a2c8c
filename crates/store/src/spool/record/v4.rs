//! Records as version 4 wrote them: costs as lines alone, and fewer kinds of usage.

use domain::ledger::{AttemptRow, CacheStatus, Outcome, Surface};
use domain::price::{CostLine, Formula, Kind, Per, Source};
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, Rate, RequestId, TeamId, TokenId};
use serde::Deserialize;

pub(super) const VERSION: u8 = 4;

/// What was counted since version 3.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Usage {
    input: u64,
    output: u64,
    cached_input: u64,
    cache_write: u64,
    cache_write_1h: u64,
    reasoning: u64,
    audio_input: u64,
    audio_output: u64,
    image_input: u64,
    audio_seconds: u64,
    characters: u64,
    images: u64,
    searches: u64,
}

/// A line of a formula, for a million units, with the kind's name.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(super) struct Line {
    what: String,
    units: u64,
    rate: Rate,
}

/// The formula that lines made up.
pub(super) fn formula(lines: Vec<Line>) -> Formula {
    // Names that no release has written have no line.
    let lines = lines.into_iter().filter_map(|line| {
        let what = Kind::of(&line.what)?;
        Some(CostLine { what, units: line.units, rate: line.rate, per: Per::Million })
    });
    let lines: Vec<_> = lines.collect();
    let charged = lines.iter().any(|line| line.what == Kind::Charged);
    Formula { source: if charged { Source::Provider } else { Source::Book }, lines, ..Formula::default() }
}

impl From<Usage> for domain::Usage {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cached_input: usage.cached_input,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            reasoning: usage.reasoning,
            audio_input: usage.audio_input,
            audio_output: usage.audio_output,
            image_input: usage.image_input,
            audio_seconds: usage.audio_seconds,
            characters: usage.characters,
            images: usage.images,
            searches: usage.searches,
            ..Self::default()
        }
    }
}

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
    user: Option<String>,
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
            user: row.user,
            logged: row.logged,
        }
    }
}

#[cfg(test)]
impl Line {
    pub(super) fn all_of(formula: &Formula) -> Vec<Self> {
        let line = |line: &CostLine| Self { what: line.what.to_string(), units: line.units, rate: line.rate };
        formula.lines.iter().map(line).collect()
    }
}

#[cfg(test)]
impl Usage {
    pub(super) fn of(usage: &domain::Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cached_input: usage.cached_input,
            cache_write: usage.cache_write,
            cache_write_1h: usage.cache_write_1h,
            reasoning: usage.reasoning,
            audio_input: usage.audio_input,
            audio_output: usage.audio_output,
            image_input: usage.image_input,
            audio_seconds: usage.audio_seconds,
            characters: usage.characters,
            images: usage.images,
            searches: usage.searches,
        }
    }
}

#[cfg(test)]
impl Row {
    /// What version 4 wrote for a row.
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
            user: row.user,
            logged: row.logged,
        }
    }
}
