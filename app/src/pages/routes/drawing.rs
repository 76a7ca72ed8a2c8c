//! A route as a drawing, and as the list of its elements that the drawing's boxes lead to. Both are made on the server.

use std::collections::HashMap;

use domain::route::{RouteProblem, Severity};
use leptos::prelude::*;
use route::{Kind, Limit, Measure, Outline, Strategy};

use super::layout::{Arrow, OUTPUT, Part, Tile, WIDTH, layout};
use super::wrap::wrap;
use crate::components::Table;

/// Height of a line of text, and of a box around its lines.
const LINE: usize = 16;
const AROUND: usize = 16;
/// Room for text in a box, and for the name of an arrow, in pixels.
const ROOM: u32 = WIDTH - 24;
const NAME_ROOM: u32 = 80;

/// The name of an element's row on the page, by its place.
pub(super) fn anchor(at: usize) -> String {
    format!("element-{at}")
}

/// The name of an element's box.
pub(super) fn box_name(at: usize) -> String {
    format!("box-{at}")
}

/// What is shown in a drawing beside the elements.
pub(super) struct Marks<'a> {
    /// What it is, for screen readers.
    pub(super) label: &'static str,
    /// Where a box leads, by its place and id.
    pub(super) link: &'a dyn Fn(usize, &str) -> String,
    /// The place of the box that is chosen.
    pub(super) chosen: Option<usize>,
    pub(super) problems: &'a [RouteProblem],
    /// A request's way.
    pub(super) way: Option<&'a Lit>,
}

/// What of a drawing is lit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lit {
    /// The number in the way of each box on it, and whether it is met only where a model fails.
    pub(super) boxes: HashMap<usize, (usize, bool)>,
    /// The same for outputs, by their box and number.
    pub(super) arrows: HashMap<(usize, usize), bool>,
}

impl Marks<'_> {
    /// Boxes that lead to the rows of the list.
    pub(super) fn of_page(problems: &[RouteProblem]) -> Marks<'_> {
        let link = &|at: usize, _: &str| format!("#{}", anchor(at));
        Marks { label: "The route as a drawing", link, chosen: None, problems, way: None }
    }
}

/// The drawing.
pub(super) fn drawing(outline: &[Outline], marks: &Marks<'_>) -> impl IntoView + use<> {
    let place = |id: &str| outline.iter().position(|element| element.id == id);
    let texts: Vec<_> =
        outline.iter().map(|element| (wrap(&element.id, ROOM, 3), wrap(&does(element), ROOM, 3))).collect();
    let parts: Vec<_> = outline
        .iter()
        .zip(&texts)
        .map(|(element, (id, does))| {
            let outputs = element.outputs.len() + 1;
            let height = (AROUND + LINE * (id.len() + does.len())).max(outputs * OUTPUT as usize);
            let to = element.outputs.iter().map(|output| place(&output.to)).collect();
            Part { height: u32::try_from(height).unwrap_or(u32::MAX), to }
        })
        .collect();
    let layout = layout(&parts);
    let arrows = layout.arrows.iter().map(|arrow| {
        let name = &outline[arrow.from].outputs[arrow.output].name;
        let lit = marks.way.map(|way| way.arrows.get(&(arrow.from, arrow.output)).copied());
        let class = match lit {
            None => "route-arrow",
            Some(None) => "route-arrow dim",
            Some(Some(false)) => "route-arrow lit",
            Some(Some(true)) => "route-arrow then",
        };
        (show_arrow(arrow, class), show_name(arrow, name, class))
    });
    // All names stand before all lines.
    let (arrows, names): (Vec<_>, Vec<_>) = arrows.unzip();
    let boxes = outline.iter().zip(texts).zip(&layout.boxes).enumerate();
    let boxes = boxes.map(|(at, ((element, lines), tile))| show_box(at, element, lines, tile, marks));
    let boxes = boxes.collect_view();
    let (width, height) = (layout.width, layout.height);
    view! {
        <div class="route-drawing" role="region" aria-label=marks.label tabindex="0">
            <svg width=width height=height viewBox=format!("0 0 {width} {height}") role="group" aria-label="Elements from left to right">
                {arrows}
                {names}
                {boxes}
            </svg>
        </div>
    }
}

