//! Reads a caller's request.

mod config;
mod contents;
mod tools;

#[cfg(test)]
mod tests;

use super::fields::Fields;
use crate::api::Path;
use crate::chat::{Refused, Request};

/// What the gateway knows from the URL or writes itself.
const NOT_KEPT: [&str; 2] = ["model", "stream"];

/// Reads a caller's request. The model and the wish for a stream are in the URL.
///
/// # Errors
/// When it is no request of this API.
pub(in crate::api) fn decode_request(body: &[u8], path: Path<'_>) -> Result<Request, Refused> {
    let mut fields: Fields = serde_json::from_slice(body)?;
    let named = fields.take::<String>("model", "")?;
    let model = path.model.map(str::to_owned).or(named).unwrap_or_default();
    let model = model.strip_prefix("models/").unwrap_or(&model).to_owned();
    if model.is_empty() {
        return Err(Refused::field("model", "The URL must name a model: /v1beta/models/{model}:generateContent."));
    }
    let mut request =
        Request { model, stream: path.stream.unwrap_or(false), include_usage: true, ..Request::default() };
    contents::read(&mut fields, &mut request)?;
    tools::read(&mut fields, &mut request)?;
    if let Some(config) = fields.raw("generationConfig") {
        config::read(&config, &mut request)?;
    }
    request.service_tier = fields.take::<String>("serviceTier", "")?.map(|tier| tier_of(&tier));
    request.store = fields.take("store", "")?;
    let rest = fields
        .rest()
        .into_iter()
        .filter(|(name, value)| !NOT_KEPT.contains(&name.as_str()) && value.as_str() != "null");
    request.extra.extend(rest);
    Ok(request)
}

/// A class of service in OpenAI's words.
pub(super) fn tier_of(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    let word = word.strip_prefix("service_tier_").unwrap_or(&word);
    if word == "standard" { "default".to_owned() } else { word.to_owned() }
}
