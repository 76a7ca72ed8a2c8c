//! Whole answers: read from providers, written for callers.

use domain::Usage;
use serde::{Deserialize, Serialize};

use super::reasoning::{self, Detail};
use super::shape::Chunk;
use super::stream::Decoder;
use super::{LEFTOVERS, error};
use crate::api::Api;
use crate::chat::{Answer, Asked, Assembly, Choice, Citation, Content, Finish, Json, Part, Refused, Signature};

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let refused = |message: String| Refused { field: None, message };
    let chunk: Chunk = serde_json::from_slice(body).map_err(|parse| match error::read(body) {
        Some(error) => refused(error.message),
        None => refused(format!("The provider's answer is not a chat completion: {parse}")),
    })?;
    if chunk.choices.is_none() {
        let message = error::read(body).map(|error| error.message);
        return Err(refused(message.unwrap_or_else(|| "The provider's answer has no `choices`.".to_owned())));
    }
    let service_tier = chunk.service_tier.clone();
    let mut events = Vec::new();
    let mut decoder = Decoder::default();
    decoder.chunk(chunk, body, &mut events);
    decoder.end_whole(&mut events);
    let mut assembly = Assembly::default();
    events.into_iter().for_each(|event| assembly.push(event));
    let answer = assembly.finish().map_err(|error| refused(error.message))?;
    Ok(Answer { service_tier, ..answer })
}

/// Writes an answer for a caller.
pub(in crate::api) fn encode_answer(answer: &Answer, asked: &Asked) -> Vec<u8> {
    let style = Style::of(asked);
    let choices: Vec<ChoiceOut<'_>> = answer.choices.iter().map(|choice| choice_of(choice, &style)).collect();
    let whole = AnswerOut {
        id: answer_id(&answer.id, &asked.id),
        object: "chat.completion",
        created: answer.created.unwrap_or(asked.created),
        model: if answer.model.is_empty() { &asked.model } else { &answer.model },
        choices,
        usage: answer.usage.map(UsageOut::from),
        service_tier: answer.service_tier.as_deref(),
    };
    Json::of(&whole).as_str().as_bytes().to_vec()
}

/// The provider's id, or else the gateway's, behind this API's prefix.
pub(super) fn answer_id(id: &str, own: &str) -> String {
    let id = if id.is_empty() { own } else { id };
    if id.starts_with("chatcmpl-") { id.to_owned() } else { format!("chatcmpl-{id}") }
}

/// How a caller wants its calls: `tools` of both kinds, or the `functions` of old.
#[derive(Debug, Default)]
pub(super) struct Style {
    pub(super) functions: bool,
    custom: Box<[String]>,
}

impl Style {
    pub(super) fn of(asked: &Asked) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            functions: Option<serde::de::IgnoredAny>,
            tools: Option<Vec<Tool>>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Tool {
            custom: Option<Named>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Named {
            name: String,
        }
        if !has_style(&asked.body) {
            return Self::default();
        }
        let body: Body = serde_json::from_slice(&asked.body).unwrap_or_default();
        let custom = body.tools.unwrap_or_default().into_iter().filter_map(|tool| tool.custom);
        Self { functions: body.functions.is_some(), custom: custom.map(|custom| custom.name).collect() }
    }

    pub(super) fn is_custom(&self, tool: &str) -> bool {
        self.custom.iter().any(|custom| custom == tool)
    }
}

/// Whether a question may offer tools in another form than the usual one.
pub(in crate::api) fn has_style(body: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(body, word).is_some();
    has(b"\"functions\"") || has(b"\"custom\"")
}

#[derive(Serialize)]
struct AnswerOut<'a> {
    id: String,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<ChoiceOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    message: MessageOut<'a>,
    logprobs: Option<&'a Json>,
    finish_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_finish_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<FunctionOut<'a>>,
    annotations: Vec<AnnotationOut<'a>>,
    #[serde(flatten)]
    leftovers: serde_json::Map<String, serde_json::Value>,
}

/// A call of a tool, whole or a piece of one.
#[derive(Serialize)]
pub(super) struct CallOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<FunctionOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<CustomOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) extra_content: Option<serde_json::Value>,
}

#[derive(Serialize)]
pub(super) struct FunctionOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) arguments: &'a str,
}

#[derive(Serialize)]
pub(super) struct CustomOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    pub(super) input: &'a str,
}

impl<'a> CallOut<'a> {
    /// A call in the caller's style.
    pub(super) fn new(id: Option<&'a str>, name: Option<&'a str>, arguments: &'a str, custom: bool) -> Self {
        let kind = if custom { "custom" } else { "function" };
        Self {
            index: None,
            id,
            kind: id.map(|_| kind),
            function: (!custom).then_some(FunctionOut { name, arguments }),
            custom: custom.then_some(CustomOut { name, input: arguments }),
            extra_content: None,
        }
    }
}

/// Where Gemini's OpenAI-compatible API keeps the mark on a call.
pub(super) fn extra_content(signature: &Signature) -> serde_json::Value {
    serde_json::json!({ "google": { "thought_signature": signature.write(Api::Gemini) } })
}

#[derive(Serialize)]
pub(super) struct AnnotationOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url_citation: UrlCitationOut<'a>,
}

