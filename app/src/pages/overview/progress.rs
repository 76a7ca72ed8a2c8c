//! The four steps from an empty team to the first request, and which of them are done.

use control::{Control, Grant, can};
use domain::view::GatewayView;
use leptos::prelude::*;

use crate::AppError;
use crate::components::{CopyBox, Icon, Symbol};
use crate::pages::connect::first_snippet;

/// How far a team has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The gateway to connect to: the first that is enabled.
    pub gateway: Option<String>,
    pub has_keys: bool,
    pub has_tokens: bool,
    pub has_requests: bool,
}

impl Progress {
    /// Looks it up.
    ///
    /// # Errors
    /// [`AppError::Unavailable`].
    pub async fn find(control: &Control, grant: &Grant<can::View>, gateways: &[GatewayView]) -> Result<Self, AppError> {
        let first = gateways.iter().find(|gateway| gateway.enabled).or(gateways.first());
        let has_requests = control.has_requests(grant).await?;
        // A team with traffic has come all the way; nothing else is asked then.
        let has_keys = has_requests || !control.list_provider_keys(grant).await?.is_empty();
        let active = |tokens: Vec<domain::view::TokenView>| tokens.iter().any(|token| token.revoked_at.is_none());
        let has_tokens = has_requests || active(control.list_tokens(grant).await?);
        Ok(Self { gateway: first.map(|gateway| gateway.slug.clone()), has_keys, has_tokens, has_requests })
    }

    /// The step to take now: 0 gateway, 1 key, 2 token, 3 request; nothing when all are done.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        [self.gateway.is_some(), self.has_keys, self.has_tokens, self.has_requests].iter().position(|done| !done)
    }
}

/// The steps as a list; the next one has its button.
#[component]
pub fn Steps(team: String, progress: Progress) -> impl IntoView {
    let next = progress.next();
    let connect = match &progress.gateway {
        Some(slug) => format!("/{team}/gateways/{slug}/connect"),
        None => format!("/{team}/gateways"),
    };
    let steps = [
        (
            "Create a gateway",
            "Create a gateway",
            "Your applications call it instead of the provider. It caches, limits, retries and logs.",
            format!("/{team}/gateways/new"),
        ),
        (
            "Store a provider key",
            "Store a key",
            "Weir sends it upstream, encrypted at rest. Applications never see it.",
            format!("/{team}/keys#add"),
        ),
        (
            "Issue a token",
            "Issue a token",
            "Applications sign in with it. You can restrict and revoke it at any time.",
            format!("/{team}/tokens/new"),
        ),
        (
            "Send the first request",
            "Show the snippets",
            "Paste one into a terminal or your application. The request shows here a moment later.",
            connect,
        ),
    ];
    let items = steps.into_iter().enumerate().map(|(index, step)| item(index, step, next)).collect_view();
    let snippet = progress.gateway.filter(|_| next == Some(3)).map(|slug| {
        view! {
            <p class="help">"Or send this one, with your token in place of YOUR_WEIR_TOKEN:"</p>
            <CopyBox label="A first request" text=first_snippet(&team, &slug) />
        }
    });
    view! {
        <section class="steps" aria-label="First steps">
            <h2>"Four steps to your first request"</h2>
            <ol>{items}</ol>
            {snippet}
        </section>
    }
}

/// A step: its title, what its button says, what it is good for, where the button leads.
type Step = (&'static str, &'static str, &'static str, String);

fn item(index: usize, step: Step, next: Option<usize>) -> impl IntoView {
    let (title, button, what, href) = step;
    let done = next.is_none_or(|next| index < next);
    let current = next == Some(index);
    let mark = if done {
        view! { <Icon symbol=Symbol::Check name="Done" /> }.into_any()
    } else {
        view! { {index + 1} }.into_any()
    };
    let action = current.then(|| view! { <a class="button primary" href=href>{button}</a> });
    view! {
        <li class:done=done aria-current=current.then_some("step")>
            <span class="step-mark">{mark}</span>
            <div>
                <p class="step-title">{title}</p>
                <p class="step-what">{what}</p>
                {action}
            </div>
        </li>
    }
}

/// The same as one line, for the pages the steps lead through; nothing once a request was made.
#[component]
pub fn ProgressLine(team: String, progress: Progress) -> impl IntoView {
    (!progress.has_requests).then(|| {
        let next = progress.next();
        let connect = progress.gateway.as_ref().map(|slug| format!("/{team}/gateways/{slug}/connect"));
        let steps = [
            ("Gateway", Some(format!("/{team}/gateways"))),
            ("Provider key", Some(format!("/{team}/keys"))),
            ("Token", Some(format!("/{team}/tokens/new"))),
            ("First request", connect),
        ];
        let items = steps.into_iter().enumerate().map(|(index, (name, href))| {
            let done = next.is_none_or(|next| index < next);
            let current = (next == Some(index)).then_some("step");
            let mark = done.then(|| view! { <Icon symbol=Symbol::Check name="Done:" /> });
            view! { <li class:done=done aria-current=current>{mark}<a href=href>{name}</a></li> }
        });
        view! { <ol class="progress" aria-label="First steps">{items.collect_view()}</ol> }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_the_first_that_is_missing() {
        let mut progress = Progress { gateway: None, has_keys: false, has_tokens: true, has_requests: false };
        assert_eq!(progress.next(), Some(0));
        progress.gateway = Some("main".into());
        assert_eq!(progress.next(), Some(1));
        progress.has_keys = true;
        assert_eq!(progress.next(), Some(3));
        progress.has_requests = true;
        assert_eq!(progress.next(), None);
    }
}
