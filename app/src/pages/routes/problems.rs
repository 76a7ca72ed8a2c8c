//! What is wrong with a route, each with a link to its element.

use domain::route::{RouteProblem, Severity};
use leptos::prelude::*;

/// The problems, errors first; nothing where there are none. `link` is where an element is shown, by its id.
pub(super) fn problems(problems: &[RouteProblem], link: &dyn Fn(&str) -> Option<String>) -> impl IntoView + use<> {
    let of = |severity: Severity| problems.iter().filter(move |problem| problem.severity == severity);
    let list = |severity| of(severity).map(|problem| line(problem, link(&problem.element))).collect_view();
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

fn line(problem: &RouteProblem, link: Option<String>) -> impl IntoView + use<> {
    let element = match (link, problem.element.is_empty()) {
        (_, true) => None,
        (Some(link), _) => Some(view! { <a href=link><code>{problem.element.clone()}</code></a>" " }.into_any()),
        (None, _) => Some(view! { <code>{problem.element.clone()}</code>" " }.into_any()),
    };
    let place = (!problem.place.is_empty()).then(|| view! { <code>{problem.place.clone()}</code>" " });
    view! { <li>{element}{place}{problem.message.clone()}</li> }
}
