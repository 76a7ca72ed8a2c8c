//! Records as version 5 wrote them: neither causes nor ways through routes nor called models.

use domain::ledger::{AttemptRow, CacheStatus, Cause, Outcome, Surface};
use domain::price::Formula;
use domain::usage::UsageSource;
use domain::{GatewayId, Nanos, ProviderKeyId, RequestId, TeamId, TokenId, Usage};
use serde::Deserialize;

pub(super) const VERSION: u8 = 5;

/// Declares the row, and how both are copied.
macro_rules! row {
    ($($field:ident: $kind:ty),+ $(,)?) => {
        #[derive(Deserialize)]
        #[cfg_attr(test, derive(serde::Serialize))]
        pub(super) struct Row {
            $($field: $kind,)+
        }

        impl From<Row> for AttemptRow {
            fn from(row: Row) -> Self {
                Self { $($field: row.$field,)+ cause: Cause::First, called: None, way: None }
            }
        }

        #[cfg(test)]
        impl Row {
            /// What version 5 wrote for a row.
            pub(super) fn of(row: &AttemptRow) -> Self {
                let row = row.clone();
                Self { $($field: row.$field,)+ }
            }
        }
    };
}

row! {
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
    backend: Option<String>,
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
    cost_formula: Formula,
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
