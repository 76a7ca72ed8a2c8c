//! Reads a whole answer.

use serde::Deserialize;

use super::usage::Report;
use crate::api::Api;
use crate::chat::{Answer, Choice, Citation, Content, Finish, Json, Part, Refused, Signature};
use crate::usage::number::lenient;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    #[serde(deserialize_with = "lenient")]
    output: Option<Output>,
    #[serde(deserialize_with = "lenient")]
    stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    additional_model_response_fields: Option<Additional>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(deserialize_with = "lenient")]
    service_tier: Option<ServiceTier>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Output {
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    content: Option<Vec<Json>>,
}

#[derive(Deserialize)]
struct ServiceTier {
    #[serde(rename = "type")]
    kind: String,
}

/// What was asked for beside the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Additional {
    #[serde(deserialize_with = "lenient")]
    pub(super) stop_sequence: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Block {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    tool_use: Option<ToolUse>,
    #[serde(deserialize_with = "lenient")]
    reasoning_content: Option<Reasoning>,
    #[serde(deserialize_with = "lenient")]
    citations_content: Option<Cited>,
}

/// A call, or the start of one in a stream.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ToolUse {
    #[serde(deserialize_with = "lenient")]
    pub(super) tool_use_id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    input: Option<Json>,
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reasoning {
    #[serde(deserialize_with = "lenient")]
    reasoning_text: Option<ReasoningText>,
    #[serde(deserialize_with = "lenient")]
    redacted_content: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReasoningText {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    signature: Option<String>,
}

/// Words with their sources.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Cited {
    #[serde(deserialize_with = "lenient")]
    content: Option<Vec<Words>>,
    #[serde(deserialize_with = "lenient")]
    citations: Option<Vec<Json>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Words {
    #[serde(deserialize_with = "lenient")]
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Source {
    #[serde(deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(deserialize_with = "lenient")]
    source_content: Option<Vec<Words>>,
    #[serde(deserialize_with = "lenient")]
    location: Option<Location>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Location {
    #[serde(deserialize_with = "lenient")]
    web: Option<Web>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Web {
    #[serde(deserialize_with = "lenient")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    domain: Option<String>,
}

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let body: Body = serde_json::from_slice(body)?;
    let message = body.output.and_then(|output| output.message);
    let Some(message) = message else {
        return Err(Refused::field("output.message", "is missing, so this is no answer of Bedrock Converse"));
    };
    let blocks = message.content.unwrap_or_default();
    let parts: Vec<Part> =
        blocks.iter().enumerate().flat_map(|(at, block)| contents(block, at)).map(Part::from).collect();
    let calls = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let stop_sequence = body.additional_model_response_fields.and_then(|fields| fields.stop_sequence);
    let finish = finish(body.stop_reason.as_deref(), stop_sequence, calls);
    Ok(Answer {
        choices: vec![Choice { index: 0, parts, finish, logprobs: None }],
        usage: body.usage.and_then(|report| report.usage()),
        service_tier: body.service_tier.map(|tier| tier.kind),
        ..Answer::default()
    })
}

fn contents(raw: &Json, at: usize) -> Vec<Content> {
    let block: Block = raw.read().unwrap_or_default();
    if let Some(text) = block.text {
        return vec![Content::text(text)];
    }
    if let Some(call) = block.tool_use.filter(|call| !call.is_servers()) {
        let arguments = call.input.as_ref().map(Json::text).filter(|input| !input.trim().is_empty());
        let arguments = arguments.unwrap_or_else(|| "{}".to_owned());
        return vec![Content::ToolCall {
            id: call.id(at),
            name: call.name.unwrap_or_default(),
            arguments,
            signature: None,
        }];
    }
    if let Some(reasoning) = block.reasoning_content {
        let mark = |value| Signature { maker: Api::Bedrock, value };
        let shown = reasoning.reasoning_text.map(|shown| Content::Thinking {
            text: shown.text.unwrap_or_default(),
            signature: shown.signature.filter(|value| !value.is_empty()).map(mark),
        });
        let hidden = reasoning.redacted_content.map(|value| Content::Redacted { data: mark(value) });
        return shown.into_iter().chain(hidden).collect();
    }
    if let Some(cited) = block.citations_content {
        let text = cited.content.into_iter().flatten().filter_map(|words| words.text).collect();
        let citations = cited.citations.into_iter().flatten().map(citation).collect();
        return vec![Content::Text { text, citations }];
    }
    vec![Content::Opaque { api: Api::Bedrock, value: raw.clone() }]
}

impl ToolUse {
    /// Whether Bedrock runs the tool itself.
    pub(super) fn is_servers(&self) -> bool {
        self.kind.as_deref() == Some("server_tool_use")
    }

    /// The id, made of the block's place where there is none.
    pub(super) fn id(&self, at: usize) -> String {
        self.tool_use_id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{at}"))
    }
}

/// Reads a source.
pub(super) fn citation(original: Json) -> Citation {
    let source: Source = original.read().unwrap_or_default();
    let web = source.location.and_then(|location| location.web).unwrap_or_default();
    let quote: String = source.source_content.into_iter().flatten().filter_map(|words| words.text).collect();
    Citation {
        url: web.url,
        title: source.title.or(web.domain),
        quote: Some(quote).filter(|quote| !quote.is_empty()),
        span: None,
        original: Some((Api::Bedrock, original)),
    }
}

/// Why it ended. That tools are to be called is seen in the content.
pub(super) fn finish(stop_reason: Option<&str>, stop_sequence: Option<String>, calls: bool) -> Finish {
    match stop_reason.unwrap_or_default() {
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        "refusal" => Finish::Refusal,
        "malformed_model_output" => Finish::Failed("malformed_model_output".to_owned()),
        "malformed_tool_use" => Finish::Failed("malformed_tool_use".to_owned()),
        _ if calls => Finish::ToolCalls,
        "stop_sequence" => Finish::StopSequence(stop_sequence.unwrap_or_default()),
        "" | "end_turn" | "tool_use" => Finish::Stop,
        other => Finish::Other(other.to_owned()),
    }
}
