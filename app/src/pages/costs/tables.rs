//! The sums as tables, the dearest first.

use chrono::DateTime;
use domain::view::{Breakdown, Dimension, DimensionValue, Totals};
use leptos::prelude::*;

use super::words;
use crate::charts::{Share, Tone};
use crate::components::{Money, Range, Table, Tokens};
use crate::pages::overview::encoded;

/// By one dimension, with bars.
pub(super) fn values(by: Dimension, breakdown: &Breakdown, team: &str, range: Range) -> impl IntoView + use<> {
    let all = breakdown.totals;
    let rows = breakdown.values.iter().map(|(value, totals)| {
        let cells = name(by, value, team, range);
        view! { <tr>{cells}{figures(*totals, all)}</tr> }
    });
    let rows = rows.collect_view();
    let rest = breakdown.rest_of_values.map(|totals| {
        view! { <tr><td class="muted">"All others"</td>{figures(totals, all)}</tr> }
    });
    let heading = format!("By {}", words(by).to_lowercase());
    view! {
        <section>
            <h2>{heading.clone()}</h2>
            <Table label=heading>
                <thead><tr><th>{words(by)}</th>{heads()}</tr></thead>
                <tbody>{rows}{rest}</tbody>
            </Table>
        </section>
    }
}

/// By both dimensions.
pub(super) fn pairs(by: [Dimension; 2], breakdown: &Breakdown, team: &str, range: Range) -> impl IntoView + use<> {
    let all = breakdown.totals;
    let rows = breakdown.pairs.iter().map(|row| {
        let (first, second) = (name(by[0], &row.first, team, range), name(by[1], &row.second, team, range));
        view! { <tr>{first}{second}{figures(row.totals, all)}</tr> }
    });
    let rows = rows.collect_view();
    let rest = breakdown.rest_of_pairs.map(|totals| {
        view! { <tr><td class="muted" colspan="2">"All others"</td>{figures(totals, all)}</tr> }
    });
    let heading = format!("By {} and {}", words(by[0]).to_lowercase(), words(by[1]).to_lowercase());
    view! {
        <section>
            <h2>{heading.clone()}</h2>
            <Table label=heading>
                <thead><tr><th>{words(by[0])}</th><th>{words(by[1])}</th>{heads()}</tr></thead>
                <tbody>{rows}{rest}</tbody>
            </Table>
        </section>
    }
}

fn heads() -> impl IntoView {
    view! {
        <th class="right roomy">"Requests"</th>
        <th class="right roomy">"Tokens in"</th>
        <th class="right roomy">"Tokens out"</th>
        <th class="right">"Cost"</th>
        <th>"Share"</th>
    }
}

fn figures(totals: Totals, all: Totals) -> impl IntoView {
    let share = if all.cost.0 > 0 { totals.cost.0 as f64 / all.cost.0 as f64 } else { 0.0 };
    // Where no attempt has a known price, the cost is not zero but unknown.
    let known = totals.cost.0 > 0 || totals.unpriced == 0;
    view! {
        <td class="right roomy"><Tokens count=totals.requests /></td>
        <td class="right roomy"><Tokens count=totals.input_tokens /></td>
        <td class="right roomy"><Tokens count=totals.output_tokens /></td>
        <td class="right"><Money amount=known.then_some(totals.cost) /></td>
        <td><Share of=share tone=Tone::Cost /></td>
    }
}

/// The cell of a value, with a link to its requests where the log can be narrowed to it.
fn name(by: Dimension, value: &DimensionValue, team: &str, range: Range) -> impl IntoView + use<> {
    let DimensionValue { id, name } = value;
    let (text, filter) = match by {
        Dimension::Day => {
            (DateTime::from_timestamp(*id, 0).unwrap_or_default().format("%a %-d %b %Y").to_string(), None)
        }
        Dimension::Gateway => (name.clone(), Some(format!("gateway={}", encoded(name)))),
        Dimension::Token => (name.clone(), Some(format!("token={id}"))),
        Dimension::Provider => (name.clone(), Some(format!("provider={}", encoded(name)))),
        Dimension::Model => (name.clone(), Some(format!("model={}", encoded(name)))),
        Dimension::User => (name.clone(), Some(format!("user={}", encoded(name)))),
    };
    if text.is_empty() {
        return view! { <td class="muted">"none"</td> }.into_any();
    }
    let shown = match filter {
        Some(filter) => {
            let href = format!("/{team}/requests?{filter}&{}", range.query());
            view! { <a href=href>{text.clone()}</a> }.into_any()
        }
        None => view! { {text.clone()} }.into_any(),
    };
    view! { <td class="cut" title=text>{shown}</td> }.into_any()
}
