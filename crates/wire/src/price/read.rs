//! Reads the JSON of prices by hand, so that whatever is wrong is told by the name of its field and with what to do about it.

use chrono::{DateTime, NaiveDate, NaiveTime};
use domain::Rate;
use serde_json::{Map, Value};

/// Why a text is no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct BadRow {
    /// Where in the row: `rates.input`, `tiers[0].from`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl BadRow {
    pub(super) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// The members of an object, each taken once.
#[derive(Debug)]
pub(super) struct Fields {
    path: String,
    left: Map<String, Value>,
    known: Vec<&'static str>,
}

/// A part of a message that names what was found, short and on one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(40).filter(|letter| !letter.is_control()).collect()
}

impl Fields {
    pub(super) fn of(path: impl Into<String>, value: Value) -> Result<Self, BadRow> {
        let path = path.into();
        match value {
            Value::Object(left) => Ok(Self { path, left, known: Vec::new() }),
            _ => Err(BadRow::new(path, "must be a JSON object: `{…}`")),
        }
    }

    /// The name of a member in messages.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn bad(&self, name: &str, problem: impl Into<String>) -> BadRow {
        BadRow::new(self.path(name), problem)
    }

    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, BadRow> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(self.bad(name, "must be a text that is not empty, in quotes")),
        }
    }

    pub(super) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, BadRow> {
        let all = self.list(name)?.into_iter().map(|value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        });
        let all: Option<Vec<_>> = all.collect();
        all.ok_or_else(|| self.bad(name, "must be a list of texts, each in quotes"))
    }

    pub(super) fn count(&mut self, name: &'static str) -> Result<Option<u64>, BadRow> {
        let bad = self.bad(name, "must be a whole number that is not negative");
        self.take(name).map(|value| value.as_u64().ok_or(bad)).transpose()
    }

    pub(super) fn list(&mut self, name: &'static str) -> Result<Vec<Value>, BadRow> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(_) => Err(self.bad(name, "must be a JSON list: `[…]`")),
        }
    }

    pub(super) fn object(&mut self, name: &'static str) -> Result<Option<Self>, BadRow> {
        let path = self.path(name);
        self.take(name).map(|value| Self::of(path, value)).transpose()
    }

    /// A price: dollars in a text, because a JSON number may not be what was written.
    pub(super) fn rate(&mut self, name: &'static str) -> Result<Option<Rate>, BadRow> {
        let path = self.path(name);
        self.take(name).map(|value| rate(&path, &value)).transpose()
    }

    /// A day or a moment, in milliseconds since 1970.
    pub(super) fn moment(&mut self, name: &'static str) -> Result<Option<i64>, BadRow> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let day = text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let moment = day.or_else(|| DateTime::parse_from_rfc3339(&text).ok().map(|moment| moment.to_utc()));
        moment.map(|moment| Some(moment.timestamp_millis())).ok_or_else(|| {
            let like = "must be a day or a moment, such as `2026-12-01` or `2026-12-01T08:00:00Z`";
            self.bad(name, format!("{like}; `{}` is neither", shown(&text)))
        })
    }

    /// Whatever is left, with the names that it has here.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, String, Value)> {
        let path = self.path;
        self.left.into_iter().map(move |(name, value)| (name.clone(), format!("{path}.{name}"), value))
    }

    /// There must be nothing else.
    pub(super) fn finish(self) -> Result<(), BadRow> {
        let Some(name) = self.left.keys().next() else { return Ok(()) };
        let known = self.known.join("`, `");
        Err(self.bad(&shown(name), format!("is not known here; there is `{known}`")))
    }
}

pub(super) fn rate(path: &str, value: &Value) -> Result<Rate, BadRow> {
    let Value::String(text) = value else {
        return Err(BadRow::new(path, "must be a decimal number in quotes, such as `\"0.075\"`"));
    };
    text.parse().map_err(|_| {
        let like = "must be dollars as a plain decimal number with at most 9 decimals, such as `\"0.075\"`";
        BadRow::new(path, format!("{like}; it is `{}`", shown(text)))
    })
}
