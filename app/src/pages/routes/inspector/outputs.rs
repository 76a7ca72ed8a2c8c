//! Where the outputs of an element lead: to one that is there, to a new one, or nowhere.

use leptos::prelude::*;
use route::edit::NEW_TYPES;

use super::Chosen;
use super::input::{groups, input};

/// An output to show.
#[derive(Debug)]
pub(super) struct Row {
    /// Empty for one to add.
    pub(super) name: String,
    /// In words; empty where the name can be changed.
    words: &'static str,
    /// Nothing where it leads nowhere.
    to: Option<String>,
    /// The types it may lead to; all where there are none.
    only: &'static [&'static str],
    has_weight: bool,
}

/// The outputs that an element of the type has always, with what they mean.
fn usual(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "start" => &[("next", "Leads to (next)")],
        "conditional" => &[("true", "Where it holds (true)"), ("false", "Where it does not (false)")],
        "percentage" => &[("else", "All others (else)")],
        "rate" | "budget" => {
            &[("success", "While there is room (success)"), ("fallback", "Once there is none (fallback)")]
        }
        "balance" => &[("fallback", "Once all have failed (fallback)")],
        "model" => &[("success", "Once it answers (success)"), ("fallback", "Where it fails (fallback)")],
        _ => &[],
    }
}

/// All outputs, in the order in which they are shown.
pub(super) fn rows(chosen: &Chosen<'_>) -> Vec<Row> {
    let there = chosen.editor.outputs(chosen.id);
    let usual = usual(chosen.kind);
    let own = ["percentage", "balance", "model"].contains(&chosen.kind);
    let only: &'static [&'static str] = if chosen.kind == "balance" { &["model"] } else { &[] };
    let is_balance = chosen.kind == "balance";
    let mut rows: Vec<Row> = Vec::new();
    for (name, to) in there.iter().filter(|(name, _)| !usual.iter().any(|(known, _)| known == name)) {
        let (name, to) = ((*name).to_owned(), Some((*to).to_owned()));
        rows.push(Row { name, words: "", to, only, has_weight: is_balance });
    }
    if own {
        rows.push(Row { name: String::new(), words: "", to: None, only, has_weight: is_balance });
    }
    for (name, words) in usual {
        let to = there.iter().find(|(known, _)| known == name).map(|(_, to)| (*to).to_owned());
        let only: &'static [&'static str] = if chosen.kind == "model" && *name == "success" { &["end"] } else { &[] };
        rows.push(Row { name: (*name).to_owned(), words, to, only, has_weight: false });
    }
    rows
}

pub(super) fn outputs(chosen: &Chosen<'_>) -> AnyView {
    let rows = rows(chosen);
    if rows.is_empty() {
        return ().into_any();
    }
    let error = chosen.problems.iter().find(|problem| problem.place == "outputs");
    let error = error.map(|problem| view! { <p class="error">{format!("The outputs {}.", problem.message)}</p> });
    let help = match chosen.kind {
        "percentage" => Some("A share is written as 10% or 0.5%; an empty name removes it."),
        "balance" => Some("Each has a name of your own; an empty name removes it. Without a weight it has 1."),
        "model" => Some(
            "Why it fails may lead elsewhere: name an output context_length, content_policy, rate_limited, timeout, … \
             An empty name removes it.",
        ),
        _ => None,
    };
    let help = help.map(|help| view! { <p class="help">{help}</p> });
    let rows = rows.iter().enumerate().map(|(nth, row)| show(nth, row, chosen)).collect_view();
    view! {
        <fieldset class="outputs">
            <legend>"Outputs"</legend>
            {help}
            {error}
            {rows}
        </fieldset>
    }
    .into_any()
}

fn show(nth: usize, row: &Row, chosen: &Chosen<'_>) -> AnyView {
    let named = |field: &str| format!("outputs[{nth}][{field}]");
    let led = row.to.as_ref().map_or_else(String::new, |to| format!("={to}"));
    let is_new = row.name.is_empty();
    // What leads nowhere is not there to be renamed: its name is that of one to add.
    let was = if row.to.is_some() { row.name.clone() } else { String::new() };
    let error = if is_new { None } else { chosen.wrong(&[&format!("outputs.{}", row.name)]) };
    let label = match (row.words, is_new) {
        ("", true) => "Another leads to".to_owned(),
        ("", false) => format!("{} leads to", row.name),
        (words, _) => words.to_owned(),
    };
    let leads = groups(label, named("to"), targets(row, chosen), led.clone()).error(error).show();
    let hidden = view! {
        <input type="hidden" name=named("was") value=was />
        <input type="hidden" name=named("led") value=led />
    };
    if !row.words.is_empty() {
        return view! { {hidden}<input type="hidden" name=named("name") value=row.name.clone() />{leads} }.into_any();
    }
    let label = match (is_new, chosen.kind) {
        (true, "percentage") => "Another share".to_owned(),
        (true, "model") => "Where it fails by".to_owned(),
        (false, "model") => format!("Fault {}", nth + 1),
        (true, _) => "Another choice".to_owned(),
        (false, "percentage") => format!("Share {}", nth + 1),
        (false, _) => format!("Name {}", nth + 1),
    };
    let weight = row.has_weight.then(|| {
        let had = chosen.editor.weight(chosen.id, &row.name);
        let error = if is_new { None } else { chosen.wrong(&[&format!("properties.weights.{}", row.name)]) };
        let label = if is_new { "Its weight".to_owned() } else { format!("Weight of {}", row.name) };
        view! {
            <input type="hidden" name=named("had") value=had.clone() />
            {input(label, named("weight"), had).numeric().placeholder("1").error(error).show()}
        }
    });
    view! {
        <div class="output">
            {hidden}
            {input(label, named("name"), row.name.clone()).mono().show()}
            {weight}
            {leads}
        </div>
    }
    .into_any()
}

/// Where an output may lead: the elements there are, where it leads now even if that is gone, and new ones.
fn targets(row: &Row, chosen: &Chosen<'_>) -> Vec<(&'static str, Vec<(String, String)>)> {
    let fits = |kind: &str| row.only.is_empty() || row.only.contains(&kind);
    let ids = chosen.editor.ids();
    let mut there: Vec<(String, String)> = ids
        .iter()
        .filter(|(id, kind)| row.to.as_deref() == Some(*id) || (*kind != "start" && *id != chosen.id && fits(kind)))
        .map(|(id, _)| (format!("={id}"), (*id).to_owned()))
        .collect();
    if let Some(gone) = row.to.as_ref().filter(|to| !ids.iter().any(|(id, _)| id == to)) {
        there.push((format!("={gone}"), format!("{gone}, which does not exist")));
    }
    let new = NEW_TYPES.into_iter().filter(|kind| fits(kind));
    let new = new.map(|kind| (format!("+{kind}"), format!("a new {kind} element"))).collect();
    vec![("", vec![(String::new(), "nowhere".to_owned())]), ("Elements", there), ("New", new)]
}
