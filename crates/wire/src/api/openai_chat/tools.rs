//! Reads what a caller's model may call.

use super::fields::Fields;
use super::parts;
use crate::api::Api;
use crate::chat::{Json, Refused, Tool, ToolChoice, ToolKind};

/// Takes `tools`, and `functions` of old callers.
pub(super) fn read(fields: &mut Fields) -> Result<Vec<Tool>, Refused> {
    let mut tools = Vec::new();
    for (place, json) in fields.list("tools")?.into_iter().enumerate() {
        tools.push(tool(json, format!("tools[{place}]"))?);
    }
    for (place, json) in fields.list("functions")?.into_iter().enumerate() {
        tools.push(function(Fields::read(json.as_str().as_bytes(), format!("functions[{place}]"))?)?);
    }
    Ok(tools)
}

fn tool(json: Json, at: String) -> Result<Tool, Refused> {
    let mut fields = Fields::read(json.as_str().as_bytes(), at)?;
    let cache = parts::cache(&mut fields);
    let kind = fields.text("type")?;
    let missing = |field: &str, fields: &Fields| {
        Refused::field(fields.path(field), "is missing: it must be an object that describes the tool")
    };
    let tool = match kind.as_deref() {
        None | Some("function") => {
            let Some(inner) = fields.object("function")? else { return Err(missing("function", &fields)) };
            function(inner)?
        }
        Some("custom") => {
            let Some(mut inner) = fields.object("custom")? else { return Err(missing("custom", &fields)) };
            let kind = ToolKind::Custom { format: inner.raw("format") };
            Tool { name: inner.needed("name")?, description: inner.text("description")?, kind, cache }
        }
        Some(name) => {
            let kind = ToolKind::Server { api: Api::OpenaiChat, definition: json.clone() };
            Tool { name: name.to_owned(), description: None, kind, cache }
        }
    };
    Ok(Tool { cache, ..tool })
}

fn function(mut fields: Fields) -> Result<Tool, Refused> {
    let kind =
        ToolKind::Function { parameters: fields.raw("parameters"), strict: fields.take("strict", "true or false")? };
    Ok(Tool { name: fields.needed("name")?, description: fields.text("description")?, kind, cache: None })
}

/// Takes `tool_choice`, or `function_call` of old callers. A choice among some tools is left for providers of this API.
pub(super) fn choice(fields: &mut Fields) -> Result<Option<ToolChoice>, Refused> {
    let field = if fields.peek("tool_choice").is_some() { "tool_choice" } else { "function_call" };
    let at = fields.path(field);
    let Some(json) = fields.peek(field) else { return Ok(None) };
    let choice = if let Ok(word) = json.read::<String>() {
        match word.as_str() {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => return Err(Refused::field(at, format!("must be `auto`, `none`, `required` or a tool, not `{word}`"))),
        }
    } else {
        match named(json, &at)? {
            Some(name) => ToolChoice::Named(name),
            None => return Ok(None),
        }
    };
    fields.raw(field);
    Ok(Some(choice))
}

fn named(json: &Json, at: &str) -> Result<Option<String>, Refused> {
    let mut choice = Fields::read(json.as_str().as_bytes(), at.to_owned())?;
    if choice.text("type")?.as_deref() == Some("allowed_tools") {
        return Ok(None);
    }
    for kind in ["function", "custom"] {
        if let Some(mut inner) = choice.object(kind)? {
            return inner.needed("name").map(Some);
        }
    }
    choice.needed("name").map(Some)
}
