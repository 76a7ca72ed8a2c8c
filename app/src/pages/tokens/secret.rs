//! A token's secret: another one, and the one before while it still works.

use chrono::{DateTime, Utc};
use domain::view::{PreviousSecretView, TokenView};
use leptos::prelude::*;

use crate::api::tokens::{EndPreviousSecret, RotateToken};
use crate::components::{Confirm, Notice, PostForm, Select, SubmitButton, Time, Tone, format};

/// How long the old secret may work on.
const GRACE: [(&str, &str); 5] = [
    ("24h", "Works for another 24 hours"),
    ("1h", "Works for another hour"),
    ("7d", "Works for another 7 days"),
    ("30d", "Works for another 30 days"),
    ("0", "Ends at once"),
];

/// The secret before, where it still works; `now` knows whole seconds only.
pub(super) fn working(token: &TokenView, now: DateTime<Utc>) -> Option<&PreviousSecretView> {
    let works = |previous: &&PreviousSecretView| previous.until.timestamp() > now.timestamp();
    token.previous.as_ref().filter(works).filter(|_| token.revoked_at.is_none())
}

/// What is left of the secret before: until when, whether anybody still uses it, and the way to end it.
pub(super) fn previous(team: &str, token: &TokenView, may_edit: bool, now: DateTime<Utc>) -> Option<AnyView> {
    let PreviousSecretView { hint, until, last_used_at } = working(token, now)?.clone();
    let fields = vec![("team", team.to_owned()), ("id", token.id.to_string())];
    let used = match (last_used_at, token.rotated_at) {
        (None, _) => view! { "It was never used." }.into_any(),
        (Some(at), Some(rotated)) if at < rotated => view! { "Nobody has used it since the rotation." }.into_any(),
        (Some(at), _) => view! { "Somebody used it "<Time at now />"." }.into_any(),
    };
    let end = may_edit.then(|| {
        view! {
            <Confirm
                action={ServerAction::<EndPreviousSecret>::new()}
                label="End the old secret now"
                question="Applications that still use the old secret are refused at once."
                yes="End it"
                fields
            />
        }
    });
    let left = format::relative(until, now);
    let view = view! {
        <Notice tone=Tone::Warn>
            <p>
                "The old secret "<span class="mono">{hint}</span>" still works. It ends "
                <time datetime=until.to_rfc3339() title=format::exact(until)>{left}</time>". "{used}
            </p>
            {end}
        </Notice>
    };
    Some(view.into_any())
}

/// The form that makes another secret.
pub(super) fn rotate(team: &str, token: &TokenView, now: DateTime<Utc>) -> AnyView {
    let (team, id) = (team.to_owned(), token.id.to_string());
    let choices = |(value, words): &(&str, &str)| ((*value).to_owned(), (*words).to_owned());
    // A secret whose grace period is not over can only be ended by a rotation that ends the present one too.
    let offered = if working(token, now).is_some() { &GRACE[GRACE.len() - 1..] } else { &GRACE[..] };
    let options: Vec<_> = offered.iter().map(choices).collect();
    let help = if working(token, now).is_some() {
        "Until the old secret has ended, another one can only be made by ending both at once."
    } else {
        "So that you can give the new secret to one application after the other."
    };
    view! {
        <section>
            <h2>"Another secret"</h2>
            <p class="help">
                "The token stays what it is, with its limits and its history; only what applications sign in with changes."
            </p>
            <PostForm action={ServerAction::<RotateToken>::new()} class="narrow">
                <input type="hidden" name="team" value=team />
                <input type="hidden" name="id" value=id />
                <Select label="The present secret" name="grace" options help />
                <SubmitButton quiet=true>"Make a new secret"</SubmitButton>
            </PostForm>
        </section>
    }
    .into_any()
}
