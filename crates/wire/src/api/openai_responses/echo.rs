//! The settings of the question, which an answer repeats.

use serde::Serialize;

use super::object::Object;
use crate::chat::{Asked, Json};

/// A setting and what is said where the caller did not set it.
const SETTINGS: [(&str, &str); 16] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "1.0"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", "\"disabled\""),
];

#[derive(Serialize)]
struct Text {
    format: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<Json>,
}

#[derive(Serialize)]
struct Reasoning {
    effort: Option<Json>,
    summary: Option<Json>,
}

#[derive(Serialize)]
struct Conversation {
    id: String,
}

/// The settings, in the order in which they are written.
pub(super) fn settings(asked: &Asked) -> Vec<(&'static str, Json)> {
    let body = Object::parse(&asked.body).unwrap_or_default();
    let setting = |(name, usual): &(&'static str, &str)| Some((*name, body.json(name).or_else(|| json(usual))?));
    let mut settings: Vec<_> = SETTINGS.iter().filter_map(setting).collect();
    let text = body.object("text").unwrap_or_default();
    let format = text.json("format").or_else(|| json(r#"{"type":"text"}"#));
    settings.extend(format.map(|format| ("text", Json::of(&Text { format, verbosity: text.json("verbosity") }))));
    let reasoning = body.object("reasoning").unwrap_or_default();
    let reasoning = Reasoning { effort: reasoning.json("effort"), summary: reasoning.json("summary") };
    settings.push(("reasoning", Json::of(&reasoning)));
    settings.extend(body.json("user").map(|user| ("user", user)));
    let conversation = body.get("conversation").or_else(|| Some(body.object("conversation")?.text("id")));
    settings.extend(conversation.map(|id| ("conversation", Json::of(&Conversation { id }))));
    settings
}

/// Classes of service that SDKs of this API know.
const TIERS: [&str; 6] = ["default", "flex", "scale", "priority", "fast", "ultrafast"];

/// The class of service: what the provider gave, else what was asked for, where this API has a word for it.
pub(super) fn service_tier(given: Option<String>, asked: &Asked) -> String {
    let wanted = || Object::parse(&asked.body)?.get("service_tier");
    let tier = given.or_else(wanted).filter(|tier: &String| TIERS.contains(&tier.as_str()));
    tier.unwrap_or_else(|| "default".to_owned())
}

fn json(text: &str) -> Option<Json> {
    Json::parse(text).ok()
}
