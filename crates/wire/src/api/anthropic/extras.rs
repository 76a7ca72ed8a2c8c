//! What an Anthropic caller said beyond the common form, on its way back to Claude.

use std::collections::HashMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::chat::{Json, Losses, Request};

/// Fields of the request that Claude knows and the common form does not.
const OWN_FIELDS: [&str; 12] = [
    "anthropic_beta",
    "anthropic_version",
    "betas",
    "cache_control",
    "container",
    "context_management",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "mcp_servers",
    "speed",
    "user_profile_id",
];

/// Other APIs' fields without which the answer is another one.
const GRAVE: [&str; 9] = [
    "audio",
    "background",
    "cachedContent",
    "cached_content",
    "conversation",
    "modalities",
    "previous_response_id",
    "prompt",
    "web_search_options",
];

/// The first words of paths into a request of this API.
const PLACES: [&str; 7] =
    ["messages[", "system[", "tools[", "output_config.", "thinking.", "metadata.", "tool_choice."];

/// The extra fields of a request by the object they belong to.
#[derive(Default)]
pub(super) struct Extras<'a> {
    own: Vec<(&'a str, &'a Json)>,
    places: HashMap<&'a str, Vec<(&'a str, &'a Json)>>,
}

impl<'a> Extras<'a> {
    /// Sorts the extra fields; those of other APIs are lost.
    pub(super) fn of(request: &'a Request, losses: &mut Losses) -> Self {
        let mut extras = Self::default();
        for (name, value) in &request.extra {
            let inside = PLACES.iter().any(|place| name.starts_with(place));
            match name.rsplit_once('.').filter(|_| inside) {
                Some((place, field)) => extras.places.entry(place).or_default().push((field, value)),
                None if OWN_FIELDS.contains(&name.as_str()) => extras.own.push((name, value)),
                None => lose(name, value, losses),
            }
        }
        extras
    }

    /// The request's own fields.
    pub(super) fn own(&self) -> Extra<'a> {
        Extra(self.own.clone())
    }

    /// Whether nothing is kept for any place, so that places need not be named.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The fields of the object at `place`.
    pub(super) fn at(&self, place: &str) -> Extra<'a> {
        Extra(self.places.get(place).cloned().unwrap_or_default())
    }
}

fn lose(name: &str, value: &Json, losses: &mut Losses) {
    let empty = matches!(value.as_str(), "null" | "false" | "[]" | "{}" | r#"["text"]"# | r#"["TEXT"]"#);
    let why = "Anthropic has no counterpart";
    if empty {
    } else if GRAVE.contains(&name) {
        losses.grave(name, why);
    } else {
        losses.harmless(name, why);
    }
}

/// Fields to be written behind those of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra<'a>(Vec<(&'a str, &'a Json)>);

impl<'a> Extra<'a> {
    /// Takes out the field that stands for a whole value of the common form.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a Json> {
        let place = self.0.iter().position(|(field, _)| *field == name)?;
        Some(self.0.swap_remove(place).1)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Extra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
