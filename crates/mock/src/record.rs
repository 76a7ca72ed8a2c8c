//! What the mock has seen: counts per path, the last requests, attempts per `fail-first` key. All of it bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::request::Parts;
use serde::Serialize;
use serde_json::{Value, json};

/// Requests kept for `/mock/requests` where nothing else is said.
const MAX_REQUESTS: usize = 256;
/// Bytes kept of each of their bodies.
const MAX_BODY: usize = 64 * 1024;
/// Paths counted on their own; further ones count as `other`.
const MAX_PATHS: usize = 512;
/// Keys of `fail-first` counted; further ones count together.
const MAX_KEYS: usize = 4096;

/// A request as it arrived.
#[derive(Clone, Debug, Serialize)]
struct Seen {
    number: u64,
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
    body_bytes: usize,
}

#[derive(Debug, Default)]
struct Inner {
    total: u64,
    paths: BTreeMap<String, u64>,
    last: VecDeque<Seen>,
    keys: BTreeMap<String, u64>,
}

/// The book of requests.
#[derive(Debug)]
pub(crate) struct Record {
    keep: usize,
    inner: Mutex<Inner>,
}

impl Record {
    /// An empty book that keeps so many requests.
    pub fn new(keep: Option<usize>) -> Self {
        Self { keep: keep.unwrap_or(MAX_REQUESTS), inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while counting leaves counts that are still usable.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and keeps it.
    pub fn add(&self, parts: &Parts, body: &[u8]) {
        let path = parts.uri.path();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut inner = self.inner();
        inner.total += 1;
        let known = inner.paths.contains_key(path) || inner.paths.len() < MAX_PATHS;
        *inner.paths.entry(if known { path.to_owned() } else { "other".to_owned() }).or_default() += 1;
        while inner.last.len() >= self.keep.max(1) {
            inner.last.pop_front();
        }
        let seen = Seen {
            number: inner.total,
            method: parts.method.to_string(),
            path: path.to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers,
            body: String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned(),
            body_bytes: body.len(),
        };
        inner.last.push_back(seen);
    }

    /// Counts one more attempt under a key and returns how many there are.
    pub fn attempt(&self, key: &str) -> u64 {
        let mut inner = self.inner();
        let known = inner.keys.contains_key(key) || inner.keys.len() < MAX_KEYS;
        let count = inner.keys.entry(if known { key.to_owned() } else { String::new() }).or_default();
        *count += 1;
        *count
    }

    /// Requests in all and per path.
    pub fn stats(&self) -> Value {
        let inner = self.inner();
        json!({ "total": inner.total, "paths": inner.paths })
    }

    /// The last requests, the newest last.
    pub fn last(&self, count: usize) -> Value {
        let inner = self.inner();
        let skip = inner.last.len().saturating_sub(count);
        json!(inner.last.iter().skip(skip).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(path: &str) -> Parts {
        http::Request::get(path).header("x-a", "b").body(()).expect("a request").into_parts().0
    }

    #[test]
    fn only_the_last_requests_and_paths_are_kept() {
        let record = Record::new(None);
        for number in 0..MAX_PATHS + 10 {
            record.add(&parts(&format!("/{number}")), b"body");
        }
        let stats = record.stats();
        assert_eq!(stats["total"], MAX_PATHS + 10);
        assert_eq!(stats["paths"]["other"], 10);
        assert_eq!(record.last(usize::MAX).as_array().map(Vec::len), Some(MAX_REQUESTS));
        assert_eq!(record.last(1)[0]["headers"], json!([["x-a", "b"]]));
    }

    #[test]
    fn attempts_count_by_key() {
        let record = Record::new(None);
        assert_eq!((record.attempt("a"), record.attempt("a"), record.attempt("b")), (1, 2, 1));
    }
}
