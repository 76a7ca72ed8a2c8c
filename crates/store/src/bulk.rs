//! Multi-row inserts as plain SQL. Rows of volume go this way: building 20,000 placeholders through a query builder for
//! every batch costs more than SQLite takes to store the rows.

use sea_orm::{Statement, Value};

use crate::Backend;

/// Most rows in one statement. SQLite takes 32,766 values, PostgreSQL 65,535; the widest table has 62 columns.
pub(crate) const CHUNK: usize = 500;

/// An insert into `table`, for any number of rows.
#[derive(Debug)]
pub(crate) struct Insert {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// What follows the values: conflict clause, returning clause.
    pub(crate) tail: String,
}

impl Insert {
    /// The statement for as many rows as `values` fills.
    pub(crate) fn statement(&self, backend: Backend, values: Vec<Value>) -> Statement {
        let width = self.columns.len();
        debug_assert_eq!(values.len() % width, 0, "whole rows");
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        sql.reserve(values.len() * 7 + self.tail.len());
        for index in 0..values.len() {
            sql.push_str(match (index % width, index) {
                (0, 0) => "($",
                (0, _) => "),($",
                _ => ",$",
            });
            sql.push_str(&(index + 1).to_string());
        }
        sql.push_str(") ");
        sql.push_str(&self.tail);
        Statement::from_sql_and_values(backend.into(), sql, values)
    }
}

/// Text that both databases take: PostgreSQL refuses the zero character, which callers can put into JSON strings.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Largest figure stored: sums of millions of rows still fit a bigint, whatever an upstream claims.
const MAX_FIGURE: i64 = 1_000_000_000_000;

/// A count, a size or a duration as the database keeps it.
pub(crate) fn figure(number: u64) -> i64 {
    i64::try_from(number).map_or(MAX_FIGURE, |number| number.min(MAX_FIGURE))
}

/// Money as the database keeps it: at most a million dollars an attempt either way, for the same reason.
pub(crate) fn money(cost: domain::Nanos) -> i64 {
    cost.0.clamp(-1_000 * MAX_FIGURE, 1_000 * MAX_FIGURE)
}
