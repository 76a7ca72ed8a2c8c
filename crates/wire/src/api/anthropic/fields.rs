//! A JSON object of a caller's request taken apart, so that what is not known can be kept and what is wrong can be named.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::chat::{Json, Refused};

/// The fields of an object that have not been taken yet.
pub(super) struct Fields<'a> {
    path: String,
    fields: Vec<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Takes an object apart. `path` is its place in the request; empty for the request itself.
    ///
    /// # Errors
    /// When it is no object.
    pub(super) fn read(raw: &'a RawValue, path: impl Into<String>) -> Result<Self, Refused> {
        let path = path.into();
        let Pairs(fields) = read(raw, &path)?;
        Ok(Self { path, fields })
    }

    /// Takes a field; none where it is missing or `null`.
    ///
    /// # Errors
    /// When it has another shape.
    pub(super) fn take<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, Refused> {
        let Some(place) = self.fields.iter().position(|(field, _)| field == name) else { return Ok(None) };
        let (_, raw) = self.fields.swap_remove(place);
        if raw.get() == "null" {
            return Ok(None);
        }
        read(raw, &self.at(name)).map(Some)
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// When it is missing or has another shape.
    pub(super) fn need<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, Refused> {
        let found = self.take(name)?;
        found.ok_or_else(|| Refused::field(self.at(name), format!("The field `{name}` is required here.")))
    }

    /// The place of a field in the request.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// What was not taken, under its place in the request.
    pub(super) fn rest(self, extra: &mut Vec<(String, Json)>) {
        let Self { path, fields } = self;
        let at = |name: String| if path.is_empty() { name } else { format!("{path}.{name}") };
        extra.extend(fields.into_iter().map(|(name, raw)| (at(name), Json::of(&raw))));
    }
}

/// Reads a value, and says where it is where that fails.
pub(super) fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, path: &str) -> Result<T, Refused> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let sentence = error.to_string();
        let sentence = sentence.split(" at line ").next().unwrap_or_default();
        let field = Some(path).filter(|path| !path.is_empty()).map(str::to_owned);
        Refused { field, message: format!("The value does not have the shape this API asks for: {sentence}.") }
    })
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor).map(Pairs)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(pair) = map.next_entry()? {
            fields.push(pair);
        }
        Ok(fields)
    }
}
