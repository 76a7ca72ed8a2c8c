//! Where words come from, in Anthropic's words.

use serde::Deserialize;
use serde_json::json;

use super::OWN;
use crate::chat::{Citation, Json};

/// Reads any kind of citation: of a page, a document, a search result.
pub(super) fn decode(original: Json) -> Citation {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Known {
        url: Option<String>,
        source: Option<String>,
        title: Option<String>,
        document_title: Option<String>,
        cited_text: Option<String>,
    }
    let known: Known = original.read().unwrap_or_default();
    // A search result's source is most often, but need not be, an address.
    let address = known.source.filter(|source| source.starts_with("http://") || source.starts_with("https://"));
    Citation {
        url: known.url.or(address),
        title: known.title.or(known.document_title),
        quote: known.cited_text,
        span: None,
        original: Some((OWN, original)),
    }
}

/// Writes a citation: as it came, or of a page; none where Anthropic has no word for it.
pub(super) fn encode(citation: &Citation) -> Option<Json> {
    if let Some((OWN, original)) = &citation.original {
        return Some(original.clone());
    }
    let url = citation.url.as_ref()?;
    Some(Json::of(&json!({
        "type": "web_search_result_location",
        "cited_text": citation.quote.as_deref().unwrap_or_default(),
        "encrypted_index": "",
        "title": citation.title,
        "url": url,
    })))
}
