//! What is wrong with a route, each with a link to its element.

use domain::route::{RouteProblem, Severity};
use leptos::prelude::*;

use super::drawing::anchor;

/// The problems, errors first; nothing where there are none.
pub(super) fn problems(problems: &[RouteProblem], elements: &[String]) -> impl IntoView + use<> {
    let of = |severity: Severity| problems.iter().filter(move |problem| problem.severity == severity);
    let list = |severity| of(severity).map(|problem| line(problem, elements)).collect_view();
    let errors = (of(Severity::Error).count() > 0).then(|| {
        view! {
            <div class="notice bad" role="alert">
                <div><p>"It cannot be deployed like this:"</p><ul class="wrong">{list(Severity::Error)}</ul></div>
            </div>
        }
    });
    let warnings = (of(Severity::Warning).count() > 0).then(|| {
        view! {
            <div class="notice warn" role="status">
                <div><p>"It works, but look at this:"</p><ul class="wrong">{list(Severity::Warning)}</ul></div>
            </div>
        }
    });
    view! { {errors}{warnings} }
}

fn line(problem: &RouteProblem, elements: &[String]) -> impl IntoView + use<> {
    let at = elements.iter().position(|id| *id == problem.element);
    let element = match (at, problem.element.is_empty()) {
        (_, true) => None,
        (Some(at), _) => {
            Some(view! { <a href=format!("#{}", anchor(at))><code>{problem.element.clone()}</code></a>" " }.into_any())
        }
        (None, _) => Some(view! { <code>{problem.element.clone()}</code>" " }.into_any()),
    };
    let place = (!problem.place.is_empty()).then(|| view! { <code>{problem.place.clone()}</code>" " });
    view! { <li>{element}{place}{problem.message.clone()}</li> }
}
