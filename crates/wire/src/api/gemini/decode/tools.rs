//! Tools, and whether they must be called.

use super::super::fields::{Fields, list};
use super::super::schema::from_openapi;
use crate::api::Api;
use crate::chat::{Json, Refused, Request, Tool, ToolChoice, ToolKind};

/// Reads `tools` and `toolConfig`.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), Refused> {
    if let Some(tools) = fields.raw("tools") {
        for (i, tool) in list(&tools, "tools")?.iter().enumerate() {
            group(tool, &format!("tools[{i}]"), &mut request.tools)?;
        }
    }
    if let Some(config) = fields.raw("toolConfig") {
        let mut config = Fields::of(&config, "toolConfig")?;
        if let Some(calling) = config.raw("functionCallingConfig") {
            choice(calling, request)?;
        }
        request.extra.extend(config.rest().into_iter().map(|(name, value)| (format!("toolConfig.{name}"), value)));
    }
    Ok(())
}

/// One entry of `tools` holds any number of functions and of the provider's own tools.
fn group(json: &Json, at: &str, out: &mut Vec<Tool>) -> Result<(), Refused> {
    let mut fields = Fields::of(json, at)?;
    if let Some(functions) = fields.raw("functionDeclarations") {
        let at = format!("{at}.functionDeclarations");
        for (i, function) in list(&functions, &at)?.iter().enumerate() {
            out.push(declaration(function, &format!("{at}[{i}]"))?);
        }
    }
    for (name, value) in fields.rest() {
        let mut definition = serde_json::Map::new();
        definition.insert(name.clone(), value.read().unwrap_or_default());
        let kind = ToolKind::Server { api: Api::Gemini, definition: Json::of(&definition) };
        out.push(Tool { name, description: None, kind, cache: None });
    }
    Ok(())
}

fn declaration(json: &Json, at: &str) -> Result<Tool, Refused> {
    let mut fields = Fields::of(json, at)?;
    let Some(name) = fields.take::<String>("name", at)?.filter(|name| !name.is_empty()) else {
        return Err(Refused::field(format!("{at}.name"), "A function needs a name."));
    };
    let parameters = fields.raw("parametersJsonSchema").or_else(|| fields.raw("parameters").map(|s| from_openapi(&s)));
    Ok(Tool {
        name,
        description: fields.take("description", at)?,
        kind: ToolKind::Function { parameters, strict: None },
        cache: None,
    })
}

/// What the common form cannot say is kept whole beside it.
fn choice(json: Json, request: &mut Request) -> Result<(), Refused> {
    const AT: &str = "toolConfig.functionCallingConfig";
    let mut fields = Fields::of(&json, AT)?;
    let mode = fields.take::<String>("mode", AT)?.unwrap_or_default().to_ascii_uppercase();
    let names = fields.take::<Vec<String>>("allowedFunctionNames", AT)?.unwrap_or_default();
    let (choice, exact) = match (mode.as_str(), &names[..]) {
        ("ANY", []) => (ToolChoice::Required, true),
        ("ANY", [name]) => (ToolChoice::Named(name.clone()), true),
        ("ANY", _) => (ToolChoice::Required, false),
        ("NONE", _) => (ToolChoice::None, true),
        ("AUTO", _) => (ToolChoice::Auto, true),
        ("" | "MODE_UNSPECIFIED", []) => return Ok(()),
        _ => (ToolChoice::Auto, false),
    };
    request.tool_choice = Some(choice);
    if !exact || !fields.rest().is_empty() {
        request.extra.push((AT.to_owned(), json));
    }
    Ok(())
}
