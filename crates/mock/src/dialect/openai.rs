//! OpenAI: chat completions, embeddings, models.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Dialect, Failure, Route, as_u32, not_found};
use crate::answer::{Answer, Content, Prompt, Tool, count_tokens, embedding, pieces, text_of};
use crate::control::Control;

/// When every answer was made: answers must not differ by the clock.
const CREATED: u64 = 1_764_547_200;
const MODELS: [&str; 5] = ["gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small"];
const DEFAULT_DIMENSIONS: usize = 16;
const MAX_DIMENSIONS: usize = 4096;
const MAX_INPUTS: usize = 2048;

/// A request for embeddings.
#[derive(Debug)]
pub(crate) struct Embeddings {
    pub model: String,
    pub texts: Vec<String>,
    tokens: u64,
    dimensions: usize,
    base64: bool,
}

pub(super) fn route(path: &str, body: impl Fn() -> Result<Value, Failure>) -> Result<Route, Failure> {
    if path.ends_with("/chat/completions") {
        Ok(Route::Generate(Dialect::Openai, prompt(&body()?)?))
    } else if path.ends_with("/embeddings") {
        Ok(Route::OpenaiEmbeddings(Embeddings::read(&body()?)?))
    } else {
        Err(not_found(path))
    }
}

fn prompt(body: &Value) -> Result<Prompt, Failure> {
    let model = body["model"].as_str().ok_or_else(|| Failure::bad("you must provide a model parameter"))?;
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Failure::bad("messages must be a list that is not empty"))?;
    let texts: Vec<String> = messages.iter().map(|message| text_of(&message["content"])).collect();
    let last_user = messages.iter().rposition(|message| message["role"] == "user");
    let answered = messages.last().is_some_and(|message| message["role"] == "tool");
    Ok(Prompt {
        model: model.to_owned(),
        last_user: last_user.map(|at| texts[at].clone()).unwrap_or_default(),
        text: texts.join("\n"),
        messages: messages.len() as u64,
        tool: if answered { None } else { tool(body) },
        schema: body["response_format"]["json_schema"].get("schema").cloned(),
        thinks: body["reasoning_effort"].as_str().is_some_and(|effort| effort != "none"),
        max_tokens: as_u32(&body["max_completion_tokens"]).or_else(|| as_u32(&body["max_tokens"])),
        stream: body["stream"] == true,
        include_usage: body["stream_options"]["include_usage"] == true,
    })
}

fn tool(body: &Value) -> Option<Tool> {
    if body["tool_choice"] == "none" {
        return None;
    }
    let forced = body["tool_choice"]["function"]["name"].as_str();
    let mut functions = body["tools"].as_array()?.iter().map(|tool| &tool["function"]);
    let function = functions.find(|function| forced.is_none_or(|name| function["name"] == name))?;
    Some(Tool { name: function["name"].as_str()?.to_owned(), parameters: function["parameters"].clone() })
}

fn usage(answer: &Answer) -> Value {
    if !answer.usage {
        return Value::Null;
    }
    json!({
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": { "cached_tokens": answer.cached_tokens, "audio_tokens": 0 },
        "completion_tokens_details": {
            "reasoning_tokens": answer.thoughts.len(), "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
        },
    })
}

fn finish_reason(answer: &Answer) -> &'static str {
    match (&answer.content, answer.truncated) {
        (Content::Call { .. }, _) => "tool_calls",
        (Content::Text(_), true) => "length",
        (Content::Text(_), false) => "stop",
    }
}

pub(super) fn whole(answer: &Answer) -> Value {
    let mut message = match &answer.content {
        Content::Text(pieces) => json!({
            "role": "assistant", "content": pieces.concat(), "refusal": null, "annotations": []
        }),
        Content::Call { name, arguments } => json!({
            "role": "assistant", "content": null, "refusal": null, "annotations": [],
            "tool_calls": [{
                "id": format!("call_{}", answer.id), "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            }],
        }),
    };
    if !answer.thoughts.is_empty() {
        message["reasoning_content"] = json!(answer.thoughts.concat());
    }
    let mut body = json!({
        "id": format!("chatcmpl-{}", answer.id),
        "object": "chat.completion",
        "created": CREATED,
        "model": answer.model,
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason(answer) }],
        "usage": usage(answer),
        "service_tier": "default",
        "system_fingerprint": "fp_mock",
    });
    if !answer.usage {
        body.as_object_mut().map(|fields| fields.remove("usage"));
    }
    body
}

