//! A slow and plain reading of what an answer consumed, to compare with.

use domain::Usage;
use domain::price::Zone;
use domain::provider::Dialect;
use domain::usage::ServiceTier;
use serde_json::Value;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn few(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A tier of service by any of its names.
fn named(word: &Value) -> Option<ServiceTier> {
    match word.as_str()?.to_lowercase().as_str() {
        "auto" => None,
        "flex" | "on_demand_flex" => Some(ServiceTier::Flex),
        "priority" | "on_demand_priority" => Some(ServiceTier::Priority),
        "batch" => Some(ServiceTier::Batch),
        _ => Some(ServiceTier::Standard),
    }
}

/// The last that was named, in this document or before.
fn tier(document: &Value, so_far: Option<Usage>) -> ServiceTier {
    let places = [&document["service_tier"], &document["response"]["service_tier"]];
    let before = || so_far.map(|usage| usage.service_tier).unwrap_or_default();
    places.into_iter().find_map(named).unwrap_or_else(before)
}

/// Items of an answer's output that are calls of a tool which the provider runs, of web searches only those that search.
fn called(document: &Value, kind: &str) -> u32 {
    let places = [&document["output"], &document["response"]["output"]];
    let items = places.into_iter().find_map(Value::as_array).into_iter().flatten();
    let searches = |item: &&Value| matches!(item["action"]["type"].as_str(), None | Some("search"));
    let calls = items.filter(|item| item["type"] == kind).filter(|item| kind != "web_search_call" || searches(item));
    few(calls.count() as u64)
}

/// What one document says, read through `Value`.
fn openai(document: &Value, so_far: Option<Usage>) -> Option<Usage> {
    let places = ["/usage", "/response/usage", "/result/usage", "/x_groq/usage"];
    let usage = places.iter().filter_map(|place| document.pointer(place)).find(|usage| usage.is_object());
    let Some(usage) = usage else { return so_far };
    let first = |names: &[&str]| names.iter().map(|name| number(&usage[name])).find(|count| *count > 0).unwrap_or(0);
    let at = |places: &[&str]| {
        let counts = places.iter().filter_map(|place| usage.pointer(place)).map(number);
        counts.max().unwrap_or(0)
    };
    let known = ["prompt_tokens", "input_tokens", "total_tokens", "seconds"].iter().any(|name| usage[name].is_number());
    if !known {
        return so_far;
    }
    let input = first(&["prompt_tokens", "input_tokens"]);
    let output = first(&["completion_tokens", "output_tokens"]);
    let reasoning = at(&["/completion_tokens_details/reasoning_tokens", "/output_tokens_details/reasoning_tokens"]);
    let outside = number(&usage["total_tokens"]) == input + output + reasoning;
    let citation = number(&usage["citation_tokens"]);
    let queries = few(number(&usage["num_search_queries"]));
    Some(Usage {
        input,
        output: if outside { output + reasoning } else { output } + citation,
        citation: few(citation),
        cached_input: at(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/num_cached_tokens",
        ]),
        cache_write: at(&["/prompt_tokens_details/cache_write_tokens", "/input_tokens_details/cache_write_tokens"]),
        cache_write_1h: 0,
        reasoning,
        audio_input: at(&["/prompt_tokens_details/audio_tokens", "/input_token_details/audio_tokens"]),
        audio_output: at(&["/completion_tokens_details/audio_tokens"]),
        image_output: few(at(&["/completion_tokens_details/image_tokens", "/output_tokens_details/image_tokens"])),
        video_input: few(at(&["/prompt_tokens_details/video_tokens"])),
        web_searches: called(document, "web_search_call").max(queries),
        search_context: serde_json::from_value(usage["search_context_size"].clone()).unwrap_or_default(),
        file_searches: called(document, "file_search_call"),
        service_tier: tier(document, so_far),
        image_input: at(&["/prompt_tokens_details/image_tokens", "/input_tokens_details/image_tokens"]),
        audio_seconds: first(&["seconds", "prompt_audio_seconds"]),
        ..Usage::default()
    })
}

