//! A secret that was just made, shown once.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::components::{EmptyState, Page, SecretBox, Symbol};
use crate::server;

/// Shows what waits under the id in the address, and forgets it. `?next=` is where "I have stored it" leads.
#[component]
pub fn IssuedPage() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    let next = use_query_map().read_untracked().get("next").filter(|path| server::is_local(path));
    let next = next.unwrap_or_else(|| "/".to_owned());
    let secret =
        server::control().ok().zip(server::actor().ok()).and_then(|(control, actor)| control.flash_take(&actor, &id));
    match secret {
        Some(secret) => view! {
            <Page title="Your new token" narrow=true>
                <SecretBox label="New token" secret done=next />
            </Page>
        }
        .into_any(),
        None => {
            server::set_status(410);
            view! {
                <Page title="Already shown" narrow=true>
                    <EmptyState symbol=Symbol::Token title="This secret was shown once already">
                        <p>"It was shown when it was made, or more than five minutes have passed. Weir cannot show it again: "
                            "issue a new token and revoke the one you lost."</p>
                        <p><a class="button" href=next>"Go on"</a></p>
                    </EmptyState>
                </Page>
            }
            .into_any()
        }
    }
}
