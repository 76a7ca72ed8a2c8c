//! What the caller's API has and the common form does not.

use super::super::fields::camel;
use super::super::members::Members;
use super::Writing;
use crate::chat::Json;

/// What belongs to Gemini alone.
const OWN: [&str; 4] = ["safetySettings", "cachedContent", "labels", "modelArmorConfig"];

/// What no answer of Gemini's can make up for.
const GRAVE: [&str; 10] = [
    "audio",
    "previous_response_id",
    "conversation",
    "prompt",
    "background",
    "functions",
    "function_call",
    "web_search_options",
    "mcp_servers",
    "container",
];

/// Most fields that are looked at. Nobody has so many.
pub(super) const MOST: usize = 256;

/// Puts back what is Gemini's own; the rest is lost.
pub(super) fn write(writing: &mut Writing<'_>, body: &mut Members, config: &mut Members) {
    let said =
        writing.request.extra.iter().filter(|(_, value)| !matches!(value.as_str(), "null" | "false" | "[]" | "{}"));
    if writing.request.extra.len() > MOST {
        writing.losses.grave("extra fields", format!("at most {MOST} are passed on"));
    }
    for (name, value) in said.take(MOST) {
        let own = camel(name);
        if let Some(setting) = own.strip_prefix("generationConfig.") {
            config.raw(setting, value.clone());
        } else if OWN.contains(&&*own) {
            body.raw(&own, value.clone());
        } else if name == "modalities" {
            modalities(writing, value, config);
        } else if GRAVE.contains(&name.as_str()) {
            writing.losses.grave(name, "Gemini has no counterpart");
        } else if !own.starts_with("toolConfig.") {
            writing.losses.harmless(name, "Gemini has no counterpart");
        }
    }
    match writing.request.service_tier.as_deref() {
        None | Some("auto" | "default" | "standard" | "standard_only") => {}
        Some(tier @ ("flex" | "priority")) => body.put("serviceTier", &tier),
        Some(_) => writing.losses.harmless("service_tier", "Gemini has flex and priority"),
    }
}

/// OpenAI's list of what to answer in. Sound comes in another form than its callers know.
fn modalities(writing: &mut Writing<'_>, value: &Json, config: &mut Members) {
    let words: Vec<String> = value.read().unwrap_or_default();
    if words.iter().any(|word| word == "audio") {
        writing.losses.grave("modalities", "sound from Gemini has another form");
    } else if words.iter().any(|word| word != "text") {
        config.put("responseModalities", &words.iter().map(|word| word.to_ascii_uppercase()).collect::<Vec<_>>());
    }
}
