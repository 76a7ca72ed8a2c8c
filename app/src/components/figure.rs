//! Figures with their exact value on hover.

use chrono::{DateTime, Utc};
use domain::Nanos;
use leptos::prelude::*;

use super::format;

/// An amount of money; a dash where it is not known.
#[component]
pub fn Money(#[prop(into)] amount: Option<Nanos>) -> impl IntoView {
    match amount {
        Some(amount) => {
            view! { <span class="number" title=amount.to_string()>{format::money(amount)}</span> }.into_any()
        }
        None => view! { <span class="number muted" title="The price of this model is not known">"–"</span> }.into_any(),
    }
}

/// A count of tokens, or of anything else.
#[component]
pub fn Tokens(count: u64) -> impl IntoView {
    view! { <span class="number" title=format::grouped(count)>{format::short_count(count)}</span> }
}

/// A span of time in microseconds; a dash where it was not measured.
#[component]
pub fn Duration(#[prop(into)] microseconds: Option<u64>) -> impl IntoView {
    match microseconds {
        Some(span) => {
            let exact = format!("{} µs", format::grouped(span));
            view! { <span class="number" title=exact>{format::duration(span)}</span> }.into_any()
        }
        None => view! { <span class="number muted">"–"</span> }.into_any(),
    }
}

/// A moment, told from `now`.
#[component]
pub fn Time(at: DateTime<Utc>, now: DateTime<Utc>) -> impl IntoView {
    view! { <time datetime=at.to_rfc3339() title=format::exact(at)>{format::relative(at, now)}</time> }
}
