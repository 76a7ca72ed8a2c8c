//! What the row says about the request itself, in lengths that a row can bear.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, USER_AGENT};
use wire::price::BROKER;
use wire::scan::Scan;

use super::{Settlement, words};
use crate::counters::count;
use crate::memory::{Full, Purpose};
use crate::plan::Plan;
use crate::policy::Metadata;

/// Longest path and longest other text in a row, in bytes.
const MAX_PATH: usize = 512;
const MAX_TEXT: usize = 256;
/// Where a broker says who answers behind it.
const BACKEND: HeaderName = HeaderName::from_static("x-inference-provider");

/// Notes what the first lines of a request say.
pub(crate) fn note_head(settlement: &mut Settlement, parts: &http::request::Parts) {
    let row = &mut settlement.row;
    row.method = cut(parts.method.as_str(), MAX_TEXT);
    row.path = cut(parts.uri.path(), MAX_PATH);
    row.user_agent = text(&parts.headers, &USER_AGENT);
}

/// Notes a request's body.
pub(crate) fn note_request(settlement: &mut Settlement, headers: &HeaderMap, body: &Bytes) {
    settlement.row.request_bytes = body.len() as u64;
    if settlement.keep_payload {
        let cap = settlement.shared.options.payload_cap;
        settlement.request_content_type = text(headers, &CONTENT_TYPE);
        let words = words::of_request(headers, settlement.request_content_type.as_deref(), body);
        // A long body is copied: its beginning would keep all of it in memory for as long as the answer takes. What was made of
        // one is new.
        let kept = if words.len() > cap {
            settlement.shared.memory.hold(Purpose::Keeping, Bytes::copy_from_slice(&words[..cap]))
        } else if words.len() < body.len() {
            settlement.shared.memory.hold(Purpose::Keeping, words)
        } else {
            Ok(words)
        };
        match kept {
            Ok(request) => settlement.request = request,
            Err(Full) => {
                settlement.keep_payload = false;
                count(&settlement.shared.counters.captures_dropped);
            }
        }
    }
}

/// Notes who is asked for, as a body says, unless a header has said it.
pub(crate) fn note_user(settlement: &mut Settlement, scan: &Scan<'_>) {
    let said = scan.user.as_deref().filter(|user| !user.is_empty()).or(scan.metadata_user.as_deref());
    if let (None, Some(user)) = (&settlement.row.user, said.filter(|user| !user.is_empty())) {
        settlement.row.user = Some(bounded(user));
    }
}

/// Notes what will be called.
pub(crate) fn note_plan(settlement: &mut Settlement, plan: &Plan) {
    note_user_of_metadata(settlement);
    let row = &mut settlement.row;
    row.provider = Some(plan.provider.clone());
    row.provider_key_id = plan.key;
    row.model = plan.model.as_deref().map(bounded);
    row.streamed = plan.stream;
    // Hugging Face's router takes whose answer it is to be behind the model's name.
    let suffix =
        if plan.book == Some(BROKER) { row.model.as_deref().and_then(|model| model.rsplit_once(':')) } else { None };
    row.backend = suffix.map(|(_, backend)| bounded(backend));
    settlement.pricing.prices = Some(plan.prices.clone());
    settlement.pricing.book = plan.book;
    settlement.pricing.measure.clone_from(&plan.measure);
    settlement.dropped.clone_from(&plan.dropped);
}

/// Notes who answers behind a broker.
pub(crate) fn note_backend(settlement: &mut Settlement, headers: &HeaderMap) {
    if settlement.pricing.book == Some(BROKER)
        && let Some(backend) = text(headers, &BACKEND)
    {
        settlement.row.backend = Some(backend);
    }
}

/// Notes `user_id` of `cf-aig-metadata`, where nothing else says who is asked for.
pub(crate) fn note_user_of_metadata(settlement: &mut Settlement) {
    let row = &mut settlement.row;
    let names = |text: &&str| memchr::memmem::find(text.as_bytes(), b"user_id").is_some();
    if let (None, Some(text)) = (&row.user, row.metadata.as_deref().filter(names)) {
        row.user = Metadata::read(Some(text)).get("user_id").filter(|user| !user.is_empty()).map(bounded);
    }
}

/// A text from outside, short enough for a row.
pub(crate) fn bounded(text: &str) -> String {
    cut(text, MAX_TEXT)
}

fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes())))
}
