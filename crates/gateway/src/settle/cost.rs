//! What an attempt cost.

use domain::ledger::{AttemptRow, CostLine, Outcome, Surface};
use domain::money::RATE_UNITS;
use domain::usage::UsageSource;
use domain::{Nanos, Rate, Usage};
use wire::price::{Price, PriceBook};
use wire::task::Size;
use wire::usage::Observed;

use crate::error::Code;

/// What a request itself says about its price.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    /// What the gateway counts, for where the provider does not.
    pub count: Option<Usage>,
    /// The pictures that are asked for.
    pub pictures: Size,
}

/// Fills in usage and cost. Where something was or may have been consumed and the price is not known, the cost is unknown, not
/// zero.
pub(super) fn price(
    row: &mut AttemptRow,
    observed: &Observed,
    code: Option<Code>,
    price_provider: Option<&str>,
    measure: &Measure,
) {
    let own = measure.count.filter(|_| observed.usage.is_none() && was_served(row));
    row.usage = observed.usage.or(own).unwrap_or_default();
    row.usage_source = match observed.usage {
        Some(_) if !observed.estimated => UsageSource::Reported,
        None if own.is_none() => UsageSource::None,
        _ => UsageSource::Estimated,
    };
    row.cost_formula.clear();
    if let Some(charged) = observed.charged {
        row.cost = Some(charged);
        // A million units, so that the formula's `÷ 1,000,000` gives the charge itself.
        let units = u64::try_from(RATE_UNITS).unwrap_or(1);
        row.cost_formula = vec![CostLine { what: "charged".into(), units, rate: Rate(charged.0) }];
        return;
    }
    let find = |model: &str| PriceBook::builtin().find(price_provider?, model);
    let price = observed.model.as_deref().and_then(find).or_else(|| row.model.as_deref().and_then(find));
    let Some(usage) = observed.usage.or(own) else {
        row.cost = (is_free(row, code) || price.is_some_and(Price::is_free)).then_some(Nanos::ZERO);
        return;
    };
    let cost = price.and_then(|price| price.cost_at(&usage, &measure.pictures, row.at_ms));
    row.cost = cost.as_ref().map(|cost| cost.total);
    row.cost_formula = cost.map(|cost| cost.lines).unwrap_or_default();
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
