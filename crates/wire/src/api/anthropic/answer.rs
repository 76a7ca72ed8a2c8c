//! Whole answers, both ways.

use serde::{Deserialize, Deserializer, Serialize};

use super::blocks::{Block, object};
use super::{OWN, citation, usage};
use crate::chat::{Answer, Asked, Choice, Content, Finish, Json, Part, Refused, Signature};
use crate::usage::anthropic::Report;
use crate::usage::number::lenient;

/// A provider's message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) model: Option<String>,
    content: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    stop_reason: Option<String>,
    #[serde(deserialize_with = "lenient")]
    stop_sequence: Option<String>,
    #[serde(deserialize_with = "lenient")]
    stop_details: Option<StopDetails>,
    #[serde(deserialize_with = "lenient")]
    pub(super) usage: Option<Report>,
    #[serde(deserialize_with = "fault")]
    error: Option<Fault>,
}

/// Why a message ended.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    pub(super) reason: Option<String>,
    pub(super) sequence: Option<String>,
    pub(super) details: Option<StopDetails>,
}

/// More about why a message ended.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StopDetails {
    #[serde(deserialize_with = "lenient")]
    explanation: Option<String>,
}

/// An error inside an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fault {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) message: Option<String>,
}

/// An error is an object, or at some servers a text.
pub(super) fn fault<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fault>, D::Error> {
    let Some(error) = Option::<Json>::deserialize(deserializer)? else { return Ok(None) };
    let fault = error.read().unwrap_or_else(|_| Fault { kind: None, message: Some(error.text()) });
    Ok(Some(fault))
}

impl Stop {
    /// The reason in the common form, given whether the caller's tools were called.
    pub(super) fn finish(&self, has_calls: bool) -> Finish {
        match self.reason.as_deref() {
            None | Some("end_turn" | "") if has_calls => Finish::ToolCalls,
            None | Some("end_turn" | "") => Finish::Stop,
            Some("stop_sequence") => Finish::StopSequence(self.sequence.clone().unwrap_or_default()),
            Some("max_tokens") => Finish::Length,
            Some("model_context_window_exceeded") => Finish::ContextFull,
            Some("tool_use") => Finish::ToolCalls,
            Some("refusal") => Finish::Refusal,
            Some("pause_turn") => Finish::Pause,
            Some(other) => Finish::Other(other.to_owned()),
        }
    }

    /// Why the model declined, in words.
    pub(super) fn explanation(&self) -> Option<&str> {
        let refused = self.reason.as_deref() == Some("refusal");
        self.details.as_ref()?.explanation.as_deref().filter(|text| refused && !text.is_empty())
    }
}

/// Reads a provider's whole answer.
///
/// # Errors
/// When it is no message, or an error that came with the status 200.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let message: Message = serde_json::from_slice(body)?;
    if let Some(Fault { message, .. }) = message.error {
        let message = message.unwrap_or_else(|| "The provider answered with an error.".to_owned());
        return Err(Refused { field: None, message });
    }
    let mut parts: Vec<Part> = match &message.content {
        Some(content) => contents(content)?.into_iter().map(Part::from).collect(),
        // One that was declined at once has none.
        None if message.stop_reason.is_some() => Vec::new(),
        None => return Err(Refused::field("content", "The provider's answer has no content.")),
    };
    let stop = Stop { reason: message.stop_reason, sequence: message.stop_sequence, details: message.stop_details };
    parts.extend(stop.explanation().map(|text| Content::Refusal { text: text.to_owned() }.into()));
    let has_calls = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let choice = Choice { index: 0, parts, finish: stop.finish(has_calls), logprobs: None };
    Ok(Answer {
        id: message.id.unwrap_or_default(),
        model: message.model.unwrap_or_default(),
        created: None,
        choices: vec![choice],
        usage: message.usage.as_ref().and_then(Report::usage),
        service_tier: tier(body),
    })
}

/// The class of service, in OpenAI's words.
fn tier(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Outer {
        usage: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        service_tier: String,
    }
    let Outer { usage: Inner { service_tier } } = serde_json::from_slice(body).ok()?;
    Some(if service_tier == "standard" { "default".to_owned() } else { service_tier })
}

/// A block of an answer, of any kind.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Received {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) citations: Option<Vec<Json>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) thinking: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) signature: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) data: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) input: Option<Json>,
}

impl Received {
    /// The call's id; made of its place where the provider gave none.
    pub(super) fn call_id(&mut self, place: usize) -> String {
        self.id.take().filter(|id| !id.is_empty()).unwrap_or_else(|| format!("toolu_{place}"))
    }

    /// The call's arguments: an object, or at some servers its text.
    pub(super) fn arguments(&mut self) -> String {
        let text = self.input.take().filter(|input| !input.is_null()).map(|input| input.text());
        text.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| "{}".to_owned())
    }

    /// The signature, where there is one.
    pub(super) fn mark(&self) -> Option<Signature> {
        let value = self.signature.as_deref().filter(|value| !value.is_empty())?;
        Some(Signature::read(value, OWN))
    }
}