#[derive(Serialize)]
struct UrlCitationOut<'a> {
    url: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    start_index: u64,
    end_index: u64,
}

impl<'a> AnnotationOut<'a> {
    /// A source, its span counted from where `before` characters end. Only pages of the web have a form here.
    pub(super) fn of(citation: &'a Citation, before: u64) -> Option<Self> {
        let (start, end) = citation.span.unwrap_or_default();
        let url_citation = UrlCitationOut {
            url: citation.url.as_deref()?,
            title: citation.title.as_deref().unwrap_or_default(),
            content: citation.quote.as_deref(),
            start_index: start.saturating_add(before),
            end_index: end.saturating_add(before),
        };
        Some(Self { kind: "url_citation", url_citation })
    }
}

fn choice_of<'a>(choice: &'a Choice, style: &Style) -> ChoiceOut<'a> {
    let (finish_reason, native_finish_reason) = finish_words(&choice.finish, style, only_declines(&choice.parts));
    ChoiceOut {
        index: choice.index,
        message: message_of(&choice.parts, style),
        logprobs: choice.logprobs.as_ref(),
        finish_reason,
        native_finish_reason,
    }
}

/// Whether all that is said declines.
fn only_declines(parts: &[Part]) -> bool {
    let says = |part: &Part| matches!(&part.content, Content::Text { text, .. } if !text.is_empty());
    parts.iter().any(|part| matches!(part.content, Content::Refusal { .. })) && !parts.iter().any(says)
}

fn message_of<'a>(parts: &'a [Part], style: &Style) -> MessageOut<'a> {
    let contents = || parts.iter().map(|part| &part.content);
    let mut out = MessageOut {
        role: "assistant",
        content: None,
        refusal: None,
        reasoning_content: None,
        reasoning_details: Vec::new(),
        tool_calls: Vec::new(),
        function_call: None,
        annotations: Vec::new(),
        leftovers: serde_json::Map::new(),
    };
    let mut before = 0;
    for content in contents() {
        match content {
            Content::Text { text, citations } => {
                out.content.get_or_insert_default().push_str(text);
                out.annotations.extend(citations.iter().filter_map(|citation| AnnotationOut::of(citation, before)));
                before += text.chars().count() as u64;
            }
            Content::Refusal { text } => out.refusal.get_or_insert_default().push_str(text),
            Content::Thinking { text, .. } if !text.is_empty() => {
                out.reasoning_content.get_or_insert_default().push_str(text);
            }
            Content::ToolCall { name, arguments, .. } if style.functions && out.function_call.is_none() => {
                out.function_call = Some(FunctionOut { name: Some(name), arguments });
            }
            Content::ToolCall { id, name, arguments, signature } if !style.functions => {
                let extra_content = signature.as_ref().map(extra_content);
                let call = CallOut::new(Some(id), Some(name), arguments, style.is_custom(name));
                out.tool_calls.push(CallOut { extra_content, ..call });
            }
            Content::Opaque { api: Api::OpenaiChat, value } => out.leftovers.extend(leftovers(value)),
            _ => {}
        }
    }
    if contents()
        .any(|content| matches!(content, Content::Thinking { signature: Some(_), .. } | Content::Redacted { .. }))
    {
        out.reasoning_details = reasoning::details(contents());
    }
    out
}

/// Fields of a message that were kept in an opaque block.
pub(super) fn leftovers(value: &Json) -> serde_json::Map<String, serde_json::Value> {
    let mut value = value.read::<serde_json::Map<String, serde_json::Value>>().unwrap_or_default();
    match value.remove(LEFTOVERS) {
        Some(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}

/// The reason in OpenAI's words, which SDKs take for all there are, and the provider's own where they say less.
pub(super) fn finish_words<'a>(
    finish: &'a Finish,
    style: &Style,
    only_declines: bool,
) -> (&'static str, Option<&'a str>) {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => ("stop", None),
        Finish::Pause => ("stop", Some("pause_turn")),
        Finish::Length | Finish::ContextFull => ("length", None),
        Finish::ToolCalls if style.functions => ("function_call", None),
        Finish::ToolCalls => ("tool_calls", None),
        // With words that decline and no others, OpenAI itself says `stop`; behind others that would be an ordinary end.
        Finish::Refusal if only_declines => ("stop", None),
        Finish::ContentFilter | Finish::Refusal => ("content_filter", None),
        // The answer is not whole; no word comes nearer.
        Finish::Failed(word) => ("length", Some(word)),
        Finish::Other(word) => ("stop", Some(word)),
    }
}

/// Usage in OpenAI's shape.
#[derive(Serialize)]
pub(super) struct UsageOut {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: InputDetails,
    completion_tokens_details: OutputDetails,
}

#[derive(Serialize)]
struct InputDetails {
    cached_tokens: u64,
    audio_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Serialize)]
struct OutputDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
}

impl From<Usage> for UsageOut {
    fn from(usage: Usage) -> Self {
        let written = usage.written();
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: usage.input.saturating_add(usage.output),
            prompt_tokens_details: InputDetails {
                cached_tokens: usage.cached_input,
                audio_tokens: usage.audio_input,
                cache_write_tokens: (written > 0).then_some(written),
            },
            completion_tokens_details: OutputDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_output,
            },
        }
    }
}
