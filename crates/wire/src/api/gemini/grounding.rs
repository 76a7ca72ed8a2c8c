//! Where words come from: `groundingMetadata` and `citationMetadata`. Gemini counts places in bytes, the common form in
//! characters.

use serde::Deserialize;
use serde_json::json;

use super::fields::Fields;
use super::members::Members;
use crate::chat::{Citation, Json};

/// Most citations that are read from one answer.
const MOST: usize = 1000;

/// What is said in one block of text, at `begin` bytes of all that is said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    /// All that is said.
    pub(super) all: &'a str,
    /// Where the block begins.
    pub(super) begin: usize,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Support {
    segment: Segment,
    grounding_chunk_indices: Vec<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Segment {
    start_index: usize,
    end_index: usize,
    text: String,
}

/// What search results and documents are cited for.
pub(super) fn read(metadata: &Json, said: Said<'_>) -> Vec<Citation> {
    let mut fields = Fields::lenient(metadata);
    let chunks: Vec<Json> = fields.get("groundingChunks").unwrap_or_default();
    let sources: Vec<Option<Citation>> = chunks.iter().map(source).collect();
    let supports: Vec<Support> = fields.get("groundingSupports").unwrap_or_default();
    let mut out = Vec::new();
    for support in supports {
        let span = said.characters(support.segment.start_index, support.segment.end_index, &support.segment.text);
        let cited = support.grounding_chunk_indices.iter().filter_map(|i| sources.get(*i)?.clone());
        out.extend(cited.map(|citation| Citation { span, ..citation }).take(MOST - out.len()));
    }
    if out.is_empty() {
        out.extend(sources.into_iter().flatten().take(MOST));
    }
    out
}

fn source(chunk: &Json) -> Option<Citation> {
    let mut chunk = Fields::lenient(chunk);
    let inner = ["web", "retrievedContext", "maps", "image"].iter().find_map(|kind| chunk.raw(kind))?;
    let mut inner = Fields::lenient(&inner);
    let url = inner.get("uri").or_else(|| inner.get("sourceUri"));
    Some(Citation { url, title: inner.get("title"), quote: inner.get("text"), span: None, original: None })
}

/// What the answer repeats of somebody's work.
pub(super) fn recited(metadata: &Json, said: Said<'_>) -> Vec<Citation> {
    let mut fields = Fields::lenient(metadata);
    let sources: Option<Vec<Fields>> = fields.get("citations").or_else(|| fields.get("citationSources"));
    let sources = sources.unwrap_or_default().into_iter().take(MOST);
    let citations = sources.filter_map(|mut source| {
        let (begin, end) = (source.get("startIndex").unwrap_or(0), source.get("endIndex").unwrap_or(0));
        let (url, title) = (source.get::<String>("uri"), source.get::<String>("title"));
        let known = url.is_some() || title.is_some();
        known.then(|| Citation { url, title, quote: None, span: said.characters(begin, end, ""), original: None })
    });
    citations.collect()
}

impl Said<'_> {
    /// Bytes of everything said as characters of the block; none where they are not in it, or where other words stand
    /// there than were told.
    fn characters(self, begin: usize, end: usize, told: &str) -> Option<(u64, u64)> {
        let words = self.all.get(begin..end).filter(|words| !words.is_empty())?;
        if !told.is_empty() && told != words {
            return None;
        }
        let before = self.all.get(self.begin..begin)?.chars().count();
        Some((before as u64, (before + words.chars().count()) as u64))
    }

    /// Characters of the block as bytes of everything said.
    fn bytes(self, (begin, end): (u64, u64)) -> Option<(usize, usize)> {
        let block = self.all.get(self.begin..)?;
        let (begin, end) = (usize::try_from(begin).ok()?, usize::try_from(end).ok()?);
        let count = end.checked_sub(begin)?;
        let mut places = block.char_indices().map(|(place, _)| place).chain([block.len()]).skip(begin);
        let first = places.next()?;
        let last = if count == 0 { first } else { places.nth(count - 1)? };
        Some((self.begin + first, self.begin + last))
    }
}

/// `groundingMetadata` of citations, each with the block it belongs to; none where there are none.
pub(super) fn write(citations: &[(usize, Citation)], all: &str) -> Option<Members> {
    let (mut chunks, mut supports) = (Vec::new(), Vec::new());
    for (begin, citation) in citations.iter().take(MOST) {
        let mut web = Members::default();
        web.some("uri", citation.url.as_ref());
        web.some("title", citation.title.as_ref());
        if let Some((start, end)) = citation.span.and_then(|span| Said { all, begin: *begin }.bytes(span)) {
            supports.push(json!({
                "segment": {"startIndex": start, "endIndex": end, "text": all.get(start..end)},
                "groundingChunkIndices": [chunks.len()],
            }));
        }
        let mut chunk = Members::default();
        chunk.put("web", &web);
        chunks.push(chunk);
    }
    if chunks.is_empty() {
        return None;
    }
    let mut metadata = Members::default();
    metadata.put("groundingChunks", &chunks);
    metadata.put("groundingSupports", &supports);
    Some(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_characters_and_bytes_again() {
        let all = "Über Köln regnet es.";
        let metadata = Json::parse(
            r#"{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":6,"endIndex":11,"text":"Köln"},"groundingChunkIndices":[0, 7]}]}"#,
        )
        .expect("JSON");
        let citations = read(&metadata, Said { all, begin: 0 });
        assert_eq!(citations.len(), 1);
        assert_eq!((citations[0].span, citations[0].url.as_deref()), (Some((5, 9)), Some("https://a.example")));
        let written = write(&[(0, citations[0].clone())], all).expect("metadata");
        insta::assert_snapshot!(serde_json::to_string(&written).expect("JSON"), @r#"{"groundingChunks":[{"web":{"uri":"https://a.example","title":"A"}}],"groundingSupports":[{"segment":{"startIndex":6,"endIndex":11,"text":"Köln"},"groundingChunkIndices":[0]}]}"#);
    }

    #[test]
    fn places_that_lie_between_bytes_of_a_character_are_none() {
        let said = Said { all: "é", begin: 0 };
        assert_eq!((said.characters(1, 2, ""), said.characters(0, 9, ""), said.bytes((0, 5))), (None, None, None));
    }
}
