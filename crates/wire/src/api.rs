//! The chat APIs that the gateway reads and writes, a module for each.

use std::fmt::Write;

use domain::provider::Dialect;

use crate::chat::{Answer, Asked, Event, Losses, Names, Refused, Request};

mod anthropic;
mod bedrock;
mod cohere;
mod custom;
mod fit;
pub mod gemini;
mod ollama;
mod openai_chat;
pub mod openai_responses;
mod quirks;
mod replicate;
mod stream;

pub use anthropic::count_tokens_answer;
pub(crate) use custom::unwrap as unwrap_custom;
pub use openai_chat::{Adapted, adapt, failure};
pub use quirks::Quirks;
pub use replicate::pending;
pub use stream::{StreamDecoder, StreamEncoder};

/// A chat API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// OpenAI Chat Completions, and everything compatible.
    OpenaiChat,
    /// OpenAI Responses.
    OpenaiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent, at AI Studio and Vertex AI.
    Gemini,
    /// Bedrock Converse.
    Bedrock,
    /// Cohere v2 chat.
    Cohere,
    /// Ollama's own chat.
    Ollama,
    /// Replicate's predictions.
    Replicate,
}

/// What a URL says that other APIs say in the body: Gemini's and Bedrock's model and wish for a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<'a> {
    /// The model.
    pub model: Option<&'a str>,
    /// Whether a stream is asked for.
    pub stream: Option<bool>,
}

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// What is special about the provider.
    pub quirks: &'a Quirks,
}

/// A request as a provider takes it.
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// The JSON body.
    pub body: Vec<u8>,
    /// What the provider's API cannot express.
    pub losses: Losses,
    /// Tools whose names had to be changed.
    pub names: Names,
    /// The tool that was made up so that the model answers in a schema; its arguments are the answer's text.
    pub output_tool: Option<String>,
    /// Tools of the caller's that take free text and are offered as functions, by the caller's names.
    pub custom: Vec<String>,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 8] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Cohere,
        Self::Ollama,
        Self::Replicate,
    ];

    /// Those that callers may speak. The others are spoken to providers only.
    pub const FRONTS: [Self; 4] = [Self::OpenaiChat, Self::OpenaiResponses, Self::Anthropic, Self::Gemini];

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai_chat",
            Self::OpenaiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
            Self::Ollama => "ollama",
            Self::Replicate => "replicate",
        }
    }

    /// The API of a stable name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }

    /// The family whose errors and usage it shares; none for APIs that only providers speak.
    #[must_use]
    pub fn family(self) -> Option<Dialect> {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses => Some(Dialect::Openai),
            Self::Anthropic => Some(Dialect::Anthropic),
            Self::Gemini => Some(Dialect::Gemini),
            Self::Bedrock | Self::Cohere | Self::Ollama | Self::Replicate => None,
        }
    }

    /// Whether an answer depends on what else is in the body of a question than the common form keeps, so that the body must
    /// be kept: Responses repeat settings, and calls of a completion have the form in which its tools were offered.
    #[must_use]
    pub fn repeats(self, body: &[u8]) -> bool {
        match self {
            Self::OpenaiResponses => true,
            Self::OpenaiChat => openai_chat::has_style(body),
            _ => false,
        }
    }

    /// Where a question is asked, below a provider's base path. The model's name is one segment, whatever is in it.
    #[must_use]
    pub fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::OpenaiChat => "chat/completions".to_owned(),
            Self::OpenaiResponses => "responses".to_owned(),
            Self::Anthropic => "v1/messages".to_owned(),
            Self::Gemini if stream => format!("v1beta/models/{}:streamGenerateContent?alt=sse", segment(model)),
            Self::Gemini => format!("v1beta/models/{}:generateContent", segment(model)),
            Self::Bedrock if stream => format!("model/{}/converse-stream", segment(model)),
            Self::Bedrock => format!("model/{}/converse", segment(model)),
            Self::Cohere => "v2/chat".to_owned(),
            Self::Ollama => "api/chat".to_owned(),
            // Whose model is asked is said in the body: `owner/name`, with or without a version.
            Self::Replicate => "predictions".to_owned(),
        }
    }

    /// Where the tokens of a question are counted, below a provider's base path; none where nobody counts.
    #[must_use]
    pub fn count_path(self, model: &str) -> Option<String> {
        match self {
            Self::Anthropic => Some("v1/messages/count_tokens".to_owned()),
            Self::Gemini => Some(format!("v1beta/models/{}:countTokens", segment(model))),
            _ => None,
        }
    }

    /// The content type of a provider's stream.
    #[must_use]
    pub fn stream_type(self) -> &'static str {
        match self {
            Self::Ollama => "application/x-ndjson",
            Self::Bedrock => "application/vnd.amazon.eventstream",
            _ => "text/event-stream",
        }
    }

    /// Reads a caller's request.
    ///
    /// # Errors
    /// When it is no request of this API, or of an API that callers do not speak.
    pub fn decode_request(self, body: &[u8], path: Path<'_>) -> Result<Request, Refused> {
        let request = match self {
            Self::OpenaiChat => openai_chat::decode_request(body),
            Self::OpenaiResponses => openai_responses::decode_request(body),
            Self::Anthropic => anthropic::decode_request(body),
            Self::Gemini => gemini::decode_request(body, path),
            Self::Bedrock | Self::Cohere | Self::Ollama | Self::Replicate => Err(not_a_front(self)),
        };
        Ok(Request { front: Some(self), ..request? })
    }

    /// Reads a caller's request whose tokens are to be counted.
    ///
    /// # Errors
    /// As [`Api::decode_request`].
    pub fn decode_count(self, body: &[u8], path: Path<'_>) -> Result<Request, Refused> {
        match self {
            Self::Gemini => gemini::count::decode_request(body, path),
            _ => self.decode_request(body, path),
        }
    }

    /// Writes a request for a provider. What cannot be expressed is noted in [`Encoded::losses`]; whether that is an error is
    /// for the caller of this to say.
    ///
    /// # Errors
    /// When the conversation cannot be put into the API at all.
    pub fn encode_request(self, request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
        let mut losses = Losses::default();
        fit::note_unsaid(request, self, &mut losses);
        let (mut encoded, custom) = match custom::wrap(request, self, target, &mut losses) {
            Some((wrapped, custom)) => (self.encode(&wrapped, target)?, custom),
            None => (self.encode(request, target)?, Vec::new()),
        };
        encoded.losses.append(losses);
        Ok(Encoded { custom, ..encoded })
    }

    fn encode(self, request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
        match self {
            Self::OpenaiChat => openai_chat::encode_request(request, target),
            Self::OpenaiResponses => openai_responses::encode_request(request, target),
            Self::Anthropic => anthropic::encode_request(request, target),
            Self::Gemini => gemini::encode_request(request, target),
            Self::Bedrock => bedrock::encode_request(request, target),
            Self::Cohere => cohere::encode_request(request, target),
            Self::Ollama => ollama::encode_request(request, target),
            Self::Replicate => replicate::encode_request(request, target),
        }
    }

    /// Reads a provider's whole answer.
    ///
    /// # Errors
    /// When it is no answer of this API.
    pub fn decode_answer(self, body: &[u8]) -> Result<Answer, Refused> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let body = &*stream::readable(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body));
        match self {
            Self::OpenaiChat => openai_chat::decode_answer(body),
            Self::OpenaiResponses => openai_responses::decode_answer(body),
            Self::Anthropic => anthropic::decode_answer(body),
            Self::Gemini => gemini::decode_answer(body),
            Self::Bedrock => bedrock::decode_answer(body),
            Self::Cohere => cohere::decode_answer(body),
            Self::Ollama => ollama::decode_answer(body),
            Self::Replicate => replicate::decode_answer(body),
        }
    }

    /// Writes an answer for a caller.
    ///
    /// # Errors
    /// When callers do not speak this API.
    pub fn encode_answer(self, answer: &Answer, asked: &Asked) -> Result<Vec<u8>, Refused> {
        match self {
            Self::OpenaiChat => Ok(openai_chat::encode_answer(answer, asked)),
            Self::OpenaiResponses => Ok(openai_responses::encode_answer(answer, asked)),
            Self::Anthropic => Ok(anthropic::encode_answer(answer, asked)),
            Self::Gemini => Ok(gemini::encode_answer(answer, asked)),
            Self::Bedrock | Self::Cohere | Self::Ollama | Self::Replicate => Err(not_a_front(self)),
        }
    }
}

