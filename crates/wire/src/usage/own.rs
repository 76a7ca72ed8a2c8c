//! Answers in the words of APIs that only providers speak, as they pass a caller who uses such an API.

use domain::provider::Dialect;

use super::invoke::{self, AmazonCounts, InvokeWatch};
use super::{Observed, StreamWatch, from_body};
use crate::api::{Api, StreamDecoder, usage_of};
use crate::chat::Event;

/// In whose words an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// An API that callers speak too, or one of its neighbours.
    Family(Dialect),
    /// An API that only providers speak, asked by its own path; `chat` is whether the path is that of its chats.
    Own { api: Api, chat: bool },
}

impl Words {
    /// The words of what `path` below a provider's base path answers; `own` is the provider's chat API.
    #[must_use]
    pub fn of(own: Api, dialect: Dialect, path: &str) -> Self {
        // Bedrock and Ollama have OpenAI's API beside their own, and so has Cohere.
        let chat = match own {
            Api::Bedrock if path.contains("model/") => {
                path.ends_with("/converse") || path.ends_with("/converse-stream")
            }
            Api::Cohere if !path.contains("compatibility/") => path.ends_with("v2/chat"),
            Api::Ollama if path.starts_with("api/") => path == "api/chat",
            Api::Replicate if path.ends_with("predictions") => true,
            _ => return Self::Family(dialect),
        };
        Self::Own { api: own, chat }
    }

    /// Whether a stream of this content type can be read.
    #[must_use]
    pub fn streams(self, content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let own = match self {
            Self::Family(_) => "text/event-stream",
            Self::Own { api, .. } => api.stream_type(),
        };
        kind.eq_ignore_ascii_case(own) || kind.eq_ignore_ascii_case("text/event-stream")
    }

    /// Whether a stream says how it ends, so that one that does not was cut short.
    #[must_use]
    pub fn says_when_done(self) -> bool {
        matches!(self, Self::Own { api: Api::Bedrock, .. } | Self::Own { chat: true, .. })
    }

    /// Watches a stream.
    #[must_use]
    pub fn watch(self) -> StreamWatch {
        match self {
            Self::Family(dialect) => StreamWatch::new(dialect),
            Self::Own { api: Api::Bedrock, chat: false } => StreamWatch::invoke(InvokeWatch::default()),
            Self::Own { api, .. } => StreamWatch::own(OwnWatch::new(api)),
        }
    }

    /// Reads a whole body; `counts` are Amazon's, beside it.
    #[must_use]
    pub fn read(self, counts: AmazonCounts, body: &[u8]) -> Observed {
        match self {
            Self::Family(dialect) => from_body(dialect, body),
            Self::Own { api: Api::Bedrock, .. } => invoke::body(counts, body),
            Self::Own { api, .. } => match usage_of(api, body) {
                Some(usage) => Observed { usage: Some(usage), finished: true, ..Observed::default() },
                None => from_body(Dialect::Openai, body),
            },
        }
    }
}

/// Reads usage and end out of the stream of an API's chats.
pub(super) struct OwnWatch {
    decoder: StreamDecoder,
    /// Kept for its memory.
    events: Vec<Event>,
    observed: Observed,
}

impl OwnWatch {
    fn new(api: Api) -> Self {
        Self { decoder: StreamDecoder::new(api), events: Vec::new(), observed: Observed::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes, &mut self.events);
        for event in self.events.drain(..) {
            self.observed.note(&event);
        }
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    pub(super) fn finish(mut self) -> Observed {
        // That the stream is cut short is told by what is missing.
        let error = self.observed.error;
        self.decoder.finish(&mut self.events);
        for event in self.events.drain(..) {
            self.observed.note(&event);
        }
        Observed { error, model: None, ..self.observed }
    }
}

impl std::fmt::Debug for OwnWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnWatch").field("observed", &self.observed).finish_non_exhaustive()
    }
}
