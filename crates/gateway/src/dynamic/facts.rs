//! What a route sees of a request.

use std::sync::OnceLock;

use http::HeaderMap;
use route::{Fact, Facts, SECRET_HEADERS};
use serde_json::{Map, Value};

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
        self.read.get_or_init(read).get(key).map(Fact::of_metadata)
    }

    fn header(&self, name: &str) -> Option<&str> {
        if SECRET_HEADERS.contains(&name) {
            return None;
        }
        self.headers.get(name)?.to_str().ok()
    }

    fn body(&self) -> &[u8] {
        self.body
    }
}
