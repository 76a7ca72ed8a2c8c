//! A secret that was just made, shown once.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::components::{EmptyState, Page, SecretBox, Symbol};
use crate::server;

/// What is said about a kind of secret.
struct Words {
    title: &'static str,
    label: &'static str,
    advice: &'static str,
    done: &'static str,
    /// What to do where it was lost.
    lost: &'static str,
}

const TOKEN: Words = Words {
    title: "Your new token",
    label: "New token",
    advice: "Store it now.",
    done: "I have stored it",
    lost: "issue a new token and revoke the one you lost.",
};
const ROTATED: Words = Words {
    title: "The token's new secret",
    label: "New secret",
    advice: "Store it now, and give it to the applications that use the token.",
    done: "I have stored it",
    lost: "make another secret for the token.",
};
const INVITATION: Words = Words {
    title: "The invitation",
    label: "Invitation link",
    advice: "Pass it on now, to that person alone: whoever opens it first can join.",
    done: "I have passed it on",
    lost: "invite the person again, which ends the link you lost.",
};

/// Shows what waits under the id in the address, and forgets it. `?what=` says what it is where it is no new token, and `?next=`
/// where the button leads.
#[component]
pub fn IssuedPage() -> impl IntoView {
    let id = use_params_map().read_untracked().get("id").unwrap_or_default();
    let query = use_query_map().read_untracked();
    let next = query.get("next").filter(|path| server::is_local(path)).unwrap_or_else(|| "/".to_owned());
    let words = match query.get_str("what") {
        Some("invitation") => INVITATION,
        Some("secret") => ROTATED,
        _ => TOKEN,
    };
    let secret =
        server::control().ok().zip(server::actor().ok()).and_then(|(control, actor)| control.flash_take(&actor, &id));
    match secret {
        Some(secret) => view! {
            <Page title=words.title narrow=true>
                <SecretBox label=words.label advice=words.advice secret done=(next, words.done) />
            </Page>
        }
        .into_any(),
        None => {
            server::set_status(410);
            view! {
                <Page title="Already shown" narrow=true>
                    <EmptyState symbol=Symbol::Token title="This secret was shown once already">
                        <p>"It was shown when it was made, or more than five minutes have passed. Weir cannot show it again: "
                            {words.lost}</p>
                        <p><a class="button" href=next>"Go on"</a></p>
                    </EmptyState>
                </Page>
            }
            .into_any()
        }
    }
}
