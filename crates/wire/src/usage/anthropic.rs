//! Usage as Anthropic writes it in messages and their streams.
//!
//! `input_tokens` holds neither cache reads nor writes; ours does, so they are added, once. In a stream `message_start`
//! begins the count and each `message_delta` replaces the figures it names: they are running totals. What a compaction
//! of the context consumed stands only in `iterations` and is billed with the rest; what an advisor of another model
//! consumed stands there too, but has another price and is not ours to add.

use domain::price::Zone;
use domain::usage::ServiceTier;
use domain::{Nanos, Usage};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Observed;
use super::charge::{Charge, CostDetails};
use super::number::{Count, lenient, lenient_list};
use super::served::Served;
use crate::estimate;

/// A message or an event of its stream.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
    #[serde(deserialize_with = "lenient")]
    message: Option<Message>,
    error: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    usage: Option<Report>,
}

/// The running totals; a missing figure leaves the one before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Report {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    cache_creation: Option<Lifetimes>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "lenient_list")]
    iterations: Option<Vec<Iteration>>,
    #[serde(deserialize_with = "lenient")]
    server_tool_use: Option<ServerTools>,
    #[serde(deserialize_with = "lenient")]
    service_tier: Option<Served>,
    #[serde(deserialize_with = "lenient")]
    speed: Option<Served>,
    #[serde(deserialize_with = "lenient")]
    inference_geo: Option<Geo>,
    /// OpenRouter, which serves this API too.
    #[serde(deserialize_with = "lenient")]
    cost: Option<Box<RawValue>>,
    #[serde(deserialize_with = "lenient")]
    is_byok: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    cost_details: Option<CostDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Lifetimes {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

/// What the provider did by itself.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct ServerTools {
    web_search_requests: Count,
}

/// Where the model ran: those that have a price.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Geo {
    Us,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Iteration {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(deserialize_with = "lenient")]
    cache_creation: Option<Lifetimes>,
}

impl Report {
    /// Lays newer figures over these.
    pub(crate) fn update(&mut self, newer: Self) {
        let over = |old: &mut Count, new: Count| *old = Count(new.0.or(old.0));
        over(&mut self.input_tokens, newer.input_tokens);
        over(&mut self.output_tokens, newer.output_tokens);
        over(&mut self.cache_read_input_tokens, newer.cache_read_input_tokens);
        over(&mut self.cache_creation_input_tokens, newer.cache_creation_input_tokens);
        self.cache_creation = newer.cache_creation.or(self.cache_creation);
        self.output_tokens_details = newer.output_tokens_details.or(self.output_tokens_details);
        self.iterations = newer.iterations.or_else(|| self.iterations.take());
        self.server_tool_use = newer.server_tool_use.or(self.server_tool_use);
        self.service_tier = newer.service_tier.or(self.service_tier);
        self.speed = newer.speed.or(self.speed);
        self.inference_geo = newer.inference_geo.or(self.inference_geo);
        self.cost = newer.cost.or_else(|| self.cost.take());
        self.is_byok = newer.is_byok.or(self.is_byok);
        self.cost_details = newer.cost_details.or_else(|| self.cost_details.take());
    }

    fn charged(&self) -> Option<Nanos> {
        let (cost, cost_details) = (self.cost.clone(), self.cost_details.clone());
        Charge { cost, cost_details, is_byok: self.is_byok == Some(true), ..Charge::default() }.total()
    }

    fn tier(&self) -> ServiceTier {
        let is_fast = self.speed.is_some_and(|speed| speed.0 == Some(ServiceTier::Fast));
        let named = self.service_tier.and_then(|tier| tier.0).unwrap_or_default();
        if is_fast && named == ServiceTier::Standard { ServiceTier::Fast } else { named }
    }

