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
                    "Your account itself is fine. Members are listed in the configuration file: ask whoever runs this server to \
                     add you there and run "<code>"weir apply"</code>"."
                </p>
                <p><a class="button" href="/account">"Open your account"</a></p>
            </EmptyState>
        </Page>
    }
}
