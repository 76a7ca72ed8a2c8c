//! `generationConfig`.

use super::super::fields::Fields;
use super::super::schema::from_openapi;
use crate::chat::{Effort, Format, Json, Reasoning, Refused, Request};

const AT: &str = "generationConfig";

/// Reads the configuration; what the common form does not have becomes `generationConfig.…` in `extra`.
pub(super) fn read(json: &Json, request: &mut Request) -> Result<(), Refused> {
    let mut fields = Fields::of(json, AT)?;
    request.max_tokens = fields.take("maxOutputTokens", AT)?;
    request.n = fields.take("candidateCount", AT)?;
    request.stop = fields.take("stopSequences", AT)?.unwrap_or_default();
    let sampling = &mut request.sampling;
    sampling.temperature = fields.take("temperature", AT)?;
    sampling.top_p = fields.take("topP", AT)?;
    // Clients send it as a float, since Google's servers say it is one.
    sampling.top_k = fields.take::<f64>("topK", AT)?.map(|k| k.round() as u64);
    sampling.seed = fields.take("seed", AT)?;
    sampling.presence_penalty = fields.take("presencePenalty", AT)?;
    sampling.frequency_penalty = fields.take("frequencyPenalty", AT)?;
    sampling.logprobs = fields.take("responseLogprobs", AT)?;
    sampling.top_logprobs = fields.take("logprobs", AT)?;
    if let Some(thinking) = fields.raw("thinkingConfig") {
        request.reasoning = Some(reasoning(&thinking)?);
    }
    request.format = format(&mut fields)?;
    let rest = fields.rest().into_iter().filter(|(_, value)| value.as_str() != "null");
    request.extra.extend(rest.map(|(name, value)| (format!("{AT}.{name}"), value)));
    Ok(())
}

fn reasoning(json: &Json) -> Result<Reasoning, Refused> {
    const AT: &str = "generationConfig.thinkingConfig";
    let mut fields = Fields::of(json, AT)?;
    let budget = fields.take::<i64>("thinkingBudget", AT)?;
    let level = fields.take::<String>("thinkingLevel", AT)?.map(|level| level.to_ascii_lowercase());
    let level = level.filter(|level| level != "thinking_level_unspecified");
    let effort = level.map(|level| {
        Effort::parse(&level)
            .ok_or_else(|| Refused::field(format!("{AT}.thinkingLevel"), "The level is minimal, low, medium or high."))
    });
    Ok(Reasoning {
        effort: effort.transpose()?,
        budget: budget.and_then(|tokens| u64::try_from(tokens).ok()),
        visible: fields.take("includeThoughts", AT)?,
        dynamic: budget.is_some_and(i64::is_negative),
    })
}

/// Lists of allowed words (`text/x.enum`) and the like have no counterpart.
fn format(fields: &mut Fields) -> Result<Format, Refused> {
    let media_type = fields.raw("responseMimeType");
    let word = media_type.as_ref().and_then(|json| json.read::<String>().ok()).unwrap_or_default();
    let schema = |schema| Format::JsonSchema { name: "answer".to_owned(), description: None, schema, strict: None };
    Ok(match word.as_str() {
        "" | "text/plain" => Format::Text,
        "application/json" => match fields.raw("responseJsonSchema") {
            Some(json) => schema(json),
            None => fields.raw("responseSchema").map_or(Format::JsonObject, |json| schema(from_openapi(&json))),
        },
        _ => {
            return Err(Refused::field(
                "generationConfig.responseMimeType",
                format!("{word:?} cannot be translated for the model asked for: use application/json or text/plain."),
            ));
        }
    })
}