    /// What they come to; none where neither input nor output is named.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if self.input_tokens.0.is_none() && self.output_tokens.0.is_none() {
            return None;
        }
        let mut usage = Usage {
            reasoning: self.output_tokens_details.unwrap_or_default().thinking_tokens.get(),
            web_searches: self.server_tool_use.unwrap_or_default().web_search_requests.small(),
            service_tier: self.tier(),
            zone: self.inference_geo.map_or(Zone::Anywhere, |Geo::Us| Zone::InferenceUs),
            ..Usage::default()
        };
        let (read, written) = (self.cache_read_input_tokens, self.cache_creation_input_tokens);
        add(&mut usage, [self.input_tokens, self.output_tokens, read, written], self.cache_creation);
        let iterations = self.iterations.iter().flatten();
        for part in iterations.filter(|part| part.kind.as_deref() == Some("compaction")) {
            let (read, written) = (part.cache_read_input_tokens, part.cache_creation_input_tokens);
            add(&mut usage, [part.input_tokens, part.output_tokens, read, written], part.cache_creation);
        }
        Some(usage)
    }
}

fn add(usage: &mut Usage, [input, output, read, written]: [Count; 4], lifetimes: Option<Lifetimes>) {
    let lifetimes = lifetimes.unwrap_or_default();
    let (short, hour) = (lifetimes.ephemeral_5m_input_tokens.get(), lifetimes.ephemeral_1h_input_tokens.get());
    let written = written.0.unwrap_or(short.saturating_add(hour));
    let hour = hour.min(written);
    let input = input.get().saturating_add(read.get()).saturating_add(written);
    usage.input = usage.input.saturating_add(input);
    usage.output = usage.output.saturating_add(output.get());
    usage.cached_input = usage.cached_input.saturating_add(read.get());
    usage.cache_write = usage.cache_write.saturating_add(written - hour);
    usage.cache_write_1h = usage.cache_write_1h.saturating_add(hour);
}

/// What a running stream has come to.
#[derive(Debug, Default)]
pub(super) struct Running {
    report: Report,
    /// Whether the output was reported after it was written: what `message_start` says of it is a token or two.
    counted: bool,
    /// Bytes of the events that carried pieces of the answer, without what frames them.
    delivered: u64,
}

impl Running {
    /// Takes note of a piece of the answer.
    pub(super) fn piece(&mut self, json: &[u8]) {
        const FRAME: u64 =
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#.len() as u64;
        let is_mark = memchr::memmem::find(json, b"\"signature_delta\"").is_some();
        if !is_mark {
            self.delivered += (json.len() as u64).saturating_sub(FRAME);
        }
    }

    /// Puts the output of a stream that broke off at what was delivered of it.
    pub(super) fn estimate(&self, into: &mut Observed) {
        if let Some(usage) = into.usage.as_mut().filter(|_| !self.counted && !into.finished) {
            usage.output = usage.output.max(self.delivered.div_ceil(estimate::TOKEN_BYTES));
            into.estimated = true;
        }
    }
}

/// Takes in what `json` says on top of what came before; false where it is no JSON object.
pub(super) fn take(json: &[u8], running: &mut Running, into: &mut Observed) -> bool {
    let Ok(answer) = serde_json::from_slice::<Answer>(json) else {
        return false;
    };
    let message = answer.message.unwrap_or_default();
    let model = answer.model.or(message.model).filter(|model| !model.is_empty());
    into.model = into.model.take().or(model);
    let kind = answer.kind.as_deref().unwrap_or_default();
    if let Some(report) = answer.usage.or(message.usage) {
        running.counted |= kind != "message_start" && report.output_tokens.0.is_some();
        running.report.update(report);
        into.usage = running.report.usage();
        into.charged = running.report.charged();
    }
    into.finished |= kind == "message_stop";
    into.error |= kind == "error" || answer.error.is_some();
    true
}

pub(super) fn body(body: &[u8]) -> Observed {
    let mut observed = Observed::default();
    observed.finished = take(body, &mut Running::default(), &mut observed);
    observed
}
