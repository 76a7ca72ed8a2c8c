//! The totals of a span, each with its change against the span before.

use domain::view::{Overview, Totals};
use leptos::prelude::*;

use crate::components::format;

/// The row of figures.
pub(super) fn figures(overview: &Overview) -> impl IntoView + use<> {
    let (now, before) = (overview.totals, overview.previous);
    let latency = |ms: Option<u32>| ms.map_or_else(|| "–".to_owned(), |ms| format::duration(u64::from(ms) * 1_000));
    let slow = |ms: Option<u32>| ms.map(|ms| format!("95 % within {}", format::duration(u64::from(ms) * 1_000)));
    let unpriced = (now.unpriced > 0).then(|| format!("{} without a known price", format::grouped(now.unpriced)));
    let tokens =
        format!("{} in, {} out", format::short_count(now.input_tokens), format::short_count(now.output_tokens));
    view! {
        <dl class="figures">
            {figure("Requests", format::short_count(now.requests), None, change(now, before, |t| t.requests))}
            {figure("Cost", format::money(now.cost), unpriced, change(now, before, |t| t.cost.0.unsigned_abs()))}
            {figure("Tokens", format::short_count(now.input_tokens + now.output_tokens), Some(tokens),
                change(now, before, |t| t.input_tokens + t.output_tokens))}
            {figure("Errors", format::short_count(now.errors), share(now.errors, now.requests), change(now, before, |t| t.errors))}
            {figure("Cache hits", format::short_count(now.cache_hits), share(now.cache_hits, now.requests),
                change(now, before, |t| t.cache_hits))}
            {figure("Latency", latency(now.latency_p50_ms), slow(now.latency_p95_ms),
                change(now, before, |t| t.latency_p50_ms.unwrap_or(0).into()))}
            {figure("First byte", latency(now.first_byte_p50_ms), slow(now.first_byte_p95_ms),
                change(now, before, |t| t.first_byte_p50_ms.unwrap_or(0).into()))}
        </dl>
    }
}

fn figure(name: &'static str, value: String, note: Option<String>, change: Option<String>) -> impl IntoView {
    let change = change.map(|change| {
        view! { <span class="change" title="Against the span of the same length before">{change}</span> }
    });
    view! {
        <div>
            <dt>{name}</dt>
            <dd>
                <span class="value">{value}</span>
                {change}
                <span class="note">{note}</span>
            </dd>
        </div>
    }
}

/// `+12 %`, or nothing where there was nothing before or nothing changed.
fn change(now: Totals, before: Totals, of: impl Fn(Totals) -> u64) -> Option<String> {
    let (now, before) = (of(now), of(before));
    if before == 0 || now == before {
        return None;
    }
    let percent = (now as f64 / before as f64 - 1.0) * 100.0;
    Some(match percent.abs() {
        ..0.5 => "±0 %".to_owned(),
        1_000.0.. => format!("× {:.0}", now as f64 / before as f64),
        _ => format!("{}{:.0} %", if percent > 0.0 { "+" } else { "−" }, percent.abs()),
    })
}

/// `2.5 % of requests`.
pub(super) fn share(part: u64, whole: u64) -> Option<String> {
    (whole > 0).then(|| format!("{} of requests", percent(part, whole)))
}

/// `2.5 %`, with a decimal where it says something; a dash of nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        0.0 => "0 %".to_owned(),
        ..0.1 => "< 0.1 %".to_owned(),
        ..10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(requests: u64) -> Totals {
        Totals { requests, ..Totals::default() }
    }

    #[test]
    fn a_change_is_told_against_the_span_before() {
        let told = |now, before| change(with(now), with(before), |totals| totals.requests);
        assert_eq!(told(112, 100).as_deref(), Some("+12 %"));
        assert_eq!(told(50, 100).as_deref(), Some("−50 %"));
        assert_eq!(told(5_000, 100).as_deref(), Some("× 50"));
        assert_eq!(told(1_001, 1_000).as_deref(), Some("±0 %"));
        assert_eq!((told(5, 0), told(7, 7)), (None, None));
    }

    #[test]
    fn a_share_says_little_where_there_is_little() {
        assert_eq!(percent(25, 1_000), "2.5 %");
        assert_eq!(percent(1, 100_000), "< 0.1 %");
        assert_eq!((percent(0, 9), percent(9, 9)), ("0 %".into(), "100 %".into()));
        assert_eq!(share(0, 0), None);
    }
}
