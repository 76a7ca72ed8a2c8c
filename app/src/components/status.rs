//! States: never by colour alone.

use leptos::prelude::*;

use super::Tone;

/// An HTTP status as a dot, its code, and a word for screen readers and the tooltip.
#[component]
pub fn StatusDot(
    code: u16,
    /// What happened, where the code does not say it all, such as `cancelled`.
    #[prop(optional, into)]
    word: String,
) -> impl IntoView {
    let (class, meaning) = match code {
        0..400 => ("good", "succeeded"),
        429 => ("warn", "limited"),
        400..500 => ("warn", "refused"),
        _ => ("bad", "failed"),
    };
    let word = if word.is_empty() { meaning.to_owned() } else { word };
    view! {
        <span class=format!("status {class}") title=word.clone()>
            <span class="dot" aria-hidden="true"></span>
            <span class="number">{code}</span>
            <span class="hidden">{format!(" {word}")}</span>
        </span>
    }
}

/// A word about a state, with a dot of its colour.
#[component]
pub fn Badge(#[prop(default = Tone::Info)] tone: Tone, children: Children) -> impl IntoView {
    view! {
        <span class=format!("status badge {}", tone.class())>
            <span class="dot" aria-hidden="true"></span>
            <span>{children()}</span>
        </span>
    }
}
