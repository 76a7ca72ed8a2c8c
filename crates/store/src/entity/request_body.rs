//! The bodies of a ledger row, as zstd frames.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "request_bodies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    pub request_content_type: Option<String>,
    pub response_content_type: Option<String>,
    pub request_cut: bool,
    pub response_cut: bool,
}

impl ActiveModelBehavior for ActiveModel {}
