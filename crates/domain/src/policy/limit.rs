//! How much of what, in which time.

use serde::{Deserialize, Serialize};

use super::{Field, MAX_GROUP_BY};
use crate::Nanos;
use crate::validate::{FieldError, Problem};

/// Longest window in seconds: a year.
pub const MAX_SECONDS: u32 = 366 * 86_400;
/// Largest amount, of whatever: a hundred million dollars in nano-dollars, so that sums of two never overflow.
pub const MAX_AMOUNT: u64 = 100_000_000_000_000_000;

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is counted.
    pub measure: Measure,
    /// How much may pass in a window: requests, tokens, nano-dollars, or requests at the same time.
    pub amount: u64,
    /// In which time. Not looked at for [`Measure::Concurrency`].
    pub window: Window,
    /// What has a count of its own. Empty: one count for all.
    pub group_by: Vec<Field>,
    /// Per cent of the amount from which on callers are warned.
    pub warn_at: Option<u8>,
    /// More for a while.
    pub extra: Option<Extra>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests that reach a provider; an answer from the cache is none.
    Requests,
    /// Tokens, of question and answer together.
    Tokens,
    /// Money, in nano-dollars.
    Cost,
    /// Requests that are under way at the same time.
    Concurrency,
}

/// The time in which an amount may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// Windows that begin at multiples of their length.
    Fixed {
        /// Length.
        seconds: u32,
    },
    /// The time that ends now, at every moment.
    Sliding {
        /// Length.
        seconds: u32,
    },
    /// A bucket that is refilled evenly, by the limit's amount in so many seconds.
    Bucket {
        /// Time in which the amount flows in.
        seconds: u32,
        /// What fits in: how much may pass at once.
        burst: u64,
    },
    /// Windows of the calendar.
    Calendar {
        /// Which.
        unit: Unit,
        /// An IANA time zone; UTC where none is given.
        zone: Option<String>,
    },
    /// All time.
    Ever,
}

/// A window of the calendar. A week begins on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
}

/// A temporary increase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// By how much, in the limit's own unit.
    pub amount: u64,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
}

impl Limit {
    /// How much may pass at a moment, in milliseconds since 1970.
    #[must_use]
    pub fn amount_at(&self, now_ms: i64) -> u64 {
        let extra = self.extra.filter(|extra| now_ms < extra.until_ms).map_or(0, |extra| extra.amount);
        self.amount.saturating_add(extra)
    }

    /// The amount as money, for a limit of [`Measure::Cost`].
    #[must_use]
    pub fn nanos(amount: u64) -> Nanos {
        Nanos(i64::try_from(amount).unwrap_or(i64::MAX))
    }

    pub(super) fn check(&self, errors: &mut Vec<FieldError>) {
        let mut wrong = |field: &str, problem| errors.push(FieldError::new(field, problem));
        let amounts = [Some(self.amount), self.extra.map(|extra| extra.amount)];
        if amounts.into_iter().flatten().any(|amount| amount > MAX_AMOUNT) {
            wrong("limit", Problem::OutOfRange { min: 0, max: MAX_AMOUNT });
        }
        if let Some(seconds) = self.window.seconds().filter(|seconds| *seconds == 0 || *seconds > MAX_SECONDS) {
            let _ = seconds;
            wrong("limit.per", Problem::OutOfRange { min: 1, max: MAX_SECONDS.into() });
        }
        if let Window::Bucket { burst, .. } = self.window
            && (burst == 0 || burst > MAX_AMOUNT)
        {
            wrong("limit.burst", Problem::OutOfRange { min: 1, max: MAX_AMOUNT });
        }
        if self.warn_at.is_some_and(|percent| percent == 0 || percent > 100) {
            wrong("limit.warn_at", Problem::OutOfRange { min: 1, max: 100 });
        }
        if self.group_by.len() > MAX_GROUP_BY {
            wrong("group_by", Problem::TooMany { max: MAX_GROUP_BY as u64 });
        }
        let twice = self.group_by.iter().enumerate().any(|(index, field)| self.group_by[..index].contains(field));
        if twice {
            wrong("group_by", Problem::Taken);
        }
    }
}

impl Window {
    /// Its length, where it has one.
    #[must_use]
    pub fn seconds(&self) -> Option<u32> {
        match self {
            Self::Fixed { seconds } | Self::Sliding { seconds } | Self::Bucket { seconds, .. } => Some(*seconds),
            Self::Calendar { .. } | Self::Ever => None,
        }
    }
}

impl Unit {
    /// The name, as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Its length in seconds; a month has none.
    #[must_use]
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::Minute => Some(60),
            Self::Hour => Some(3_600),
            Self::Day => Some(86_400),
            Self::Week => Some(7 * 86_400),
            Self::Month => None,
        }
    }
}
