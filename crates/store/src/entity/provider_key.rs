//! A provider credential, sealed; a deleted one keeps its row without the secret.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_keys")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub team_id: i64,
    pub provider: String,
    pub alias: String,
    pub name: String,
    pub sealed: Vec<u8>,
    pub key_version: i64,
    pub hint: String,
    pub base_url: Option<String>,
    pub enabled: bool,
    pub weight: i64,
    pub region: Option<String>,
    pub requests_per_minute: Option<i64>,
    pub created_at: DateTimeUtc,
    pub rotated_at: Option<DateTimeUtc>,
    pub expires_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
