//! The figures over time.

use domain::view::{Bucket, Overview, Totals};
use leptos::prelude::*;

use crate::charts::{Chart, ChartSpec, Kind, Links, Series, Tone, Unit};
use crate::components::Range;

/// The charts. `keep` is what their links keep of the query.
pub(super) fn plots(overview: &Overview, team: &str, keep: &str, range: Range) -> impl IntoView + use<> {
    let start_ms = overview.buckets.first().map_or(range.from_ms(), |bucket| bucket.at_ms);
    let step_ms = i64::from(overview.step_s.max(1)) * 1_000;
    let links = Links { requests: format!("/{team}/requests"), zoom: format!("/{team}"), keep: keep.to_owned() };
    let charts = specs(&overview.buckets).map(|(title, kind, unit, series)| {
        let spec = ChartSpec { title, kind, unit, series, start_ms, step_ms, links: Some(links.clone()) };
        view! { <Chart spec /> }
    });
    view! { <div class="charts">{charts.into_iter().collect_view()}</div> }
}

type Drawing = (&'static str, Kind, Unit, Vec<Series>);

fn specs(buckets: &[Bucket]) -> [Drawing; 5] {
    let count = |name, tone, of: fn(Totals) -> u64| series(buckets, name, tone, move |totals| Some(of(totals) as f64));
    let time = |name, tone, of: fn(Totals) -> Option<u32>| series(buckets, name, tone, move |t| of(t).map(f64::from));
    let dollars = series(buckets, "Cost", Tone::Cost, |totals| Some(totals.cost.0 as f64 / 1e9));
    [
        (
            "Requests",
            Kind::Bars,
            Unit::Count,
            vec![
                count("Answered", Tone::Requests, |t| t.requests.saturating_sub(t.errors + t.cache_hits)),
                count("From cache", Tone::Cached, |t| t.cache_hits),
                count("Errors", Tone::Errors, |t| t.errors),
            ],
        ),
        ("Cost", Kind::Bars, Unit::Dollars, vec![dollars]),
        (
            "Tokens",
            Kind::Bars,
            Unit::Count,
            vec![
                count("Input", Tone::TokensIn, |t| t.input_tokens),
                count("Output", Tone::TokensOut, |t| t.output_tokens),
            ],
        ),
        (
            "Latency",
            Kind::Lines,
            Unit::Milliseconds,
            vec![
                time("p50", Tone::Latency, |t| t.latency_p50_ms),
                time("p95", Tone::LatencySlow, |t| t.latency_p95_ms),
            ],
        ),
        (
            "First byte",
            Kind::Lines,
            Unit::Milliseconds,
            vec![
                time("p50", Tone::Latency, |t| t.first_byte_p50_ms),
                time("p95", Tone::LatencySlow, |t| t.first_byte_p95_ms),
            ],
        ),
    ]
}

fn series(buckets: &[Bucket], name: &'static str, tone: Tone, of: impl Fn(Totals) -> Option<f64>) -> Series {
    Series { name, tone, values: buckets.iter().map(|bucket| of(bucket.totals)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_of_requests_add_up() {
        let totals = Totals { requests: 10, errors: 2, cache_hits: 3, ..Totals::default() };
        let drawings = specs(&[Bucket { at_ms: 0, totals }]);
        let (_, _, _, layers) = &drawings[0];
        let sum: f64 = layers.iter().filter_map(|layer| layer.values[0]).sum();
        assert!((sum - 10.0).abs() < f64::EPSILON, "{layers:?}");
    }
}
