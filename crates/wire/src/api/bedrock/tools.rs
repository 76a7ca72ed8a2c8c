//! Tools, whether they must be called, and the shape of the answer.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Value, json};

use super::blocks::CachePoint;
use super::turns::{LONGEST_NAME, Writer, in_name};
use crate::api::{Api, fit};
use crate::chat::{Content, Format, Json, Names, Request, ToolChoice, ToolKind};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig {
    tools: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Entry {
    ToolSpec {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        input_schema: InputSchema,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    CachePoint(CachePoint),
    #[serde(untagged)]
    Own(Json),
}

#[derive(Debug, Serialize)]
struct InputSchema {
    json: Json,
}

/// How the answer gets its shape.
#[derive(Debug)]
pub(super) enum Output {
    /// It has none.
    Words,
    /// The model keeps to a schema: the value of `outputConfig`.
    Schema(Value),
    /// It is the arguments of a tool that was made up for it.
    Tool(String, Json),
    /// The model is asked in words.
    Asked(String),
}

impl Output {
    pub(super) fn of(request: &Request, writer: &Writer) -> Self {
        let schema = match &request.format {
            Format::Text => return Self::Words,
            Format::JsonObject => Json::of(&json!({ "type": "object" })),
            Format::JsonSchema { name, description, schema, .. } => {
                if writer.model.takes_schemas() && (!writer.model.is_claude() || is_closed(schema)) {
                    return Self::Schema(text_format(name, description.as_deref(), schema));
                }
                schema.clone()
            }
        };
        if must_call(request) {
            // A call is the answer.
            return Self::Words;
        }
        if writer.model.takes_forced_tools() {
            let free = |name: &&str| !request.tools.iter().any(|tool| tool.name == **name);
            let name = ["json", "json_answer", "json_answer_of_this_turn"].iter().find(|name| free(name));
            return Self::Tool((*name.unwrap_or(&"json")).to_owned(), schema);
        }
        fit::instruction(&request.format).map_or(Self::Words, Self::Asked)
    }
}

fn must_call(request: &Request) -> bool {
    !request.tools.is_empty() && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)))
}

fn text_format(name: &str, description: Option<&str>, schema: &Json) -> Value {
    let name = Names::default().send(name, LONGEST_NAME, in_name).into_owned();
    // The schema travels as a text inside the JSON.
    let mut json_schema = json!({ "name": name, "schema": schema.as_str() });
    if let Some(description) = description {
        json_schema["description"] = description.into();
    }
    json!({ "textFormat": { "type": "json_schema", "structure": { "jsonSchema": json_schema } } })
}

/// Whether no object of the schema takes unknown properties. Claude refuses others.
fn is_closed(schema: &Json) -> bool {
    fn closed(value: &Value) -> bool {
        match value {
            Value::Object(map) => {
                let object = map.contains_key("properties") || map.get("type").is_some_and(|kind| kind == "object");
                (!object || map.get("additionalProperties") == Some(&Value::Bool(false))) && map.values().all(closed)
            }
            Value::Array(list) => list.iter().all(closed),
            _ => true,
        }
    }
    schema.read().is_ok_and(|value| closed(&value))
}

/// Writes the tools; none where there are none. `thinks` says that Claude is asked to think, which rules out forcing it.
pub(super) fn config(request: &Request, output: &Output, thinks: bool, writer: &mut Writer) -> Option<ToolConfig> {
    let mut tools = Vec::new();
    if request.tool_choice != Some(ToolChoice::None) {
        definitions(request, writer, &mut tools);
    }
    if let Output::Tool(name, schema) = output {
        let schema = ToolKind::Function { parameters: Some(schema.clone()), strict: None };
        let description = "Takes the whole answer, as JSON. Call it to answer.";
        tools.push(Entry::ToolSpec {
            name: name.clone(),
            description: Some(description.to_owned()),
            input_schema: InputSchema { json: fit::schema(&schema) },
            strict: None,
        });
    }
    if tools.is_empty() {
        stubs(request, writer, &mut tools);
    }
    (!tools.is_empty()).then(|| ToolConfig { tool_choice: choice(request, output, thinks, writer), tools })
}

fn definitions(request: &Request, writer: &mut Writer, tools: &mut Vec<Entry>) {
    for (index, tool) in request.tools.iter().enumerate() {
        match &tool.kind {
            ToolKind::Server { api: Api::Bedrock, definition } => tools.push(Entry::Own(definition.clone())),
            ToolKind::Server { api, .. } => {
                writer.losses.grave(format!("tools[{index}]"), format!("only {} runs this tool", api.name()));
                continue;
            }
            kind => {
                let strict = match kind {
                    ToolKind::Function { strict: Some(true), .. } if writer.model.takes_schemas() => Some(true),
                    _ => None,
                };
                tools.push(Entry::ToolSpec {
                    name: writer.name(&tool.name),
                    description: tool.description.clone().filter(|words| !words.trim().is_empty()),
                    input_schema: InputSchema { json: fit::schema(kind) },
                    strict,
                });
            }
        }
        if let Some(ttl) = tool.cache {
            // Nova caches instructions and messages only.
            if writer.model.is_claude() {
                tools.push(Entry::CachePoint(ttl.into()));
            } else {
                writer.losses.harmless("cache_control", "the model does not cache tools");
            }
        }
    }
}

/// A conversation with calls is refused without tools, so those it names are made up.
fn stubs(request: &Request, writer: &mut Writer, tools: &mut Vec<Entry>) {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let mut seen = HashSet::new();
    for part in parts {
        if let Content::ToolCall { name, .. } = &part.content
            && seen.insert(name)
        {
            let nothing = ToolKind::Function { parameters: None, strict: None };
            tools.push(Entry::ToolSpec {
                name: writer.name(name),
                description: None,
                input_schema: InputSchema { json: fit::schema(&nothing) },
                strict: None,
            });
        }
    }
}

fn choice(request: &Request, output: &Output, thinks: bool, writer: &mut Writer) -> Option<Value> {
    let calls_others = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    if let Output::Tool(name, _) = output {
        return Some(if calls_others { json!({ "any": {} }) } else { json!({ "tool": { "name": name } }) });
    }
    match request.tool_choice.as_ref()? {
        ToolChoice::None => {
            writer.losses.harmless("tool_choice", "Bedrock cannot forbid the calls that the conversation has made");
            None
        }
        _ if request.tools.is_empty() => None,
        ToolChoice::Auto => Some(json!({ "auto": {} })),
        ToolChoice::Required | ToolChoice::Named(_) if thinks => {
            writer.losses.harmless("tool_choice", "Claude cannot be made to call a tool while it thinks");
            Some(json!({ "auto": {} }))
        }
        ToolChoice::Required => Some(json!({ "any": {} })),
        ToolChoice::Named(name) => Some(json!({ "tool": { "name": writer.name(name) } })),
    }
}
