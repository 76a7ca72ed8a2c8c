//! The response object, as it stands in an answer and in a stream's first and last events.

use domain::Usage;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use crate::chat::{Finish, Json, StreamError};

/// A response.
pub(super) struct Response<'a> {
    pub(super) id: &'a str,
    pub(super) created: i64,
    pub(super) model: &'a str,
    pub(super) state: &'a State,
    pub(super) output: &'a [Json],
    pub(super) settings: &'a [(&'static str, Json)],
    pub(super) service_tier: &'a str,
    pub(super) usage: Option<Usage>,
}

/// How far a response is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    InProgress,
    Completed,
    /// And why.
    Incomplete(&'static str),
    /// The code and the sentence.
    Failed(String, String),
}

impl State {
    /// The state at the end. `only_declines` says whether all words of the output are those of a refusal.
    pub(super) fn of(finish: &Finish, only_declines: bool) -> Self {
        match finish {
            Finish::Length | Finish::ContextFull => Self::Incomplete("max_output_tokens"),
            Finish::ContentFilter => Self::Incomplete("content_filter"),
            Finish::Refusal if !only_declines => Self::Incomplete("content_filter"),
            Finish::Failed(word) => Self::Failed("server_error".to_owned(), format!("The provider says: {word}")),
            _ => Self::Completed,
        }
    }

    pub(super) fn of_error(error: &StreamError) -> Self {
        Self::Failed(error.code.clone(), error.message.clone())
    }

    /// The value of `status`, of the response and of an item that was being written.
    pub(super) fn status(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed(..) => "failed",
        }
    }

    /// The event that says so.
    pub(super) fn event(&self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Failed(..) => "response.failed",
        }
    }
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id)?;
        map.serialize_entry("object", "response")?;
        map.serialize_entry("created_at", &self.created)?;
        map.serialize_entry("status", self.state.status())?;
        let (mut error, mut details) = (None, None);
        match self.state {
            State::Failed(code, message) => error = Some(json!({ "code": code, "message": message })),
            State::Incomplete(reason) => details = Some(json!({ "reason": reason })),
            _ => {}
        }
        map.serialize_entry("error", &error)?;
        map.serialize_entry("incomplete_details", &details)?;
        map.serialize_entry("model", self.model)?;
        map.serialize_entry("output", self.output)?;
        for (name, value) in self.settings {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("service_tier", self.service_tier)?;
        map.serialize_entry("usage", &self.usage.map(report))?;
        map.end()
    }
}

fn report(usage: Usage) -> serde_json::Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": { "cached_tokens": usage.cached_input, "cache_write_tokens": usage.written() },
        "output_tokens": usage.output,
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.input.saturating_add(usage.output),
    })
}
