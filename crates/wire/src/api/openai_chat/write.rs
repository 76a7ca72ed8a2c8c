//! Writes a request for a provider.

use serde::Serialize;

use super::model::Family;
use crate::api::{Api, Encoded, Quirks, Target};
use crate::chat::{
    Effort, Format, Json, Losses, Names, Reasoning, Refused, Request, Sampling, Tool, ToolChoice, ToolKind,
};

mod messages;
mod parts;

/// Longest name of a tool, in bytes.
const LONGEST_NAME: usize = 64;

/// Writes a body.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let mut writer = Writer {
        family: Family::of(target.model),
        model: target.model,
        quirks: target.quirks,
        names: Names::default(),
        losses: Losses::default(),
        fields: Vec::new(),
    };
    writer.write(request);
    let Writer { names, losses, fields, .. } = writer;
    let mut body = Vec::with_capacity(fields.iter().map(|(_, value)| value.as_str().len() + 32).sum());
    for (at, (name, value)) in fields.iter().enumerate() {
        body.push(if at == 0 { b'{' } else { b',' });
        body.extend_from_slice(Json::of(name).as_str().as_bytes());
        body.push(b':');
        body.extend_from_slice(value.as_str().as_bytes());
    }
    body.push(b'}');
    Ok(Encoded { body, losses, names, output_tool: None, ..Encoded::default() })
}

struct Writer<'a> {
    family: Family,
    model: &'a str,
    quirks: &'a Quirks,
    names: Names,
    losses: Losses,
    /// What is written so far.
    fields: Vec<(String, Json)>,
}

/// A tool.
#[derive(Serialize)]
struct ToolOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<FunctionTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<FunctionTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<serde_json::Value>,
}

/// The shape of an answer.
#[derive(Serialize)]
struct FormatOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<SchemaOut<'a>>,
}

#[derive(Serialize)]
struct SchemaOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// What is said of a tool.
#[derive(Serialize)]
struct FunctionTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'a Json>,
}

