//! What an attempt cost.

use std::sync::Arc;

use domain::ledger::{AttemptRow, Outcome, Surface};
use domain::price::{Formula, Kind, Source, Zone};
use domain::usage::UsageSource;
use domain::{Nanos, Usage};
use wire::price::{Cost, CustomCost, Found, Named, Prices, Terms};
use wire::task::Size;
use wire::usage::Observed;

use crate::error::Code;

/// What a request itself says about its price.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    /// What the gateway counts, for where the provider does not.
    pub count: Option<Box<Usage>>,
    /// The pictures that are asked for.
    pub pictures: Size,
    /// Where it is made, as far as its address tells.
    pub zone: Zone,
}

/// What an attempt is priced by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pricing {
    /// Of the team; none before a provider is chosen.
    pub prices: Option<Arc<Prices>>,
    /// The provider's name in the price book.
    pub book: Option<&'static str>,
    pub measure: Measure,
    /// What the caller says it costs.
    pub custom: Option<Box<CustomCost>>,
}

/// Whether what an attempt consumed has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priced {
    /// It has one, or nothing was consumed, or nobody knows what.
    Yes,
    /// Something was counted that has none.
    No,
}

/// Fills in usage and cost. Where something was or may have been consumed and the price is not known, the cost is unknown, not
/// zero.
pub(super) fn price(row: &mut AttemptRow, observed: &Observed, code: Option<Code>, pricing: &Pricing) -> Priced {
    let own = pricing.measure.count.as_deref().filter(|_| observed.usage.is_none() && was_served(row)).copied();
    let usage = observed.usage.or(own).map(|usage| placed(usage, pricing.measure.zone));
    row.usage = usage.unwrap_or_default();
    row.usage_source = match observed.usage {
        Some(_) if !observed.estimated => UsageSource::Reported,
        None if own.is_none() => UsageSource::None,
        _ => UsageSource::Estimated,
    };
    (row.cost, row.cost_formula) = (None, Formula::default());
    // What a request says of its whole cost is said of the attempt that was heard.
    let is_heard = code != Some(Code::HedgeCancelled);
    if let Some(custom) = pricing.custom.as_deref().filter(|_| is_heard && (usage.is_some() || was_served(row))) {
        set(row, custom.cost(usage.as_ref()));
        return Priced::Yes;
    }
    if let Some(charged) = observed.charged {
        set(row, Some(Cost { total: charged, formula: Formula::named(Kind::Charged, charged, Source::Provider) }));
        return Priced::Yes;
    }
    let found = found(row, observed, pricing);
    let Some(usage) = usage else {
        row.cost = (is_free(row, code) || found.is_some_and(|found| found.is_free())).then_some(Nanos::ZERO);
        return Priced::Yes;
    };
    let terms = Terms { at_ms: row.at_ms, pictures: &pricing.measure.pictures, backend: row.backend.as_deref() };
    let cost = found.and_then(|found| found.cost(&usage, &terms));
    let priced = if cost.is_some() { Priced::Yes } else { Priced::No };
    set(row, cost);
    priced
}

fn found<'a>(row: &AttemptRow, observed: &Observed, pricing: &'a Pricing) -> Option<Found<'a>> {
    let (answered, asked) = (observed.model.as_deref(), row.model.as_deref());
    let named = Named::of_attempt(row.provider.as_deref()?, pricing.book, answered, asked);
    pricing.prices.as_ref()?.find(&named, row.at_ms)
}

fn set(row: &mut AttemptRow, cost: Option<Cost>) {
    row.cost = cost.as_ref().map(|cost| cost.total);
    row.cost_formula = cost.map(|cost| cost.formula).unwrap_or_default();
}

/// What the provider says of the place goes before what its address tells.
fn placed(usage: Usage, zone: Zone) -> Usage {
    if usage.zone == Zone::Anywhere { Usage { zone, ..usage } } else { usage }
}

/// Whether the provider has begun to do what was asked.
fn was_served(row: &AttemptRow) -> bool {
    row.status < 400
        && row.attempt > 0
        && matches!(row.outcome, Outcome::Ok | Outcome::ClientGone | Outcome::Interrupted)
}

/// Whether an attempt ended before its provider told what it used, and may have used something.
pub(super) fn broke_off(row: &AttemptRow, code: Option<Code>) -> bool {
    row.usage_source == UsageSource::None && row.outcome != Outcome::Ok && !is_free(row, code)
}

/// Whether an attempt without usage certainly cost nothing: nobody was called, the provider refused, or nothing was to
/// be generated.
fn is_free(row: &AttemptRow, code: Option<Code>) -> bool {
    row.attempt == 0
        || row.outcome == Outcome::UpstreamError
        || matches!(code, Some(Code::UpstreamUnreachable | Code::UpstreamForbiddenAddress))
        || uses_nothing(row)
}

/// Whether a request generates nothing, so that nobody pays for it.
pub(crate) fn uses_nothing(row: &AttemptRow) -> bool {
    matches!(row.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE")
        || counts_tokens(row)
        // What is kept is looked at, cancelled or deleted; it is paid for where it was asked.
        || row.surface == Surface::StoredResponses
        // What is asked is paid for when a batch is made: a file is only kept, and to stop a batch asks nothing.
        || row.surface == Surface::Files
        || (row.surface == Surface::Batches && row.path.ends_with("/cancel"))
}

/// Whether tokens were only counted, for which no provider charges: on the unified surface, or at a provider's own endpoint.
fn counts_tokens(row: &AttemptRow) -> bool {
    /// Anthropic, Gemini and Vertex AI, Claude on Vertex AI, Bedrock, OpenAI.
    const ENDS: [&str; 5] =
        ["/count_tokens", ":countTokens", "/count-tokens:rawPredict", "/count-tokens", "/responses/input_tokens"];
    row.surface == Surface::CountTokens || ENDS.iter().any(|end| row.path.ends_with(end))
}
