//! A cost put right after the fact.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cost_corrections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub request_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub attempt: i32,
    /// From 1 on; the last one of an attempt counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub made_at_ms: i64,
    pub before_nanos: Option<i64>,
    pub cost_nanos: i64,
    pub cost_formula: String,
}

impl ActiveModelBehavior for ActiveModel {}