impl Writer<'_> {
    fn write(&mut self, request: &Request) {
        let model = self.model;
        self.put("model", &model);
        let messages = self.messages(request);
        self.put("messages", &messages);
        if request.stream {
            self.put("stream", &true);
            if !self.quirks.no_stream_options {
                self.put("stream_options", &serde_json::json!({ "include_usage": true }));
            }
        }
        let limit = if self.family.reasons() { "max_completion_tokens" } else { "max_tokens" };
        self.put_some(limit, request.max_tokens.as_ref());
        self.sampling(&request.sampling);
        if self.family == Family::Reasoning && !request.stop.is_empty() {
            self.losses.harmless("stop", "OpenAI's reasoning models take none");
        } else {
            self.put_some("stop", Some(&request.stop).filter(|stop| !stop.is_empty()));
        }
        self.put_some("n", request.n.as_ref());
        self.tools(request);
        self.format(&request.format);
        if let Some(reasoning) = &request.reasoning {
            self.reasoning(reasoning);
        }
        self.put_some("user", request.user.as_ref());
        self.put_some("prompt_cache_key", request.prompt_cache_key.as_ref());
        self.put_some("verbosity", request.verbosity.as_ref());
        self.of_the_family(request);
    }

    /// What means the same only to callers and providers of OpenAI's APIs.
    fn of_the_family(&mut self, request: &Request) {
        let native = matches!(request.front, None | Some(Api::OpenaiChat));
        let related = native || request.front == Some(Api::OpenaiResponses);
        if related {
            self.put_some("service_tier", request.service_tier.as_ref());
            self.put_some("metadata", request.metadata.as_ref());
            self.put_some("store", request.store.as_ref());
        } else {
            let tier = request.service_tier.as_ref().filter(|tier| *tier != "auto");
            for (name, said) in [("metadata", request.metadata.is_some()), ("service_tier", tier.is_some())] {
                if said {
                    self.losses.harmless(name, "it means something else to OpenAI's API");
                }
            }
        }
        for (name, value) in &request.extra {
            if native && !self.has(name) {
                self.put(name, value);
            } else if !native {
                self.losses.harmless(name.as_str(), "OpenAI's API has no counterpart");
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    fn put_some(&mut self, name: &str, value: Option<&impl Serialize>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Writes a field, as the provider calls it, unless it takes none.
    fn put(&mut self, name: &str, value: &impl Serialize) {
        let value = Json::of(value);
        if self.quirks.refuses.iter().any(|refused| refused == name) {
            if changes_meaning(name, value.as_str()) {
                self.losses.grave(name, "the provider does not take it");
            } else {
                self.losses.harmless(name, "the provider does not take it");
            }
            return;
        }
        let other = self.quirks.renames.iter().find(|(ours, _)| ours == name);
        self.fields.push((other.map_or(name, |(_, theirs)| theirs).to_owned(), value));
    }

    fn sampling(&mut self, sampling: &Sampling) {
        if self.family.reasons() {
            return self.no_sampling(sampling);
        }
        self.put_some("temperature", sampling.temperature.as_ref());
        self.put_some("top_p", sampling.top_p.as_ref());
        self.put_some("top_k", sampling.top_k.as_ref());
        self.put_some("seed", sampling.seed.as_ref());
        self.put_some("presence_penalty", sampling.presence_penalty.as_ref());
        self.put_some("frequency_penalty", sampling.frequency_penalty.as_ref());
        self.put_some("logit_bias", sampling.logit_bias.as_ref());
        self.put_some("logprobs", sampling.logprobs.as_ref());
        self.put_some("top_logprobs", sampling.top_logprobs.as_ref());
    }

    /// OpenAI's reasoning models answer most of it with an error.
    fn no_sampling(&mut self, sampling: &Sampling) {
        const WHY: &str = "OpenAI's reasoning models take none";
        self.put_some("seed", sampling.seed.as_ref());
        for (name, value) in [
            ("temperature", sampling.temperature.filter(|t| (*t - 1.0).abs() > f64::EPSILON)),
            ("top_p", sampling.top_p.filter(|p| (*p - 1.0).abs() > f64::EPSILON)),
            ("presence_penalty", sampling.presence_penalty.filter(|p| *p != 0.0)),
            ("frequency_penalty", sampling.frequency_penalty.filter(|p| *p != 0.0)),
        ] {
            if value.is_some() {
                self.losses.harmless(name, WHY);
            }
        }
        for (name, said) in [("top_k", sampling.top_k.is_some()), ("logit_bias", sampling.logit_bias.is_some())] {
            if said {
                self.losses.harmless(name, WHY);
            }
        }
        if sampling.logprobs == Some(true) {
            self.losses.grave("logprobs", WHY);
        }
    }

    fn tools(&mut self, request: &Request) {
        let mut tools = Vec::with_capacity(request.tools.len());
        for (place, tool) in request.tools.iter().enumerate() {
            tools.extend(self.tool(tool, place));
        }
        if tools.is_empty() {
            return;
        }
        self.put("tools", &tools);
        let choice = request.tool_choice.as_ref().map(|choice| match choice {
            ToolChoice::Auto => serde_json::json!("auto"),
            ToolChoice::None => serde_json::json!("none"),
            ToolChoice::Required => serde_json::json!("required"),
            ToolChoice::Named(name) => {
                let kind = if is_custom(&request.tools, name) { "custom" } else { "function" };
                serde_json::json!({ "type": kind, kind: { "name": self.name(name) } })
            }
        });
        self.put_some("tool_choice", choice.as_ref());
        self.put_some("parallel_tool_calls", request.parallel_tool_calls.as_ref());
    }

    fn tool(&mut self, tool: &Tool, place: usize) -> Option<Json> {
        let name = self.name(&tool.name);
        let description = tool.description.as_deref();
        let plain = FunctionTool { name: &name, description, parameters: None, strict: None, format: None };
        let cache_control = tool.cache.filter(|_| self.quirks.cache_control).map(parts::cache_control);
        let whole = match &tool.kind {
            ToolKind::Function { parameters, strict } => {
                let function = Some(FunctionTool { parameters: parameters.as_ref(), strict: *strict, ..plain });
                ToolOut { kind: "function", function, custom: None, cache_control }
            }
            ToolKind::Custom { format } => {
                let custom = Some(FunctionTool { format: format.as_ref(), ..plain });
                ToolOut { kind: "custom", function: None, custom, cache_control }
            }
            ToolKind::Server { api: Api::OpenaiChat, definition } => return Some(definition.clone()),
            ToolKind::Server { .. } => {
                self.losses.grave(format!("tools[{place}]"), "only another API's provider can run it");
                return None;
            }
        };
        Some(Json::of(&whole))
    }

    fn name(&mut self, name: &str) -> String {
        self.names.send(name, LONGEST_NAME, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-').into_owned()
    }

    fn format(&mut self, format: &Format) {
        let value = match format {
            Format::Text => return,
            Format::JsonObject => FormatOut { kind: "json_object", json_schema: None },
            Format::JsonSchema { .. } if self.quirks.no_json_schema => {
                self.losses.harmless("response_format.json_schema", "the provider is told the schema in words");
                FormatOut { kind: "json_object", json_schema: None }
            }
            Format::JsonSchema { name, description, schema, strict } => {
                let description = description.as_deref();
                let json_schema = Some(SchemaOut { name, description, schema, strict: *strict });
                FormatOut { kind: "json_schema", json_schema }
            }
        };
        self.put("response_format", &value);
    }

    fn reasoning(&mut self, asked: &Reasoning) {
        if self.family == Family::Plain {
            self.losses.harmless("reasoning_effort", "the model does not reason");
            return;
        }
        let off = asked.effort == Some(Effort::None) || asked.budget == Some(0);
        match self.quirks.reasoning_request.as_deref() {
            Some("none") => self.losses.harmless("reasoning_effort", "the provider does not take it"),
            Some("reasoning") => self.put("reasoning", &openrouter(asked)),
            Some("thinking") => {
                self.put("thinking", &serde_json::json!({ "type": if off { "disabled" } else { "enabled" } }));
                self.put_some("reasoning_effort", asked.effort.filter(|_| !off).map(word).as_ref());
            }
            Some("enable_thinking") => {
                self.put("enable_thinking", &!off);
                self.put_some("thinking_budget", asked.budget.filter(|budget| *budget > 0).as_ref());
            }
            _ => self.put_some("reasoning_effort", asked.effort().map(word).as_ref()),
        }
    }
}

/// The word for an effort; OpenAI has none beyond `xhigh`.
fn word(effort: Effort) -> &'static str {
    effort.min(Effort::ExtraHigh).as_str()
}

/// OpenRouter's way to ask.
fn openrouter(asked: &Reasoning) -> serde_json::Value {
    let mut value = serde_json::Map::new();
    if let Some(effort) = asked.effort {
        value.insert("effort".into(), word(effort).into());
    } else if let Some(budget) = asked.budget {
        value.insert("max_tokens".into(), budget.into());
    } else {
        value.insert("enabled".into(), true.into());
    }
    if let Some(visible) = asked.visible {
        value.insert("exclude".into(), (!visible).into());
    }
    value.into()
}

fn is_custom(tools: &[Tool], name: &str) -> bool {
    tools.iter().any(|tool| tool.name == name && matches!(tool.kind, ToolKind::Custom { .. }))
}

/// Whether an answer means something else without the field. `value` is JSON.
pub(super) fn changes_meaning(name: &str, value: &str) -> bool {
    let value = value.trim_ascii();
    match name {
        _ if value == "null" => false,
        "n" => value != "1",
        "logprobs" => value == "true",
        "top_logprobs" => value != "0",
        "encoding_format" => value != "\"float\"",
        "modalities" => value.contains("audio"),
        "response_format" | "tools" | "tool_choice" | "audio" => true,
        _ => false,
    }
}
