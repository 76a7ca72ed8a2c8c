//! A price in words: what holds now, and what comes when.

use chrono::DateTime;
use domain::price::{Kind, Ppm};
use domain::{Nanos, Rate};
use wire::price::{List, Price, Rates, Row};

use crate::api::prices::per_cent;
use crate::components::format::grouped;

/// What a team's own row says, a line for each thing.
pub(super) fn row(row: &Row, now_ms: i64) -> Vec<String> {
    let mut lines = Vec::new();
    if row.discount != Ppm(0) {
        lines.push(format!("{} % off the price book", per_cent(row.discount)));
    }
    if let Some(zone) = row.zone {
        lines.push(format!("always with the factor of {}", zone.as_str()));
    }
    lines.extend(row.price().into_iter().flat_map(|price| self::price(price, now_ms, |_| true)));
    lines
}

/// What a price says: the rates of the kinds that are chosen, whatever else is billed, and what comes when.
pub(super) fn price(price: &Price, now_ms: i64, chosen: impl Fn(Kind) -> bool) -> Vec<String> {
    let mut lines = list(price.usual_at(now_ms), chosen);
    for (tier, own) in price.services_at(now_ms) {
        lines.push(format!("service tier {}: {}", tier.as_str(), all(own).unwrap_or_else(|| "own prices".to_owned())));
    }
    if price.has_cheaper_hours() {
        lines.push("cheaper at some hours".to_owned());
    }
    for (from_ms, change) in price.changes() {
        let day = moment(from_ms);
        lines.push(if from_ms > now_ms {
            format!("from {day}: {}", all(change).unwrap_or_else(|| "other prices".to_owned()))
        } else {
            format!("changed {day}")
        });
    }
    lines
}

/// All rates and units of a list on one line.
fn all(own: &List) -> Option<String> {
    Some(list(own, |_| true).join("; ")).filter(|words| !words.is_empty())
}

fn list(list: &List, chosen: impl Fn(Kind) -> bool) -> Vec<String> {
    let mut lines: Vec<_> = list.rates.iter().map(|own| rates(own, &chosen)).collect();
    lines.retain(|words| !words.is_empty());
    let units = list.units.telling();
    lines.extend(units.map(|(_, kind, per, rate)| format!("{} {} {}", short(kind), Nanos(rate.0), per.words())));
    if let Some((least, most)) = ends(list.units.images.iter().map(|(_, rate)| *rate)) {
        lines.push(format!("pictures {} to {} each, by quality and size", Nanos(least.0), Nanos(most.0)));
    }
    if let Some([low, _, high]) = list.units.requests_by_context {
        lines.push(format!("requests {} to {} per thousand, by what is searched", Nanos(low.0), Nanos(high.0)));
    }
    for tier in &list.tiers {
        lines.push(format!("from {} input tokens on: {}", grouped(tier.from), rates(&tier.rates, |_| true)));
    }
    lines
}

fn ends(rates: impl Iterator<Item = Rate> + Clone) -> Option<(Rate, Rate)> {
    rates.clone().min().zip(rates.max())
}

/// Rates in words, of the kinds that are chosen.
fn rates(rates: &Rates, chosen: impl Fn(Kind) -> bool) -> String {
    let chosen = rates.telling().filter(|(kind, _)| chosen(*kind));
    chosen.map(|(kind, rate)| format!("{} {}", short(kind), Nanos(rate.0))).collect::<Vec<_>>().join(", ")
}

/// A moment, in milliseconds since 1970: the day alone where it is the beginning of one.
pub(super) fn moment(at_ms: i64) -> String {
    let format = if at_ms % 86_400_000 == 0 { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M UTC" };
    DateTime::from_timestamp_millis(at_ms).unwrap_or_default().format(format).to_string()
}

/// The name of a kind in a list.
fn short(kind: Kind) -> String {
    kind.as_str().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 September 2026.
    const NOW: i64 = 1_788_220_800_000;
    const DAY: i64 = 86_400_000;

    fn told(more: &str, now_ms: i64) -> Vec<String> {
        let text = format!(r#"{{"provider":"openai","model":"gpt-5",{more}}}"#);
        row(&Row::parse(&text).expect("a row"), now_ms)
    }

    #[test]
    fn a_row_is_told_line_by_line() {
        assert_eq!(told(r#""discount_ppm":125000"#, NOW), ["12.5 % off the price book"]);
        assert_eq!(
            told(
                r#""rates":{"input":"1.25","output":"10"},"tiers":[{"above":9,"rates":{"input":"2","output":"3"}}]"#,
                NOW
            ),
            ["input $1.25, output $10.00", "from 10 input tokens on: input $2.00, output $3.00"]
        );
        assert_eq!(told(r#""units":{"per_thousand_pages":"2"}"#, NOW), ["pages $2.00 per thousand"]);
        assert_eq!(
            told(r#""rates":{"input":"1"},"batch":{"rates":{"input":"0.5"}}"#, NOW),
            ["input $1.00, output $0.00", "service tier batch: input $0.50, output $0.00"]
        );
    }

    #[test]
    fn what_changes_is_told_as_it_is_now_and_with_what_comes() {
        let changes = r#""rates":{"input":"1","output":"2"},"changes":[{"from":"2026-09-02","rates":{"input":"3","output":"4"}},
            {"from":"2026-09-03T08:00:00Z","rates":{"input":"5","output":"6"}}]"#;
        let comes = "from 2026-09-03 08:00 UTC: input $5.00, output $6.00";
        assert_eq!(
            told(changes, NOW),
            ["input $1.00, output $2.00", "from 2026-09-02: input $3.00, output $4.00", comes]
        );
        assert_eq!(told(changes, NOW + DAY), ["input $3.00, output $4.00", "changed 2026-09-02", comes]);
    }
}
