//! JSON objects whose values are looked at one by one, so that what is unknown or oddly shaped spoils nothing else.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::chat::{Json, Refused};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An object whose values are read when they are asked for. `null` is as good as missing.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Object<'a>(#[serde(borrow)] BTreeMap<Key<'a>, &'a RawValue>);

impl<'a> Object<'a> {
    /// Reads an object; none where it is something else.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Reads an object inside another.
    pub(super) fn of(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// The value, as it was written.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied().filter(|raw| raw.get() != "null")
    }

    /// The value, kept.
    pub(super) fn json(&self, name: &str) -> Option<Json> {
        self.raw(name).map(Json::of)
    }

    /// The value, where it has the wanted shape.
    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.raw(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The text; empty where there is none.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// The text, or else the JSON as it is written; empty where there is none.
    pub(super) fn written(&self, name: &str) -> String {
        self.get(name).or_else(|| self.raw(name).map(|raw| raw.get().to_owned())).unwrap_or_default()
    }

    /// The kind of thing it is.
    pub(super) fn kind(&self) -> String {
        self.text("type")
    }

    /// The value, an object.
    pub(super) fn object(&self, name: &str) -> Option<Object<'a>> {
        self.raw(name).and_then(Object::of)
    }

    /// The entries of a list.
    pub(super) fn list(&self, name: &str) -> Vec<&'a RawValue> {
        self.raw(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The entries of a list that are objects.
    pub(super) fn objects(&self, name: &str) -> Vec<Object<'a>> {
        self.list(name).into_iter().filter_map(Object::of).collect()
    }

    /// A field that a caller may leave out but must not get wrong.
    pub(super) fn field<T: DeserializeOwned>(&self, name: &str, wanted: &str) -> Result<Option<T>, Refused> {
        self.field_at("", name, wanted)
    }

    /// The same of an object that stands at `place` in the request.
    pub(super) fn field_at<T: DeserializeOwned>(
        &self,
        place: &str,
        name: &str,
        wanted: &str,
    ) -> Result<Option<T>, Refused> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let dot = if place.is_empty() { "" } else { "." };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Refused::field(format!("{place}{dot}{name}"), format!("must be {wanted}")))
    }

    /// A field that a caller must give.
    pub(super) fn needed<T: DeserializeOwned>(&self, place: &str, name: &str, wanted: &str) -> Result<T, Refused> {
        let dot = if place.is_empty() { "" } else { "." };
        self.field_at(place, name, wanted)?
            .ok_or_else(|| Refused::field(format!("{place}{dot}{name}"), format!("is missing; it must be {wanted}")))
    }

    /// The fields that are not among `known`, those without a value left out.
    pub(super) fn others(&self, known: &[&str]) -> impl Iterator<Item = (&str, &'a RawValue)> {
        let others = self.0.iter().map(|(key, raw)| (&*key.0, *raw));
        others.filter(move |(name, raw)| !known.contains(name) && raw.get() != "null")
    }

    /// Every field.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, raw)| (&*key.0, *raw))
    }
}
