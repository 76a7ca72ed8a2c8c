//! Light, dark, or as the system says: a cookie, so that the first byte of a page has the right colours.

use leptos::prelude::*;

use crate::api::session::SetTheme;
use crate::components::{Icon, Symbol};
use crate::server;

/// Name of the cookie.
pub const THEME_COOKIE: &str = "weir-theme";

/// The colours of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the cookie and the form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads [`Theme::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }

    /// What the person chose in this browser.
    #[must_use]
    pub fn chosen() -> Self {
        server::cookie(THEME_COOKIE).and_then(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// The value of `<meta name="color-scheme">`.
    #[must_use]
    pub fn color_scheme(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Chooses the theme: three small buttons of one form.
#[component]
pub fn ThemeSwitch() -> impl IntoView {
    let chosen = Theme::chosen();
    let choices = [
        (Theme::Auto, Symbol::Contrast, "As the system"),
        (Theme::Light, Symbol::Sun, "Light"),
        (Theme::Dark, Symbol::Moon, "Dark"),
    ];
    let buttons = choices.into_iter().map(|(theme, symbol, name)| {
        let pressed = (theme == chosen).to_string();
        view! {
            <button type="submit" name="theme" value=theme.as_str() aria-pressed=pressed title=name>
                <Icon symbol=symbol name=name />
            </button>
        }
    });
    let address = <SetTheme as leptos::server_fn::ServerFn>::url();
    view! {
        <form method="post" action=address class="theme" aria-label="Theme">
            <input type="hidden" name=server::BACK_FIELD value=server::address() />
            {buttons.collect_view()}
        </form>
    }
}
