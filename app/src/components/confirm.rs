//! Asking before something is lost, without JavaScript: a click opens the question, a second one acts.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::{Field, FormErrors, PostForm, SubmitButton};
use crate::AppError;

/// A button that asks before it sends. `fields` are hidden values of the form.
#[component]
pub fn Confirm<F>(
    action: ServerAction<F>,
    /// What the first button says, such as `Revoke`.
    #[prop(into)]
    label: String,
    /// What happens, in one sentence.
    #[prop(into)]
    question: String,
    /// What the second button says; the first one's words unless given.
    #[prop(optional, into)]
    yes: Option<String>,
    fields: Vec<(&'static str, String)>,
) -> impl IntoView
where
    F: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    F::Output: Send + Sync + 'static,
{
    let yes = yes.unwrap_or_else(|| label.clone());
    view! {
        <details class="confirm">
            <summary class="button small">{label}</summary>
            <div class="popup">
                <PostForm action=action errors=false>
                    {hidden(fields)}
                    <p>{question}</p>
                    <SubmitButton danger=true>{yes}</SubmitButton>
                </PostForm>
            </div>
        </details>
    }
}

/// The end of a settings page: what cannot be undone, behind typing the name. The form sends `confirm` with what was
/// typed, and the hidden `fields`.
#[component]
pub fn DangerZone<F>(
    action: ServerAction<F>,
    /// What it does, such as `Delete this gateway`.
    #[prop(into)]
    title: String,
    /// What is lost and what is kept.
    #[prop(into)]
    text: String,
    /// What must be typed.
    #[prop(into)]
    expected: String,
    fields: Vec<(&'static str, String)>,
) -> impl IntoView
where
    F: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    F::Output: Send + Sync + 'static,
{
    let button = title.clone();
    view! {
        <section class="danger-zone" aria-label="Danger zone">
            <h2>{title}</h2>
            <p>{text}</p>
            <PostForm action=action errors=false>
                <FormErrors />
                {hidden(fields)}
                <div class="line">
                    <Field label=format!("Type {expected} to confirm") name="confirm" required=true mono=true />
                    <SubmitButton danger=true>{button}</SubmitButton>
                </div>
            </PostForm>
        </section>
    }
}

fn hidden(fields: Vec<(&'static str, String)>) -> impl IntoView {
    fields.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view()
}
