//! Writes a request for Claude.

use serde::Serialize;

use super::blocks::Block;
use super::conversation::{self, Conversation, Turn};
use super::extras::{Extra, Extras};
use super::model::Model;
use super::output::{self, Shape};
use super::reasoning::{self, Plan, Wish};
use super::tools::{self, Choice, Definition};
use crate::api::{Encoded, Target};
use crate::chat::{CacheTtl, Json, Losses, Names, Part, Refused, Request};

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Definition<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking<'a>>,
    #[serde(skip_serializing_if = "OutputConfig::is_empty")]
    output_config: OutputConfig<'a>,
    #[serde(flatten)]
    sampling: Chosen,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
    #[serde(flatten)]
    extra: Extra<'a>,
}

/// How tokens are chosen.
#[derive(Default, Serialize)]
struct Chosen {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
}

#[derive(Serialize)]
struct Thinking<'a> {
    #[serde(flatten)]
    wish: Wish,
    #[serde(flatten)]
    extra: Extra<'a>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutputFormat<'a>>,
    #[serde(flatten)]
    extra: Extra<'a>,
}

impl<'a> OutputConfig<'a> {
    fn of(plan: &Plan, shape: &'a Shape, extras: &Extras<'a>) -> Self {
        let format = match shape {
            Shape::Format(schema) => Some(OutputFormat { kind: "json_schema", schema }),
            _ => None,
        };
        Self { effort: plan.effort, format, extra: extras.at("output_config") }
    }

    fn is_empty(&self) -> bool {
        self.effort.is_none() && self.format.is_none() && self.extra.is_empty()
    }
}

#[derive(Serialize)]
struct OutputFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: &'a Json,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(flatten)]
    extra: Extra<'a>,
}

impl<'a> Metadata<'a> {
    fn of(request: &'a Request, extras: &Extras<'a>) -> Option<Self> {
        let metadata = Self { user_id: request.user.as_deref(), extra: extras.at("metadata") };
        Some(metadata).filter(|metadata| metadata.user_id.is_some() || !metadata.extra.is_empty())
    }
}

/// Writes a request for a provider.
///
/// # Errors
/// When the conversation is empty.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let model = Model::of(target.model);
    let (mut losses, mut names) = (Losses::default(), Names::default());
    let extras = Extras::of(request, &mut losses);
    let mut talk = conversation::write(request, &model, &extras, (&mut names, &mut losses))?;
    let shape = output::shape(request, &model, &mut losses);
    let mut plan = reasoning::plan(request, &model, &mut losses);
    fit(&mut plan, &talk, &shape, &mut losses);
    let called = std::mem::take(&mut talk.called);
    let mut tools = tools::definitions((request, &model), (&extras, &shape), &called, (&mut names, &mut losses));
    let tool_choice = match tools.is_empty() {
        true => None,
        false => tools::choice(request, (&extras, &shape), !plan.has_budget(), (&mut names, &mut losses)),
    };
    cache_prefix(request, &mut talk, &mut tools);
    if let Shape::Told(words) = &shape {
        talk.system.push(Block::text(words.as_str(), &[]));
    }
    lose(request, &mut losses);
    let body = Body {
        model: target.model,
        max_tokens: plan.max_tokens,
        system: talk.system,
        messages: talk.turns,
        tools,
        tool_choice,
        thinking: plan.thinking.map(|wish| Thinking { wish, extra: extras.at("thinking") }),
        output_config: OutputConfig::of(&plan, &shape, &extras),
        sampling: sampling(request, &model, &plan, &mut losses),
        stop_sequences: stops(request, &mut losses),
        service_tier: service_tier(request, &mut losses),
        metadata: Metadata::of(request, &extras),
        stream: request.stream,
        extra: extras.own(),
    };
    let body = serde_json::to_vec(&body).map_err(Refused::from)?;
    Ok(Encoded { body, losses, names, output_tool: shape.tool(), ..Encoded::default() })
}

/// Leaves thinking out where the conversation or the answer's shape does not bear it.
fn fit(plan: &mut Plan, talk: &Conversation<'_>, shape: &Shape, losses: &mut Losses) {
    let why = if !plan.has_budget() {
        return;
    } else if talk.lacks_thoughts() {
        "the turn that is going on began without thoughts"
    } else if talk.ends_with_assistant() {
        "the model cannot think before it continues a message"
    } else if matches!(shape, Shape::Tool { .. }) {
        "the answer's shape is made by a tool, which a model that thinks cannot be made to call"
    } else {
        return;
    };
    losses.harmless("reasoning_effort", why);
    plan.thinking = None;
}

