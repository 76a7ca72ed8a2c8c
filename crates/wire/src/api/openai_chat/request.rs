//! Reads a caller's request.

use super::fields::Fields;
use super::{messages, tools};
use crate::api::Api;
use crate::chat::{Effort, Format, Json, Reasoning, Refused, Request, Sampling};

const NUMBER: &str = "a number";
const WHOLE: &str = "a whole number that is not negative";
const BOOL: &str = "true or false";

/// Reads a body.
pub(in crate::api) fn decode_request(body: &[u8]) -> Result<Request, Refused> {
    let mut fields = Fields::read(body, String::new())?;
    let model = fields.needed("model")?;
    let messages = messages::read(&fields.list("messages")?)?;
    let max_tokens = fields.take("max_completion_tokens", WHOLE)?.or(fields.take("max_tokens", WHOLE)?);
    let stream = fields.take("stream", BOOL)?.unwrap_or(false);
    let stream_options = fields.object("stream_options")?;
    let include_usage = match stream_options {
        Some(mut options) => options.take("include_usage", BOOL)?.unwrap_or(false),
        None => false,
    };
    let request = Request {
        front: Some(Api::OpenaiChat),
        model,
        stream,
        include_usage,
        messages,
        tools: tools::read(&mut fields)?,
        tool_choice: tools::choice(&mut fields)?,
        parallel_tool_calls: fields.take("parallel_tool_calls", BOOL)?,
        format: format(&mut fields)?,
        max_tokens,
        sampling: sampling(&mut fields)?,
        reasoning: reasoning(&mut fields)?,
        stop: stop(&mut fields)?,
        n: fields.take("n", WHOLE)?,
        user: fields.text("user")?,
        service_tier: fields.text("service_tier")?,
        metadata: fields.raw("metadata"),
        prompt_cache_key: fields.text("prompt_cache_key")?,
        verbosity: fields.text("verbosity")?,
        store: fields.take("store", BOOL)?,
        extra: Vec::new(),
    };
    Ok(Request { extra: fields.rest().into_iter().filter(|(_, value)| !value.is_null()).collect(), ..request })
}

fn sampling(fields: &mut Fields) -> Result<Sampling, Refused> {
    Ok(Sampling {
        temperature: fields.take("temperature", NUMBER)?,
        top_p: fields.take("top_p", NUMBER)?,
        top_k: fields.take("top_k", WHOLE)?,
        seed: fields.take("seed", "a whole number")?,
        presence_penalty: fields.take("presence_penalty", NUMBER)?,
        frequency_penalty: fields.take("frequency_penalty", NUMBER)?,
        logit_bias: fields.raw("logit_bias"),
        logprobs: fields.take("logprobs", BOOL)?,
        top_logprobs: fields.take("top_logprobs", WHOLE)?,
    })
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, Refused> {
    let path = fields.path("stop");
    let Some(stop) = fields.raw("stop") else { return Ok(Vec::new()) };
    let one = stop.read::<String>().map(|stop| vec![stop]);
    one.or_else(|_| stop.read()).map_err(|_| Refused::field(path, "must be a string or a list of strings"))
}

fn format(fields: &mut Fields) -> Result<Format, Refused> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(Format::Text) };
    match format.needed("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" => json_schema(&mut format),
        other => Err(Refused::field(
            "response_format.type",
            format!("must be `text`, `json_object` or `json_schema`, not `{other}`"),
        )),
    }
}

fn json_schema(format: &mut Fields) -> Result<Format, Refused> {
    let missing = |field: &str| Refused::field(format!("response_format.{field}"), "is missing: it must be an object");
    let mut details = format.object("json_schema")?.ok_or_else(|| missing("json_schema"))?;
    Ok(Format::JsonSchema {
        // Perplexity's callers give none.
        name: details.text("name")?.unwrap_or_else(|| "answer".to_owned()),
        description: details.text("description")?,
        schema: details.raw("schema").unwrap_or_else(empty_object),
        strict: details.take("strict", BOOL)?,
    })
}

fn empty_object() -> Json {
    Json::of(&serde_json::Map::new())
}

/// `reasoning_effort`, and how compatible providers let callers ask: `reasoning` (OpenRouter), `thinking` (DeepSeek and
/// others), `enable_thinking` (Alibaba).
fn reasoning(fields: &mut Fields) -> Result<Option<Reasoning>, Refused> {
    let mut found = Reasoning::default();
    if let Some(word) = fields.text("reasoning_effort")? {
        found.effort = Some(effort(&word, "reasoning_effort")?);
    }
    if let Some(mut asked) = fields.object("reasoning")? {
        if let Some(word) = asked.text("effort")? {
            found.effort = Some(effort(&word, "reasoning.effort")?);
        }
        found.budget = asked.take("max_tokens", WHOLE)?;
        found.visible = asked.take::<bool>("exclude", BOOL)?.map(|exclude| !exclude);
        switch(&mut found, asked.take("enabled", BOOL)?);
    }
    if let Some(mut asked) = fields.object("thinking")? {
        let kind = asked.text("type")?;
        found.budget = asked.take("budget_tokens", WHOLE)?.or(found.budget);
        found.dynamic |= kind.as_deref() == Some("adaptive");
        switch(&mut found, kind.map(|kind| kind != "disabled"));
    }
    switch(&mut found, fields.take("enable_thinking", BOOL)?);
    found.budget = fields.take("thinking_budget", WHOLE)?.or(found.budget);
    Ok((found != Reasoning::default()).then_some(found))
}

/// What a switch means where nothing more was said.
fn switch(found: &mut Reasoning, on: Option<bool>) {
    match on {
        Some(false) => (found.effort, found.budget) = (Some(Effort::None), None),
        Some(true) if found.effort.is_none() && found.budget.is_none() => found.dynamic = true,
        _ => {}
    }
}

fn effort(word: &str, field: &str) -> Result<Effort, Refused> {
    let words = || Effort::ALL.map(Effort::as_str).join("`, `");
    Effort::parse(word).ok_or_else(|| Refused::field(field, format!("must be one of `{}`, not `{word}`", words())))
}
