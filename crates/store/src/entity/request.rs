//! A ledger row.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
    pub last: bool,
    pub at_ms: i64,
    pub team_id: Option<i64>,
    pub gateway_id: Option<i64>,
    pub token_id: Option<i64>,
    pub provider_key_id: Option<i64>,
    pub surface: String,
    pub method: String,
    pub path: String,
    pub provider: Option<String>,
    pub model_asked: Option<String>,
    pub model: Option<String>,
    pub status: i32,
    pub outcome: String,
    pub error_code: Option<String>,
    pub cache: String,
    pub streamed: bool,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_input_tokens: i64,
    pub cache_write_tokens: i64,
    #[sea_orm(column_name = "cache_write_1h_tokens")]
    pub cache_write_1h_tokens: i64,
    pub reasoning_tokens: i64,
    pub audio_input_tokens: i64,
    pub audio_output_tokens: i64,
    pub image_input_tokens: i64,
    pub audio_seconds: i64,
    pub characters: i64,
    pub images: i64,
    pub searches: i64,
    pub usage_more: Option<String>,
    pub backend: Option<String>,
    pub usage_source: String,
    pub cost_nanos: Option<i64>,
    pub cost_formula: Option<String>,
    pub duration_us: i64,
    pub first_byte_us: Option<i64>,
    pub gateway_us: i64,
    pub request_bytes: i64,
    pub response_bytes: i64,
    pub event_id: Option<String>,
    pub metadata: Option<String>,
    pub user_agent: Option<String>,
    pub user_name: Option<String>,
    pub logged: bool,
    /// Nothing where it is the first.
    pub cause: Option<String>,
    pub called: Option<String>,
    pub way: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
