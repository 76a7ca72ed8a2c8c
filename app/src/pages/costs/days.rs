//! The cost of each day as a chart.

use std::collections::HashMap;

use domain::view::Breakdown;
use leptos::prelude::*;

use crate::charts::{Chart, ChartSpec, Kind, Series, Tone, Unit};

const DAY_MS: i64 = 86_400_000;

/// The chart; days on which nothing was asked are shown as such.
pub(super) fn chart(breakdown: &Breakdown) -> impl IntoView + use<> {
    let start_ms = breakdown.from_ms - breakdown.from_ms.rem_euclid(DAY_MS);
    let costs: HashMap<i64, f64> =
        breakdown.values.iter().map(|(day, totals)| (day.id * 1_000, totals.cost.0 as f64 / 1e9)).collect();
    let days = (start_ms..breakdown.to_ms).step_by(usize::try_from(DAY_MS).unwrap_or(usize::MAX));
    let values = days.map(|day| Some(costs.get(&day).copied().unwrap_or(0.0))).collect();
    let series = vec![Series { name: "Cost", tone: Tone::Cost, values }];
    let spec = ChartSpec {
        title: "Cost by day",
        kind: Kind::Bars,
        unit: Unit::Dollars,
        series,
        start_ms,
        step_ms: DAY_MS,
        links: None,
    };
    view! { <div class="charts"><Chart spec /></div> }
}

#[cfg(test)]
mod tests {
    use domain::Nanos;
    use domain::view::{DimensionValue, Totals};

    use super::*;

    #[test]
    fn every_day_of_the_range_has_its_place() {
        let day = |number: i64, cost: i64| {
            (
                DimensionValue { id: number * DAY_MS / 1_000, name: String::new() },
                Totals { cost: Nanos(cost), ..Totals::default() },
            )
        };
        let breakdown = Breakdown {
            from_ms: 20_000 * DAY_MS + 5,
            to_ms: 20_003 * DAY_MS,
            totals: Totals::default(),
            values: vec![day(20_000, 1_000_000_000), day(20_002, 3_000_000_000)],
            rest_of_values: None,
            pairs: Vec::new(),
            rest_of_pairs: None,
        };
        let html = Owner::new().with(|| chart(&breakdown).to_html());
        assert!(html.contains("Cost by day") && html.contains("$3.00"), "{html}");
    }
}
