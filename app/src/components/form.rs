//! Forms that work without JavaScript: a refused form comes back with its error in the URL, its values in a short-lived
//! cookie, and each field finds both by its name.

use domain::validate::Problem;
use leptos::context::Provider;
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;

use crate::{AppError, server};

/// What became of a form when it was sent last: the error and the values, both empty for a fresh form.
#[derive(Clone, Debug, Default)]
pub struct FormState {
    /// The last part of the server function's path; empty outside of a form.
    name: &'static str,
    error: Option<AppError>,
    kept: Vec<(String, String)>,
}

impl FormState {
    /// The state of the form that is sent to a server function.
    #[must_use]
    pub fn of<F: ServerFn<Error = AppError>>() -> Self {
        let name = F::PATH.rsplit('/').next().unwrap_or_default();
        let Some(refused) = use_context::<ServerActionError>().filter(|refused| refused.path() == F::PATH) else {
            return Self { name, ..Self::default() };
        };
        let error = ServerFnUrlError::<AppError>::decode_err(refused.err());
        Self { name, error: Some(error), kept: server::kept_values(F::PATH) }
    }

    /// The id of a field's input, different in each form of a page.
    #[must_use]
    pub fn id(&self, field: &str) -> String {
        let form = if self.name.is_empty() { "field" } else { self.name };
        format!("{form}-{field}")
    }

    /// Why the form was refused.
    #[must_use]
    pub fn error(&self) -> Option<&AppError> {
        self.error.as_ref()
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn problem(&self, field: &str) -> Option<Problem> {
        self.error.as_ref()?.problem(field)
    }

    /// What was typed into a field when the form was refused.
    #[must_use]
    pub fn kept(&self, field: &str) -> Option<&str> {
        self.kept.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// Whether the form was refused and its values are known, so that a box not mentioned was not ticked.
    #[must_use]
    pub fn has_values(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Whether the refused form had this value under this name, as ticked boxes have.
    #[must_use]
    pub fn has_value(&self, field: &str, value: &str) -> bool {
        self.kept.iter().any(|(name, kept)| name == field && kept == value)
    }

    /// What was typed, or the value the field has otherwise.
    #[must_use]
    pub fn value(&self, field: &str, otherwise: impl Into<String>) -> String {
        self.kept(field).map_or_else(|| otherwise.into(), str::to_owned)
    }

    /// The state of the form around this component.
    pub(super) fn around() -> Self {
        use_context().unwrap_or_default()
    }
}

/// A form sent to a server function: `<PostForm action>` after `let action = ServerAction::<CreateGateway>::new();`. The
/// fields inside find their errors and values by name.
#[component]
pub fn PostForm<F>(
    /// Names the server function.
    action: ServerAction<F>,
    /// Classes of the form.
    #[prop(optional, into)]
    class: String,
    /// Whether the error is said at the top of the form; otherwise place a [`FormErrors`] yourself.
    #[prop(default = true)]
    errors: bool,
    /// For fields that stand outside of the form and name it.
    #[prop(optional)]
    id: Option<&'static str>,
    children: TypedChildren<impl IntoView + 'static>,
) -> impl IntoView
where
    F: ServerFn<Error = AppError> + Clone + Send + Sync + 'static,
    F::Output: Send + Sync + 'static,
{
    let _ = action;
    let children = children.into_inner();
    let state = FormState::of::<F>();
    let back = server::address();
    view! {
        <Provider value=state>
            <form method="post" action=F::url() class=format!("form {class}") id=id>
                // The way back for a browser that does not say where it comes from.
                <input type="hidden" name=server::BACK_FIELD value=back />
                {errors.then(|| view! { <FormErrors /> })}
                {children()}
            </form>
        </Provider>
    }
}

/// The error of the form around it, or the one given, in words.
#[component]
pub fn FormErrors(#[prop(default = None)] error: Option<AppError>) -> impl IntoView {
    error.or_else(|| FormState::around().error).map(|error| {
        view! { <div class="notice bad" role="alert"><p>{error.to_string()}</p></div> }
    })
}

/// The button that sends the form.
#[component]
pub fn SubmitButton(
    /// Looks dangerous.
    #[prop(optional)]
    danger: bool,
    /// Looks quiet.
    #[prop(optional)]
    quiet: bool,
    /// Name and value that the form gets from this button.
    #[prop(optional)]
    value: Option<(&'static str, String)>,
    children: Children,
) -> impl IntoView {
    let class = match (danger, quiet) {
        (true, _) => "button danger",
        (false, true) => "button",
        (false, false) => "button primary",
    };
    let (name, value) = value.unzip();
    view! { <button type="submit" class=class name=name value=value>{children()}</button> }
}
