//! The form of the element that is chosen in the drawing: its name, what it does, where its outputs lead, and its neighbours.

mod input;
mod outputs;
mod properties;

use domain::route::{RouteProblem, Severity};
use leptos::prelude::*;
use route::edit::{Editor, NEW_TYPES, type_of};
use serde_json::Value;

pub(super) use input::{area, select};
use input::{input, said};

/// What the form offers while somebody types.
pub(super) struct Offers {
    pub(super) providers: Vec<String>,
    pub(super) models: Vec<String>,
}

/// An element, and what is wrong with it.
struct Chosen<'a> {
    editor: &'a Editor,
    id: &'a str,
    element: &'a Value,
    kind: &'static str,
    problems: Vec<&'a RouteProblem>,
}

impl Chosen<'_> {
    /// What is wrong at one of the places, as a sentence.
    fn wrong(&self, places: &[&str]) -> Option<String> {
        let at = |place: &str| {
            places
                .iter()
                .any(|known| place.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
        };
        let found = self.problems.iter().find(|problem| at(&problem.place))?;
        Some(said(&found.message))
    }

    /// What is wrong with it elsewhere than at a place that has a field.
    fn general(&self) -> Vec<String> {
        let fields = ["properties.", "outputs."];
        let elsewhere =
            self.problems.iter().filter(|problem| !fields.iter().any(|field| problem.place.starts_with(field)));
        elsewhere.map(|problem| format!("{} {}", problem.place, problem.message).trim().to_owned()).collect()
    }

    /// What is wrong with properties and outputs that have no field here.
    fn unshown(&self) -> Vec<String> {
        let shown = properties::names(self.kind);
        let outputs: Vec<_> = outputs::rows(self).into_iter().map(|row| format!("outputs.{}", row.name)).collect();
        let elsewhere = self.problems.iter().filter(|problem| {
            let place = problem.place.as_str();
            match place.strip_prefix("properties.") {
                Some(rest) => !shown.iter().any(|name| rest.starts_with(name)),
                None => place.starts_with("outputs.") && !outputs.iter().any(|known| known == place),
            }
        });
        elsewhere.map(|problem| format!("{} {}", problem.place, problem.message)).collect()
    }
}

/// The form's part for an element; a hint where there is none.
pub(super) fn inspector(
    editor: &Editor,
    chosen: Option<&str>,
    problems: &[RouteProblem],
    offers: &Offers,
    refused: Option<&str>,
) -> impl IntoView + use<> {
    let Some((id, element)) = chosen.and_then(|id| Some((id, editor.element(id)?))) else {
        return view! {
            <section class="inspector" id="inspector">
                <h2>"Element"</h2>
                <p class="help">"Choose a box of the drawing to change what it does and where it leads."</p>
            </section>
        }
        .into_any();
    };
    let problems = problems.iter().filter(|problem| problem.element == id).collect();
    let chosen = Chosen { editor, id, element, kind: type_of(element), problems };
    let general: Vec<_> = chosen.general().into_iter().chain(chosen.unshown()).collect();
    let general = (!general.is_empty()).then(|| {
        let lines = general.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
        let is_bad = chosen.problems.iter().any(|problem| problem.severity == Severity::Error);
        let class = if is_bad { "notice bad" } else { "notice warn" };
        view! { <div class=class role="status"><ul class="wrong">{lines}</ul></div> }
    });
    let refused = refused.map(|refused| view! { <div class="notice bad" role="alert"><p>{why(refused)}</p></div> });
    let kind = if chosen.kind.is_empty() { "unknown type" } else { chosen.kind };
    let name_help = if chosen.kind == "percentage" {
        "Another name splits the same users differently."
    } else {
        "How the other elements call it."
    };
    let neighbours = neighbours(&chosen);
    view! {
        <section class="inspector" id="inspector" tabindex="-1" aria-label=format!("Element {id}")>
            <h2><code class="wrap">{id.to_owned()}</code>" "<span class="muted">{kind}</span></h2>
            <input type="hidden" name="selected" value=id.to_owned() />
            <input type="hidden" name="seen" value=element.to_string() />
            {refused}
            {general}
            {input("Name", "new_id", id).help(name_help).mono().error(chosen.wrong(&["id"])).show()}
            {properties::properties(&chosen, offers)}
            {outputs::outputs(&chosen)}
            <div class="line"><button type="submit" class="button primary" name="step" value="apply">"Apply"</button></div>
            {neighbours}
        </section>
    }
    .into_any()
}

/// Inserting beside the element, and taking it out.
fn neighbours(chosen: &Chosen<'_>) -> impl IntoView + use<> {
    let (is_start, after) = (chosen.kind == "start", chosen.editor.onward_of(chosen.id).map(str::to_owned));
    let types = NEW_TYPES.map(|kind| (kind.to_owned(), kind.to_owned())).to_vec();
    let before = (!is_start)
        .then(|| view! { <button type="submit" class="button" name="step" value="before">"Insert before"</button> });
    let after = after.map(|output| {
        let label = format!("Insert after, at {output}");
        view! { <button type="submit" class="button" name="step" value="after">{label}</button> }
    });
    let remove = (!is_start).then(|| {
        view! { <button type="submit" class="button" name="step" value="remove">"Remove this element"</button> }
    });
    let help =
        (!is_start).then(|| view! { <p class="help">"Removed, what leads here leads on to what follows it."</p> });
    view! {
        <fieldset>
            <legend>"Beside it"</legend>
            {select("A new element of the type", "kind", types, "model").show()}
            <div class="line">{before}{after}{remove}</div>
            {help}
        </fieldset>
    }
}

/// Why a step was not taken.
fn why(refused: &str) -> &'static str {
    match refused {
        "id" => "The name was not taken: each element has one of its own, of up to 256 bytes.",
        "output" => {
            "An output was not changed: each has a name of its own and leads to an element that can follow there."
        }
        _ => {
            "Nothing of that type can be there: a model's success leads to an end, and a balance chooses among models."
        }
    }
}
