//! Messages on a page: what was done, what to know, what to do first.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{Icon, Symbol};

/// What a message means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Worth knowing.
    #[default]
    Info,
    /// It worked.
    Good,
    /// Look here.
    Warn,
    /// It failed.
    Bad,
}

impl Tone {
    /// The class that carries the colour.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A message in the flow of the page.
#[component]
pub fn Notice(#[prop(default = Tone::Info)] tone: Tone, children: Children) -> impl IntoView {
    let symbol = match tone {
        Tone::Info => Symbol::Info,
        Tone::Good => Symbol::Check,
        Tone::Warn | Tone::Bad => Symbol::Alert,
    };
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    view! {
        <div class=format!("notice {}", tone.class()) role=role>
            <Icon symbol=symbol />
            <div>{children()}</div>
        </div>
    }
}

/// Says that a form was taken: shown when the page was reached with `?saved=` and this word, and no error.
#[component]
pub fn Saved(word: &'static str, children: Children) -> impl IntoView {
    let query = use_query_map().read_untracked();
    let shown = query.get_str("saved") == Some(word) && query.get_str("__err").is_none();
    shown.then(|| view! { <Notice tone=Tone::Good>{children()}</Notice> })
}

/// What a list shows while it is empty: what this is, and the one thing to do.
#[component]
pub fn EmptyState(
    symbol: Symbol,
    #[prop(into)] title: String,
    /// The explanation, the action, a snippet.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <Icon symbol=symbol />
            <p class="empty-title">{title}</p>
            {children()}
        </div>
    }
}
