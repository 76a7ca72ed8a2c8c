//! The form of a version: JSON, with what is wrong with it.

use domain::route::MAX_COMMENT;
use domain::validate::Problem;
use domain::view::RouteView;
use leptos::prelude::*;

use crate::api::routes::{Draft, SaveRoute};
use crate::components::{Field, Notice, PostForm, SubmitButton, TextArea, Tone};

/// Rows of the text.
const ROWS: u16 = 20;
/// What a new route begins with.
pub(super) const EXAMPLE: &str = r#"[
  { "id": "start", "type": "start", "outputs": { "next": { "elementId": "large" } } },
  {
    "id": "large", "type": "model", "properties": { "provider": "openai", "model": "gpt-5" },
    "outputs": { "success": { "elementId": "end" }, "fallback": { "elementId": "small" } }
  },
  {
    "id": "small", "type": "model", "properties": { "provider": "openai", "model": "gpt-5-nano" },
    "outputs": { "success": { "elementId": "end" } }
  },
  { "id": "end", "type": "end" }
]"#;
/// What an element may be.
const TYPES: [(&str, &str); 8] = [
    ("start", "next"),
    ("conditional", "{ \"conditions\": { \"metadata.plan\": { \"$eq\": \"free\" } } } — true, false"),
    ("percentage", "{ \"key\": \"metadata.user_id\" } — 10%, 0.5%, …, else"),
    (
        "rate",
        "{ \"key\", \"limit\": requests, \"window\": seconds, \"technique\": \"sliding\" or \"fixed\" } — success, fallback",
    ),
    ("budget", "the same, with \"limit\": \"dollars\" — success, fallback"),
    (
        "balance",
        "{ \"strategy\": \"weighted\", \"latency\", \"busy\" or \"cost\", \"weights\": { OUTPUT: 3 } } — an output for each model, fallback",
    ),
    ("model", "{ \"provider\", \"model\", \"timeout\": milliseconds, \"retries\" } — success, fallback"),
    ("end", "no outputs"),
];

/// The form of a new route, or of a new version of one that exists.
pub(super) fn form(team: &str, gateway: &str, route: Option<&RouteView>, draft: Draft) -> impl IntoView + use<> {
    let (team, gateway) = (team.to_owned(), gateway.to_owned());
    let problem =
        |field: &str| draft.wrong.iter().find(|error| error.field == field).map(|error| error.problem.clone());
    let (name_error, comment_error, elements_error) = (problem("name"), problem("comment"), problem("elements"));
    let outdated = problem("made_from") == Some(Problem::Outdated);
    let refused = !draft.wrong.is_empty();
    let is_new = route.is_none();
    let known = route.map(|route| {
        view! {
            <input type="hidden" name="id" value=route.id.to_string() />
            <input type="hidden" name="name" value=route.name.clone() />
            <input type="hidden" name="made_from" value=route.newest.to_string() />
        }
    });
    let Draft { name, elements, comment, .. } = draft;
    view! {
        <PostForm action={ServerAction::<SaveRoute>::new()} class="settings">
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="gateway" value=gateway />
            {known}
            {(refused && !outdated).then(|| view! { <Notice tone=Tone::Bad><p>"Nothing was saved: look at the marked fields."</p></Notice> })}
            {outdated.then(outdated_notice)}
            {is_new.then(|| view! {
                <Field label="Name" name="name" value=name required=true longest={domain::validate::MAX_NAME as u64} mono=true
                    pattern="[a-z0-9]+(-[a-z0-9]+)*" placeholder="support" error=name_error
                    help="Applications call the model dynamic/NAME. Lower-case letters, digits, hyphens." />
            })}
            <TextArea label="Elements" name="elements" value=elements rows=ROWS error=elements_error
                help="JSON, in Weir's or in Cloudflare's spelling. It may be saved with errors, and deployed without." />
            <Field label="Comment" name="comment" value=comment longest={MAX_COMMENT as u64} error=comment_error
                help="Why, for whoever looks at the versions later." />
            <SubmitButton>"Save as a draft"</SubmitButton>
            {reference()}
        </PostForm>
    }
}

fn outdated_notice() -> impl IntoView {
    view! {
        <Notice tone=Tone::Warn>
            <p>"Somebody else saved a version after you opened the page. The form shows what you entered: saving again makes it the newest."</p>
        </Notice>
    }
}

fn reference() -> impl IntoView {
    let types = TYPES.map(|(name, what)| view! { <div><dt class="mono">{name}</dt><dd class="wrap">{what}</dd></div> });
    view! {
        <details class="more">
            <summary>"Types, their properties and outputs"</summary>
            <dl class="facts facts-tall">{types.into_iter().collect_view()}</dl>
        </details>
    }
}
