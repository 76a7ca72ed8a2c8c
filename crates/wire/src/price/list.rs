//! The prices of one way of being served.

use domain::Usage;
use domain::usage::ServiceTier;

use super::{Rates, Units};

/// Prices that hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// None where tokens are not what is billed.
    pub rates: Option<Rates>,
    /// Rates of long requests, shortest first.
    pub tiers: Vec<Tier>,
    /// Prices of what is not counted in tokens.
    pub units: Units,
}

/// Rates for all tokens of a request whose input is long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Fewest input tokens, cached and written ones included, that fall under it.
    pub from: u64,
    /// The rates.
    pub rates: Rates,
}

/// Prices of every way of being served that has some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    pub usual: List,
    pub services: Vec<(ServiceTier, List)>,
}

impl List {
    /// The tier that a request falls under.
    pub(super) fn tier(&self, usage: &Usage) -> Option<&Tier> {
        self.tiers.iter().rev().find(|tier| usage.input >= tier.from)
    }

    /// Whether it has prices beside those of requests and searches.
    pub(super) fn has_more(&self) -> bool {
        self.rates.is_some() || self.units.has_instead()
    }

    /// Whether nobody pays.
    pub(super) fn is_free(&self) -> bool {
        self.rates.is_some_and(|rates| rates.are_free()) && self.tiers.is_empty() && self.units.is_empty()
    }
}

impl Lists {
    /// The prices of a way of being served, where it has its own.
    pub(super) fn service(&self, tier: ServiceTier) -> Option<&List> {
        self.services.iter().find(|(name, _)| *name == tier).map(|(_, list)| list)
    }
}
