//! The price book that was imported: one row, or none.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "price_book")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub version: i64,
    pub text: Vec<u8>,
    /// SHA-256 of the text.
    pub sum: Vec<u8>,
    pub signature: Option<String>,
    pub pinned: bool,
    pub imported_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
