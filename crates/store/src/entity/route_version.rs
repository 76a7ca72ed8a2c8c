//! A version of a dynamic route. It never changes.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "route_versions")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub route_id: i64,
    /// Counted from 1 in each route.
    pub number: i64,
    /// JSON on one line.
    pub elements: String,
    /// Whether there were no errors among the problems.
    pub valid: bool,
    /// What was wrong when it was saved, as JSON.
    pub problems: String,
    pub author: String,
    pub comment: String,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
