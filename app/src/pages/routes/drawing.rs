//! A route as a drawing, and as the list of its elements that the drawing's boxes lead to. Both are made on the server.

use leptos::prelude::*;
use route::{Element, Graph, Kind, Limit, Measure};

use super::layout::{Arrow, WIDTH, layout};
use crate::components::Table;

/// Longest text in a box, in characters.
const LONGEST: usize = 22;

/// The name of an element's row on the page, by its place.
pub(super) fn anchor(at: usize) -> String {
    format!("element-{at}")
}

/// The drawing.
pub(super) fn drawing(graph: &Graph) -> impl IntoView + use<> {
    let layout = layout(graph);
    let arrows = layout.arrows.iter().map(arrow).collect_view();
    let boxes = graph.elements.iter().zip(&layout.boxes).enumerate();
    let boxes = boxes.map(|(at, (element, place))| {
        let (x, y, height) = (place.x, place.y, place.height);
        view! {
            <a href=format!("#{}", anchor(at)) class=format!("route-box {}", element.kind.type_name())>
                <rect x=x y=y width=WIDTH height=height rx="6" />
                <text x=x + 10 y=y + 20 class="route-id">{shortened(&element.id)}</text>
                <text x=x + 10 y=y + 37 class="route-does">{shortened(&does(&element.kind))}</text>
            </a>
        }
    });
    let boxes = boxes.collect_view();
    let (width, height) = (layout.width, layout.height);
    view! {
        <div class="route-drawing" role="region" aria-label="The route as a drawing" tabindex="0">
            <svg width=width height=height viewBox=format!("0 0 {width} {height}") role="group" aria-label="Elements from left to right">
                {arrows}
                {boxes}
            </svg>
        </div>
    }
}

fn arrow(arrow: &Arrow) -> impl IntoView + use<> {
    let ((x1, y1), (x2, y2)) = (arrow.from, arrow.to);
    let bend = x1.abs_diff(x2).max(80) / 2;
    let line = format!("M{x1} {y1} C{} {y1} {} {y2} {} {y2}", x1 + bend, x2.saturating_sub(bend), x2.saturating_sub(5));
    let tip = format!("M{x2} {y2} l-7 -4 v8 z");
    view! {
        <g class="route-arrow" aria-hidden="true">
            <path d=line class="route-line" />
            <path d=tip class="route-tip" />
            <text x=x1 + 4 y=y1.saturating_sub(3)>{arrow.name.chars().take(12).collect::<String>()}</text>
        </g>
    }
}

/// The elements in words, each with the name that links lead to.
pub(super) fn elements(graph: &Graph) -> impl IntoView + use<> {
    let rows = graph.elements.iter().enumerate().map(|(at, element)| row(at, element, graph)).collect_view();
    view! {
        <Table label="Elements">
            <thead><tr><th>"Element"</th><th>"Type"</th><th>"What it does"</th><th>"Leads to"</th></tr></thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn row(at: usize, element: &Element, graph: &Graph) -> impl IntoView + use<> {
    let place = |id: &str| graph.elements.iter().position(|element| element.id == id);
    let outputs = element.outputs.iter().map(|output| {
        let to = match place(&output.to) {
            Some(to) => view! { <a href=format!("#{}", anchor(to))>{output.to.clone()}</a> }.into_any(),
            None => output.to.clone().into_any(),
        };
        view! { <div class="wrap">{output.name.clone()}" → "{to}</div> }
    });
    let outputs = outputs.collect_view();
    view! {
        <tr id=anchor(at)>
            <td class="mono wrap">{element.id.clone()}</td>
            <td>{element.kind.type_name()}</td>
            <td class="wrap">{does(&element.kind)}</td>
            <td>{outputs}</td>
        </tr>
    }
}

/// What an element does, in a few words.
fn does(kind: &Kind) -> String {
    match kind {
        Kind::Start => "requests come in".to_owned(),
        Kind::Conditional { conditions } => conditions.to_string(),
        Kind::Percentage { key: Some(key) } => format!("split by {key}"),
        Kind::Percentage { key: None } => "split by chance".to_owned(),
        Kind::Limit(limit) => limited(limit),
        Kind::Balance { strategy, .. } => format!("chooses by {}", strategy.as_str()),
        Kind::Model { provider, model, .. } => format!("{provider}/{model}"),
        Kind::End => "the answer, or an error".to_owned(),
    }
}

fn limited(limit: &Limit) -> String {
    let amount = match limit.measure {
        Measure::Requests(count) => format!("{count} requests"),
        Measure::Cost(cost) => cost.to_string(),
    };
    let each = limit.key.as_ref().map_or_else(String::new, |key| format!(" for each {key}"));
    format!("{amount} in {} s{each}", limit.window_s)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}
