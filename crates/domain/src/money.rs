//! Money is integer: a billionth of a US dollar. Rates are exact too, so a cost is rounded once, at the very end.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Nano-dollars per dollar.
const PER_DOLLAR: i64 = 1_000_000_000;

/// An amount of money in nano-dollars (1 USD = 1,000,000,000). Arithmetic saturates instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(pub i64);

impl Nanos {
    /// No money.
    pub const ZERO: Self = Self(0);
}

impl Add for Nanos {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Nanos {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Nanos {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Sum for Nanos {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Dollars with every non-zero digit and at least two decimals: `$0.00042`, `$12.50`.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let (whole, part) = (amount / PER_DOLLAR.unsigned_abs(), amount % PER_DOLLAR.unsigned_abs());
        let digits = format!("{part:09}");
        let kept = digits.trim_end_matches('0').len().max(2);
        write!(f, "{sign}${whole}.{}", &digits[..kept])
    }
}

/// A price in nano-dollars for as many units as are quoted together: a million, where nothing else is said. $0.075 per million
/// tokens is `Rate(75_000_000)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub i64);

/// Units a [`Rate`] is quoted for.
pub const RATE_UNITS: i128 = 1_000_000;

impl Rate {
    /// The exact product in nano-dollars times [`RATE_UNITS`]; sum these, then [`round`] once.
    #[must_use]
    pub fn times(self, units: u64) -> i128 {
        i128::from(self.0) * i128::from(units)
    }
}

/// Turns a sum of [`Rate::times`] into money, rounding half away from zero.
#[must_use]
pub fn round(exact: i128) -> Nanos {
    divide(exact, RATE_UNITS)
}

/// `exact` nano-dollars divided by a positive number, rounding half away from zero.
#[must_use]
pub fn divide(exact: i128, by: i128) -> Nanos {
    let (whole, rest) = (exact / by, exact % by);
    let away = if rest.unsigned_abs() >= (by - by / 2).unsigned_abs() { exact.signum() } else { 0 };
    let rounded = whole.saturating_add(away);
    Nanos(i64::try_from(rounded).unwrap_or(if rounded > 0 { i64::MAX } else { i64::MIN }))
}

/// Why a decimal text is not a [`Rate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a plain decimal number of dollars with at most 9 decimals")]
pub struct BadDecimal(String);

/// Parses dollars per million units in plain decimal notation, without passing through a float.
impl FromStr for Rate {
    type Err = BadDecimal;

    fn from_str(text: &str) -> Result<Self, BadDecimal> {
        let bad = || BadDecimal(text.chars().take(40).collect());
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let part = part.trim_end_matches('0');
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 9 {
            return Err(bad());
        }
        let whole: i64 = whole.parse().map_err(|_| bad())?;
        let part: i64 = format!("{part:0<9}").parse().map_err(|_| bad())?;
        whole.checked_mul(PER_DOLLAR).and_then(|nanos| nanos.checked_add(part)).map(Self).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rate_is_read_without_losing_a_digit() {
        assert_eq!("0.075".parse(), Ok(Rate(75_000_000)));
        assert_eq!("15".parse(), Ok(Rate(15_000_000_000)));
        assert_eq!("0.000000001".parse(), Ok(Rate(1)));
        for bad in ["", ".5", "1e-3", "-1", "0.0000000001", "1.2.3", "99999999999999"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cost_is_rounded_once_and_half_up() {
        let rate: Rate = "0.0005".parse().expect("a decimal");
        assert_eq!(round(rate.times(1)), Nanos(1));
        assert_eq!(round(rate.times(1) + rate.times(2)), Nanos(2));
    }

    #[test]
    fn money_shows_at_least_cents_and_no_idle_zeros() {
        assert_eq!(Nanos(0).to_string(), "$0.00");
        assert_eq!(Nanos(420_000).to_string(), "$0.00042");
        assert_eq!(Nanos(12_500_000_000).to_string(), "$12.50");
        assert_eq!(Nanos(-1).to_string(), "-$0.000000001");
    }

    proptest! {
        #[test]
        fn rounding_is_never_off_by_more_than_half_a_nano(rate in 0i64..1_000_000_000_000, units in 0u64..10_000_000) {
            let exact = Rate(rate).times(units);
            let error = i128::from(round(exact).0) * RATE_UNITS - exact;
            prop_assert!(error.abs() * 2 <= RATE_UNITS);
        }
    }
}