/// The figures of Anthropic's documents, the later ones laid over the earlier.
fn anthropic(documents: &[Value]) -> Option<Usage> {
    let mut merged = serde_json::Map::new();
    for document in documents {
        for usage in [&document["usage"], &document["message"]["usage"]] {
            let figures = usage.as_object().into_iter().flatten().filter(|(_, figure)| !figure.is_null());
            merged.extend(figures.map(|(name, figure)| (name.clone(), figure.clone())));
        }
    }
    if merged.is_empty() {
        return None;
    }
    let merged = Value::Object(merged);
    let mut parts = vec![&merged];
    let iterations = merged["iterations"].as_array().into_iter().flatten();
    parts.extend(iterations.filter(|part| part["type"] == "compaction"));
    let mut usage = Usage::default();
    for part in parts {
        let lifetime = |name: &str| number(&part["cache_creation"][name]);
        let (short, hour) = (lifetime("ephemeral_5m_input_tokens"), lifetime("ephemeral_1h_input_tokens"));
        let read = number(&part["cache_read_input_tokens"]);
        let written = part["cache_creation_input_tokens"].as_u64().unwrap_or(short + hour);
        let hour = hour.min(written);
        usage.input += number(&part["input_tokens"]) + read + written;
        usage.output += number(&part["output_tokens"]);
        usage.cached_input += read;
        usage.cache_write += written - hour;
        usage.cache_write_1h += hour;
    }
    usage.reasoning = number(&merged["output_tokens_details"]["thinking_tokens"]);
    usage.web_searches = few(number(&merged["server_tool_use"]["web_search_requests"]));
    usage.service_tier = named(&merged["service_tier"]).unwrap_or_default();
    if merged["inference_geo"] == "us" {
        usage.zone = Zone::InferenceUs;
    }
    Some(usage)
}

fn gemini(documents: &[Value]) -> Option<Usage> {
    let usage = documents.iter().rev().map(|document| &document["usageMetadata"]).find(|usage| usage.is_object())?;
    let of = |modality: &str, details: &[&str]| -> u64 {
        let parts = details.iter().flat_map(|name| usage[*name].as_array().into_iter().flatten());
        parts.filter(|part| part["modality"] == modality).map(|part| number(&part["tokenCount"])).sum()
    };
    let input = ["promptTokensDetails", "toolUsePromptTokensDetails"];
    // What is searched for before anything is counted is not kept.
    let counted = documents.iter().skip_while(|document| !document["usageMetadata"].is_object());
    let searches = counted.map(|document| {
        let candidates = document["candidates"].as_array().into_iter().flatten();
        let queries = candidates.map(|candidate| candidate["groundingMetadata"]["webSearchQueries"].as_array());
        queries.flatten().map(Vec::len).sum::<usize>()
    });
    let found = Usage {
        input: number(&usage["promptTokenCount"]) + number(&usage["toolUsePromptTokenCount"]),
        output: number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]),
        cached_input: number(&usage["cachedContentTokenCount"]),
        reasoning: number(&usage["thoughtsTokenCount"]),
        audio_input: of("AUDIO", &input),
        image_input: of("IMAGE", &input),
        video_input: few(of("VIDEO", &input)),
        cached_audio: few(of("AUDIO", &["cacheTokensDetails"])),
        cached_image: few(of("IMAGE", &["cacheTokensDetails"])),
        audio_output: of("AUDIO", &["candidatesTokensDetails"]),
        image_output: few(of("IMAGE", &["candidatesTokensDetails"])),
        video_output: few(of("VIDEO", &["candidatesTokensDetails"])),
        web_searches: few(searches.max().unwrap_or(0) as u64),
        service_tier: named(&usage["serviceTier"]).or_else(|| named(&usage["trafficType"])).unwrap_or_default(),
        ..Usage::default()
    };
    Some(found)
}

