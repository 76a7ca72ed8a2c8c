//! Writes a request. Model and wish for a stream stand in the URL.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::blocks::{Block, Message};
use super::model::Model;
use super::settings::{InferenceConfig, settings};
use super::tools::{Output, ToolConfig, config};
use super::turns::Writer;
use crate::api::{Encoded, Target, fit};
use crate::chat::{Json, Losses, Refused, Request};

/// Fields of Bedrock's that callers may send as they are.
const OWN: [&str; 3] = ["guardrailConfig", "performanceConfig", "additionalModelRequestFields"];
/// Most notes on a request.
const MOST_NOTES: usize = 16;
/// Longest name and value of a note, in bytes.
const LONGEST_NOTE: usize = 256;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block>,
    #[serde(skip_serializing_if = "is_default")]
    inference_config: InferenceConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    additional_model_response_field_paths: &'a [&'static str],
    #[serde(skip_serializing_if = "Map::is_empty")]
    request_metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    guardrail_config: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    performance_config: Option<&'a Json>,
}

fn is_default(config: &InferenceConfig) -> bool {
    *config == InferenceConfig::default()
}

/// Writes a request for a provider.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let model = Model::of(target.model);
    let mut writer = Writer::new(model);
    for (at, message) in request.messages.iter().enumerate() {
        writer.push(at, message);
    }
    let output = Output::of(request, &writer);
    let may_think =
        !matches!(output, Output::Tool(..)) && (model.thinks_adaptively() || !writer.continues_without_reasoning());
    let mut settings = settings(request, model, may_think, &mut writer.losses);
    if let Some(own) = fit::extra(request, OWN[2]).and_then(|own| own.read::<Map<String, Value>>().ok()) {
        settings.additional.extend(own);
    }
    let tool_config = config(request, &output, settings.thinks, &mut writer);
    let (mut system, messages, names, mut losses) = writer.finish()?;
    let (output_config, output_tool) = shape(output, &mut system, &mut losses);
    let reads_stop = model.is_claude() && !settings.inference.stop_sequences().is_empty();
    let body = Body {
        messages,
        system,
        inference_config: settings.inference,
        tool_config,
        output_config,
        additional_model_request_fields: settings.additional,
        additional_model_response_field_paths: if reads_stop { &["/stop_sequence"] } else { &[] },
        request_metadata: notes(request, &mut losses),
        service_tier: service_tier(request, &mut losses),
        guardrail_config: fit::extra(request, OWN[0]),
        performance_config: fit::extra(request, OWN[1]),
    };
    let says = [OWN.as_slice(), &["user", "metadata", "service_tier"]].concat();
    fit::note_losses(request, "Bedrock", &says, &mut losses);
    Ok(Encoded { body: serde_json::to_vec(&body)?, losses, names, output_tool, ..Encoded::default() })
}

/// The value of `outputConfig` and the made-up tool; models that have neither are asked in words.
fn shape(output: Output, system: &mut Vec<Block>, losses: &mut Losses) -> (Option<Value>, Option<String>) {
    match output {
        Output::Words => (None, None),
        Output::Schema(config) => (Some(config), None),
        Output::Tool(name, _) => (None, Some(name)),
        Output::Asked(words) => {
            losses.harmless("response_format", "the model can only be asked for it in words");
            system.push(Block::Text(words));
            (None, None)
        }
    }
}

/// The caller's notes, those that Bedrock takes.
fn notes(request: &Request, losses: &mut Losses) -> Map<String, Value> {
    let fits = |text: &str, least: usize| {
        (least..=LONGEST_NOTE).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || " :_@$#=/+,-.".contains(c))
    };
    let said = request.metadata.as_ref().and_then(|notes| notes.read::<Map<String, Value>>().ok()).unwrap_or_default();
    let mut notes = Map::new();
    for (name, value) in said {
        if value.as_str().is_some_and(|text| fits(text, 0)) && fits(&name, 1) && notes.len() < MOST_NOTES - 1 {
            notes.insert(name, value);
        } else {
            losses.harmless("metadata", "Bedrock takes few plain texts");
        }
    }
    if let Some(user) = &request.user {
        if fits(user, 0) {
            notes.insert("user".to_owned(), user.as_str().into());
        } else {
            losses.harmless("user", "Bedrock takes no such letters");
        }
    }
    notes
}

fn service_tier(request: &Request, losses: &mut Losses) -> Option<Value> {
    let tier = request.service_tier.as_deref().filter(|tier| *tier != "auto")?;
    if !["default", "priority", "flex", "reserved"].contains(&tier) {
        losses.harmless("service_tier", "Bedrock has no such class");
        return None;
    }
    Some(json!({ "type": tier }))
}
