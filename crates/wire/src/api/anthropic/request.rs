//! Reads a caller's request.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, read};
use super::{OWN, turns};
use crate::chat::{CacheTtl, Effort, Format, Json, Reasoning, Refused, Request, Sampling, Tool, ToolChoice, ToolKind};

/// Reads a caller's request to `/v1/messages` or `/v1/messages/count_tokens`.
///
/// # Errors
/// When it is no request of this API; the field at fault is named.
pub(in crate::api) fn decode_request(body: &[u8]) -> Result<Request, Refused> {
    let raw: &RawValue = serde_json::from_slice(body)?;
    let mut fields = Fields::read(raw, "")?;
    let mut extra = Vec::new();
    let mut request = Request {
        model: fields.take("model")?.unwrap_or_default(),
        stream: fields.take("stream")?.unwrap_or_default(),
        include_usage: true,
        messages: turns::decode(fields.take("system")?, fields.need("messages")?, &mut extra)?,
        max_tokens: fields.take("max_tokens")?,
        sampling: sampling(&mut fields)?,
        stop: fields.take("stop_sequences")?.unwrap_or_default(),
        service_tier: fields.take::<String>("service_tier")?.map(|tier| match tier.as_str() {
            // OpenAI's word for no priority.
            "standard_only" => "default".to_owned(),
            _ => tier,
        }),
        ..Request::default()
    };
    let tools: Vec<&RawValue> = fields.take("tools")?.unwrap_or_default();
    for (index, tool) in tools.into_iter().enumerate() {
        request.tools.push(self::tool(tool, index, &mut extra)?);
    }
    choice(&mut fields, &mut request, &mut extra)?;
    thinking(&mut fields, &mut request, &mut extra)?;
    if let Some(raw) = fields.take("metadata")? {
        let mut metadata = Fields::read(raw, "metadata")?;
        request.user = metadata.take("user_id")?;
        metadata.rest(&mut extra);
    }
    fields.rest(&mut extra);
    request.extra = extra;
    Ok(request)
}

fn sampling(fields: &mut Fields<'_>) -> Result<Sampling, Refused> {
    Ok(Sampling {
        temperature: fields.take("temperature")?,
        top_p: fields.take("top_p")?,
        top_k: fields.take("top_k")?,
        ..Sampling::default()
    })
}

fn tool(raw: &RawValue, index: usize, extra: &mut Vec<(String, Json)>) -> Result<Tool, Refused> {
    let mut fields = Fields::read(raw, format!("tools[{index}]"))?;
    let kind: Option<String> = fields.take("type")?;
    let name: Option<String> = fields.take("name")?;
    if let Some(kind) = kind.filter(|kind| kind != "custom") {
        let kind_of_tool = ToolKind::Server { api: OWN, definition: Json::of(&raw) };
        return Ok(Tool { name: name.unwrap_or(kind), description: None, kind: kind_of_tool, cache: None });
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(Refused::field(fields.at("name"), "A tool needs a name."));
    };
    let tool = Tool {
        name,
        description: fields.take("description")?,
        kind: ToolKind::Function { parameters: fields.take("input_schema")?, strict: fields.take("strict")? },
        cache: cache(&mut fields)?,
    };
    fields.rest(extra);
    Ok(tool)
}

/// Reads `cache_control`.
pub(super) fn cache(fields: &mut Fields<'_>) -> Result<Option<CacheTtl>, Refused> {
    #[derive(Deserialize)]
    struct CacheControl {
        ttl: Option<String>,
    }
    let control: Option<CacheControl> = fields.take("cache_control")?;
    Ok(control.map(|control| match control.ttl.as_deref() {
        Some("1h") => CacheTtl::Hour,
        _ => CacheTtl::Short,
    }))
}

fn choice(fields: &mut Fields<'_>, request: &mut Request, extra: &mut Vec<(String, Json)>) -> Result<(), Refused> {
    let Some(raw) = fields.take("tool_choice")? else { return Ok(()) };
    let mut choice = Fields::read(raw, "tool_choice")?;
    let kind: String = choice.need("type")?;
    request.tool_choice = Some(match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Required,
        "tool" => ToolChoice::Named(choice.need("name")?),
        _ => {
            let sentence = format!("`{kind}` is none of `auto`, `any`, `tool` and `none`.");
            return Err(Refused::field("tool_choice.type", sentence));
        }
    });
    request.parallel_tool_calls = choice.take::<bool>("disable_parallel_tool_use")?.map(|disabled| !disabled);
    choice.rest(extra);
    Ok(())
}

/// Reads `thinking`, `output_config` and its older form `output_format`.
fn thinking(fields: &mut Fields<'_>, request: &mut Request, extra: &mut Vec<(String, Json)>) -> Result<(), Refused> {
    let thinking: Option<&RawValue> = fields.take("thinking")?;
    let mut reasoning = thinking.map_or(Ok(Reasoning::default()), |raw| wish(raw, extra))?;
    let mut format: Option<&RawValue> = fields.take("output_format")?;
    let mut place = "output_format";
    if let Some(raw) = fields.take("output_config")? {
        let mut config = Fields::read(raw, "output_config")?;
        if let Some(word) = config.take::<String>("effort")? {
            let Some(effort) = Effort::parse(&word) else {
                let sentence = format!("`{word}` is none of `low`, `medium`, `high`, `xhigh` and `max`.");
                return Err(Refused::field("output_config.effort", sentence));
            };
            reasoning.effort = Some(effort);
            // Effort alone says how many words to make, not that the caller wants to see thoughts.
            reasoning.visible = reasoning.visible.or(thinking.is_none().then_some(false));
        }
        if let Some(newer) = config.take("format")? {
            (format, place) = (Some(newer), "output_config.format");
        }
        config.rest(extra);
    }
    if let Some(raw) = format {
        request.format = self::format(raw, place)?;
    }
    request.reasoning = Some(reasoning).filter(|reasoning| *reasoning != Reasoning::default());
    Ok(())
}

fn wish(raw: &RawValue, extra: &mut Vec<(String, Json)>) -> Result<Reasoning, Refused> {
    let mut reasoning = Reasoning::default();
    let mut thinking = Fields::read(raw, "thinking")?;
    let kind: String = thinking.need("type")?;
    match kind.as_str() {
        "enabled" => reasoning.budget = Some(thinking.need("budget_tokens")?),
        "disabled" => reasoning.budget = Some(0),
        "adaptive" => reasoning.dynamic = true,
        _ => {
            let sentence = format!("`{kind}` is none of `enabled`, `adaptive` and `disabled`.");
            return Err(Refused::field("thinking.type", sentence));
        }
    }
    let display: Option<String> = thinking.take("display")?;
    reasoning.visible = display.map(|display| display != "omitted");
    thinking.rest(extra);
    Ok(reasoning)
}

fn format(raw: &RawValue, place: &str) -> Result<Format, Refused> {
    #[derive(Deserialize)]
    struct Wanted {
        r#type: String,
        schema: Option<Json>,
    }
    match read(raw, place)? {
        Wanted { r#type, schema: Some(schema) } if r#type == "json_schema" => Ok(Format::JsonSchema {
            name: "output".to_owned(),
            description: None,
            schema,
            // Anthropic's answers always fit.
            strict: Some(true),
        }),
        _ => Err(Refused::field(place, "The only format is `json_schema`, with a `schema`.")),
    }
}
