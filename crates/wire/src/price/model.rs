//! What a model costs.

use domain::Usage;
use domain::price::{Formula, Ppm, Zone};
use domain::usage::ServiceTier;

use super::hours::Window;
use super::list::{List, Lists};
use super::{Cost, Rates, Terms, bill};

/// What a model costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The provider's name in the book.
    pub provider: String,
    /// The model's id, as the provider's API takes it.
    pub model: String,
    /// Other ids that are billed the same.
    pub aliases: Vec<String>,
    /// `chat`, `embedding`, `responses`, …
    pub mode: String,
    /// Most tokens of input and output together.
    pub context_window: Option<u64>,
    /// Most tokens of output.
    pub max_output_tokens: Option<u64>,
    /// What it costs, until the first change.
    pub(super) lists: Lists,
    /// Cheaper hours.
    pub(super) off_peak: Option<OffPeak>,
    /// Changes, earliest first.
    pub(super) changes: Vec<Change>,
    /// Factors on the prices of tokens.
    pub(super) multipliers: Vec<(Zone, Ppm)>,
    /// What tokens cost at those who answer behind the provider.
    pub(super) backends: Vec<(String, Rates)>,
}

/// Rates of certain hours of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OffPeak {
    pub windows: Vec<Window>,
    pub rates: Rates,
}

/// Prices from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Milliseconds since 1970.
    pub from_ms: i64,
    pub lists: Lists,
}

impl Price {
    /// The usual prices, before any change.
    #[must_use]
    pub fn usual(&self) -> &List {
        &self.lists.usual
    }

    /// What `usage` costs, but for factors, which [`super::Found`] knows. Where tokens were counted and have a price, they are
    /// what is billed, whatever else was counted. None where nothing that was counted has a price.
    #[must_use]
    pub fn cost(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        self.formula(usage, terms).map(Cost::of)
    }

    /// Whether nobody pays for the model.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.lists.usual.is_free() && self.changes.is_empty()
    }

    /// The factor on the prices of tokens in a zone.
    pub(super) fn factor(&self, zone: Zone) -> Option<Ppm> {
        self.multipliers.iter().find(|(name, _)| *name == zone).map(|(_, factor)| *factor)
    }

    pub(super) fn formula(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Formula> {
        let change = self.changes.iter().rev().find(|change| change.from_ms <= terms.at_ms);
        let lists = change.map_or(&self.lists, |change| &change.lists);
        let service = lists.service(usage.service_tier);
        let list = service.unwrap_or(&lists.usual);
        let mut formula = Formula { since_ms: change.map(|change| change.from_ms), ..Formula::default() };
        let has_tokens = usage.input > 0 || usage.output > 0 || !usage.has_units() || list.is_free();
        let rates = if has_tokens { self.rates(lists, service, usage, terms, &mut formula) } else { None };
        match rates {
            Some(rates) => bill::tokens(usage, &rates, &mut formula.lines),
            None => list.units.instead(usage, terms.pictures, &mut formula),
        }
        // What stands beside other prices is no price of what was counted where those are missing.
        let is_whole = rates.is_some() || !formula.lines.is_empty() || !list.has_more();
        list.units.beside(usage, &mut formula.lines);
        (rates.is_some() || (is_whole && !formula.lines.is_empty())).then_some(formula)
    }

    /// The rates of tokens, and in the formula why it is these.
    fn rates(
        &self,
        lists: &Lists,
        service: Option<&List>,
        usage: &Usage,
        terms: &Terms<'_>,
        formula: &mut Formula,
    ) -> Option<Rates> {
        let own_tier = service.and_then(|list| list.tier(usage));
        if let Some(tier) = own_tier {
            (formula.service_tier, formula.tier_from) = (usage.service_tier, Some(tier.from));
            return Some(tier.rates);
        }
        if let Some(off_peak) = self.off_peak.as_ref().filter(|_| service.is_none())
            && off_peak.windows.iter().any(|window| window.covers(terms.at_ms))
        {
            formula.off_peak = true;
            return Some(off_peak.rates);
        }
        // A way of being served that says nothing of long requests does not make them cheaper.
        if let Some(tier) = lists.usual.tier(usage).filter(|_| service.is_none_or(|list| list.tiers.is_empty())) {
            formula.tier_from = Some(tier.from);
            return Some(tier.rates);
        }
        if let Some(rates) = service.and_then(|list| list.rates) {
            formula.service_tier = usage.service_tier;
            return Some(rates);
        }
        let named = |name: &str| self.backends.iter().find(|(backend, _)| backend == name).map(|(_, rates)| *rates);
        let backend = terms.backend.filter(|_| usage.service_tier == ServiceTier::Standard).and_then(named);
        backend.or(lists.usual.rates)
    }
}
