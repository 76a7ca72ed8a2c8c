//! Where the time of a request went: gateway, waiting for the first byte, the rest, for each attempt on one time line.

use domain::ledger::Cause;
use domain::view::{AttemptDetail, RequestRow};
use leptos::prelude::*;

use super::list::outcome;
use crate::components::{Duration, StatusDot, Table};

/// One attempt on the time line, in microseconds from the request's arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// When the gateway's own work began, and when the attempt did.
    start: u64,
    sent: u64,
    first_byte: Option<u64>,
    end: u64,
}

/// What was measured of an attempt.
#[derive(Clone, Copy, Debug)]
struct Measured {
    attempt: u16,
    at_ms: i64,
    gateway_us: u64,
    first_byte_us: Option<u64>,
    duration_us: u64,
}

fn measured(attempts: &[AttemptDetail]) -> Vec<Measured> {
    attempts
        .iter()
        .map(|AttemptDetail { row, .. }| Measured {
            attempt: row.attempt,
            at_ms: row.at_ms,
            gateway_us: row.gateway_us,
            first_byte_us: row.first_byte_us,
            duration_us: row.duration_us,
        })
        .collect()
}

/// Lays the attempts out. The first begins after the gateway's own work; row 0 is nothing but that work.
fn spans(rows: &[Measured]) -> Vec<Span> {
    let Some(first) = rows.first() else { return Vec::new() };
    let lead = if first.attempt == 0 { 0 } else { first.gateway_us };
    rows.iter()
        .map(|row| {
            if row.attempt == 0 {
                let end = row.duration_us.max(row.gateway_us);
                return Span { start: 0, sent: end, first_byte: None, end };
            }
            let since = u64::try_from(row.at_ms - first.at_ms).unwrap_or(0) * 1_000;
            let sent = lead + since;
            let start = sent.saturating_sub(row.gateway_us);
            let end = sent + row.duration_us;
            Span { start, sent, first_byte: row.first_byte_us.map(|us| (sent + us).min(end)), end }
        })
        .collect()
}

/// The whole, from arrival to the end of the last attempt, in microseconds.
pub(super) fn total_us(attempts: &[AttemptDetail]) -> u64 {
    spans(&measured(attempts)).iter().map(|span| span.end).max().unwrap_or(0)
}

/// The time line as a table.
pub(super) fn timing(attempts: &[AttemptDetail]) -> impl IntoView + use<> {
    let whole = total_us(attempts).max(1);
    let spans = spans(&measured(attempts));
    let lines = attempts.iter().zip(spans).map(|(attempt, span)| line(&attempt.row, span, whole)).collect_view();
    view! {
        <Table label="Attempts on a time line">
            <thead>
                <tr>
                    <th>"Attempt"</th>
                    <th>"Status"</th>
                    <th class="wide">"Time line"</th>
                    <th class="right">"Gateway"</th>
                    <th class="right">"First byte"</th>
                    <th class="right">"Total"</th>
                </tr>
            </thead>
            <tbody>{lines}</tbody>
        </Table>
        <p class="chart-caption">
            <span class="chart-key tone-gateway">"Gateway's own work"</span>
            <span class="chart-key tone-waiting">"Waiting for the first byte"</span>
            <span class="chart-key tone-receiving">"Receiving"</span>
        </p>
    }
}

/// Why it was made, behind its name.
fn why(cause: Cause) -> &'static str {
    match cause {
        Cause::First => "",
        Cause::Retry => " · asked again",
        Cause::OtherKey => " · another key",
        Cause::OtherTarget => " · another target",
        Cause::Hedge => " · hedge",
    }
}

fn line(row: &RequestRow, span: Span, whole: u64) -> impl IntoView + use<> {
    let name = match row.attempt {
        0 => "No upstream call".to_owned(),
        attempt => format!("{attempt} · {}{}", row.provider.as_deref().unwrap_or("?"), why(row.cause)),
    };
    let word = row.error_code.clone().unwrap_or_else(|| outcome(row).to_owned());
    let part = |from: u64, to: u64, class: &'static str| {
        let percent = |us: u64| us as f64 / whole as f64 * 100.0;
        // Two thousandths at least: what happened must be seen, however short.
        let width = (percent(to) - percent(from)).max(0.2);
        (to > from).then(|| {
            view! { <rect class=class x=format!("{:.2}%", percent(from)) width=format!("{width:.2}%") height="12" rx="2"></rect> }
        })
    };
    let waited_until = span.first_byte.unwrap_or(span.end);
    view! {
        <tr>
            <td class="cut" title=name.clone()>{name.clone()}</td>
            <td><StatusDot code=row.status outcome=row.outcome word /></td>
            <td class="wide">
                <svg class="waterfall" width="100%" height="12" aria-hidden="true">
                    {part(span.start, span.sent, "tone-gateway")}
                    {part(span.sent, waited_until, "tone-waiting")}
                    {part(waited_until, span.end, "tone-receiving")}
                </svg>
            </td>
            <td class="right"><Duration microseconds=Some(row.gateway_us) /></td>
            <td class="right"><Duration microseconds=row.first_byte_us /></td>
            <td class="right"><Duration microseconds=Some(row.duration_us) /></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(attempt: u16, at_ms: i64, first_byte_us: Option<u64>, duration_us: u64) -> Measured {
        Measured { attempt, at_ms, gateway_us: if attempt == 1 { 500 } else { 0 }, first_byte_us, duration_us }
    }

    #[test]
    fn a_retry_stands_where_it_happened() {
        let spans = spans(&[attempt(1, 1_000, None, 20_000), attempt(2, 1_050, Some(9_000), 30_000)]);
        assert_eq!(spans[0], Span { start: 0, sent: 500, first_byte: None, end: 20_500 });
        assert_eq!(spans[1], Span { start: 50_500, sent: 50_500, first_byte: Some(59_500), end: 80_500 });
    }

    #[test]
    fn without_an_upstream_call_all_time_is_the_gateways() {
        let row = Measured { attempt: 0, at_ms: 5, gateway_us: 700, first_byte_us: None, duration_us: 700 };
        assert_eq!(spans(&[row]), [Span { start: 0, sent: 700, first_byte: None, end: 700 }]);
    }
}
