//! Anthropic: messages, count_tokens, models.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Dialect, Failure, Route, as_u32, not_found};
use crate::answer::{Answer, Content, Prompt, Tool, is_signature, pieces, text_of};

const MODELS: [&str; 3] = ["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"];

pub(super) fn route(path: &str, body: impl Fn() -> Result<Value, Failure>) -> Result<Route, Failure> {
    if path.ends_with("/messages") {
        let body = body()?;
        let prompt = prompt(&body)?;
        if prompt.max_tokens.is_none() {
            return Err(Failure::bad("max_tokens: Field required"));
        }
        Ok(Route::Generate(Dialect::Anthropic, prompt))
    } else if path.ends_with("/messages/count_tokens") {
        Ok(Route::CountTokens(Dialect::Anthropic, prompt(&body()?)?))
    } else {
        Err(not_found(path))
    }
}

fn prompt(body: &Value) -> Result<Prompt, Failure> {
    let model = body["model"].as_str().ok_or_else(|| Failure::bad("model: Field required"))?;
    let messages = body["messages"].as_array().filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Failure::bad("messages: Field required"))?;
    let mut texts: Vec<String> = messages.iter().map(|message| text_of(&message["content"])).collect();
    let last_user = messages.iter().rposition(|message| message["role"] == "user");
    let last_user = last_user.map(|at| texts[at].clone()).unwrap_or_default();
    let blocks = messages.last().and_then(|message| message["content"].as_array());
    let answered = blocks.is_some_and(|blocks| blocks.iter().any(|block| block["type"] == "tool_result"));
    texts.insert(0, text_of(&body["system"]));
    let thinks = matches!(body["thinking"]["type"].as_str(), Some("enabled" | "adaptive"));
    if thinks && let Some(fault) = unproved(messages) {
        return Err(Failure::bad(fault));
    }
    let format = body["output_config"].get("format").unwrap_or(&body["output_format"]);
    Ok(Prompt {
        model: model.to_owned(),
        last_user,
        text: texts.join("\n"),
        messages: messages.len() as u64,
        tool: if answered { None } else { tool(body) },
        schema: format.get("schema").cloned(),
        thinks,
        max_tokens: as_u32(&body["max_tokens"]),
        stream: body["stream"] == true,
        include_usage: true,
    })
}

/// What is wrong where reasoning that belongs to a call of a tool is missing or not the mock's own, as Anthropic checks it.
fn unproved(messages: &[Value]) -> Option<&'static str> {
    let turns = messages.iter().filter(|message| message["role"] == "assistant");
    turns.filter_map(|turn| turn["content"].as_array()).find_map(|blocks| {
        let mut thoughts = blocks.iter().filter(|block| block["type"] == "thinking");
        if thoughts.any(|block| !is_signature(&block["signature"])) {
            Some("Invalid `signature` in `thinking` block")
        } else if blocks.iter().any(|block| block["type"] == "tool_use") && blocks[0]["type"] != "thinking" {
            Some("Expected `thinking` or `redacted_thinking` before `tool_use`, because `thinking` is enabled")
        } else {
            None
        }
    })
}

fn tool(body: &Value) -> Option<Tool> {
    if body["tool_choice"]["type"] == "none" {
        return None;
    }
    let forced = body["tool_choice"]["name"].as_str();
    let tool = body["tools"].as_array()?.iter().find(|tool| forced.is_none_or(|name| tool["name"] == name))?;
    Some(Tool { name: tool["name"].as_str()?.to_owned(), parameters: tool["input_schema"].clone() })
}

fn stop_reason(answer: &Answer) -> &'static str {
    match (&answer.content, answer.truncated) {
        (Content::Call { .. }, _) => "tool_use",
        (Content::Text(_), true) => "max_tokens",
        (Content::Text(_), false) => "end_turn",
    }
}

