//! Reads a whole answer, or a line of a stream: they have the same shape.

use serde::Deserialize;
use serde_json::json;

use super::created;
use super::usage::Counts;
use crate::chat::{Answer, Choice, Content, Finish, Json, Part, Refused};
use crate::usage::number::{Count, lenient, lenient_list};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    #[serde(deserialize_with = "lenient")]
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) created_at: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    pub(super) done: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(super) done_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    logprobs: Option<Vec<Json>>,
    prompt_eval_count: Count,
    eval_count: Count,
    pub(super) error: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    #[serde(deserialize_with = "lenient")]
    pub(super) content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) thinking: Option<String>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    function: Option<Function>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function {
    #[serde(deserialize_with = "lenient")]
    name: Option<String>,
    arguments: Option<Json>,
}

/// A call, as it is told on.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Line {
    pub(super) fn counts(&self) -> Counts {
        Counts { prompt_eval_count: self.prompt_eval_count, eval_count: self.eval_count }
    }

    /// What went wrong: a sentence, or an object with one.
    pub(super) fn fault(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Inner {
            message: String,
        }
        let error = self.error.as_ref()?;
        Some(error.read::<Inner>().map_or_else(|_| error.text(), |inner| inner.message))
    }

    pub(super) fn created(&self) -> Option<i64> {
        created::seconds(self.created_at.as_deref()?)
    }

    /// Probabilities in OpenAI's shape, which Ollama's list is the inside of.
    pub(super) fn logprobs(&mut self) -> Option<Json> {
        let content = self.logprobs.take().filter(|list| !list.is_empty())?;
        Some(Json::of(&json!({ "content": content, "refusal": null })))
    }
}

impl ToolCall {
    /// Reads the call with the number `at`; one without an id gets it of `mark` and its number.
    pub(super) fn read(self, mark: &str, at: usize) -> Call {
        let function = self.function.unwrap_or_default();
        let arguments = function.arguments.map_or_else(
            || "{}".to_owned(),
            // Some models' parsers leave it a text.
            |arguments| arguments.text(),
        );
        Call {
            id: self.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{mark}_{at}")),
            name: function.name.unwrap_or_default(),
            arguments: if arguments.trim().is_empty() || arguments == "null" { "{}".to_owned() } else { arguments },
        }
    }
}

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let mut line: Line = serde_json::from_slice(body)?;
    if let Some(message) = line.fault() {
        return Err(Refused { field: Some("error".to_owned()), message });
    }
    let Some(message) = line.message.take() else {
        return Err(Refused::field("message", "is missing, so this is no answer of Ollama's chat"));
    };
    let mark = created::mark(line.created_at.as_deref().unwrap_or_default());
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let mut contents = Vec::new();
    contents.extend(some(message.thinking).map(|text| Content::Thinking { text, signature: None }));
    contents.extend(some(message.content).map(Content::text));
    let calls = message.tool_calls.unwrap_or_default();
    let finish = finish(line.done_reason.as_deref(), !calls.is_empty());
    contents.extend(calls.into_iter().enumerate().map(|(at, call)| {
        let Call { id, name, arguments } = call.read(&mark, at);
        Content::ToolCall { id, name, arguments, signature: None }
    }));
    let logprobs = line.logprobs();
    let parts = contents.into_iter().map(Part::from).collect();
    Ok(Answer {
        created: line.created(),
        choices: vec![Choice { index: 0, parts, finish, logprobs }],
        usage: line.counts().usage(),
        model: line.model.unwrap_or_default(),
        ..Answer::default()
    })
}

/// Why it ended. That tools are to be called is seen in the content.
pub(super) fn finish(done_reason: Option<&str>, calls: bool) -> Finish {
    match done_reason.unwrap_or_default() {
        "length" => Finish::Length,
        _ if calls => Finish::ToolCalls,
        "" | "stop" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    }
}
