//! Multi-row inserts as plain SQL. Rows of volume go this way: building 20,000 placeholders through a query builder for
//! every batch costs more than SQLite takes to store the rows.

mod cell;
pub(crate) mod copy;

use std::borrow::Cow;

use sea_orm::{Statement, Value};

pub(crate) use self::cell::Cell;
use crate::Backend;

/// Rows in one statement. SQLite takes 32,766 values, PostgreSQL 65,535; the widest table has 62 columns. Few sizes, so
/// that the statements stay prepared: a hundred large ones of as many sizes would fill a connection's cache and memory.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// Cuts rows into pieces that fit one statement each.
pub(crate) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

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
        debug_assert_eq!(values.len() % self.columns.len(), 0, "whole rows");
        Statement::from_sql_and_values(backend.into(), self.sql(backend, values.len()), values)
    }

    /// The statement of a single row, whose values are bound by whoever runs it.
    pub(crate) fn of_one(&self, backend: Backend) -> String {
        self.sql(backend, self.columns.len())
    }

    /// PostgreSQL's statement for any number of rows: a single array for each column, of these types.
    pub(crate) fn of_arrays<'t>(&self, types: impl IntoIterator<Item = &'t str>) -> String {
        let arrays: Vec<_> = (1..).zip(types).map(|(number, kind)| format!("${number}::{kind}[]")).collect();
        let (columns, arrays) = (self.columns.join(", "), arrays.join(", "));
        format!("INSERT INTO {} ({columns}) SELECT * FROM UNNEST({arrays}) {}", self.table, self.tail)
    }

    fn sql(&self, backend: Backend, values: usize) -> String {
        let width = self.columns.len();
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        sql.reserve(values * 7 + self.tail.len());
        for index in 0..values {
            sql.push_str(match (index % width, index) {
                (0, 0) => "(",
                (0, _) => "),(",
                _ => ",",
            });
            backend.push_placeholder(&mut sql, index + 1);
        }
        sql.push_str(") ");
        sql.push_str(&self.tail);
        sql
    }
}

/// Text that both databases take: PostgreSQL refuses the zero character, which callers can put into JSON strings.
pub(crate) fn clean(text: &str) -> String {
    fit(text).into_owned()
}

/// The same, without a copy of what is clean already.
pub(crate) fn fit(text: &str) -> Cow<'_, str> {
    if text.as_bytes().contains(&0) { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_of_few_sizes_and_leave_nothing_out() {
        let rows: Vec<_> = (0..999).collect();
        for count in 0..rows.len() {
            assert_eq!(chunks(&rows[..count]).flatten().count(), count);
            assert!(chunks(&rows[..count]).all(|chunk| SIZES.contains(&chunk.len())));
        }
    }

    #[test]
    fn a_statement_has_the_placeholders_of_its_database() {
        let insert = Insert { table: "t", columns: &["a", "b"], tail: "ON CONFLICT DO NOTHING".to_owned() };
        let sql = |backend| insert.statement(backend, (0..4).map(Value::from).collect()).sql;
        assert_eq!(sql(Backend::Sqlite), "INSERT INTO t (a, b) VALUES (?,?),(?,?) ON CONFLICT DO NOTHING");
        assert_eq!(sql(Backend::Postgres), "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4) ON CONFLICT DO NOTHING");
        assert_eq!(insert.of_one(Backend::Sqlite), "INSERT INTO t (a, b) VALUES (?,?) ON CONFLICT DO NOTHING");
        let arrays = "INSERT INTO t (a, b) SELECT * FROM UNNEST($1::text[], $2::bigint[]) ON CONFLICT DO NOTHING";
        assert_eq!(insert.of_arrays(["text", "bigint"]), arrays);
    }
}
