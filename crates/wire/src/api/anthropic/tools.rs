//! Tools and whether they must be called, as Claude takes them.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::json;

use super::blocks::CacheControl;
use super::extras::{Extra, Extras};
use super::model::Model;
use super::output::Shape;
use super::{OWN, schema};
use crate::api::fit;
use crate::chat::{Json, Losses, Names, Request, Tool, ToolChoice, ToolKind};

/// Most strict tools of a request.
const MOST_STRICT: usize = 20;

/// A tool as it is written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Definition<'a> {
    /// The caller's.
    Made(Made<'a>),
    /// Claude's own, as it came.
    Kept(Cow<'a, Json>),
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Made<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<CacheControl>,
    #[serde(flatten, skip_serializing_if = "Extra::is_empty")]
    extra: Extra<'a>,
}

/// `tool_choice`.
#[derive(Debug, Serialize)]
pub(super) struct Choice<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
    #[serde(flatten, skip_serializing_if = "Extra::is_empty")]
    extra: Extra<'a>,
}

/// Letters a name may have.
fn plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// The name a tool goes by.
pub(super) fn name(name: &str, names: &mut Names) -> String {
    names.send(name, 128, plain).into_owned()
}

/// The caller's tools, those made up for calls of the history, and the one made up for the answer's shape.
pub(super) fn definitions<'a>(
    (request, model): (&'a Request, &Model),
    (extras, shape): (&Extras<'a>, &'a Shape),
    called: &[&str],
    (names, losses): (&mut Names, &mut Losses),
) -> Vec<Definition<'a>> {
    let mut strict_left = MOST_STRICT;
    let mut tools: Vec<Definition<'a>> = Vec::with_capacity(request.tools.len() + 1);
    for (index, tool) in request.tools.iter().enumerate() {
        let path = format!("tools[{index}]");
        let extra = extras.at(&path);
        tools.extend(definition((tool, extra), model, &mut strict_left, &path, (names, losses)));
    }
    if tools.is_empty() {
        // Claude wants to know the tools that the history calls.
        tools.extend(called.iter().map(|called| {
            Definition::Made(Made {
                name: name(called, names),
                input_schema: Some(schema::input(None)),
                ..Made::default()
            })
        }));
    }
    if let Shape::Tool { name, description, schema } = shape {
        let (name, description) = (name.clone(), Some(description.as_str()));
        tools.push(Definition::Made(Made { name, description, input_schema: Some(schema.clone()), ..Made::default() }));
    }
    tools
}

fn definition<'a>(
    (tool, extra): (&'a Tool, Extra<'a>),
    model: &Model,
    strict_left: &mut usize,
    path: &str,
    (names, losses): (&mut Names, &mut Losses),
) -> Option<Definition<'a>> {
    let (input_schema, strict) = match &tool.kind {
        ToolKind::Server { api: OWN, definition } => return Some(Definition::Kept(Cow::Borrowed(definition))),
        ToolKind::Server { definition, .. } if fit::is_web_search(definition) => {
            losses.harmless(path, fit::OTHER_SEARCH);
            let own = json!({ "type": "web_search_20250305", "name": "web_search" });
            return Some(Definition::Kept(Cow::Owned(Json::of(&own))));
        }
        ToolKind::Server { api, .. } => {
            losses.grave(path, format!("the tool `{}` is run by {}, not by Anthropic", tool.name, api.name()));
            return None;
        }
        ToolKind::Custom { .. } => (schema::input(None), None),
        ToolKind::Function { parameters, strict } => {
            let input = schema::input(parameters.as_ref());
            let wanted = *strict == Some(true);
            let fits = wanted && model.formats && *strict_left > 0 && schema::strict(&input).as_ref() == Some(&input);
            if wanted && !fits {
                losses.harmless(format!("{path}.strict"), "the model cannot hold this schema strictly");
            }
            *strict_left -= usize::from(fits);
            (input, if wanted { fits.then_some(true) } else { strict.filter(|_| model.formats) })
        }
    };
    Some(Definition::Made(Made {
        name: name(&tool.name, names),
        description: tool.description.as_deref(),
        input_schema: Some(input_schema),
        strict,
        cache_control: tool.cache.map(CacheControl::from),
        extra,
    }))
}

/// What must be called.
pub(super) fn choice<'a>(
    request: &Request,
    (extras, shape): (&Extras<'a>, &Shape),
    may_force: bool,
    (names, losses): (&mut Names, &mut Losses),
) -> Option<Choice<'a>> {
    let own_flag = request.parallel_tool_calls.map(|parallel| !parallel);
    let make = |kind, name, flag| {
        Some(Choice { kind, name, disable_parallel_tool_use: flag, extra: extras.at("tool_choice") })
    };
    if let Shape::Tool { name, .. } = shape {
        let others = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
        let forced_elsewhere = matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Named(_)));
        if may_force && !forced_elsewhere {
            let only = || make("tool", Some(name.clone()), Some(true));
            return if others { make("any", None, own_flag) } else { only() };
        }
    }
    let stubs_only = request.tools.is_empty() && !matches!(shape, Shape::Tool { .. });
    if stubs_only {
        return make("none", None, None);
    }
    let wanted = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) if !may_force => {
            losses.harmless("tool_choice", "a model that thinks by a budget cannot be made to call a tool");
            Some(&ToolChoice::Auto)
        }
        wanted => wanted.as_ref(),
    };
    match wanted {
        None if own_flag.is_none() => None,
        None | Some(ToolChoice::Auto) => make("auto", None, own_flag),
        Some(ToolChoice::None) => make("none", None, None),
        Some(ToolChoice::Required) => make("any", None, own_flag),
        Some(ToolChoice::Named(tool)) => make("tool", Some(self::name(tool, names)), own_flag),
    }
}
