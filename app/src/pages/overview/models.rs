//! The same figures by model, the dearest first.

use domain::view::Totals;
use leptos::prelude::*;

use super::encoded;
use super::figures::percent;
use crate::charts::{Share, Tone};
use crate::components::{Duration, Money, Table, Tokens};

/// The table; nothing without rows.
pub(super) fn table(rows: &[(String, Totals)], all: Totals, team: &str, range: &str) -> impl IntoView + use<> {
    (!rows.is_empty()).then(|| {
        let rows = rows.iter().map(|(model, totals)| row(model, *totals, all, team, range)).collect_view();
        view! {
            <section>
                <h2>"By model"</h2>
                <Table label="Figures by model">
                    <thead>
                        <tr>
                            <th>"Model"</th>
                            <th class="right">"Requests"</th>
                            <th class="right">"Errors"</th>
                            <th class="right">"Tokens in"</th>
                            <th class="right">"Tokens out"</th>
                            <th class="right">"Latency p50"</th>
                            <th class="right">"p95"</th>
                            <th class="right">"Cost"</th>
                            <th>"Share of cost"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </Table>
            </section>
        }
    })
}

fn row(model: &str, totals: Totals, all: Totals, team: &str, range: &str) -> impl IntoView + use<> {
    let name = if model.is_empty() {
        view! { <span class="muted">"All others"</span> }.into_any()
    } else {
        let href = format!("/{team}/requests?model={}&{range}", encoded(model));
        view! { <a class="mono" href=href title=model.to_owned()>{model.to_owned()}</a> }.into_any()
    };
    let micros = |ms: Option<u32>| ms.map(|ms| u64::from(ms) * 1_000);
    let share = if all.cost.0 > 0 { totals.cost.0 as f64 / all.cost.0 as f64 } else { 0.0 };
    // Requests without a known price cost something, only nobody knows what.
    let cost = (totals.cost.0 > 0 || totals.unpriced < totals.requests.max(1)).then_some(totals.cost);
    view! {
        <tr>
            <td class="cut">{name}</td>
            <td class="right"><Tokens count=totals.requests /></td>
            <td class="right"><span class="number">{percent(totals.errors, totals.requests)}</span></td>
            <td class="right"><Tokens count=totals.input_tokens /></td>
            <td class="right"><Tokens count=totals.output_tokens /></td>
            <td class="right"><Duration microseconds=micros(totals.latency_p50_ms) /></td>
            <td class="right"><Duration microseconds=micros(totals.latency_p95_ms) /></td>
            <td class="right"><Money amount=cost /></td>
            <td><Share of=share tone=Tone::Cost /></td>
        </tr>
    }
}
