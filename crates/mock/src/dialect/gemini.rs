//! Gemini: generateContent, streamGenerateContent, countTokens, embedContent, batchEmbedContents, models.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Dialect, Failure, Route, as_u32, not_found};
use crate::answer::{Answer, Content, Prompt, Tool, embedding, is_signature, text_of};

const MODELS: [&str; 3] = ["gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001"];
/// Models of which every call is signed, and refused unsigned, begin so.
const SIGNING: &str = "gemini-3";
/// What stands for the signature of a call that another model made, as Gemini's documentation has it.
const UNSIGNED: &str = "skip_thought_signature_validator";
const DIMENSIONS: usize = 16;
const MAX_INPUTS: usize = 100;
const MAX_DIMENSIONS: usize = 4096;

/// A request for embeddings.
#[derive(Debug)]
pub(crate) struct Embeddings {
    pub model: String,
    pub texts: Vec<String>,
    dimensions: usize,
    batch: bool,
}

/// How many numbers a request for embeddings wants each to have.
fn dimensions(request: &Value) -> usize {
    let wanted = request["outputDimensionality"].as_u64().and_then(|count| usize::try_from(count).ok());
    wanted.map_or(DIMENSIONS, |count| count.clamp(1, MAX_DIMENSIONS))
}

pub(super) fn route(path: &str, query: &str, body: impl Fn() -> Result<Value, Failure>) -> Result<Route, Failure> {
    let (model, verb) =
        path.rsplit_once('/').and_then(|(_, last)| last.split_once(':')).ok_or_else(|| not_found(path))?;
    // SDKs percent-encode what stands in a path.
    let model = model.replace("%2F", "/").replace("%3A", ":");
    match verb {
        "generateContent" => Ok(Route::Generate(Dialect::Gemini, prompt(model, &body()?)?)),
        "streamGenerateContent" => {
            let prompt = prompt(model, &body()?)?;
            if query.split('&').any(|pair| pair == "alt=sse") {
                Ok(Route::Generate(Dialect::Gemini, Prompt { stream: true, ..prompt }))
            } else {
                Ok(Route::GenerateArray(prompt))
            }
        }
        "countTokens" => {
            let body = body()?;
            let inner = body.get("generateContentRequest").unwrap_or(&body);
            Ok(Route::CountTokens(Dialect::Gemini, prompt(model, inner)?))
        }
        "embedContent" => {
            let body = body()?;
            let (texts, dimensions) = (vec![text_of(&body["content"])], dimensions(&body));
            Ok(Route::GeminiEmbeddings(Embeddings { model, texts, dimensions, batch: false }))
        }
        "batchEmbedContents" => {
            let body = body()?;
            let requests = body["requests"].as_array().filter(|requests| (1..=MAX_INPUTS).contains(&requests.len()));
            let requests = requests.ok_or_else(|| Failure::bad("requests must be a list of 1 to 100 requests"))?;
            let texts = requests.iter().map(|request| text_of(&request["content"])).collect();
            let dimensions = requests.first().map_or(DIMENSIONS, dimensions);
            Ok(Route::GeminiEmbeddings(Embeddings { model, texts, dimensions, batch: true }))
        }
        _ => Err(not_found(path)),
    }
}

fn prompt(model: String, body: &Value) -> Result<Prompt, Failure> {
    let contents = body["contents"].as_array().filter(|contents| !contents.is_empty());
    let contents = contents.ok_or_else(|| Failure::bad("contents is not specified"))?;
    if model.starts_with(SIGNING) && contents.iter().any(unproved) {
        return Err(Failure::bad("Function call is missing a thought_signature in functionCall parts."));
    }
    let config = &body["generationConfig"];
    let mut texts: Vec<String> = contents.iter().map(text_of).collect();
    let last_user = contents.iter().rposition(|turn| turn["role"] != "model");
    let last_user = last_user.map(|at| texts[at].clone()).unwrap_or_default();
    let parts = contents.last().and_then(|turn| turn["parts"].as_array());
    let answered = parts.is_some_and(|parts| parts.iter().any(|part| part.get("functionResponse").is_some()));
    texts.insert(0, text_of(&body["systemInstruction"]));
    Ok(Prompt {
        model,
        last_user,
        text: texts.join("\n"),
        messages: contents.len() as u64,
        tool: if answered { None } else { tool(body) },
        schema: config.get("responseJsonSchema").or_else(|| config.get("responseSchema")).cloned(),
        thinks: config["thinkingConfig"]["includeThoughts"] == true,
        max_tokens: as_u32(&config["maxOutputTokens"]),
        stream: false,
        include_usage: true,
    })
}

/// Whether the turn's first call has no signature, or another's; Gemini checks the first of a turn only.
fn unproved(turn: &Value) -> bool {
    let mut parts = turn["parts"].as_array().into_iter().flatten();
    let first = parts.find(|part| part.get("functionCall").is_some());
    first.is_some_and(|part| part["thoughtSignature"] != UNSIGNED && !is_signature(&part["thoughtSignature"]))
}

