//! Prices of tokens.

use domain::Rate;
use domain::price::Kind;

/// How many kinds of tokens there are.
pub(super) const KINDS: usize = Kind::TOKENS.len();

/// Prices per million tokens, one for each kind. Where the provider names none of its own for a kind, the kind has the rate
/// that it falls back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates([Rate; KINDS]);

impl Rates {
    /// Fills in what is not named. None where the input has no price.
    #[must_use]
    pub fn of(named: impl Fn(Kind) -> Option<Rate>) -> Option<Self> {
        let mut rates = [Rate(0); KINDS];
        for (place, kind) in Kind::TOKENS.into_iter().enumerate() {
            let rate = match kind {
                // Speech that is written down may have a price for what is heard only.
                Kind::Input => Some(named(kind).or_else(|| named(Kind::AudioInput))?),
                // What paints or speaks may have no price for words, and what gives no output has none for it.
                Kind::Output => {
                    [kind, Kind::ImageOutput, Kind::AudioOutput, Kind::VideoOutput].into_iter().find_map(&named)
                }
                _ => named(kind).or_else(|| kind.falls_back_on().map(|other| rates[other as usize])),
            };
            rates[place] = rate.unwrap_or_default();
        }
        Some(Self(rates))
    }

    /// The rate of a kind that is counted in tokens; nothing for others.
    #[must_use]
    pub fn get(&self, kind: Kind) -> Rate {
        self.0.get(kind as usize).copied().unwrap_or_default()
    }

    /// The rate of a kind, where that is another one than that of what it falls back on.
    pub(super) fn own(&self, kind: Kind) -> Option<Rate> {
        let rate = self.get(kind);
        Some(rate).filter(|rate| kind.falls_back_on().is_some_and(|other| self.get(other) != *rate))
    }

    /// Whether nobody pays.
    #[must_use]
    pub fn are_free(&self) -> bool {
        self.0.iter().all(|rate| *rate == Rate(0))
    }
}
