//! The front page leads on: to the person's first team.

use leptos::prelude::*;

use crate::components::{EmptyState, Page, Symbol};
use crate::server;

/// The way to the first team; an explanation for somebody without one.
#[component]
pub fn HomePage() -> impl IntoView {
    let first = server::actor().ok().and_then(|actor| actor.me().teams.into_iter().next());
    if let Some(team) = first {
        server::redirect(&format!("/{}", team.slug));
    }
    view! {
        <Page title="Weir">
            <EmptyState symbol=Symbol::Members title="You are not a member of a team">
                <p>
                    "Your account itself is fine. Ask an owner or admin of the team for an invitation, and open its link."
                </p>
                <p><a class="button" href="/account">"Open your account"</a></p>
            </EmptyState>
        </Page>
    }
}
