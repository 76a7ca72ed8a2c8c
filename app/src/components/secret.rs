//! Texts to take away.

use leptos::prelude::*;

use super::{Notice, Tone};
use crate::islands::CopyButton;

/// A text in the fixed-width font with a button that copies it.
#[component]
pub fn CopyBox(
    /// What it is, for screen readers.
    #[prop(into)]
    label: String,
    #[prop(into)] text: String,
) -> impl IntoView {
    let shown = text.clone();
    view! {
        <div class="copy-box" role="group" aria-label=label>
            <pre tabindex="0"><code>{shown}</code></pre>
            <CopyButton text />
        </div>
    }
}

/// A secret that is shown this once, and the way on after it was taken care of.
#[component]
pub fn SecretBox(
    #[prop(into)] label: String,
    /// What to do with it now.
    advice: &'static str,
    #[prop(into)] secret: String,
    /// Where the button leads, and what it says.
    done: (String, &'static str),
) -> impl IntoView {
    let (href, said) = done;
    view! {
        <div class="secret">
            <Notice tone=Tone::Warn>
                <p>"This is shown once. "{advice}" Weir keeps only a fingerprint of it and cannot show it again."</p>
            </Notice>
            <CopyBox label text=secret />
            <a class="button primary" href=href>{said}</a>
        </div>
    }
}
