//! The button that copies a text.

use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;

/// Milliseconds the button says that it worked.
const SAID_MS: u64 = 1_600;

/// Copies `text`. Shows itself only where scripts run, because nothing else could make it work.
#[island]
pub fn CopyButton(text: String) -> impl IntoView {
    let (awake, wake) = signal(false);
    let (said, say) = signal("");
    Effect::new(move |_| wake.set(true));
    let copy = move |_| {
        let text = text.clone();
        spawn_local(async move {
            let clipboard = window().navigator().clipboard();
            let copied = wasm_bindgen_futures::JsFuture::from(clipboard.write_text(&text)).await.is_ok();
            say.set(if copied { "Copied" } else { "Select and copy by hand" });
            set_timeout(move || say.set(""), Duration::from_millis(SAID_MS));
        });
    };
    view! {
        <button type="button" class="button small copy" hidden=move || !awake.get() on:click=copy>
            <svg class="icon" width="16" height="16" aria-hidden="true"><use href="/icons.svg#copy"></use></svg>
            <span aria-live="polite">{move || if said.get().is_empty() { "Copy" } else { said.get() }}</span>
        </button>
    }
}
