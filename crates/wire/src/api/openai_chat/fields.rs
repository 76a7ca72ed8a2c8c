//! The members of an object that a caller sent, taken out one by one. What is left is carried along.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::chat::{Json, Refused};

/// An object, taken apart.
#[derive(Debug)]
pub(super) struct Fields {
    /// Its place in the body: empty for the body itself, else `messages[2].content[0]`.
    at: String,
    members: Vec<(String, Json)>,
}

impl Fields {
    /// Reads the object that is at `at`.
    ///
    /// # Errors
    /// When it is no object.
    pub(super) fn read(json: &[u8], at: String) -> Result<Self, Refused> {
        match serde_json::from_slice::<Members>(json) {
            Ok(Members(members)) => Ok(Self { at, members }),
            Err(error) if at.is_empty() => Err(error.into()),
            Err(_) => Err(Refused::field(at, "must be an object")),
        }
    }

    /// The place of a member, for messages to the caller.
    pub(super) fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    /// Takes a member out; `null` is as good as none. Of two with one name the last counts.
    pub(super) fn raw(&mut self, name: &str) -> Option<Json> {
        self.members
            .extract_if(.., |(member, _)| member == name)
            .last()
            .map(|(_, value)| value)
            .filter(|v| !v.is_null())
    }

    /// A member that stays where it is; `null` is as good as none.
    pub(super) fn peek(&self, name: &str) -> Option<&Json> {
        self.members.iter().rev().find(|(member, _)| member == name).map(|(_, value)| value).filter(|v| !v.is_null())
    }

    /// Takes a member out and reads it; `wanted` says what it must be: `a whole number`.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str, wanted: &str) -> Result<Option<T>, Refused> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        value.read().map(Some).map_err(|_| Refused::field(self.path(name), format!("must be {wanted}")))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        self.take(name, "a string")
    }

    /// Takes a text out that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String, Refused> {
        self.text(name)?.ok_or_else(|| Refused::field(self.path(name), "is missing: it must be a string"))
    }

    /// Takes an object out.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Refused> {
        let at = self.path(name);
        self.raw(name).map(|value| Self::read(value.as_str().as_bytes(), at)).transpose()
    }

    /// Takes a list out.
    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Json>, Refused> {
        Ok(self.take(name, "a list")?.unwrap_or_default())
    }

    /// What was not taken.
    pub(super) fn rest(self) -> Vec<(String, Json)> {
        self.members
    }
}

struct Members(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
