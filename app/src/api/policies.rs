//! Policies: written with a form or as text, put in and out of force, deleted.

#![expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the form, so that errors find their field"
)]

use leptos::prelude::*;

use crate::AppError;

#[cfg(feature = "ssr")]
mod form;
#[cfg(feature = "ssr")]
mod text;

#[cfg(feature = "ssr")]
pub use form::{GROUPS, PolicyForm};
#[cfg(feature = "ssr")]
pub use text::{Kept, Wrong, pretty};

/// Creates a policy, or changes the one with `id`, and leads to its page.
///
/// # Errors
/// [`AppError::Invalid`] names the fields of the form, and `version` where somebody else changed the policy after the form was
/// opened; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "save-policy")]
pub async fn save_policy(
    team: String,
    id: Option<String>,
    version: Option<String>,
    name: Option<String>,
    state: Option<String>,
    what: Option<String>,
    amount: Option<String>,
    per: Option<String>,
    window: Option<String>,
    burst: Option<String>,
    zone: Option<String>,
    gateways: Option<String>,
    tokens: Option<String>,
    models: Option<String>,
    providers: Option<String>,
    users: Option<String>,
    group_by: Option<Vec<String>>,
    warn_at: Option<String>,
    action: Option<String>,
    fallback: Option<String>,
    unknown: Option<String>,
    extra: Option<String>,
    extra_until: Option<String>,
    message: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use crate::server;

    let grant = server::grant::<can::EditPolicies>(&team).await?;
    let form = PolicyForm {
        what,
        amount,
        per,
        window,
        burst,
        zone,
        gateways,
        tokens,
        models,
        providers,
        users,
        group_by: group_by.unwrap_or_default(),
        warn_at,
        action,
        fallback,
        unknown,
        extra,
        extra_until,
        message,
    };
    let policy = form.read().map_err(AppError::Invalid)?;
    let place = text::Place { id, version, state };
    let saved = text::save(&grant, &team, name, place, policy).await.map_err(form::by_its_fields)?;
    server::redirect(&saved);
    Ok(())
}

/// The same from the text form. What is refused comes back whole, with all that is wrong with it, on the page it came from.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
#[server(prefix = "/ui", endpoint = "save-policy-text")]
pub async fn save_policy_text(
    team: String,
    id: Option<String>,
    version: Option<String>,
    name: Option<String>,
    state: Option<String>,
    text: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use crate::server;

    let grant = server::grant::<can::EditPolicies>(&team).await?;
    let (name, text) = (name.unwrap_or_default(), text.unwrap_or_default());
    let page = id.clone().filter(|id| !id.is_empty()).unwrap_or_else(|| "new".to_owned());
    let place = text::Place { id, version, state };
    let wrong = match control::read_text(&text) {
        Ok(policy) => match text::save(&grant, &team, Some(name.clone()), place, policy).await {
            Ok(saved) => {
                server::redirect(&saved);
                return Ok(());
            }
            Err(AppError::Invalid(errors)) => errors.into_iter().map(Wrong::from).collect(),
            Err(other) => return Err(other),
        },
        Err(errors) => errors.into_iter().map(Wrong::from).collect(),
    };
    let kept = Kept { name, text, wrong }.put(&server::control()?, &server::actor()?);
    server::redirect(&format!("/{team}/policies/{page}?as=text&kept={kept}"));
    Ok(())
}

/// Puts a policy in or out of force.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Invalid`] for a state that there is not.
#[server(prefix = "/ui", endpoint = "set-policy-state")]
pub async fn set_policy_state(team: String, id: String, state: String) -> Result<(), AppError> {
    use control::can;
    use domain::PolicyId;
    use domain::policy::PolicyState;
    use domain::validate::{FieldError, Problem};

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::EditPolicies>(&team).await?;
    let id: PolicyId = fields::id("id", &id).map_err(AppError::Invalid)?;
    let unknown = |()| AppError::Invalid(vec![FieldError::new("state", Problem::NotAChoice)]);
    let state: PolicyState = state.parse().map_err(unknown)?;
    server::control()?.set_policy_state(&grant, id, state).await?;
    server::redirect(&format!("/{team}/policies/{id}?saved={}", state.as_str()));
    Ok(())
}

/// Deletes a policy.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-policy")]
pub async fn delete_policy(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::EditPolicies>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.delete_policy(&grant, id).await?;
    server::redirect(&format!("/{team}/policies?saved=deleted"));
    Ok(())
}