/// A list of blocks, or a text.
fn contents(content: &Json) -> Result<Vec<Content>, Refused> {
    if let Ok(text) = content.read::<String>() {
        return Ok(vec![Content::text(text)]);
    }
    let wrong = |_| Refused::field("content", "The content of the provider's answer is neither a text nor a list.");
    let blocks: Vec<Json> = content.read().map_err(wrong)?;
    Ok(blocks.into_iter().enumerate().map(|(place, block)| part(block, place)).collect())
}

fn part(block: Json, place: usize) -> Content {
    let mut received: Received = block.read().unwrap_or_default();
    match received.kind.as_deref() {
        Some("text") => Content::Text {
            text: received.text.unwrap_or_default(),
            citations: received.citations.unwrap_or_default().into_iter().map(citation::decode).collect(),
        },
        Some("thinking") => {
            Content::Thinking { signature: received.mark(), text: received.thinking.unwrap_or_default() }
        }
        Some("redacted_thinking") => {
            Content::Redacted { data: Signature::read(&received.data.unwrap_or_default(), OWN) }
        }
        Some("tool_use") => Content::ToolCall {
            id: received.call_id(place),
            name: received.name.take().unwrap_or_default(),
            arguments: received.arguments(),
            signature: None,
        },
        _ => Content::Opaque { api: OWN, value: block },
    }
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: Vec<Block<'a>>,
    #[serde(flatten)]
    end: Ending<'a>,
    usage: usage::Report<'a>,
}

/// How an answer ends, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Ending<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl<'a> Ending<'a> {
    /// The end of an answer, with or without calls of the caller's tools.
    pub(super) fn of(finish: &'a Finish, has_calls: bool) -> Self {
        let (stop_reason, stop_sequence) = match finish {
            Finish::StopSequence(text) => ("stop_sequence", Some(text.as_str()).filter(|text| !text.is_empty())),
            Finish::Length => ("max_tokens", None),
            Finish::ContextFull => ("model_context_window_exceeded", None),
            Finish::ToolCalls => ("tool_use", None),
            Finish::ContentFilter | Finish::Refusal => ("refusal", None),
            Finish::Pause => ("pause_turn", None),
            Finish::Stop | Finish::Failed(_) | Finish::Other(_) if has_calls => ("tool_use", None),
            Finish::Stop | Finish::Failed(_) | Finish::Other(_) => ("end_turn", None),
        };
        Self { stop_reason, stop_sequence }
    }
}

/// An answer's id, as Anthropic's begin.
pub(super) fn id(given: &str, asked: &Asked) -> String {
    match given {
        "" => format!("msg_{}", asked.id),
        _ if given.starts_with("msg_") => given.to_owned(),
        _ => format!("msg_{given}"),
    }
}

/// Writes an answer for a caller.
pub(in crate::api) fn encode_answer(answer: &Answer, asked: &Asked) -> Vec<u8> {
    let choice = answer.choices.first();
    let parts = choice.map(|choice| choice.parts.as_slice()).unwrap_or_default();
    let has_calls = parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
    let mut content = Vec::with_capacity(parts.len());
    for part in parts {
        block(part, &mut content);
    }
    let mut usage = usage::Report::from(answer.usage.unwrap_or_default());
    usage.service_tier = answer.service_tier.as_deref().map(|tier| if tier == "default" { "standard" } else { tier });
    let body = Body {
        id: id(&answer.id, asked),
        kind: "message",
        role: "assistant",
        model: if answer.model.is_empty() { &asked.model } else { &answer.model },
        content,
        end: Ending::of(choice.map_or(&Finish::Stop, |choice| &choice.finish), has_calls),
        usage,
    };
    Json::of(&body).as_str().as_bytes().to_vec()
}

fn block<'a>(part: &'a Part, out: &mut Vec<Block<'a>>) {
    let block = match &part.content {
        Content::Text { text, citations } if !text.is_empty() => Block::text(text.as_str(), citations),
        Content::Refusal { text } if !text.is_empty() => Block::text(text.as_str(), &[]),
        Content::Thinking { text, signature } if !text.is_empty() || signature.is_some() => {
            Block::thinking(text, signature.as_ref().map(|mark| mark.write(OWN)).unwrap_or_default())
        }
        Content::Redacted { data } => Block::redacted(data),
        Content::ToolCall { id, name, arguments, signature } => {
            // Another provider's mark on a call has no field here; as empty reasoning before the call it comes back.
            out.extend(signature.as_ref().map(|mark| Block::thinking("", mark.write(OWN))));
            Block::tool_use(id.as_str(), name.as_str(), object(arguments))
        }
        Content::Opaque { api: OWN, value } => Block::Kept(std::borrow::Cow::Borrowed(value)),
        // Claude's answers know no pictures, no sound and nothing of other APIs.
        _ => return,
    };
    out.push(block);
}
