//! How a cost comes about, as it is stored and shown: lines of units and rates, and what was done to their sum. All of it is
//! integer, and the cost can be worked out again from the formula alone.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::usage::ServiceTier;
use crate::{Nanos, Rate, TeamPriceId, money};

mod kind;
mod zone;

pub use kind::Kind;
pub use zone::{Ppm, Zone};

/// The least number that every [`Per`] divides.
const COMMON: i128 = 9_000_000;

/// For how many units a [`Rate`] is quoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Tokens, characters.
    #[default]
    Million,
    /// Searches, pages.
    Thousand,
    /// Seconds, 3,600 of them: the price of an hour has no exact price of a second.
    Hour,
    /// Pictures, requests, whole sums.
    One,
}

impl Per {
    /// The number.
    #[must_use]
    pub fn units(self) -> u32 {
        match self {
            Self::Million => 1_000_000,
            Self::Thousand => 1_000,
            Self::Hour => 3_600,
            Self::One => 1,
        }
    }

    /// Behind an amount: `$3.00 per million`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Million => "per million",
            Self::Thousand => "per thousand",
            Self::Hour => "an hour",
            Self::One => "each",
        }
    }
}

/// One line of a formula: `units × rate ÷ per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostLine {
    pub what: Kind,
    pub units: u64,
    /// Nano-dollars for as many units as `per` says.
    pub rate: Rate,
    #[serde(default)]
    pub per: Per,
}

impl CostLine {
    /// The exact amount in nano-dollars times [`COMMON`]; none where it is beyond all sense.
    fn exact(&self) -> Option<i128> {
        self.rate.times(self.units).checked_mul(COMMON / i128::from(self.per.units()))
    }

    /// The amount, rounded by itself: to be shown, not to be added.
    #[must_use]
    pub fn amount(&self) -> Nanos {
        self.exact().map_or(Nanos(i64::MAX), |exact| money::divide(exact, COMMON))
    }
}

/// Where a price is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The price book.
    #[default]
    Book,
    /// A price of the team's own.
    Team(TeamPriceId),
    /// The request said it (`cf-aig-custom-cost`).
    Custom,
    /// The provider named the charge.
    Provider,
    /// Another row bills what was used: a run in the background of a provider's. There are no lines.
    Apart,
}

/// A factor on what tokens cost in a [`Zone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Multiplier {
    pub zone: Zone,
    pub factor: Ppm,
}

/// How a cost came about. No lines where nothing is known or nothing was billed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formula {
    pub lines: Vec<CostLine>,
    pub source: Source,
    /// The day as of which the price book is, where it is the source or what a discount is of.
    pub as_of: Option<NaiveDate>,
    /// From when on the rates hold, in milliseconds since 1970, where they have not always held.
    pub since_ms: Option<i64>,
    /// The input tokens from which on the rates hold, where they are those of long requests.
    pub tier_from: Option<u64>,
    /// The tier of service whose rates they are.
    pub service_tier: ServiceTier,
    /// Whether they are those of cheaper hours.
    pub off_peak: bool,
    /// `quality/size` of pictures whose price depends on it.
    pub variant: Option<String>,
    /// On the lines of tokens.
    pub multiplier: Option<Multiplier>,
    /// Off the sum.
    pub discount: Ppm,
}

impl Formula {
    /// An amount that somebody named as a whole.
    #[must_use]
    pub fn named(what: Kind, amount: Nanos, source: Source) -> Self {
        let line = CostLine { what, units: 1, rate: Rate(amount.0), per: Per::One };
        Self { lines: vec![line], source, ..Self::default() }
    }

    /// The cost, rounded once, half away from zero.
    #[must_use]
    pub fn total(&self) -> Nanos {
        self.exact().map_or(Nanos(i64::MAX), |(exact, by)| money::divide(exact, by))
    }

    /// The cost as a fraction of nano-dollars.
    fn exact(&self) -> Option<(i128, i128)> {
        let (mut tokens, mut others) = (0_i128, 0_i128);
        for line in &self.lines {
            let sum = if line.what.is_token() { &mut tokens } else { &mut others };
            *sum = sum.checked_add(line.exact()?)?;
        }
        let mut by = COMMON;
        if let Some(multiplier) = self.multiplier {
            tokens = tokens.checked_mul(multiplier.factor.0.into())?;
            others = others.checked_mul(Ppm::WHOLE.0.into())?;
            by *= i128::from(Ppm::WHOLE.0);
        }
        let mut sum = tokens.checked_add(others)?;
        if self.discount != Ppm(0) {
            sum = sum.checked_mul(Ppm::WHOLE.0.saturating_sub(self.discount.0).into())?;
            by *= i128::from(Ppm::WHOLE.0);
        }
        Some((sum, by))
    }
}

#[cfg(test)]
mod tests;
