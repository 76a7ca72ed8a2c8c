//! Reasoning in the words of OpenAI-compatible providers.
//!
//! `reasoning_content` or `reasoning` hold plain words. `reasoning_details`, which OpenRouter began, is a list of blocks with
//! what belongs to each: signature, id, format. Towards callers it also carries the signatures of other APIs, so that a
//! second turn can bring them back; a block of a compatible provider's travels through other APIs as a signature whose value
//! is the block without its words.

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::chat::{Content, Json, Signature};
use crate::usage::lenient;

/// An entry of `reasoning_details`, or a piece of one in a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Detail {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<u64>,
}

const TEXT: &str = "reasoning.text";
const SUMMARY: &str = "reasoning.summary";
const ENCRYPTED: &str = "reasoning.encrypted";

impl Detail {
    /// Whether it is encrypted as a whole.
    pub(super) fn is_encrypted(&self) -> bool {
        self.data.is_some()
    }

    /// Its words, if it has any.
    pub(super) fn words(&self) -> &str {
        self.text.as_deref().or(self.summary.as_deref()).unwrap_or_default()
    }

    /// Whether `more` is a further piece of this one.
    pub(super) fn goes_on_with(&self, more: &Self) -> bool {
        !self.is_encrypted() && !more.is_encrypted() && self.kind == more.kind && self.index == more.index
    }

    /// All but its words.
    pub(super) fn bare(&self) -> Self {
        Self { text: None, summary: None, ..self.clone() }
    }

    /// Takes over what belongs to a further piece, but its words.
    pub(super) fn absorb(&mut self, more: Self) {
        self.signature = more.signature.or(self.signature.take());
        self.id = more.id.or(self.id.take());
        self.format = more.format.or(self.format.take());
    }

    /// The mark to keep: that of another API, which had this one carry it, or this block without its words. None where
    /// nothing but words would be lost.
    pub(super) fn mark(&self) -> Option<Signature> {
        let carried =
            self.signature.as_deref().or(self.data.as_deref()).map(|text| Signature::read(text, Api::OpenaiChat));
        if let Some(foreign) = carried.as_ref().filter(|mark| mark.maker != Api::OpenaiChat) {
            return Some(foreign.clone());
        }
        let format_says_something = self.format.as_deref().is_some_and(|format| format != "unknown");
        let plain = self.kind.as_deref().is_none_or(|kind| kind == TEXT);
        if carried.is_none() && self.id.is_none() && plain && !format_says_something {
            return None;
        }
        Some(Signature { maker: Api::OpenaiChat, value: Json::of(&self.bare()).as_str().to_owned() })
    }

    fn content(self) -> Content {
        match self.mark() {
            Some(data) if self.is_encrypted() => Content::Redacted { data },
            signature => Content::Thinking { text: self.text.or(self.summary).unwrap_or_default(), signature },
        }
    }

    /// The entry for a block of reasoning, the `index`th of its message.
    pub(super) fn thinking(text: &str, mark: Option<&Signature>, index: usize) -> Self {
        let mut detail = Self::of_mark(mark, TEXT, index);
        if detail.kind.as_deref() == Some(SUMMARY) {
            detail.summary = Some(text.to_owned());
        } else {
            detail.text = Some(text.to_owned());
        }
        detail
    }

    /// The entry for a block that is encrypted, the `index`th of its message.
    pub(super) fn redacted(mark: &Signature, index: usize) -> Self {
        let mut detail = Self::of_mark(Some(mark), ENCRYPTED, index);
        let signature = detail.signature.take();
        detail.data = detail.data.or(signature);
        detail
    }

    fn of_mark(mark: Option<&Signature>, kind: &str, index: usize) -> Self {
        let own = mark.and_then(|mark| mark.for_provider(Api::OpenaiChat));
        if let Some(detail) = own.and_then(|value| serde_json::from_str::<Self>(value).ok()) {
            return detail;
        }
        Self {
            kind: Some(kind.to_owned()),
            signature: mark.map(|mark| mark.write(Api::OpenaiChat)),
            format: mark.map(|mark| format_of(mark.maker).to_owned()),
            index: u64::try_from(index).ok(),
            ..Self::default()
        }
    }
}

/// OpenRouter's names for who made a block.
fn format_of(maker: Api) -> &'static str {
    match maker {
        Api::Anthropic | Api::Bedrock => "anthropic-claude-v1",
        Api::Gemini => "google-gemini-v1",
        Api::OpenaiResponses => "openai-responses-v1",
        Api::OpenaiChat | Api::Cohere | Api::Ollama | Api::Replicate => "unknown",
    }
}

/// Reads a caller's `reasoning_details`; callers that collect the pieces of a stream send them back in pieces.
pub(super) fn read_details(list: &[Json]) -> Vec<Content> {
    let mut whole: Vec<Detail> = Vec::new();
    for more in list.iter().filter_map(|entry| entry.read::<Detail>().ok()) {
        match whole.last_mut() {
            Some(last) if last.index.is_some() && last.goes_on_with(&more) => {
                let summary = last.summary.is_some();
                let words = if summary { &mut last.summary } else { &mut last.text };
                words.get_or_insert_default().push_str(more.words());
                last.absorb(more);
            }
            _ => whole.push(more),
        }
    }
    let contents = whole.into_iter().map(Detail::content);
    contents
        .filter(|content| !matches!(content, Content::Thinking { text, signature: None } if text.is_empty()))
        .collect()
}

/// The details of a message's blocks.
pub(super) fn details<'a>(contents: impl Iterator<Item = &'a Content>) -> Vec<Detail> {
    let blocks = contents.filter(|content| matches!(content, Content::Thinking { .. } | Content::Redacted { .. }));
    let entries = blocks.enumerate().map(|(index, content)| match content {
        Content::Thinking { text, signature } => Detail::thinking(text, signature.as_ref(), index),
        Content::Redacted { data } => Detail::redacted(data, index),
        _ => Detail::default(),
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Json> {
        serde_json::from_str(text).expect("a list")
    }

    #[test]
    fn blocks_come_back_as_they_were() {
        let sent = r#"[
            {"type":"reasoning.text","text":"hm","signature":"EqQ","format":"anthropic-claude-v1","index":0},
            {"type":"reasoning.summary","summary":"so","id":"rs_1","format":"openai-responses-v1","index":1},
            {"type":"reasoning.encrypted","data":"gAAA","id":"rs_1","format":"openai-responses-v1","index":1}]"#;
        let contents = read_details(&list(sent));
        let back = Json::of(&details(contents.iter()));
        assert_eq!(back, Json::parse(sent).expect("JSON"));
    }

    #[test]
    fn pieces_of_a_stream_are_put_together() {
        let pieces = r#"[{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","text":"b","index":0},
            {"type":"reasoning.text","signature":"anthropic#Eq","index":0}]"#;
        let signature = Some(Signature { maker: Api::Anthropic, value: "Eq".into() });
        assert_eq!(read_details(&list(pieces)), [Content::Thinking { text: "ab".into(), signature }]);
    }

    #[test]
    fn words_without_a_mark_have_no_signature() {
        let plain = r#"[{"type":"reasoning.text","text":"a","format":"unknown","index":0}]"#;
        assert_eq!(read_details(&list(plain)), [Content::Thinking { text: "a".into(), signature: None }]);
    }
}
