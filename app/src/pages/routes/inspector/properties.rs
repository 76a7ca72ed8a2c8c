//! The fields of each type of element.

use leptos::prelude::*;
use route::edit::{OPERATORS, field, is_simple};

use super::input::{area, input, select};
use super::{Chosen, Offers};

/// The properties that have a field, in every spelling.
pub(super) fn names(kind: &str) -> &'static [&'static str] {
    match kind {
        "conditional" => &["condition"],
        "percentage" => &["key"],
        "rate" | "budget" => &["limit", "window", "interval", "technique", "key"],
        "balance" => &["strategy", "weights"],
        "model" => &["provider", "model", "timeout", "retries"],
        _ => &[],
    }
}

pub(super) fn properties(chosen: &Chosen<'_>, offers: &Offers) -> AnyView {
    match chosen.kind {
        "conditional" => conditional(chosen),
        "percentage" => {
            key(chosen, "Requests with the same value fall into the same share. Empty: chance decides each time.")
        }
        "rate" | "budget" => limit(chosen),
        "balance" => {
            let strategies = words(&[
                ("weighted", "by chance, in proportion to the weights"),
                ("latency", "the one that begins to answer soonest"),
                ("busy", "the one with the fewest requests under way"),
                ("cost", "the cheapest"),
            ]);
            choice(chosen, "Chooses", "strategy", strategies, "weighted")
        }
        "model" => model(chosen, offers),
        _ => ().into_any(),
    }
}

fn words(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect()
}

fn named(name: &str) -> String {
    format!("fields[{name}]")
}

fn wrong(chosen: &Chosen<'_>, name: &str) -> Option<String> {
    chosen.wrong(&[&format!("properties.{name}")])
}

/// A choice; what the JSON has and is none of them stays one, so that showing it does not change it.
fn choice(
    chosen: &Chosen<'_>,
    label: &'static str,
    name: &str,
    mut options: Vec<(String, String)>,
    otherwise: &str,
) -> AnyView {
    let value = field(chosen.element, name);
    if value.is_empty() {
        // What holds where nothing is said is said with an empty value: sending it back says nothing either.
        for (option, _) in options.iter_mut().filter(|(option, _)| option == otherwise) {
            option.clear();
        }
    } else if !options.iter().any(|(option, _)| *option == value) {
        options.push((value.clone(), value.clone()));
    }
    select(label, named(name), options, value).error(wrong(chosen, name)).show()
}

fn key(chosen: &Chosen<'_>, help: &'static str) -> AnyView {
    let key = field(chosen.element, "key");
    input("Field", named("key"), key)
        .mono()
        .placeholder("metadata.user_id")
        .help(help)
        .error(wrong(chosen, "key"))
        .show()
}

fn model(chosen: &Chosen<'_>, offers: &Offers) -> AnyView {
    let text = |name: &str| field(chosen.element, name);
    view! {
        {input("Provider", named("provider"), text("provider")).mono().placeholder("openai").offers(&offers.providers)
            .error(wrong(chosen, "provider")).show()}
        {input("Model", named("model"), text("model")).mono().placeholder("gpt-5").offers(&offers.models)
            .error(wrong(chosen, "model")).show()}
        <div class="pair">
            {input("Timeout", named("timeout"), text("timeout")).numeric().unit("ms").placeholder("the gateway's")
                .help("To the first byte of the answer.").error(wrong(chosen, "timeout")).show()}
            {input("Retries", named("retries"), text("retries")).numeric().placeholder("the gateway's")
                .help("Repetitions, 0 to 5.").error(wrong(chosen, "retries")).show()}
        </div>
    }
    .into_any()
}

fn limit(chosen: &Chosen<'_>) -> AnyView {
    let text = |name: &str| field(chosen.element, name);
    let (label, unit) = if chosen.kind == "budget" { ("Budget", "dollars") } else { ("Limit", "requests") };
    let window = chosen.wrong(&["properties.window", "properties.interval"]);
    let techniques =
        words(&[("sliding", "sliding: the last so many seconds"), ("fixed", "fixed: windows one behind the other")]);
    view! {
        <div class="pair">
            {input(label, named("limit"), text("limit")).unit(unit).error(wrong(chosen, "limit")).show()}
            {input("Window", named("window"), text("window")).numeric().unit("s").error(window).show()}
        </div>
        {choice(chosen, "Technique", "technique", techniques, "sliding")}
        {key(chosen, "Each of its values has a count of its own. Empty: all requests share one.")}
    }
    .into_any()
}

/// One comparison in parts, or the whole as JSON.
fn conditional(chosen: &Chosen<'_>) -> AnyView {
    let text = |name: &str| field(chosen.element, name);
    let error = || chosen.wrong(&["properties.condition", "properties.conditions"]);
    let json = area("The condition as JSON", "fields[conditions]", text("conditions"), 4);
    if !is_simple(chosen.element) {
        return json.help("It has more than one comparison.").error(error()).show();
    }
    let operators = OPERATORS.map(|(operator, words)| (operator.to_owned(), words.to_owned())).to_vec();
    view! {
        {input("Field", named("subject"), text("subject")).mono().placeholder("metadata.plan").error(error())
            .help("metadata.KEY, headers.NAME, or a member of the body, as body.max_tokens.").show()}
        <div class="pair">
            {select("Comparison", named("operator"), operators, text("operator")).show()}
            {input("Value", named("value"), text("value")).mono()
                .help("Several with commas between them; \"5\" in quotes is a text.").show()}
        </div>
        <details class="more">
            <summary>"More than one comparison"</summary>
            {json.help("Changed here, the fields above do not count.").show()}
        </details>
    }
    .into_any()
}
