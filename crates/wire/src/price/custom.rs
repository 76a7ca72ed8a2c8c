//! What a request itself says that it costs (`cf-aig-custom-cost`).

use domain::price::{Formula, Kind, Source};
use domain::{Nanos, Rate, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{BadRow, Cost, Rates, bill};
use crate::usage::scaled;

/// Most dollars for a token, and for a request.
const MOST_A_TOKEN: i64 = 1_000;
const MOST: i64 = 1_000_000;
/// Decimals of a nano-dollar, and of a rate for a token in nano-dollars a million.
const NANOS: i32 = 9;
const NANOS_A_MILLION: i32 = 15;

/// The cost of a request, or the prices of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomCost(Stated);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stated {
    Total(Nanos),
    Tokens(Rates),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    #[serde(borrow)]
    per_token_in: Option<&'a RawValue>,
    #[serde(borrow)]
    per_token_out: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_read_token: Option<&'a RawValue>,
    #[serde(borrow)]
    per_cache_write_token: Option<&'a RawValue>,
    #[serde(borrow)]
    total_cost: Option<&'a RawValue>,
}

impl CustomCost {
    /// Reads the header: `{"total_cost":0.01}`, or dollars for each token as `per_token_in`, `per_token_out`,
    /// `per_cache_read_token` and `per_cache_write_token`. Tokens of a cache without a price of their own are input like
    /// others; output without one is free.
    ///
    /// # Errors
    /// It is something else; the error names the field.
    pub fn parse(text: &str) -> Result<Self, BadRow> {
        let header: Header<'_> = serde_json::from_str(text).map_err(|error| {
            let fields =
                "`total_cost`, or `per_token_in`, `per_token_out`, `per_cache_read_token`, `per_cache_write_token`";
            BadRow::new("cf-aig-custom-cost", format!("must be a JSON object of numbers with {fields}: {error}"))
        })?;
        let rate = |name: &str, value: Option<&RawValue>| {
            value.map(|value| amount(name, value, NANOS_A_MILLION, MOST_A_TOKEN).map(Rate)).transpose()
        };
        let input = rate("per_token_in", header.per_token_in)?;
        let output = rate("per_token_out", header.per_token_out)?;
        let cache_read = rate("per_cache_read_token", header.per_cache_read_token)?;
        let cache_write = rate("per_cache_write_token", header.per_cache_write_token)?;
        if let Some(total) = header.total_cost {
            if input.or(output).or(cache_read).or(cache_write).is_some() {
                return Err(BadRow::new(
                    "total_cost",
                    "is the cost of the whole request; leave out the prices of tokens",
                ));
            }
            return Ok(Self(Stated::Total(Nanos(amount("total_cost", total, NANOS, MOST)?))));
        }
        let rates = Rates::of(|kind| match kind {
            Kind::Input => input.or(output.map(|_| Rate(0))),
            Kind::Output => output,
            Kind::CachedInput => cache_read,
            Kind::CacheWrite => cache_write,
            _ => None,
        });
        let missing = BadRow::new("per_token_in", "is missing: dollars for an input token; or give `total_cost`");
        rates.map(|rates| Self(Stated::Tokens(rates))).ok_or(missing)
    }

    /// What a request costs; none where it depends on tokens and nobody counted them.
    #[must_use]
    pub fn cost(&self, usage: Option<&Usage>) -> Option<Cost> {
        let formula = match &self.0 {
            Stated::Total(total) => Formula::named(Kind::Stated, *total, Source::Custom),
            Stated::Tokens(rates) => {
                let mut formula = Formula { source: Source::Custom, ..Formula::default() };
                bill::tokens(usage?, rates, &mut formula.lines);
                formula
            }
        };
        Some(Cost::of(formula))
    }
}

/// A number of dollars as an integer of so many decimals, rounded half up behind the last.
fn amount(name: &str, value: &RawValue, decimals: i32, most: i64) -> Result<i64, BadRow> {
    let bad = || BadRow::new(name, format!("must be a number of dollars from 0 to {most}, such as 0.0000025"));
    let Nanos(amount) = scaled(value.get(), decimals).ok_or_else(bad)?;
    let unit = 10_i128.pow(decimals.unsigned_abs());
    if i128::from(amount) <= i128::from(most) * unit { Ok(amount) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> Usage {
        Usage { input: 1_000, output: 100, cached_input: 300, cache_write: 200, reasoning: 40, ..Usage::default() }
    }

    fn total(text: &str) -> i64 {
        let custom = CustomCost::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"));
        custom.cost(Some(&usage())).expect("a cost").total.0
    }

    #[test]
    fn a_request_says_its_cost_or_the_prices_of_its_tokens() {
        assert_eq!(total(r#"{"total_cost":0.0123}"#), 12_300_000);
        assert_eq!(total(r#"{"total_cost":0}"#), 0);
        // 1,000 × 2.5e-6 + 100 × 0.00001
        assert_eq!(total(r#"{"per_token_in":2.5e-6,"per_token_out":0.00001}"#), 2_500_000 + 1_000_000);
        // 700 × 2e-6 + 300 × 1e-7: written tokens are input like others.
        assert_eq!(total(r#"{"per_token_in":0.000002,"per_cache_read_token":1e-7}"#), 1_400_000 + 30_000);
        // 500 × 2e-6 + 300 × 1e-7 + 200 × 3e-6
        let all = r#"{"per_token_in":0.000002,"per_cache_read_token":1e-7,"per_cache_write_token":0.000003}"#;
        assert_eq!(total(all), 1_000_000 + 30_000 + 600_000);
        assert_eq!(total(r#"{"per_token_out":0.001}"#), 100_000_000);
    }

    #[test]
    fn what_is_counted_in_tokens_needs_a_count() {
        let tokens = CustomCost::parse(r#"{"per_token_in":1}"#).expect("read");
        assert_eq!(tokens.cost(None), None);
        let cost = CustomCost::parse(r#"{"total_cost":1}"#).expect("read").cost(None).expect("a cost");
        assert_eq!((cost.total, cost.formula.source), (Nanos(1_000_000_000), Source::Custom));
    }

    #[test]
    fn what_is_no_cost_is_refused_by_the_name_of_the_field() {
        for (text, field) in [
            (r#"{"total_cost":-1}"#, "total_cost"),
            (r#"{"total_cost":"0.1"}"#, "total_cost"),
            (r#"{"total_cost":1000000.1}"#, "total_cost"),
            (r#"{"total_cost":1,"per_token_in":1}"#, "total_cost"),
            (r#"{"per_token_in":1001}"#, "per_token_in"),
            (r#"{"per_token_in":0,"per_token_out":true}"#, "per_token_out"),
            (r#"{"per_token_in":0,"per_cache_read_token":[]}"#, "per_cache_read_token"),
            (r#"{"per_token_in":0,"per_cache_write_token":1e99}"#, "per_cache_write_token"),
            ("{}", "per_token_in"),
            (r#"{"cost":1}"#, "cf-aig-custom-cost"),
            ("0.1", "cf-aig-custom-cost"),
            ("", "cf-aig-custom-cost"),
        ] {
            assert_eq!(CustomCost::parse(text).map_err(|bad| bad.field), Err(field.to_owned()), "{text}");
        }
    }
}
