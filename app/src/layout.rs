//! The document and the frame around every page: sidebar with team switcher and navigation, main column.

#[cfg(test)]
mod contrast;
mod sidebar;
mod theme;

use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};
use leptos_router::hooks::use_location;

use crate::components::ErrorPage;
use crate::routes::App;
use crate::server;

pub use sidebar::Sidebar;
pub use theme::{THEME_COOKIE, Theme, ThemeSwitch};

/// The document that every page is rendered into.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let theme = Theme::chosen();
    permit_own_scripts();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content=theme.color_scheme() />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <HashedStylesheet options=options.clone() id="style" />
                <HydrationScripts options islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Only our own files and the inline scripts that carry this answer's nonce may run; wasm may be compiled.
fn permit_own_scripts() {
    let (Some(nonce), Some(options)) = (use_nonce(), use_context::<leptos_axum::ResponseOptions>()) else { return };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(value) = http::HeaderValue::from_str(&policy) {
        options.insert_header(http::header::CONTENT_SECURITY_POLICY, value);
    }
}

/// A page that stands alone: set-up and sign-in.
pub fn bare<V: IntoView + 'static>(page: impl FnOnce() -> V) -> impl IntoView {
    view! { <main class="bare" id="content">{page()}</main> }
}

/// A page of somebody signed in, with the sidebar. In the address of a team they do not belong to, the page is not run.
pub fn framed<V: IntoView + 'static>(page: impl FnOnce() -> V) -> impl IntoView {
    let actor = match server::actor() {
        Ok(actor) => actor,
        Err(error) => return view! { <main class="bare" id="content"><ErrorPage error /></main> }.into_any(),
    };
    let path = use_location().pathname.get_untracked();
    let member = team_of(&path).map(server::member);
    let (team, content) = match member {
        Some(Ok(member)) => (Some(member.team().clone()), page().into_any()),
        Some(Err(error)) => (None, view! { <ErrorPage error /> }.into_any()),
        // Pages of the person have no team; the navigation shows their first one's.
        None => (actor.me().teams.into_iter().next(), page().into_any()),
    };
    view! {
        <a class="skip" href="#content">"Skip to the content"</a>
        <div class="frame">
            <Sidebar me=actor.me() team path />
            <main id="content" tabindex="-1">{content}</main>
        </div>
    }
    .into_any()
}

/// The team that a path belongs to; also where no page is, so that somebody who is lost keeps their bearings.
fn team_of(path: &str) -> Option<&str> {
    path.split('/').nth(1).filter(|first| !matches!(*first, "" | "account" | "issued"))
}
