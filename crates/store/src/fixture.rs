//! Ledger rows for tests.

use domain::ledger::{AttemptRow, CacheStatus, CostLine, Outcome, Surface};
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, Rate, RequestId, TeamId, TokenId, Usage};
use uuid::Uuid;

/// The id of request `number`, made at `at_ms`.
pub(crate) fn id(at_ms: i64, number: u64) -> RequestId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at_ms.to_be_bytes()[2..]);
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    bytes[6] = 0x70;
    bytes[8] |= 0x80;
    RequestId(Uuid::from_bytes(bytes))
}

/// A successful, logged request of team 1 through gateway 1.
pub(crate) fn row(at_ms: i64, number: u64, attempt: u16) -> AttemptRow {
    AttemptRow {
        request_id: id(at_ms, number),
        attempt,
        last: true,
        at_ms,
        team_id: Some(TeamId(1)),
        gateway_id: Some(GatewayId(1)),
        token_id: Some(TokenId(3)),
        provider_key_id: Some(ProviderKeyId(4)),
        surface: Surface::ChatCompletions,
        method: "POST".to_owned(),
        path: "/v1/chat/completions".to_owned(),
        provider: Some("openai".to_owned()),
        model_asked: Some("openai/gpt-4o-mini".to_owned()),
        model: Some("gpt-4o-mini".to_owned()),
        status: 200,
        outcome: Outcome::Ok,
        error_code: None,
        cache: CacheStatus::Off,
        streamed: false,
        usage: Usage { input: 12, output: 34, cached_input: 5, ..Usage::default() },
        usage_source: UsageSource::Reported,
        cost: Some(Nanos(22_200)),
        cost_formula: vec![CostLine { what: "input".to_owned(), units: 12, rate: Rate(150_000_000) }],
        duration_us: 480_000,
        first_byte_us: Some(120_000),
        gateway_us: 90,
        request_bytes: 210,
        response_bytes: 640,
        event_id: None,
        metadata: Some(r#"{"user":"ada"}"#.to_owned()),
        user_agent: Some("OpenAI/Python 2.0".to_owned()),
        logged: true,
    }
}
