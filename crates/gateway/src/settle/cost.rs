//! What an attempt cost.

use domain::ledger::{AttemptRow, CostLine, Outcome, Surface};
use domain::money::RATE_UNITS;
use domain::usage::UsageSource;
use domain::{Nanos, Rate};
use wire::price::PriceBook;
use wire::usage::Observed;

use crate::error::Code;

/// Fills in usage and cost. Where tokens were or may have been spent and the price is not known, the cost is unknown,
/// not zero.
pub(super) fn price(row: &mut AttemptRow, observed: &Observed, code: Option<Code>, price_provider: Option<&str>) {
    row.usage = observed.usage.unwrap_or_default();
    row.usage_source = match observed.usage {
        Some(_) if observed.estimated => UsageSource::Estimated,
        Some(_) => UsageSource::Reported,
        None => UsageSource::None,
    };
    row.cost_formula.clear();
    if let Some(charged) = observed.charged {
        row.cost = Some(charged);
        // A million units, so that the formula's `÷ 1,000,000` gives the charge itself.
        let units = u64::try_from(RATE_UNITS).unwrap_or(1);
        row.cost_formula = vec![CostLine { what: "charged".into(), units, rate: Rate(charged.0) }];
        return;
    }
    let Some(usage) = observed.usage else {
        row.cost = is_free(row, code).then_some(Nanos::ZERO);
        return;
    };
    let find = |model: &str| PriceBook::builtin().find(price_provider?, model);
    let price = observed.model.as_deref().and_then(find).or_else(|| row.model.as_deref().and_then(find));
    let cost = price.map(|price| price.cost_at(&usage, row.at_ms));
    row.cost = cost.as_ref().map(|cost| cost.total);
    row.cost_formula = cost.map(|cost| cost.lines).unwrap_or_default();
}

/// Whether an attempt without usage certainly cost nothing: nobody was called, the provider refused, or nothing was to
/// be generated.
fn is_free(row: &AttemptRow, code: Option<Code>) -> bool {
    row.attempt == 0
        || row.outcome == Outcome::UpstreamError
        || matches!(code, Some(Code::UpstreamUnreachable | Code::UpstreamForbiddenAddress))
        || matches!(row.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "DELETE")
        || counts_tokens(row)
}

/// Whether tokens were only counted, for which no provider charges: on the unified surface, or at a provider's own endpoint.
fn counts_tokens(row: &AttemptRow) -> bool {
    /// Anthropic, Gemini and Vertex AI, Claude on Vertex AI, Bedrock, OpenAI.
    const ENDS: [&str; 5] =
        ["/count_tokens", ":countTokens", "/count-tokens:rawPredict", "/count-tokens", "/responses/input_tokens"];
    row.surface == Surface::CountTokens || ENDS.iter().any(|end| row.path.ends_with(end))
}
