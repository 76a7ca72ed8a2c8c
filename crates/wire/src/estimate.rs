//! Counts tokens without the model's own tokenizer: an estimate for where nobody can say better.
//!
//! English prose has about four bytes to a token in the usual vocabularies, other scripts about one and a half characters.
//! Pictures cost some hundred to some thousand tokens; a middle figure stands for them.

use crate::chat::{Content, Part, Request, Source, ToolKind};

/// Bytes of UTF-8 to a token, where the text is not looked at: right for prose and close for other scripts.
pub(crate) const TOKEN_BYTES: u64 = 4;
/// Tokens of a picture of middle size.
const PICTURE: u64 = 1_000;
/// Tokens that frame each message.
const MESSAGE: u64 = 4;
/// Bytes of a document in Base64 to a token.
const DOCUMENT_BYTES: u64 = 24;

/// The tokens of a question, tools included.
#[must_use]
pub fn input_tokens(request: &Request) -> u64 {
    let messages = request.messages.iter().map(|message| MESSAGE + parts(&message.parts));
    let tools = request.tools.iter().map(|tool| {
        let schema = match &tool.kind {
            ToolKind::Function { parameters, .. } => parameters.as_ref().map_or("", |schema| schema.as_str()),
            ToolKind::Custom { format } => format.as_ref().map_or("", |format| format.as_str()),
            ToolKind::Server { definition, .. } => definition.as_str(),
        };
        MESSAGE + text(&tool.name) + tool.description.as_deref().map_or(0, text) + text(schema)
    });
    messages.chain(tools).sum()
}

fn parts(all: &[Part]) -> u64 {
    all.iter().map(|part| content(&part.content)).sum()
}

fn content(content: &Content) -> u64 {
    match content {
        Content::Text { text: words, .. }
        | Content::Thinking { text: words, .. }
        | Content::Refusal { text: words } => text(words),
        Content::Image { .. } | Content::Video { .. } => PICTURE,
        Content::Document { source, .. } | Content::Audio { source } => bytes_of(source),
        Content::ToolCall { name, arguments, .. } => MESSAGE + text(name) + text(arguments),
        Content::ToolResult { content, .. } => MESSAGE + parts(content),
        Content::Redacted { data } => text(&data.value),
        Content::Opaque { value, .. } => text(value.as_str()),
    }
}

fn bytes_of(source: &Source) -> u64 {
    match source {
        Source::Text(words) => text(words),
        Source::Base64 { data, .. } => data.len() as u64 / DOCUMENT_BYTES,
        Source::Url { .. } | Source::File(_) => PICTURE,
    }
}

/// The tokens of a text.
#[must_use]
pub fn text(text: &str) -> u64 {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.chars().filter(|c| !c.is_ascii()).count() as u64;
    ascii.div_ceil(4) + (other * 2).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_close_to_what_tokenizers_say() {
        // 9 tokens with o200k_base.
        assert!((9..=12).contains(&text("The quick brown fox jumps over the lazy dog.")));
        assert_eq!(text(""), 0);
        assert!(text("水は低きに流れる") >= 5);
    }
}
