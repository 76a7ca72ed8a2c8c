//! Icons: 16 px line drawings of our own, in one sprite.

use leptos::prelude::*;

/// Where the sprite is served.
const SPRITE: &str = "/icons.svg";

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident = $id:literal),+ $(,)?) => {
        /// A drawing of the sprite.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Symbol {
            $($(#[$doc])* $name),+
        }

        impl Symbol {
            /// Every drawing.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its id in the sprite.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id),+
                }
            }
        }
    };
}

symbols! {
    /// Something is wrong.
    Alert = "alert",
    /// A list of events.
    Audit = "audit",
    /// Done.
    Check = "check",
    /// More below.
    ChevronDown = "chevron-down",
    /// Earlier.
    ChevronLeft = "chevron-left",
    /// Later, or deeper.
    ChevronRight = "chevron-right",
    /// A clock.
    Clock = "clock",
    /// Close.
    Close = "close",
    /// Connect an application.
    Connect = "connect",
    /// Copy.
    Copy = "copy",
    /// Money.
    Cost = "cost",
    /// A gateway.
    Gateway = "gateway",
    /// Follow a setting.
    Info = "info",
    /// A provider key.
    Key = "key",
    /// The product's mark.
    Mark = "mark",
    /// People.
    Members = "members",
    /// Open the navigation.
    Menu = "menu",
    /// The dark theme.
    Moon = "moon",
    /// Follows the system.
    Contrast = "contrast",
    /// Figures.
    Overview = "overview",
    /// A person.
    Person = "person",
    /// What limits.
    Policy = "policy",
    /// What something costs.
    Price = "price",
    /// Add.
    Plus = "plus",
    /// The request log.
    Requests = "requests",
    /// Search.
    Search = "search",
    /// Leave.
    SignOut = "sign-out",
    /// The light theme.
    Sun = "sun",
    /// An API token.
    Token = "token",
}

/// A drawing; hidden from screen readers unless it is given a name.
#[component]
pub fn Icon(
    symbol: Symbol,
    /// What it means, where no text beside it says so.
    #[prop(optional, into)]
    name: Option<String>,
) -> impl IntoView {
    let hidden = name.is_none().then_some("true");
    let role = name.is_some().then_some("img");
    view! {
        <svg class="icon" width="16" height="16" aria-hidden=hidden role=role aria-label=name>
            <use href=format!("{SPRITE}#{}", symbol.id())></use>
        </svg>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_is_drawn() {
        let sprite = include_str!("../../../public/icons.svg");
        for symbol in Symbol::ALL {
            assert!(sprite.contains(&format!("id=\"{}\"", symbol.id())), "{}", symbol.id());
        }
        assert_eq!(sprite.matches("<symbol ").count(), Symbol::ALL.len());
    }
}