fn show_box(
    at: usize,
    element: &Outline,
    (id, does): (Vec<String>, Vec<String>),
    tile: &Tile,
    marks: &Marks<'_>,
) -> impl IntoView + use<> {
    let (x, y, height) = (tile.x, tile.y, tile.height);
    let lit = marks.way.map(|way| way.boxes.get(&at).copied());
    let faults = faults(&element.id, marks.problems);
    let mut class = format!("route-box {}", element.type_name.replace(|char: char| !char.is_ascii_alphabetic(), ""));
    let chosen = marks.chosen == Some(at);
    for (holds, word) in [
        (chosen, " chosen"),
        (matches!(lit, Some(Some((_, false)))), " lit"),
        (matches!(lit, Some(Some((_, true)))), " then"),
        (lit == Some(None), " dim"),
        (matches!(faults, Some((_, Severity::Error))), " wrong-box"),
    ] {
        class.push_str(if holds { word } else { "" });
    }
    let lines = id.into_iter().map(|text| ("route-id", text)).chain(does.into_iter().map(|text| ("route-does", text)));
    let lines = lines.enumerate().map(|(nth, (class, text))| {
        let y = y + 20 + i32::try_from(LINE * nth).unwrap_or(0);
        view! { <text x=x + 12 y=y class=class>{text}</text> }
    });
    let lines = lines.collect_view();
    let number = lit.flatten().map(|(number, _)| pill(x - 6, y - 8, &number.to_string(), "route-number"));
    let faults = faults.map(|(text, severity)| {
        let class = if severity == Severity::Error { "route-fault bad" } else { "route-fault warn" };
        let wide = pill_width(&text);
        pill(x + WIDTH.cast_signed() + 6 - wide, y - 8, &text, class)
    });
    let full = format!("{}: {}", element.id, self::does(element));
    view! {
        <a href=(marks.link)(at, &element.id) id=box_name(at) class=class aria-current=chosen.then_some("true")>
            <rect x=x y=y width=WIDTH height=height rx="6"><title>{full}</title></rect>
            {lines}
            {number}
            {faults}
        </a>
    }
}

/// A word on the edge of a box.
fn pill(x: i32, y: i32, text: &str, class: &'static str) -> impl IntoView + use<> {
    let (text, width) = (text.to_owned(), pill_width(text));
    view! {
        <g class=class>
            <rect x=x y=y width=width height="16" rx="8" />
            <text x=x + width / 2 y=y + 12 text-anchor="middle">{text}</text>
        </g>
    }
}

fn pill_width(text: &str) -> i32 {
    10 + 7 * i32::try_from(text.chars().count()).unwrap_or(0)
}

/// How many errors an element has, or how many warnings where it has none.
fn faults(id: &str, problems: &[RouteProblem]) -> Option<(String, Severity)> {
    let count =
        |severity| problems.iter().filter(|problem| problem.element == id && problem.severity == severity).count();
    let told = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) => None,
        (0, warnings) => Some((told(warnings, "warning"), Severity::Warning)),
        (errors, _) => Some((told(errors, "error"), Severity::Error)),
    }
}

fn show_arrow(arrow: &Arrow, class: &'static str) -> impl IntoView + use<> {
    let (x, y) = arrow.points[arrow.points.len() - 1];
    view! {
        <g class=class aria-hidden="true">
            <path d=line(arrow) class="route-line" />
            <path d=format!("M{x} {y} l-8 -4.5 v9 z") class="route-tip" />
        </g>
    }
}

