//! A cached answer.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cache_entries")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Vec<u8>,
    pub team_id: i64,
    pub gateway_id: i64,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub status: i32,
    pub content_type: String,
    pub streamed: bool,
    pub body: Vec<u8>,
    pub provider: String,
    pub model: Option<String>,
    /// [`domain::Usage`] as JSON.
    pub usage: String,
    /// What the entry takes, as the bound counts it.
    pub bytes: i64,
}

impl ActiveModelBehavior for ActiveModel {}
