//! Tools, and whether they must be called.

use serde::Serialize;
use serde_json::json;

use super::super::fields::Fields;
use super::super::members::Members;
use super::super::schema::to_openapi;
use super::{Writing, name};
use crate::api::Api;
use crate::chat::{Format, Json, Tool, ToolChoice, ToolKind};

/// Says that Gemini's own tools may be mixed with the caller's.
const MIXED: &str = "includeServerSideToolInvocations";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Json>,
}

/// Writes `tools` and `toolConfig`.
pub(super) fn write(writing: &mut Writing<'_>, body: &mut Members, config: &mut Members) {
    let request = writing.request;
    let (mut functions, mut own) = (Vec::new(), Vec::new());
    for (i, tool) in request.tools.iter().enumerate() {
        match &tool.kind {
            ToolKind::Function { parameters, .. } => functions.push(declare(writing, tool, parameters.as_ref())),
            ToolKind::Custom { .. } => functions.push(declare(writing, tool, None)),
            ToolKind::Server { api, definition } => match server(*api, definition) {
                Some(tool) => own.push((i, *api, tool)),
                None => writing.losses.grave(format!("tools[{i}]"), "Gemini does not have this tool"),
            },
        }
    }
    functions.extend(output(writing, config));
    let third = writing.model.is_third_generation();
    if !functions.is_empty() && !third {
        // Gemini's own callers know what they ask for.
        own.retain(|(i, api, _)| {
            if *api != Api::Gemini {
                writing.losses.grave(format!("tools[{i}]"), "this model has no tools of its own beside functions");
            }
            *api == Api::Gemini
        });
    }
    let mixed = third && !functions.is_empty() && own.iter().any(|(_, api, _)| *api != Api::Gemini);
    let mut tools: Vec<Json> = own.into_iter().map(|(.., tool)| tool).collect();
    let callable = !functions.is_empty();
    if callable {
        let mut group = Members::default();
        group.put("functionDeclarations", &functions);
        tools.insert(0, Json::of(&group));
    }
    if !tools.is_empty() {
        body.put("tools", &tools);
    }
    choose(writing, body, (callable, mixed));
}

fn declare(writing: &mut Writing<'_>, tool: &Tool, parameters: Option<&Json>) -> Json {
    let modern = writing.model.takes_json_schema();
    Json::of(&Declaration {
        name: name(&mut writing.names, &tool.name),
        description: tool.description.as_deref(),
        parameters_json_schema: parameters.filter(|_| modern).cloned(),
        parameters: parameters.filter(|_| !modern).map(|schema| to_openapi(schema, &mut writing.room)),
    })
}

/// The tool whose call is the answer, where the schema is one of an object; where it is not, the schema is lost.
fn output(writing: &mut Writing<'_>, config: &mut Members) -> Option<Json> {
    let made_up = writing.output_tool.clone()?;
    let Format::JsonSchema { schema, description, .. } = &writing.request.format else { return None };
    let is_object = Fields::lenient(schema).get::<String>("type").is_some_and(|word| word == "object");
    if !is_object {
        writing.output_tool = None;
        writing.losses.grave("response_format", "this model answers in objects only where it has tools");
        return None;
    }
    config.remove("responseMimeType");
    let description = description.as_deref().unwrap_or("Gives the final answer to the user. Call it once, at the end.");
    let kind = ToolKind::Function { parameters: Some(schema.clone()), strict: None };
    let tool = Tool { name: made_up, description: Some(description.to_owned()), kind, cache: None };
    Some(declare(writing, &tool, Some(schema)))
}

/// A tool that Gemini runs, by its own name or in place of another provider's.
fn server(api: Api, definition: &Json) -> Option<Json> {
    if api == Api::Gemini {
        return Some(definition.clone());
    }
    let kind = Fields::lenient(definition).get::<String>("type")?;
    let own = match kind.as_str() {
        kind if kind.starts_with("web_search") => "googleSearch",
        kind if kind.starts_with("code_interpreter") || kind.starts_with("code_execution") => "codeExecution",
        kind if kind.starts_with("web_fetch") => "urlContext",
        _ => return None,
    };
    let mut tool = Members::default();
    tool.put(own, &json!({}));
    Some(Json::of(&tool))
}

fn choose(writing: &mut Writing<'_>, body: &mut Members, (callable, mixed): (bool, bool)) {
    let mut calling = Members::default();
    let auto = matches!(writing.request.tool_choice, None | Some(ToolChoice::Auto));
    match &writing.request.tool_choice {
        // The answer is a call as well, so there must be one.
        _ if writing.output_tool.is_some() && auto => calling.put("mode", &"ANY"),
        // Gemini takes no rules for functions that are not there.
        None => {}
        Some(ToolChoice::Auto | ToolChoice::None) if !callable => {}
        Some(ToolChoice::Auto) => calling.put("mode", &"AUTO"),
        Some(ToolChoice::None) => calling.put("mode", &"NONE"),
        Some(ToolChoice::Required) => calling.put("mode", &"ANY"),
        Some(ToolChoice::Named(asked)) => {
            calling.put("mode", &"ANY");
            calling.put("allowedFunctionNames", &[name(&mut writing.names, asked)]);
        }
    }
    if let (Some(ToolChoice::None), Some(made_up)) = (&writing.request.tool_choice, &writing.output_tool) {
        calling.put("mode", &"ANY");
        calling.put("allowedFunctionNames", &[made_up]);
    }
    let mut config = Members::default();
    if !calling.is_empty() {
        config.put("functionCallingConfig", &calling);
    }
    // What the caller said in Gemini's own words goes before what was understood of it.
    for (name, value) in writing.request.extra.iter().take(super::extra::MOST) {
        if let Some(name) = name.strip_prefix("toolConfig.") {
            config.raw(name, value.clone());
        }
    }
    if mixed {
        config.put(MIXED, &true);
    }
    if !config.is_empty() {
        body.put("toolConfig", &config);
    }
}
