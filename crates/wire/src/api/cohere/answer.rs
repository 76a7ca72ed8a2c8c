//! Reads a whole answer.

use serde::Deserialize;

use super::citation::{Probable, citation, logprobs};
use super::usage::Report;
use crate::api::Api;
use crate::chat::{Answer, Choice, Content, Finish, Json, Part, Refused};
use crate::usage::number::{lenient, lenient_list};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    finish_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(deserialize_with = "lenient")]
    logprobs: Option<Vec<Probable>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    content: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    tool_plan: Option<String>,
    #[serde(deserialize_with = "lenient_list")]
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(deserialize_with = "lenient")]
    citations: Option<Vec<Json>>,
}

/// A content, or the start or a piece of one in a stream.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Block {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) thinking: Option<String>,
}

/// A call, or the start or a piece of one in a stream.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) function: Option<Function>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    /// A text; or an object, as elsewhere.
    arguments: Option<Json>,
}

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let body: Body = serde_json::from_slice(body)?;
    let Some(message) = body.message else {
        return Err(Refused::field("message", "is missing or no object, so this is no answer of Cohere's chat"));
    };
    let id = body.id.unwrap_or_default();
    let calls = message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty());
    let parts = parts(message, &id);
    let finish = finish(body.finish_reason.as_deref(), calls);
    let logprobs = body.logprobs.and_then(|pieces| logprobs(&pieces));
    Ok(Answer {
        id,
        choices: vec![Choice { index: 0, parts, finish, logprobs }],
        usage: body.usage.and_then(|report| report.usage()),
        ..Answer::default()
    })
}

fn parts(message: Message, id: &str) -> Vec<Part> {
    let content = message.content;
    let mut contents = content.map(|content| contents(&content)).unwrap_or_default();
    cite(&mut contents, message.citations.unwrap_or_default());
    let plan = message.tool_plan.filter(|plan| !plan.is_empty()).map(Content::text);
    // The plan is said after thinking and before the calls.
    let thoughts = contents.iter().take_while(|content| matches!(content, Content::Thinking { .. })).count();
    contents.splice(thoughts..thoughts, plan);
    for call in message.tool_calls.unwrap_or_default() {
        let id = call.id(id, contents.len());
        let function = call.function.unwrap_or_default();
        let arguments = function.arguments().filter(|text| !text.trim().is_empty()).unwrap_or_else(|| "{}".to_owned());
        let name = function.name.unwrap_or_default();
        contents.push(Content::ToolCall { id, name, arguments, signature: None });
    }
    contents.into_iter().map(Part::from).collect()
}

/// A list of contents, or a text.
fn contents(content: &Json) -> Vec<Content> {
    if let Ok(text) = content.read::<String>() {
        return vec![Content::text(text)];
    }
    let blocks: Vec<Json> = content.read().unwrap_or_default();
    let content = |raw: Json| {
        let block: Block = raw.read().unwrap_or_default();
        match (block.text, block.thinking) {
            (Some(text), _) => Content::text(text),
            (_, Some(text)) => Content::Thinking { text, signature: None },
            _ => Content::Opaque { api: Api::Cohere, value: raw },
        }
    };
    blocks.into_iter().map(content).collect()
}

/// Gives the texts their citations; those about anything else have no place.
fn cite(contents: &mut [Content], citations: Vec<Json>) {
    for original in citations {
        let (cited, citation) = citation(original);
        let first = contents.iter().position(|content| matches!(content, Content::Text { .. }));
        let index = cited.content_index.0.and_then(|index| usize::try_from(index).ok()).or(first);
        if let Some(Content::Text { citations, .. }) = index.and_then(|index| contents.get_mut(index)) {
            citations.push(citation);
        }
    }
}

impl Function {
    /// The arguments, or a piece of them.
    pub(super) fn arguments(&self) -> Option<String> {
        self.arguments.as_ref().map(Json::text)
    }
}

impl ToolCall {
    /// The id, made of the answer's and the call's place where there is none.
    pub(super) fn id(&self, answer: &str, at: usize) -> String {
        self.id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| match answer {
            "" => format!("call_{at}"),
            answer => format!("call_{answer}_{at}"),
        })
    }
}

/// Why it ended.
pub(super) fn finish(reason: Option<&str>, calls: bool) -> Finish {
    match reason.unwrap_or_default() {
        "MAX_TOKENS" => Finish::Length,
        "ERROR_LIMIT" => Finish::ContextFull,
        "ERROR_TOXIC" => Finish::ContentFilter,
        failed @ ("ERROR" | "TIMEOUT") => Finish::Failed(failed.to_owned()),
        _ if calls => Finish::ToolCalls,
        // Which one it was, Cohere does not say.
        "STOP_SEQUENCE" => Finish::StopSequence(String::new()),
        "" | "COMPLETE" | "TOOL_CALL" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    }
}
