//! A value of a column, borrowed from the row where it can be. Every way into a database takes its values from here.

use std::borrow::Cow;

use sea_orm::Value;
use uuid::Uuid;

/// What a column of a table of volume holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Id(Uuid),
    Flag(bool),
    Small(i32),
    Number(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(&'a [u8]),
}

impl From<Uuid> for Cell<'_> {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<bool> for Cell<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i32> for Cell<'_> {
    fn from(number: i32) -> Self {
        Self::Small(number)
    }
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Cell<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&'static str> for Cell<'_> {
    fn from(name: &'static str) -> Self {
        Self::Text(Some(Cow::Borrowed(name)))
    }
}

impl From<Cell<'_>> for Value {
    fn from(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Id(id) => id.into(),
            Cell::Flag(flag) => flag.into(),
            Cell::Small(number) => number.into(),
            Cell::Number(number) => number.into(),
            Cell::Text(text) => text.map(Cow::into_owned).into(),
            Cell::Bytes(bytes) => bytes.into(),
        }
    }
}
