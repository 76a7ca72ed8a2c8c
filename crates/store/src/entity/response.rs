//! A response of the Responses API; question and answer as zstd frames.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "responses")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub team_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub gateway_id: i64,
    pub provider: String,
    pub holder: Option<String>,
    pub status: String,
    pub background: bool,
    pub owner: Option<Uuid>,
    pub previous_id: Option<String>,
    pub conversation_id: Option<String>,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub input: Vec<u8>,
    pub response: Vec<u8>,
    /// What it takes, as the bounds count it.
    pub bytes: i64,
}

impl ActiveModelBehavior for ActiveModel {}
