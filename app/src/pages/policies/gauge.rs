//! How far a limit is used up, where the data plane says so.

use control::PolicyUsage;
use domain::policy::{Limit, Measure};
use leptos::prelude::*;

use crate::charts::{Share, Tone};
use crate::components::format;

/// The gauge; a dash where nothing is known.
pub(in crate::pages) fn gauge(limit: Option<&Limit>, usage: Option<&PolicyUsage>) -> AnyView {
    let (Some(limit), Some(usage)) = (limit, usage) else {
        return view! { <span class="muted" title="Not counted">"–"</span> }.into_any();
    };
    let full = usage.used >= usage.amount;
    let share = if usage.amount == 0 { 1.0 } else { usage.used as f64 / usage.amount as f64 };
    let tone = if full { Tone::Errors } else { Tone::Requests };
    let amounts = format!("{} of {}", amount(limit.measure, usage.used), amount(limit.measure, usage.amount));
    let values = limit.group_by.iter().zip(&usage.group);
    let group: Vec<_> =
        values.map(|(field, value)| format!("{field} {}", value.as_deref().unwrap_or("none"))).collect();
    let group = (!group.is_empty()).then(|| view! { <span class="muted">{group.join(", ")}</span> });
    let word = full.then_some(" (used up)");
    view! { <span class="gauge"><Share of=share tone /><span class="number">{amounts}{word}</span>{group}</span> }
        .into_any()
}

fn amount(measure: Measure, amount: u64) -> String {
    match measure {
        Measure::Cost => format::money(Limit::nanos(amount)),
        Measure::Requests | Measure::Tokens | Measure::Concurrency => format::short_count(amount),
    }
}
