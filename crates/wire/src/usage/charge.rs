//! The charge, where a provider names it beside the tokens.

use domain::Nanos;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::number::{lenient, scaled};

/// The fields of a usage object that are about money.
#[derive(Debug, Default)]
pub(super) struct Charge {
    /// OpenRouter: dollars. Perplexity: an object with `total_cost`.
    pub(super) cost: Option<Box<RawValue>>,
    /// xAI: tens of billions to the dollar.
    pub(super) cost_in_usd_ticks: Option<Box<RawValue>>,
    /// OpenRouter: whether it called with the customer's own key; `cost` is then only its fee.
    pub(super) is_byok: bool,
    /// OpenRouter.
    pub(super) cost_details: Option<CostDetails>,
}

/// What OpenRouter's provider takes from the customer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CostDetails {
    #[serde(deserialize_with = "lenient")]
    upstream_inference_cost: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct CostParts<'a> {
    #[serde(borrow)]
    total_cost: &'a RawValue,
}

impl Charge {
    /// All that the answer cost, in nano-dollars.
    pub(super) fn total(&self) -> Option<Nanos> {
        if let Some(ticks) = &self.cost_in_usd_ticks {
            return scaled(ticks.get(), -1);
        }
        let cost = self.cost.as_ref()?.get();
        let named =
            dollars(cost).or_else(|| dollars(serde_json::from_str::<CostParts<'_>>(cost).ok()?.total_cost.get()));
        if !self.is_byok {
            return named;
        }
        let upstream = self.cost_details.as_ref()?.upstream_inference_cost.as_ref()?;
        Some(named? + dollars(upstream.get())?)
    }
}

fn dollars(text: &str) -> Option<Nanos> {
    scaled(text, 9)
}
