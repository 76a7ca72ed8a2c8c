//! A JSON object under construction, its members in the order they are put in.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::Json;

/// The members; a name stands once.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Vec<(String, Json)>);

impl Members {
    /// Puts a member in, in place of one of the same name.
    pub(super) fn put(&mut self, name: &str, value: &impl Serialize) {
        self.raw(name, Json::of(value));
    }

    /// Puts a member in where there is a value.
    pub(super) fn some(&mut self, name: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Puts a member in, as it was written.
    pub(super) fn raw(&mut self, name: &str, value: Json) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a member out; whether it was there.
    pub(super) fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(key, _)| key != name);
        self.0.len() < before
    }

    /// Whether there is such a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    /// Adds the members of another object, which replace those of the same name.
    pub(super) fn append(&mut self, other: Self) {
        other.0.into_iter().for_each(|(name, value)| self.raw(&name, value));
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
