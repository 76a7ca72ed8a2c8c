//! What a route sees of a request.

use std::borrow::Cow;
use std::sync::OnceLock;

use http::HeaderMap;
use route::{Fact, Facts};
use serde_json::{Map, Value};

/// Headers that no route sees.
const SECRET: [&str; 7] =
    ["authorization", "cf-aig-authorization", "x-api-key", "x-goog-api-key", "api-key", "xi-api-key", "cookie"];

/// What a request says.
pub(super) struct Said<'a> {
    metadata: Option<String>,
    read: OnceLock<Map<String, Value>>,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl<'a> Said<'a> {
    pub(super) fn new(metadata: Option<&str>, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self { metadata: metadata.map(str::to_owned), read: OnceLock::new(), headers, body }
    }
}

impl Facts for Said<'_> {
    fn metadata(&self, key: &str) -> Option<Fact<'_>> {
        let read = || self.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Some(match self.read.get_or_init(read).get(key)? {
            Value::Null => Fact::Null,
            Value::Bool(value) => Fact::Bool(*value),
            Value::Number(number) => Fact::Number(number.clone()),
            Value::String(text) => Fact::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Fact::Other,
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        if SECRET.contains(&name) {
            return None;
        }
        self.headers.get(name)?.to_str().ok()
    }

    fn body(&self) -> &[u8] {
        self.body
    }
}
