//! A part of a message as a block.

use std::borrow::Cow;

use super::super::blocks::{Block, CacheControl, Made, call_id, object, source};
use super::super::extras::Extra;
use super::super::{OWN, tools};
use super::Writer;
use crate::chat::{Content, Part, Source};

impl<'a> Writer<'a, '_> {
    /// Writes a part, number `number` of the list at `list` in an Anthropic caller's words, `field` in anybody's.
    pub(super) fn part(&mut self, part: &'a Part, list: &str, number: usize, field: &str, out: &mut Vec<Block<'a>>) {
        let place = if self.extras.is_empty() { String::new() } else { format!("{list}[{number}]") };
        let mut extra = self.extras.at(&place);
        let block = match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } if text.is_empty() => return,
            Content::Text { text, citations } => Block::text(text.as_str(), citations),
            Content::Refusal { text } => Block::text(text.as_str(), &[]),
            Content::Image { source, .. } => image(source),
            Content::Document { source, name } => match self.document(source, name.as_deref(), &mut extra, field) {
                Some(block) => block,
                None => return,
            },
            Content::Audio { .. } => return self.losses.grave(field, "Claude does not listen to sound"),
            Content::Video { .. } => return self.losses.grave(field, "Claude does not watch films"),
            Content::Thinking { text, signature } => {
                // Without Claude's own signature it would be refused.
                let Some(mark) = signature.as_ref().and_then(|mark| mark.for_provider(OWN)) else { return };
                out.push(Block::thinking(text, mark));
                return;
            }
            Content::Redacted { data } => {
                if data.maker == OWN {
                    out.push(Block::redacted(data));
                }
                return;
            }
            Content::ToolCall { id, name, arguments, .. } => self.call(id, name, arguments),
            Content::ToolResult { call_id, content, is_error, .. } => {
                self.result(call_id, content, *is_error, &place, field)
            }
            Content::Opaque { api: OWN, value } => {
                out.push(Block::Kept(Cow::Borrowed(value)));
                return;
            }
            Content::Opaque { api, .. } => {
                return self.losses.harmless(field, format!("only {} knows this kind of content", api.name()));
            }
        };
        out.push(finished(block, part, extra));
    }

    fn call(&mut self, id: &'a str, name: &'a str, arguments: &str) -> Block<'a> {
        if !self.called.contains(&name) && self.called.len() < MOST_CALLED {
            self.called.push(name);
        }
        Block::tool_use(call_id(id), tools::name(name, self.names), object(arguments))
    }

    fn result(&mut self, id: &'a str, parts: &'a [Part], is_error: bool, place: &str, field: &str) -> Block<'a> {
        let list = format!("{place}.content");
        let mut content = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            self.part(part, &list, number, &format!("{field}.content[{number}]"), &mut content);
        }
        content.retain(|block| !block.is_blank());
        Made {
            kind: "tool_result",
            tool_use_id: Some(call_id(id)),
            content: Some(content).filter(|content| !content.is_empty()),
            is_error: is_error.then_some(true),
            ..Made::default()
        }
        .into()
    }

    fn document(
        &mut self,
        from: &'a Source,
        title: Option<&'a str>,
        extra: &mut Extra<'a>,
        field: &str,
    ) -> Option<Block<'a>> {
        if let Some(original) = extra.take("search_result") {
            return Some(Block::Kept(Cow::Borrowed(original)));
        }
        let from = match (extra.take("source"), from) {
            (Some(original), _) => original.clone(),
            (None, Source::Base64 { media_type, .. }) if media_type.starts_with("image/") => return Some(image(from)),
            (None, Source::Base64 { media_type, data }) if media_type != "application/pdf" => {
                let Some(text) = is_text(media_type).then(|| text(data)).flatten() else {
                    self.losses.grave(field, format!("Claude reads PDF and plain text, not {media_type}"));
                    return None;
                };
                source(&Source::Text(text))
            }
            (None, from) => source(from),
        };
        Some(Made { kind: "document", source: Some(from), title, ..Made::default() }.into())
    }
}

/// Most tools that are made up for a history whose request names none.
const MOST_CALLED: usize = 128;

fn image(from: &Source) -> Block<'_> {
    Made { kind: "image", source: Some(source(from)), ..Made::default() }.into()
}

fn finished<'a>(block: Block<'a>, part: &Part, extra: Extra<'a>) -> Block<'a> {
    match block {
        Block::Made(mut made) => {
            made.cache_control = part.cache.map(CacheControl::from);
            made.extra = extra;
            Block::Made(made)
        }
        kept => kept,
    }
}

fn is_text(media_type: &str) -> bool {
    let kind = media_type.split(';').next().unwrap_or_default();
    kind.starts_with("text/") || matches!(kind, "application/json" | "application/xml" | "application/yaml")
}

/// The text behind standard Base64; none where it is neither.
fn text(data: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(data.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in data.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            _ => return None,
        };
        (bits, count) = (bits << 6 | u32::from(six), count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_documents_are_read_from_base64() {
        assert_eq!(text("SGVsbG8=").as_deref(), Some("Hello"));
        assert_eq!(text("w6TDtg==").as_deref(), Some("äö"));
        assert_eq!(text("").as_deref(), Some(""));
        assert_eq!(text("/w=="), None);
        assert_eq!(text("*"), None);
    }
}