/// What a stream's documents, or a body, say was consumed.
#[must_use]
pub fn usage(family: Dialect, documents: &[Value]) -> Option<Usage> {
    match family {
        Dialect::Openai => documents.iter().fold(None, |so_far, document| openai(document, so_far)),
        Dialect::Anthropic => anthropic(documents),
        Dialect::Gemini => gemini(documents),
    }
}

/// Whether these documents say what they say in the usual words, so that this reading is right about them: figures of a sensible
/// size under the names that the family gives them, and nothing of other families.
#[must_use]
pub fn is_plain(family: Dialect, documents: &[Value]) -> bool {
    let begins = documents.first().is_some_and(|first| match family {
        Dialect::Openai => first["choices"].is_array(),
        Dialect::Anthropic => first["type"] == "message_start" || first["type"] == "message",
        Dialect::Gemini => first["candidates"].is_array(),
    });
    begins && documents.iter().all(|document| says_plainly(family, document))
}

fn says_plainly(family: Dialect, document: &Value) -> bool {
    let places: &[&str] = match family {
        Dialect::Openai => &["/usage", "/response/usage", "/result/usage", "/x_groq/usage"],
        Dialect::Anthropic => &["/usage", "/message/usage"],
        Dialect::Gemini => &["/usageMetadata"],
    };
    let mut reports = places.iter().filter_map(|place| document.pointer(place)).filter(|report| !report.is_null());
    let (report, others) = (reports.next(), reports.next());
    let tiers = [&document["service_tier"], &document["response"]["service_tier"]];
    document.is_object()
        && document["error"].is_null()
        && tiers.into_iter().all(is_usual_tier)
        && document.get("tool_usage").is_none()
        && document.get("output").is_none()
        && others.is_none()
        && report.is_none_or(|report| report.as_object().is_some_and(|figures| is_usual(family, figures)))
}

/// Whether it is a tier of service by a name that providers give it, or none.
fn is_usual_tier(tier: &Value) -> bool {
    const NAMES: [&str; 7] = ["auto", "default", "standard", "on_demand", "flex", "priority", "batch"];
    tier.is_null() || tier.as_str().is_some_and(|name| NAMES.contains(&name))
}

/// The names of figures, of which the first must be there, and of groups of figures and those in them.
type Names = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const CHAT: Names = (
    &["prompt_tokens", "completion_tokens", "total_tokens"],
    &["prompt_tokens_details", "completion_tokens_details"],
    &["cached_tokens", "cache_write_tokens", "audio_tokens", "reasoning_tokens"],
);
const RESPONSES: Names = (
    &["input_tokens", "output_tokens", "total_tokens"],
    &["input_tokens_details", "output_tokens_details"],
    &["cached_tokens", "cache_write_tokens", "reasoning_tokens"],
);
const MESSAGES: Names = (
    &["output_tokens", "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"],
    &["cache_creation", "output_tokens_details"],
    &["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens", "thinking_tokens"],
);
const GEMINI: Names = (
    &[
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    ],
    &[],
    &[],
);

fn is_usual(family: Dialect, report: &serde_json::Map<String, Value>) -> bool {
    /// Above, sums may overflow.
    const MOST: u64 = 1 << 40;
    let (figures, groups, inner) = match family {
        Dialect::Openai if report.contains_key("prompt_tokens") => CHAT,
        Dialect::Openai => RESPONSES,
        Dialect::Anthropic => MESSAGES,
        Dialect::Gemini => GEMINI,
    };
    let is_figure = |value: &Value| value.as_u64().is_some_and(|figure| figure < MOST);
    let group = |value: &Value| {
        value
            .as_object()
            .is_some_and(|group| group.iter().all(|(name, value)| inner.contains(&name.as_str()) && is_figure(value)))
    };
    report.contains_key(figures[0])
        && report.iter().all(|(name, value)| {
            figures.contains(&name.as_str()) && is_figure(value) || groups.contains(&name.as_str()) && group(value)
        })
}
