//! A policy as text: everything it can say, with what is wrong told by its place.

use domain::validate::Problem;
use domain::view::PolicyView;
use leptos::prelude::*;

use super::form::beginning;
use crate::api::policies::{Kept, SavePolicyText, Wrong, pretty};
use crate::components::{CopyBox, Field, PostForm, TextArea};

/// Rows of the text.
const ROWS: u16 = 22;
/// What the text may say.
const PARTS: [(&str, &str); 8] = [
    (
        "when",
        "{ \"gateway\", \"token\", \"user\", \"model\", \"provider\", \"endpoint\", \"ip\", \"country\": [ … ], \"metadata\": { KEY: [ … ] }, \
              \"time\": { \"days\", \"from\", \"to\", \"zone\" }, \"all\", \"any\": [ conditions ], \"not\": condition }; * stands for any characters",
    ),
    ("allow, deny", "true; or, instead of both:"),
    (
        "limit",
        "{ \"requests\", \"tokens\", \"cost\" (dollars) or \"concurrency\": amount, \"per\": \"minute\" … \"month\", \"5h\", \"ever\", \
               \"window\": \"sliding\", \"fixed\", \"bucket\" or \"calendar\", \"burst\", \"zone\", \"warn_at\": per cent, \
               \"extra\": { \"amount\", \"until\" } }",
    ),
    ("group_by", "[ \"token\", \"user\", \"metadata.KEY\", … ]: a count for each"),
    ("action", "\"refuse\", \"warn\" or { \"fallback\": \"provider/model\" }"),
    ("unknown", "\"pass\" or \"refuse\" what has no known price"),
    ("message", "what the refused caller is told besides"),
    ("", "The same text works in weir apply, beside name and state."),
];

/// The form, filled with the text as it was typed or is stored.
pub(super) fn form(team: &str, policy: Option<&PolicyView>, kept: Kept) -> impl IntoView + use<> {
    let hidden = beginning(team, policy);
    let longest = domain::validate::MAX_NAME as u64;
    let Kept { name, text, wrong } = kept;
    let is_wrong = !wrong.is_empty();
    let of_name = |wrong: &Wrong| wrong.field == "name";
    // The words are below; the field says that there are some.
    let name_error = wrong.iter().any(of_name).then_some(Problem::NotAChoice);
    let text_error = (is_wrong && !wrong.iter().all(of_name)).then_some(Problem::NotAPolicy);
    let is_new = policy.is_none();
    view! {
        <PostForm action={ServerAction::<SavePolicyText>::new()} class="settings">
            {hidden}
            {problems(&wrong)}
            <Field label="Name" name="name" value=name required=true longest placeholder="Monthly budget" error=name_error />
            <TextArea label="Policy" name="text" value=text rows=ROWS error=text_error />
            {super::form::buttons(is_new)}
            {reference()}
        </PostForm>
    }
}

fn problems(wrong: &[Wrong]) -> impl IntoView + use<> {
    let lines = wrong.iter().map(|wrong| {
        let place = (!wrong.field.is_empty()).then(|| view! { <code>{wrong.field.clone()}</code>" " });
        view! { <li>{place}{wrong.message.clone()}</li> }
    });
    let lines = lines.collect_view();
    (!wrong.is_empty()).then(|| {
        view! { <div class="notice bad" role="alert"><div><p>"Nothing was saved:"</p><ul class="wrong">{lines}</ul></div></div> }
    })
}

fn reference() -> impl IntoView {
    let parts = PARTS.map(|(name, what)| view! { <div><dt class="mono">{name}</dt><dd class="wrap">{what}</dd></div> });
    view! {
        <details class="more">
            <summary>"What a policy may say"</summary>
            <dl class="facts facts-tall">{parts.into_iter().collect_view()}</dl>
        </details>
    }
}

/// The text for those who may not change it.
pub(super) fn reading(policy: &PolicyView) -> impl IntoView + use<> {
    view! {
        <CopyBox label="Policy" text=pretty(&policy.text) />
        <p class="help">"Your role can look at policies, not change them."</p>
    }
}
