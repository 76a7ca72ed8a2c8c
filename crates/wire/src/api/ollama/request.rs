//! Writes a request.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::messages::{Said, Writer};
use crate::api::{Encoded, Target, fit};
use crate::chat::{Effort, Format, Json, Losses, Refused, Request, ToolChoice, ToolKind};

/// Fields of Ollama's that callers may send as they are.
const OWN: [&str; 2] = ["keep_alive", "options"];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Said>,
    /// Ollama streams where nothing is said.
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    logprobs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    options: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<&'a Json>,
}

#[derive(Serialize)]
struct Tool<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Json,
}

/// Writes a request for a provider.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let mut writer = Writer::new(&request.messages);
    for (at, message) in request.messages.iter().enumerate() {
        writer.push(at, message);
    }
    let Writer { messages, mut losses, .. } = writer;
    let tools = tools(request, &mut losses);
    let body = Body {
        model: target.model,
        messages,
        stream: request.stream,
        tools,
        format: format(&request.format),
        think: think(request, target.model),
        logprobs: request.sampling.logprobs == Some(true),
        top_logprobs: request.sampling.top_logprobs,
        options: options(request)?,
        keep_alive: fit::extra(request, OWN[0]),
    };
    let kept = ["seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"];
    fit::note_losses(request, "Ollama", &[OWN.as_slice(), &kept].concat(), &mut losses);
    Ok(Encoded { body: serde_json::to_vec(&body)?, losses, ..Encoded::default() })
}

fn tools<'a>(request: &'a Request, losses: &mut Losses) -> Vec<Tool<'a>> {
    let mut tools = Vec::new();
    match &request.tool_choice {
        Some(ToolChoice::None) => return tools,
        Some(ToolChoice::Required | ToolChoice::Named(_)) => {
            losses.harmless("tool_choice", "Ollama leaves calls to the model");
        }
        _ => {}
    }
    for (index, tool) in request.tools.iter().enumerate() {
        // A certain tool is the only one that is offered.
        if matches!(&request.tool_choice, Some(ToolChoice::Named(name)) if *name != tool.name) {
            continue;
        }
        if let ToolKind::Server { api, .. } = &tool.kind {
            losses.grave(format!("tools[{index}]"), format!("only {} runs this tool", api.name()));
            continue;
        }
        let (name, description) = (tool.name.as_str(), tool.description.as_deref());
        tools.push(Tool {
            kind: "function",
            function: Function { name, description, parameters: fit::schema(&tool.kind) },
        });
    }
    tools
}

fn format(format: &Format) -> Option<Json> {
    match format {
        Format::Text => None,
        Format::JsonObject => Some(Json::of(&"json")),
        Format::JsonSchema { schema, .. } => Some(schema.clone()),
    }
}

/// Whether to think; how much is known to one family of models only.
fn think(request: &Request, model: &str) -> Option<Value> {
    let reasoning = request.reasoning.as_ref()?;
    let wanted = match reasoning.effort() {
        None => return reasoning.dynamic.then(|| json!(true)),
        Some(Effort::None) => return Some(json!(false)),
        Some(wanted) => wanted,
    };
    if !model.contains("gpt-oss") {
        return Some(json!(true));
    }
    Some(json!(match wanted {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::ExtraHigh | Effort::Max => "high",
    }))
}

/// The caller's own options and, before them, those that every API has.
fn options(request: &Request) -> Result<Map<String, Value>, Refused> {
    let own = fit::extra(request, OWN[1]).map(Json::read::<Map<String, Value>>).transpose();
    let mut options = own.map_err(|_| Refused::field("options", "must be an object"))?.unwrap_or_default();
    let sampling = &request.sampling;
    let said = [
        ("num_predict", request.max_tokens.map(Value::from)),
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        ("top_k", sampling.top_k.map(Value::from)),
        ("seed", sampling.seed.map(Value::from)),
        ("presence_penalty", sampling.presence_penalty.map(Value::from)),
        ("frequency_penalty", sampling.frequency_penalty.map(Value::from)),
        ("stop", (!request.stop.is_empty()).then(|| json!(request.stop))),
    ];
    options.extend(said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Ok(options)
}
