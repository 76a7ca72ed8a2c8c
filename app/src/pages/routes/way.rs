//! The way of a made-up request: what of the drawing is lit, and each step in words.

use leptos::prelude::*;
use route::{Asked, Facts, Kind, Outline, Sample, Strategy, Trace, TraceStep};

use super::drawing::{Lit, does};

/// The steps up to the first model that is asked, which it all leads to; those behind it are taken where that fails.
fn first_model(trace: &Trace) -> usize {
    let is_model = |step: &TraceStep| matches!(step.asked, Asked::Model { .. });
    trace.steps.iter().position(is_model).unwrap_or(trace.steps.len())
}

/// What of the drawing is lit.
pub(super) fn lit(trace: &Trace, outline: &[Outline]) -> Lit {
    let first = first_model(trace);
    let mut lit = Lit::default();
    for (nth, step) in trace.steps.iter().enumerate() {
        let Some(at) = outline.iter().position(|element| element.id == step.element) else { continue };
        // A balance is met anew for each of its models: its first number counts.
        lit.boxes.entry(at).or_insert((nth + 1, nth > first));
        let output =
            step.output.as_ref().and_then(|name| outline[at].outputs.iter().position(|output| output.name == *name));
        // What is tried behind a model of a balance has no arrow of its own.
        if let Some(output) = output {
            lit.arrows.entry((at, output)).or_insert(nth >= first);
        }
    }
    lit
}

/// The steps in words, ending in the models that would be asked.
pub(super) fn steps(trace: &Trace, outline: &[Outline], sample: &Sample) -> impl IntoView + use<> {
    let first = first_model(trace);
    let rows = trace.steps.iter().enumerate().map(|(nth, step)| {
        let then =
            (nth == first + 1).then(|| view! { <li class="way-then">"Where that fails, or does not answer:"</li> });
        let told = told(step, outline, sample);
        let number = nth + 1;
        view! {
            {then}
            <li id=format!("step-{number}")>
                <span class="way-number" aria-hidden="true">{number}</span>
                <span class="wrap"><code>{step.element.clone()}</code>" "{told}</span>
            </li>
        }
    });
    let rows = rows.collect_view();
    let targets: Vec<_> = trace
        .steps
        .iter()
        .filter_map(|step| match &step.asked {
            Asked::Model { provider, model } => Some(format!("{provider}/{model}")),
            _ => None,
        })
        .collect();
    let end = match (&trace.refused_by, targets.is_empty()) {
        (Some(limit), _) => format!("It would be refused: {limit} has no room, and leads nowhere then."),
        (None, true) => "It would get an error: no model is met.".to_owned(),
        (None, false) if targets.len() == 1 => format!("It would ask {}.", targets[0]),
        (None, false) => format!("It would ask {}, in this order, until one answers.", targets.join(", then ")),
    };
    view! {
        <p><strong>{end}</strong></p>
        <ol class="way" aria-label="Steps">{rows}</ol>
    }
}

fn told(step: &TraceStep, outline: &[Outline], sample: &Sample) -> String {
    let element = outline.iter().find(|element| element.id == step.element);
    let to = element.and_then(|element| {
        let output = step.output.as_deref()?;
        Some(element.outputs.iter().find(|known| known.name == output)?.to.as_str())
    });
    let on = to.map_or_else(|| "the way ends".to_owned(), |to| format!("on to {to}"));
    let output = step.output.as_deref().unwrap_or_default();
    match &step.asked {
        Asked::Within => format!("{}: there is room, {on}", element.map(does).unwrap_or_default()),
        Asked::Over => format!("{}: used up, {on}", element.map(does).unwrap_or_default()),
        Asked::Passed => "was asked as another element before, so it is passed over".to_owned(),
        Asked::Model { provider, model } => format!("asks {provider}/{model}"),
        Asked::Balance { strategy, among } => balanced(*strategy, among, output, to.unwrap_or_default()),
        Asked::Nothing => match element.and_then(|element| element.kind.as_ref().map(|kind| (element, kind))) {
            Some((element, Kind::Conditional { .. })) => {
                let holds = if output == "true" { "it holds" } else { "it does not hold" };
                format!("{}: {holds}, {on}", does(element))
            }
            Some((_, Kind::Percentage { key })) => {
                let value = key.as_ref().and_then(|key| said(key, sample));
                let by = match (key, value) {
                    (Some(key), Some(value)) => format!("because {key} is {value}"),
                    (Some(key), None) => format!("by chance, because there is no {key}"),
                    (None, _) => "by chance".to_owned(),
                };
                format!("falls into {output} {by}, {on}")
            }
            Some((_, Kind::Balance { .. })) if output == "fallback" || to.is_none() => {
                format!("has no model left, {on}")
            }
            Some((_, Kind::Balance { .. })) => format!("has one model left, {on}"),
            Some((_, Kind::End)) => "ends".to_owned(),
            Some((_, Kind::Start)) => format!("requests come in, {on}"),
            _ => on,
        },
    }
}

fn balanced(strategy: Strategy, among: &[(String, u32)], output: &str, to: &str) -> String {
    let weighted = strategy == Strategy::Weighted;
    let one = |(id, weight): &(String, u32)| if weighted { format!("{id} ({weight})") } else { id.clone() };
    let among = among.iter().map(one).collect::<Vec<_>>().join(", ");
    let by = match strategy {
        Strategy::Weighted => "by chance and weight",
        Strategy::Latency => "the one that begins to answer soonest",
        Strategy::Busy => "the one with the fewest requests under way",
        Strategy::Cost => "the cheapest",
    };
    let here = if weighted { "this time" } else { "which is known on the way only, so the first is shown:" };
    format!("chooses among {among}: {by}, {here} {output}, on to {to}")
}

/// The value of a field in the request, as a text.
fn said(key: &route::Field, sample: &Sample) -> Option<String> {
    use route::{Fact, Field};
    let fact = match key {
        Field::Metadata(key) => sample.metadata(key)?,
        Field::Header(name) => Fact::Loose(sample.header(name)?.into()),
        Field::Body(path) => route::find(sample.body(), &path.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
    };
    match fact {
        Fact::Text(text) | Fact::Loose(text) => Some(text.chars().take(80).collect()),
        Fact::Number(number) => Some(number.to_string()),
        Fact::Bool(value) => Some(value.to_string()),
        Fact::Null | Fact::Other => None,
    }
}
