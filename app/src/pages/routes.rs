//! Dynamic routes of a gateway: the list, a new one, one of them with its versions, one version, the editor, and a made-up request.

mod drawing;
mod edit;
mod form;
mod inspector;
mod layout;
mod list;
mod page;
mod problems;
mod sample;
mod version;
mod way;
mod wrap;

use domain::view::RouteView;
use leptos::prelude::*;

use crate::components::{Badge, Tone};

pub use edit::EditRoutePage;
pub use list::RoutesPage;
pub use page::{NewRoutePage, RoutePage};
pub use sample::TestRoutePage;
pub use version::RouteVersionPage;

/// What answers, and whether something newer waits.
fn state(route: &RouteView) -> impl IntoView + use<> {
    let deployed = match route.deployed {
        None => view! { <Badge tone=Tone::Warn>"Not deployed"</Badge> }.into_any(),
        Some(number) if !route.live => {
            view! { <Badge tone=Tone::Warn>{format!("Version {number}, not live yet")}</Badge> }.into_any()
        }
        Some(number) => view! { <Badge tone=Tone::Good>{format!("Version {number} is live")}</Badge> }.into_any(),
    };
    let draft = route.draft().filter(|_| route.deployed.is_some());
    let draft = draft.map(|number| view! { " "<Badge>{format!("Draft: version {number}")}</Badge> });
    view! { {deployed}{draft} }
}
