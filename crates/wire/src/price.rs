//! What an answer costs, by its tokens or by what else its provider bills. The figures are in `price/book.json` (made by `price/generate.py`); all maths is integer and a cost
//! is rounded once, at its end.

use domain::ledger::CostLine;
use domain::{Nanos, Rate, Usage};

use crate::task::Size;

mod book;
#[cfg(test)]
mod tests;
mod units;

pub use book::PriceBook;
pub use units::Units;

/// What a model costs.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The usual rates; none where tokens are not what is billed.
    pub rates: Option<Rates>,
    /// Rates of long requests, shortest first.
    pub tiers: Vec<Tier>,
    /// Cheaper hours.
    off_peak: Option<OffPeak>,
    /// Announced changes, earliest first.
    changes: Vec<Change>,
    /// Prices of what is not counted in tokens.
    pub units: Units,
}

/// Prices per million tokens. Where the provider names none of its own for a kind, the kind has the rate it falls under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that is none of the kinds below.
    pub input: Rate,
    /// Input read from the prompt cache.
    pub cached_input: Rate,
    /// Input written to the prompt cache.
    pub cache_write: Rate,
    /// Input written to the prompt cache for an hour.
    pub cache_write_1h: Rate,
    /// Audio input.
    pub audio_input: Rate,
    /// Pictures in the input.
    pub image_input: Rate,
    /// Output that is none of the kinds below.
    pub output: Rate,
    /// Output spent on reasoning.
    pub reasoning: Rate,
    /// Audio output.
    pub audio_output: Rate,
}

/// Rates for all tokens of a request whose input is longer than a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Most input tokens, cached and written ones included, that do not yet fall under it.
    pub above: u64,
    /// The rates.
    pub rates: Rates,
}

/// Rates of certain hours of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OffPeak {
    windows: Vec<Window>,
    rates: Rates,
}

/// Hours of some weekdays, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    /// 1 is Monday.
    weekdays: Vec<u8>,
    from_minute: u16,
    to_minute: u16,
}

/// Rates from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    /// Milliseconds since 1970.
    from_ms: i64,
    rates: Rates,
}

/// What an answer cost, and how that came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The sum, rounded once.
    pub total: Nanos,
    /// Its parts; kinds without tokens are left out, and those billed like plain input or output are counted there.
    pub lines: Vec<CostLine>,
}

const MINUTE_MS: i64 = 60_000;
const MINUTES_A_DAY: i64 = 24 * 60;

impl OffPeak {
    fn covers(&self, at_ms: i64) -> bool {
        let minutes = at_ms.div_euclid(MINUTE_MS);
        let minute = minutes.rem_euclid(MINUTES_A_DAY);
        // 1 January 1970 was a Thursday, ISO weekday 4.
        let weekday = (minutes.div_euclid(MINUTES_A_DAY) + 3).rem_euclid(7) + 1;
        self.windows.iter().any(|window| {
            let hours = i64::from(window.from_minute)..i64::from(window.to_minute);
            hours.contains(&minute) && window.weekdays.iter().any(|day| i64::from(*day) == weekday)
        })
    }
}

impl Price {
    /// What `usage` costs at the usual rates, without cheaper hours or announced changes; see [`Price::cost_at`].
    #[must_use]
    pub fn cost(&self, usage: &Usage, pictures: &Size) -> Option<Cost> {
        self.bill(self.tier(usage).or(self.rates.as_ref()), usage, pictures)
    }

    /// What `usage` costs for a request made at `at_ms`, in milliseconds since 1970. Where tokens were counted and have a
    /// price, they are what is billed, whatever else was counted. None where nothing that was counted has a price.
    #[must_use]
    pub fn cost_at(&self, usage: &Usage, pictures: &Size, at_ms: i64) -> Option<Cost> {
        self.bill(self.rates_at(usage, at_ms), usage, pictures)
    }

    fn bill(&self, rates: Option<&Rates>, usage: &Usage, pictures: &Size) -> Option<Cost> {
        let tokens = usage.input > 0 || usage.output > 0;
        let rates = rates.filter(|_| tokens || !usage.has_units() || self.is_free());
        rates.map(|rates| rates.cost(usage)).or_else(|| self.units.cost(usage, pictures))
    }

    /// Whether nobody pays for the model.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.rates == Some(Rates::default()) && self.tiers.is_empty() && self.changes.is_empty()
    }

    fn rates_at(&self, usage: &Usage, at_ms: i64) -> Option<&Rates> {
        let usual = self.rates.as_ref()?;
        if let Some(tier) = self.tier(usage) {
            return Some(tier);
        }
        if let Some(off_peak) = self.off_peak.as_ref().filter(|off_peak| off_peak.covers(at_ms)) {
            return Some(&off_peak.rates);
        }
        let change = self.changes.iter().rev().find(|change| change.from_ms <= at_ms);
        Some(change.map_or(usual, |change| &change.rates))
    }

    fn tier(&self, usage: &Usage) -> Option<&Rates> {
        self.tiers.iter().rev().find(|tier| usage.input > tier.above).map(|tier| &tier.rates)
    }
}

impl Rates {
    /// What `usage` costs. The special kinds never count more than the total they are part of.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let mut sum = Sum::default();
        let input = [
            ("cached_input", usage.cached_input, self.cached_input),
            ("cache_write", usage.cache_write, self.cache_write),
            ("cache_write_1h", usage.cache_write_1h, self.cache_write_1h),
            ("audio_input", usage.audio_input, self.audio_input),
            ("image_input", usage.image_input, self.image_input),
        ];
        sum.side("input", usage.input, self.input, &input);
        let output =
            [("reasoning", usage.reasoning, self.reasoning), ("audio_output", usage.audio_output, self.audio_output)];
        sum.side("output", usage.output, self.output, &output);
        Cost { total: domain::money::round(sum.exact), lines: sum.lines }
    }
}

#[derive(Default)]
struct Sum {
    exact: i128,
    lines: Vec<CostLine>,
}

impl Sum {
    /// Adds `total` units, of which some are of special kinds.
    fn side(&mut self, what: &str, total: u64, rate: Rate, kinds: &[(&str, u64, Rate)]) {
        let first = self.lines.len();
        let mut plain = total;
        for &(kind, units, special) in kinds {
            let units = units.min(plain);
            if special != rate {
                plain -= units;
                self.line(kind, units, special);
            }
        }
        self.line(what, plain, rate);
        self.lines[first..].rotate_right(usize::from(plain > 0));
    }

    fn line(&mut self, what: &str, units: u64, rate: Rate) {
        if units > 0 {
            self.exact += rate.times(units);
            self.lines.push(CostLine { what: what.to_owned(), units, rate });
        }
    }
}