fn show_name(arrow: &Arrow, name: &str, class: &'static str) -> impl IntoView + use<> {
    let (x, y) = arrow.points[0];
    let shown = wrap(name, NAME_ROOM, 1).into_iter().next().unwrap_or_default();
    view! { <g class=class aria-hidden="true"><text x=x + 6 y=y - 4>{shown}</text></g> }
}

/// The line of an arrow, to where its tip begins.
fn line(arrow: &Arrow) -> String {
    let mut points = arrow.points.clone();
    if let Some(last) = points.last_mut() {
        last.0 -= 6;
    }
    let mut line = format!("M{} {}", points[0].0, points[0].1);
    for (nth, pair) in points.windows(2).enumerate() {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        if arrow.below || nth % 2 == 1 {
            line.push_str(&format!(" L{x2} {y2}"));
        } else {
            let bend = (x2 - x1) / 2;
            line.push_str(&format!(" C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend));
        }
    }
    line
}

/// The elements in words, each with the name that links lead to.
pub(super) fn elements(outline: &[Outline]) -> impl IntoView + use<> {
    let rows = outline.iter().enumerate().map(|(at, element)| row(at, element, outline)).collect_view();
    view! {
        <Table label="Elements">
            <thead><tr><th>"Element"</th><th>"Type"</th><th>"What it does"</th><th>"Leads to"</th></tr></thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn row(at: usize, element: &Outline, outline: &[Outline]) -> impl IntoView + use<> {
    let place = |id: &str| outline.iter().position(|element| element.id == id);
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
            <td>{element.type_name.clone()}</td>
            <td class="wrap">{does(element)}</td>
            <td>{outputs}</td>
        </tr>
    }
}

/// What an element does, in a few words.
pub(super) fn does(element: &Outline) -> String {
    let Some(kind) = &element.kind else {
        return if element.type_name.is_empty() {
            "no type yet".to_owned()
        } else {
            format!("{}, not complete", element.type_name)
        };
    };
    match kind {
        Kind::Start => "requests come in".to_owned(),
        Kind::Conditional { conditions } => condition(conditions),
        Kind::Percentage { key: Some(key) } => format!("split by {key}"),
        Kind::Percentage { key: None } => "split by chance".to_owned(),
        Kind::Limit(limit) => limited(limit),
        Kind::Balance { strategy, .. } => match strategy {
            Strategy::Weighted => "chooses by weight",
            Strategy::Latency => "chooses the quickest",
            Strategy::Busy => "chooses the least busy",
            Strategy::Cost => "chooses the cheapest",
        }
        .to_owned(),
        Kind::Model { provider, model, .. } => format!("{provider}/{model}"),
        Kind::End => "the answer, or an error".to_owned(),
    }
}

/// A condition that is one comparison in words, else as it is written.
fn condition(conditions: &serde_json::Value) -> String {
    let element = serde_json::json!({ "properties": { "conditions": conditions } });
    let [subject, operator, value] = ["subject", "operator", "value"].map(|name| route::edit::field(&element, name));
    let words = route::edit::OPERATORS.into_iter().find(|(known, _)| *known == operator).map(|(_, words)| words);
    match (subject.is_empty(), words) {
        (false, Some(words)) if operator == "$exists" => {
            format!("{subject} {}", if value == "false" { "is not there" } else { words })
        }
        (false, Some(words)) => format!("{subject} {words} {value}"),
        _ => conditions.to_string(),
    }
}

fn limited(limit: &Limit) -> String {
    let amount = match limit.measure {
        Measure::Requests(count) => format!("{count} requests"),
        Measure::Cost(cost) => cost.to_string(),
    };
    let each = limit.key.as_ref().map_or_else(String::new, |key| format!(" for each {key}"));
    format!("{amount} in {}{each}", span(limit.window_s))
}

/// A span of seconds in the largest unit of which it is a multiple.
fn span(seconds: u32) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{seconds} s"), |(unit, name)| format!("{} {name}", seconds / unit))
}