pub(super) fn events(answer: &Answer, include_usage: bool) -> Vec<Bytes> {
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", answer.id),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": answer.model,
            "service_tier": "default",
            "system_fingerprint": "fp_mock",
            "choices": choices,
        });
        if include_usage {
            chunk["usage"] = usage.unwrap_or(Value::Null);
        }
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let delta = |delta: Value, finish: Option<&str>| {
        chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]), None)
    };
    let thought = |piece: &&str| delta(json!({ "role": "assistant", "reasoning_content": piece }), None);
    let mut events: Vec<_> = answer.thoughts.iter().map(thought).collect();
    match &answer.content {
        Content::Text(pieces) => {
            events.push(delta(json!({ "role": "assistant", "content": "", "refusal": null }), None));
            events.extend(pieces.iter().map(|piece| delta(json!({ "content": piece }), None)));
        }
        Content::Call { name, arguments } => {
            let call = json!({ "index": 0, "id": format!("call_{}", answer.id), "type": "function",
                "function": { "name": name, "arguments": "" } });
            events.push(delta(json!({ "role": "assistant", "content": null, "tool_calls": [call] }), None));
            let arguments = arguments.to_string();
            events.extend(pieces(&arguments).map(|piece| {
                delta(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }), None)
            }));
        }
    }
    events.push(delta(json!({}), Some(finish_reason(answer))));
    if include_usage && answer.usage {
        events.push(chunk(json!([]), Some(usage(answer))));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

impl Embeddings {
    fn read(body: &Value) -> Result<Self, Failure> {
        let model = body["model"].as_str().ok_or_else(|| Failure::bad("you must provide a model parameter"))?;
        let (texts, tokens) = match &body["input"] {
            Value::String(text) => (vec![text.clone()], count_tokens(text)),
            Value::Array(items) if items.first().is_some_and(Value::is_number) => {
                (vec![body["input"].to_string()], items.len() as u64)
            }
            Value::Array(items) if (1..=MAX_INPUTS).contains(&items.len()) => {
                let texts: Vec<String> =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
                let tokens = texts.iter().map(|text| count_tokens(text)).sum();
                (texts, tokens)
            }
            _ => return Err(Failure::bad("input must be a text or a list of 1 to 2048 texts")),
        };
        // The second name is Voyage's.
        let dimensions = body["dimensions"].as_u64().or(body["output_dimension"].as_u64());
        let dimensions = dimensions.map_or(Ok(DEFAULT_DIMENSIONS), usize::try_from);
        let dimensions = dimensions.ok().filter(|count| (1..=MAX_DIMENSIONS).contains(count));
        let dimensions = dimensions.ok_or_else(|| Failure::bad("dimensions must be between 1 and 4096"))?;
        Ok(Self { model: model.to_owned(), texts, tokens, dimensions, base64: body["encoding_format"] == "base64" })
    }

    pub(super) fn reply(&self, control: &Control) -> Value {
        let data: Vec<Value> = self.texts.iter().enumerate().map(|(index, text)| self.row(index, text)).collect();
        let mut body = json!({ "object": "list", "data": data, "model": self.model });
        if !control.no_usage {
            body["usage"] = json!({ "prompt_tokens": self.tokens, "total_tokens": self.tokens });
        }
        body
    }

    fn row(&self, index: usize, text: &str) -> Value {
        let vector = embedding(text, self.dimensions);
        let vector = if self.base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": vector })
    }
}

pub(super) fn models(model: Option<&str>) -> Value {
    let entry = |id: &str| json!({ "id": id, "object": "model", "created": CREATED, "owned_by": "mock" });
    match model {
        Some(id) => entry(id),
        None => json!({ "object": "list", "data": MODELS.map(entry) }),
    }
}

pub(super) fn error(error: &Failure) -> Value {
    let (kind, code) = match error.status.as_u16() {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        404 => ("invalid_request_error", Some("not_found")),
        429 => ("rate_limit_error", Some("rate_limit_exceeded")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    json!({ "error": { "message": error.message, "type": kind, "param": null, "code": code } })
}
