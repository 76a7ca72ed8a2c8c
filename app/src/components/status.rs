//! States: never by colour alone.

use domain::ledger::Outcome;
use leptos::prelude::*;

use super::Tone;

/// An HTTP status as a dot, its code, and a word for screen readers and the tooltip. The outcome decides how it looks: an
/// answer that broke off has the code it began with.
#[component]
pub fn StatusDot(
    code: u16,
    outcome: Outcome,
    /// What happened, where the code does not say it all, such as `cancelled`.
    #[prop(optional, into)]
    word: String,
) -> impl IntoView {
    let (class, meaning) = appearance(code, outcome);
    let word = if word.is_empty() { meaning.to_owned() } else { word };
    view! {
        <span class=format!("status {class}") title=word.clone()>
            <span class="dot" aria-hidden="true"></span>
            <span class="number">{code}</span>
            <span class="hidden">{format!(" {word}")}</span>
        </span>
    }
}

fn appearance(code: u16, outcome: Outcome) -> (&'static str, &'static str) {
    match (outcome, code) {
        (Outcome::Ok, _) => ("good", "succeeded"),
        (Outcome::ClientGone, _) => ("warn", "cancelled"),
        (Outcome::UpstreamError | Outcome::Refused, 429) => ("warn", "limited"),
        (Outcome::UpstreamError | Outcome::Refused, ..500) => ("warn", "refused"),
        _ => ("bad", "failed"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_broke_off_does_not_look_well() {
        let class = |code, outcome| appearance(code, outcome).0;
        assert_eq!(class(200, Outcome::Ok), "good");
        assert_eq!(class(200, Outcome::ClientGone), "warn");
        assert_eq!(class(200, Outcome::UpstreamFailed), "bad");
        assert_eq!(class(200, Outcome::Interrupted), "bad");
        assert_eq!(class(429, Outcome::Refused), "warn");
        assert_eq!(class(503, Outcome::Refused), "bad");
        assert_eq!(class(500, Outcome::UpstreamError), "bad");
    }
}
