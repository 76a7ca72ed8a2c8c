//! The members of one JSON object, taken out by name in either spelling: Google's servers read `maxOutputTokens` and
//! `max_output_tokens` alike, and clients send both.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::chat::{Json, Refused};

/// Members that nobody has taken yet, their names in camel case, in the order they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, Json)>);

impl Fields {
    /// The members of `json`, which stands at `at`.
    pub(super) fn of(json: &Json, at: &str) -> Result<Self, Refused> {
        json.read().map_err(|_| Refused::field(at, "This must be a JSON object."))
    }

    /// The members of what a provider sent; none where it is no object.
    pub(super) fn lenient(json: &Json) -> Self {
        json.read().unwrap_or_default()
    }

    /// Takes a member out; `null` is as good as none.
    pub(super) fn raw(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(place).1).filter(|json| json.as_str() != "null")
    }

    /// Takes a member out and reads it, for a caller who is told what is wrong with it.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str, at: &str) -> Result<Option<T>, Refused> {
        let Some(json) = self.raw(name) else { return Ok(None) };
        let place = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
        json.read().map(Some).map_err(|error| Refused::field(place, format!("This value does not fit: {error}.")))
    }

    /// Takes a member out and reads it; one of an unknown shape is as good as none.
    pub(super) fn get<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.raw(name)?.read().ok()
    }

    /// Whether there is such a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, json)| key == name && json.as_str() != "null")
    }

    /// Whether there is no member but these.
    pub(super) fn only(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(key, _)| names.contains(&key.as_str()))
    }

    /// What was not taken.
    pub(super) fn rest(self) -> Vec<(String, Json)> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Json>()? {
            members.push((camel(&name).into_owned(), value));
        }
        Ok(Fields(members))
    }
}

/// `max_output_tokens` as `maxOutputTokens`; a name without underscores stays as it is.
pub(super) fn camel(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = !out.is_empty(),
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// One value or a list of them: Google's servers take `{"parts": {"text": "…"}}` for a list of one.
pub(super) fn list(json: &Json, at: &str) -> Result<Vec<Json>, Refused> {
    if json.as_str().starts_with('[') {
        return json.read().map_err(|error| Refused::field(at, format!("This list does not fit: {error}.")));
    }
    Ok(vec![json.clone()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_the_same_member() {
        let json = Json::parse(r#"{"max_output_tokens": 5, "topP": null, "x_y": 1}"#).expect("JSON");
        let mut fields = Fields::of(&json, "generationConfig").expect("an object");
        assert_eq!(fields.take::<u64>("maxOutputTokens", ""), Ok(Some(5)));
        assert_eq!(fields.take::<f64>("topP", ""), Ok(None));
        assert_eq!(fields.rest(), [("xY".to_owned(), Json::parse("1").expect("JSON"))]);
    }

    #[test]
    fn a_value_that_does_not_fit_is_named() {
        let mut fields = Fields::lenient(&Json::parse(r#"{"seed": "x"}"#).expect("JSON"));
        let refused = fields.take::<i64>("seed", "generationConfig").expect_err("no number");
        assert_eq!(refused.field.as_deref(), Some("generationConfig.seed"));
    }
}