/// Anthropic counts cached input apart from the rest.
fn usage(answer: &Answer, output_tokens: u64) -> Value {
    json!({
        "input_tokens": answer.input_tokens - answer.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_tokens,
        "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
        "output_tokens": output_tokens,
        "service_tier": "standard",
    })
}

fn block(answer: &Answer) -> Value {
    match &answer.content {
        Content::Text(pieces) => json!({ "type": "text", "text": pieces.concat() }),
        Content::Call { name, arguments } => {
            json!({ "type": "tool_use", "id": format!("toolu_{}", answer.id), "name": name, "input": arguments })
        }
    }
}

fn thinking(answer: &Answer) -> Option<Value> {
    let text = (!answer.thoughts.is_empty()).then(|| answer.thoughts.concat())?;
    Some(json!({ "type": "thinking", "thinking": text, "signature": answer.signature() }))
}

pub(super) fn whole(answer: &Answer) -> Value {
    let content: Vec<Value> = thinking(answer).into_iter().chain([block(answer)]).collect();
    let mut body = json!({
        "id": format!("msg_{}", answer.id),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop_reason(answer),
        "stop_sequence": null,
    });
    if answer.usage {
        body["usage"] = usage(answer, answer.output_tokens);
    }
    body
}

fn event(name: &str, mut data: Value) -> Bytes {
    data["type"] = json!(name);
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// A block from its start to its stop, with a ping after the start.
fn block_events(index: usize, block: &Value, deltas: impl Iterator<Item = Value>) -> Vec<Bytes> {
    let mut events =
        vec![event("content_block_start", json!({ "index": index, "content_block": block })), event("ping", json!({}))];
    events.extend(deltas.map(|delta| event("content_block_delta", json!({ "index": index, "delta": delta }))));
    events.push(event("content_block_stop", json!({ "index": index })));
    events
}

pub(super) fn events(answer: &Answer) -> Vec<Bytes> {
    let mut message = whole(answer);
    message["content"] = json!([]);
    message["stop_reason"] = Value::Null;
    if answer.usage {
        message["usage"] = usage(answer, 1);
    }
    let mut events = vec![event("message_start", json!({ "message": message }))];
    if !answer.thoughts.is_empty() {
        let block = json!({ "type": "thinking", "thinking": "", "signature": "" });
        let thoughts = answer.thoughts.iter().map(|piece| json!({ "type": "thinking_delta", "thinking": piece }));
        let proof = json!({ "type": "signature_delta", "signature": answer.signature() });
        events.extend(block_events(0, &block, thoughts.chain([proof])));
    }
    let at = usize::from(!answer.thoughts.is_empty());
    match &answer.content {
        Content::Text(pieces) => {
            let block = json!({ "type": "text", "text": "" });
            let deltas = pieces.iter().map(|piece| json!({ "type": "text_delta", "text": piece }));
            events.extend(block_events(at, &block, deltas));
        }
        Content::Call { arguments, .. } => {
            let mut block = block(answer);
            block["input"] = json!({});
            let arguments = arguments.to_string();
            let deltas = pieces(&arguments).map(|piece| json!({ "type": "input_json_delta", "partial_json": piece }));
            events.extend(block_events(at, &block, deltas));
        }
    }
    let mut last = json!({ "delta": { "stop_reason": stop_reason(answer), "stop_sequence": null } });
    if answer.usage {
        last["usage"] = json!({ "output_tokens": answer.output_tokens });
    }
    events.push(event("message_delta", last));
    events.push(event("message_stop", json!({})));
    events
}

pub(super) fn models(model: Option<&str>) -> Value {
    let entry =
        |id: &str| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2025-12-01T00:00:00Z" });
    match model {
        Some(id) => entry(id),
        None => json!({
            "data": MODELS.map(entry), "has_more": false, "first_id": MODELS[0], "last_id": MODELS[MODELS.len() - 1]
        }),
    }
}

pub(super) fn error(error: &Failure) -> Value {
    let kind = match error.status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": error.message }, "request_id": "mock-request" })
}