fn says_what_to_cache(request: &Request) -> bool {
    fn hinted(parts: &[Part]) -> bool {
        parts.iter().any(|part| part.cache.is_some())
    }
    request.tools.iter().any(|tool| tool.cache.is_some())
        || request.messages.iter().any(|message| hinted(&message.parts))
        || request.extra.iter().any(|(name, _)| name == "cache_control")
}

/// Where the caller names a key for the cache and no places, caches what stays the same from request to request.
fn cache_prefix(request: &Request, talk: &mut Conversation<'_>, tools: &mut [Definition<'_>]) {
    if request.prompt_cache_key.is_none() || says_what_to_cache(request) {
        return;
    }
    if !talk.cache_system()
        && let Some(Definition::Made(last)) = tools.last_mut()
    {
        last.cache_control = Some(CacheTtl::Short.into());
    }
}

fn sampling(request: &Request, model: &Model, plan: &Plan, losses: &mut Losses) -> Chosen {
    let asked = &request.sampling;
    let (mut temperature, mut top_p, mut top_k) = (asked.temperature, asked.top_p, asked.top_k);
    let mut drop_if = |unfit: bool, field: &str, why: &str| {
        if unfit {
            losses.harmless(field, why);
        }
        unfit
    };
    if !model.sampling {
        let why = "the model chooses its tokens itself";
        drop_if(temperature.take().is_some(), "temperature", why);
        drop_if(top_p.take().is_some(), "top_p", why);
        drop_if(top_k.take().is_some(), "top_k", why);
        return Chosen::default();
    }
    if drop_if(temperature.is_some_and(|t| t > 1.0), "temperature", "1 is the most that Anthropic takes") {
        temperature = Some(1.0);
    }
    if plan.thinks() {
        let why = "not while the model thinks";
        temperature = temperature.filter(|t| !drop_if((*t - 1.0).abs() > f64::EPSILON, "temperature", why));
        top_p = top_p.filter(|p| !drop_if(*p < 0.95, "top_p", why));
        top_k = top_k.filter(|_| !drop_if(true, "top_k", why));
    }
    let both = temperature.is_some() && !model.both_samplings;
    top_p = top_p.filter(|_| !drop_if(both, "top_p", "the model takes either a temperature or top_p"));
    Chosen { temperature, top_p, top_k }
}

fn stops<'a>(request: &'a Request, losses: &mut Losses) -> Vec<&'a str> {
    let fit: Vec<&str> = request.stop.iter().map(String::as_str).filter(|stop| !stop.trim().is_empty()).collect();
    if fit.len() < request.stop.len() {
        losses.harmless("stop", "Anthropic takes no stop sequence of white space");
    }
    fit
}

fn service_tier(request: &Request, losses: &mut Losses) -> Option<&'static str> {
    match request.service_tier.as_deref()? {
        "auto" | "priority" => Some("auto"),
        "default" | "standard_only" => Some("standard_only"),
        _ => {
            losses.harmless("service_tier", "Anthropic has no such tier");
            None
        }
    }
}

/// What the caller asked for and Anthropic has no field for.
fn lose(request: &Request, losses: &mut Losses) {
    let why = "Anthropic has no counterpart";
    let sampling = &request.sampling;
    if request.n.is_some_and(|n| n > 1) {
        losses.grave("n", "Anthropic gives one answer");
    }
    if sampling.logprobs == Some(true) || sampling.top_logprobs.is_some_and(|n| n > 0) {
        losses.grave("logprobs", "Anthropic does not tell probabilities");
    }
    let harmless = [
        ("seed", sampling.seed.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", sampling.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("logit_bias", sampling.logit_bias.as_ref().is_some_and(|bias| bias.as_str() != "{}")),
        ("metadata", request.metadata.is_some()),
        ("verbosity", request.verbosity.is_some()),
        ("store", request.store == Some(true)),
    ];
    for (field, _) in harmless.into_iter().filter(|(_, asked)| *asked) {
        losses.harmless(field, why);
    }
}