/// What a whole body says was consumed, where `api` is one that [`crate::usage`] does not read because only providers speak
/// it; also that of other endpoints than chat. None where it says nothing, and for other APIs.
#[must_use]
pub fn usage_of(api: Api, body: &[u8]) -> Option<domain::Usage> {
    match api {
        Api::Bedrock => bedrock::usage_of(body),
        Api::Cohere => cohere::usage_of(body),
        Api::Ollama => ollama::usage_of(body),
        Api::Replicate => replicate::usage_of(body),
        Api::OpenaiChat | Api::OpenaiResponses | Api::Anthropic | Api::Gemini => None,
    }
}

/// A name as one segment of a path: nothing in it can end the segment, climb out of it or begin a query.
#[must_use]
pub fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'@' => out.push(char::from(byte)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn not_a_front(api: Api) -> Refused {
    Refused { field: None, message: format!("{} is spoken to providers, not by callers", api.name()) }
}

/// What a decoder of a stream does with one frame: an SSE event, a line, a binary frame.
trait Frames {
    /// Reads a frame; `name` is the value of its `event` line or header.
    fn frame(&mut self, name: Option<&[u8]>, data: &[u8], out: &mut Vec<Event>);

    /// The stream is over. Hands out what is still owed: open blocks are stopped; a stream that did not say how it ended
    /// is [`StreamError::truncated`](crate::chat::StreamError::truncated).
    fn finish(&mut self, out: &mut Vec<Event>);

    /// Bytes of blocks that wait until they are complete; little is not counted.
    fn held(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_stays_within_its_segment() {
        assert_eq!(Api::Gemini.path("gemini-2.5-flash", false), "v1beta/models/gemini-2.5-flash:generateContent");
        assert_eq!(Api::Bedrock.path("us.anthropic.claude:0", true), "model/us.anthropic.claude%3A0/converse-stream");
        for name in ["../../files", "a?b=c", "a#b", "a/b", "a%2Fb", "a b", "é", "a\r\nb", ""] {
            for api in Api::ALL {
                for path in [Some(api.path(name, false)), api.count_path(name)].into_iter().flatten() {
                    let plain = Api::path(api, "x", false);
                    let segments = |path: &str| path.split('/').count();
                    assert!(!path.contains(['?', '#', ' ', '\r']) && path.is_ascii(), "{path}");
                    assert!(path.contains("count") || segments(&path) == segments(&plain), "{path}");
                }
            }
        }
    }
}