fn tool(body: &Value) -> Option<Tool> {
    let calling = &body["toolConfig"]["functionCallingConfig"];
    if calling["mode"] == "NONE" {
        return None;
    }
    let forced = calling["allowedFunctionNames"][0].as_str();
    let mut declared = body["tools"].as_array()?.iter().filter_map(|tool| tool["functionDeclarations"].as_array());
    let function = declared
        .find_map(|functions| functions.iter().find(|function| forced.is_none_or(|name| function["name"] == name)))?;
    let parameters = function.get("parametersJsonSchema").unwrap_or(&function["parameters"]);
    Some(Tool { name: function["name"].as_str()?.to_owned(), parameters: parameters.clone() })
}

/// One response object: some parts, and on the last one why it ended.
fn response(answer: &Answer, parts: &[Value], output_tokens: u64, last: bool) -> Value {
    let mut candidate = json!({ "content": { "parts": parts, "role": "model" }, "index": 0 });
    if last {
        candidate["finishReason"] = json!(if answer.truncated { "MAX_TOKENS" } else { "STOP" });
    }
    let mut body = json!({
        "candidates": [candidate], "modelVersion": answer.model, "responseId": format!("mock-{}", answer.id),
    });
    if answer.usage {
        let thoughts = answer.thoughts.len() as u64;
        let mut usage = json!({
            "promptTokenCount": answer.input_tokens,
            "candidatesTokenCount": output_tokens.saturating_sub(thoughts),
            "totalTokenCount": answer.input_tokens + output_tokens,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": answer.input_tokens }],
        });
        if thoughts > 0 {
            usage["thoughtsTokenCount"] = json!(thoughts);
        }
        if answer.cached_tokens > 0 {
            usage["cachedContentTokenCount"] = json!(answer.cached_tokens);
        }
        body["usageMetadata"] = usage;
    }
    body
}

fn content(answer: &Answer) -> Value {
    match &answer.content {
        Content::Text(pieces) => json!({ "text": pieces.concat() }),
        Content::Call { name, arguments } => {
            let mut part = json!({ "functionCall": { "name": name, "args": arguments } });
            if answer.model.starts_with(SIGNING) {
                part["thoughtSignature"] = json!(answer.signature());
            }
            part
        }
    }
}

fn thought(text: &str) -> Value {
    json!({ "text": text, "thought": true })
}

pub(super) fn whole(answer: &Answer) -> Value {
    let thoughts = (!answer.thoughts.is_empty()).then(|| thought(&answer.thoughts.concat()));
    let parts: Vec<Value> = thoughts.into_iter().chain([content(answer)]).collect();
    response(answer, &parts, answer.output_tokens, true)
}

/// The response objects of a stream: each counts what has been said so far.
fn objects(answer: &Answer) -> Vec<Value> {
    let parts = answer.thoughts.iter().map(|piece| thought(piece)).chain(match &answer.content {
        Content::Text(pieces) if !pieces.is_empty() => pieces.iter().map(|piece| json!({ "text": piece })).collect(),
        _ => vec![content(answer)],
    });
    let parts: Vec<Value> = parts.collect();
    let object = |(at, part): (usize, &Value)| {
        let last = at + 1 == parts.len();
        let said = if last { answer.output_tokens } else { at as u64 + 1 };
        response(answer, std::slice::from_ref(part), said, last)
    };
    parts.iter().enumerate().map(object).collect()
}

pub(super) fn events(answer: &Answer) -> Vec<Bytes> {
    objects(answer).iter().map(|object| Bytes::from(format!("data: {object}\r\n\r\n"))).collect()
}

pub(super) fn array(answer: &Answer) -> Vec<Bytes> {
    let objects = objects(answer);
    let piece = |(at, object): (usize, &Value)| {
        let before = if at == 0 { "[" } else { ",\r\n" };
        let after = if at + 1 == objects.len() { "]" } else { "" };
        Bytes::from(format!("{before}{object}\n{after}"))
    };
    objects.iter().enumerate().map(piece).collect()
}

impl Embeddings {
    pub(super) fn reply(&self) -> Value {
        let values = |text: &String| json!({ "values": embedding(text, self.dimensions) });
        if self.batch {
            json!({ "embeddings": self.texts.iter().map(values).collect::<Vec<_>>() })
        } else {
            json!({ "embedding": self.texts.first().map(values) })
        }
    }
}

pub(super) fn models(model: Option<&str>) -> Value {
    let entry = |id: &str| {
        json!({
            "name": format!("models/{id}"), "version": "001", "displayName": id,
            "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens", "embedContent"],
        })
    };
    match model {
        Some(id) => entry(id),
        None => json!({ "models": MODELS.map(entry) }),
    }
}

pub(super) fn error(error: &Failure) -> Value {
    let status = match error.status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    };
    json!({ "error": { "code": error.status.as_u16(), "message": error.message, "status": status } })
}
