//! An API token, by the digest of its secret; a revoked one keeps its row.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_tokens")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub team_id: i64,
    pub name: String,
    pub digest: Vec<u8>,
    pub hint: String,
    pub gateways: Option<String>,
    pub models: Option<String>,
    pub providers: Option<String>,
    pub endpoints: Option<String>,
    pub ip_ranges: Option<String>,
    pub created_at: DateTimeUtc,
    pub expires_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
    pub last_used_at: Option<DateTimeUtc>,
    pub rotated_at: Option<DateTimeUtc>,
    pub previous_digest: Option<Vec<u8>>,
    pub previous_hint: Option<String>,
    pub previous_until: Option<DateTimeUtc>,
    pub previous_used_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
