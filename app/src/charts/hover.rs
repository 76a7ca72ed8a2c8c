//! What moves on a chart: the line that follows the pointer or the arrow keys, the values at that moment, and the ways
//! out of it: a click opens the requests of the moment, dragging over a span zooms into it.

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::html::Div;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::Links;

/// One series as the readout shows it. Values are written on the server, so that the island carries no formatting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoverSeries {
    pub name: String,
    pub class: String,
    pub values: Vec<String>,
}

/// The layer above a plot. `labels` names each step of time, beginning at `start_ms`.
#[island]
pub fn ChartHover(
    labels: Vec<String>,
    series: Vec<HoverSeries>,
    start_ms: i64,
    step_ms: i64,
    #[prop(optional)] links: Option<Links>,
) -> impl IntoView {
    let steps = labels.len();
    let root = NodeRef::<Div>::new();
    let awake = RwSignal::new(false);
    let at = RwSignal::new(None::<usize>);
    let dragged_from = RwSignal::new(None::<usize>);
    Effect::new(move |_| awake.set(true));

    let links = StoredValue::new(links);
    let leave_for = move |first: usize, last: usize| {
        let Some(links) = links.get_value() else { return };
        let at = |step: usize| minute(start_ms + step as i64 * step_ms);
        let target = address(&links, first == last, &at(first), &at(last + 1));
        // Where the browser refuses to navigate there is nothing better to do than to stay.
        let _ = window().location().set_href(&target);
    };
    let step_under = move |event: &PointerEvent| {
        let bounds = root.get_untracked()?.get_bounding_client_rect();
        step_at(f64::from(event.client_x()) - bounds.left(), bounds.width(), steps)
    };
    let on_move = move |event: PointerEvent| at.set(step_under(&event));
    let on_down = move |event: PointerEvent| dragged_from.set(step_under(&event));
    let on_up = move |event: PointerEvent| {
        let (from, to) = (dragged_from.get_untracked(), step_under(&event));
        dragged_from.set(None);
        if let (Some(from), Some(to)) = (from, to) {
            leave_for(from.min(to), from.max(to));
        }
    };
    let on_leave = move |_: PointerEvent| {
        at.set(None);
        dragged_from.set(None);
    };
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowLeft" => at.update(|at| *at = at.map_or(steps.checked_sub(1), |at| Some(at.saturating_sub(1)))),
        "ArrowRight" => at.update(|at| *at = Some(at.map_or(0, |at| (at + 1).min(steps.saturating_sub(1))))),
        "Escape" => at.set(None),
        "Enter" => {
            if let Some(at) = at.get_untracked() {
                leave_for(at, at);
            }
        }
        _ => (),
    };
    view! {
        <div
            class="chart-hover"
            node_ref=root
            tabindex=move || awake.get().then_some("0")
            role="group"
            aria-label="Values over time; use the arrow keys"
            on:pointermove=on_move
            on:pointerdown=on_down
            on:pointerup=on_up
            on:pointerleave=on_leave
            on:keydown=on_key
            on:blur=move |_| at.set(None)
        >
            {move || at.get().map(|at| marks(at, dragged_from.get(), steps))}
            <div class="chart-readout" role="status">
                {move || at.get().map(|at| readout(&labels, &series, at))}
            </div>
        </div>
    }
}

/// The line at a step, and the span dragged over so far.
fn marks(at: usize, dragged_from: Option<usize>, steps: usize) -> impl IntoView {
    let percent = |step: f64| format!("{:.2}%", step / steps.max(1) as f64 * 100.0);
    let middle = percent(at as f64 + 0.5);
    let span = dragged_from.filter(|from| *from != at).map(|from| {
        let (first, last) = (from.min(at) as f64, from.max(at) as f64 + 1.0);
        view! { <rect class="chart-span" x=percent(first) width=percent(last - first) y="0" height="100%"></rect> }
    });
    view! {
        <svg width="100%" height="100%" aria-hidden="true">
            {span}
            <line class="chart-cursor" x1=middle.clone() x2=middle y1="0" y2="100%"></line>
        </svg>
    }
}

fn readout(labels: &[String], series: &[HoverSeries], at: usize) -> impl IntoView + use<> {
    let values = series
        .iter()
        .map(|series| {
            let value = series.values.get(at).cloned().unwrap_or_default();
            view! { <span class=format!("chart-key {}", series.class)>{series.name.clone()} " " <b>{value}</b></span> }
        })
        .collect_view();
    view! { <span class="chart-moment">{labels.get(at).cloned()}</span> {values} }
}

/// The step below a pointer, `x` pixels from the left.
fn step_at(x: f64, width: f64, steps: usize) -> Option<usize> {
    if width <= 0.0 || steps == 0 {
        return None;
    }
    Some(((x / width * steps as f64).max(0.0) as usize).min(steps - 1))
}

/// Where a click on one step or a drag over several leads.
fn address(links: &Links, single: bool, from: &str, to: &str) -> String {
    let page = if single { &links.requests } else { &links.zoom };
    let and = if links.keep.is_empty() { "" } else { "&" };
    format!("{page}?{}{and}from={from}&to={to}", links.keep)
}

/// A moment to the minute in UTC, as pages read it from their URL. Runs in the browser only.
fn minute(at_ms: i64) -> String {
    let text = String::from(js_sys::Date::new(&(at_ms as f64).into()).to_iso_string());
    text.chars().take("2026-11-22T14:05".len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_always_on_a_step_that_exists() {
        assert_eq!(step_at(0.0, 100.0, 10), Some(0));
        assert_eq!(step_at(55.0, 100.0, 10), Some(5));
        assert_eq!(step_at(100.0, 100.0, 10), Some(9));
        assert_eq!(step_at(-3.0, 100.0, 10), Some(0));
        assert_eq!(step_at(5.0, 0.0, 10), None);
        assert_eq!(step_at(5.0, 100.0, 0), None);
    }

    #[test]
    fn one_step_opens_its_requests_and_several_zoom_in() {
        let links = Links { requests: "/acme/requests".into(), zoom: "/acme".into(), keep: "gateway=main".into() };
        assert_eq!(address(&links, true, "a", "b"), "/acme/requests?gateway=main&from=a&to=b");
        assert_eq!(address(&Links { keep: String::new(), ..links }, false, "a", "c"), "/acme?from=a&to=c");
    }
}
