//! Writes a request.

use serde::Serialize;
use serde_json::{Value, json};

use super::messages::{Message, Writer};
use crate::api::{Encoded, Target, fit};
use crate::chat::{Effort, Format, Json, Losses, Refused, Request, ToolChoice, ToolKind};

/// Fields of Cohere's that callers may send as they are.
const OWN: [&str; 4] = ["documents", "safety_mode", "citation_options", "priority"];
/// Most texts that end an answer.
const MOST_STOPS: usize = 5;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message>,
    stream: bool,
    #[serde(flatten)]
    settings: Settings<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict_tools: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_mode: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    citation_options: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a Json>,
}

#[derive(Default, Serialize)]
struct Settings<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    logprobs: bool,
}

#[derive(Serialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameters: Json,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a Json>,
}

/// Writes a request for a provider.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let reasons = target.model.contains("reasoning") || target.model.contains("command-a-plus");
    let mut writer = Writer::new(&request.messages, reasons);
    for (at, message) in request.messages.iter().enumerate() {
        writer.push(at, message);
    }
    let tools = tools(request, &mut writer);
    let Writer { mut messages, mut documents, names, mut losses, .. } = writer;
    if let Some(own) = fit::extra(request, OWN[0]) {
        documents.extend(own.read::<Vec<Json>>().map_err(|_| Refused::field("documents", "must be a list"))?);
    }
    let mut response_format = response_format(&request.format);
    if response_format.is_some() && !(tools.is_empty() && documents.is_empty()) {
        // Cohere refuses the two together.
        response_format = None;
        losses.harmless("response_format", "Cohere is asked for it in words where there are tools or documents");
        messages.splice(0..0, fit::instruction(&request.format).map(|content| Message::System { content }));
    }
    let body = Body {
        model: target.model,
        messages,
        stream: request.stream,
        settings: settings(request, &mut losses),
        tool_choice: choice(request).filter(|_| !tools.is_empty()),
        strict_tools: !tools.is_empty() && request.tools.iter().all(|tool| is_strict(&tool.kind)),
        tools,
        documents,
        response_format,
        thinking: thinking(request),
        safety_mode: fit::extra(request, OWN[1]),
        citation_options: fit::extra(request, OWN[2]),
        priority: fit::extra(request, OWN[3]),
    };
    let says = [OWN.as_slice(), &["seed", "presence_penalty", "frequency_penalty", "logprobs"]].concat();
    fit::note_losses(request, "Cohere", &says, &mut losses);
    Ok(Encoded { body: serde_json::to_vec(&body)?, losses, names, output_tool: None, ..Encoded::default() })
}

fn settings<'a>(request: &'a Request, losses: &mut Losses) -> Settings<'a> {
    let sampling = &request.sampling;
    let mut within = |field: &str, value: Option<f64>, (least, most): (f64, f64)| {
        let value = value?;
        if !(least..=most).contains(&value) {
            losses.harmless(field, format!("Cohere takes {least} to {most}"));
        }
        Some(value.clamp(least, most))
    };
    let temperature = within("temperature", sampling.temperature, (0.0, 1.0));
    let presence_penalty = within("presence_penalty", sampling.presence_penalty, (0.0, 1.0));
    let frequency_penalty = within("frequency_penalty", sampling.frequency_penalty, (0.0, 1.0));
    let seed = sampling.seed.and_then(|seed| u64::try_from(seed).ok());
    if seed.is_none() && sampling.seed.is_some() {
        losses.harmless("seed", "Cohere takes no negative one");
    }
    if request.stop.len() > MOST_STOPS {
        losses.grave("stop", format!("Cohere takes {MOST_STOPS} at most"));
    }
    Settings {
        max_tokens: request.max_tokens,
        temperature,
        // Everything and nothing are outside of what Cohere takes, but next to it.
        p: sampling.top_p.map(|p| p.clamp(0.01, 0.99)),
        k: sampling.top_k.map(|k| k.min(500)),
        stop_sequences: &request.stop[..request.stop.len().min(MOST_STOPS)],
        seed,
        presence_penalty,
        frequency_penalty,
        logprobs: sampling.logprobs == Some(true),
    }
}

fn tools(request: &Request, writer: &mut Writer<'_>) -> Vec<Tool> {
    let mut tools = Vec::new();
    for (index, tool) in request.tools.iter().enumerate() {
        // Cohere has no word for a certain tool, so the others are kept from it.
        if matches!(&request.tool_choice, Some(ToolChoice::Named(name)) if *name != tool.name) {
            continue;
        }
        if let ToolKind::Server { api, .. } = &tool.kind {
            writer.losses.grave(format!("tools[{index}]"), format!("only {} runs this tool", api.name()));
            continue;
        }
        let (name, description) = (writer.name(&tool.name), tool.description.clone());
        let function = Function { name, description, parameters: fit::schema(&tool.kind) };
        tools.push(Tool { kind: "function", function });
    }
    tools
}

fn is_strict(kind: &ToolKind) -> bool {
    matches!(kind, ToolKind::Function { strict: Some(true), .. })
}

fn choice(request: &Request) -> Option<&'static str> {
    match request.tool_choice.as_ref()? {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("NONE"),
        ToolChoice::Required | ToolChoice::Named(_) => Some("REQUIRED"),
    }
}

fn response_format(format: &Format) -> Option<ResponseFormat<'_>> {
    let json_schema = match format {
        Format::Text => return None,
        Format::JsonObject => None,
        Format::JsonSchema { schema, .. } => Some(schema),
    };
    Some(ResponseFormat { kind: "json_object", json_schema })
}

fn thinking(request: &Request) -> Option<Value> {
    let reasoning = request.reasoning.as_ref()?;
    match reasoning.effort() {
        Some(Effort::None) => Some(json!({ "type": "disabled" })),
        Some(_) if !reasoning.dynamic => {
            let reckoned = reasoning.budget().unwrap_or_default();
            let budget = fit::budget(reasoning.budget, reckoned, request.max_tokens);
            Some(json!({ "type": "enabled", "token_budget": budget }))
        }
        _ => reasoning.dynamic.then(|| json!({ "type": "enabled" })),
    }
}
