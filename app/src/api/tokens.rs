//! API tokens: issue, restrict, revoke. The plain text is shown once, on a page of its own.

#![expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the form, so that errors find their field"
)]

use leptos::prelude::*;

use crate::AppError;

#[cfg(feature = "ssr")]
mod form;

#[cfg(feature = "ssr")]
pub use form::{TokenForm, date};

/// Issues a token and leads to the page that shows it once.
///
/// # Errors
/// [`AppError::Invalid`] names `name`, `gateways`, `models`, `providers`, `endpoints`, `ip_ranges`, `expires_at` or an own limit.
#[server(prefix = "/ui", endpoint = "issue-token")]
pub async fn issue_token(
    team: String,
    name: Option<String>,
    scope: Option<String>,
    gateways: Option<Vec<String>>,
    models: Option<String>,
    providers: Option<String>,
    endpoint_scope: Option<String>,
    endpoints: Option<Vec<String>>,
    ip_ranges: Option<String>,
    expires_at: Option<String>,
    requests_per_minute: Option<String>,
    tokens_per_minute: Option<String>,
    cost_per_day: Option<String>,
    cost_per_month: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let form = TokenForm {
        name,
        scope,
        gateways: gateways.unwrap_or_default(),
        models,
        providers,
        endpoint_scope,
        endpoints: endpoints.unwrap_or_default(),
        ip_ranges,
        expires_at,
        limits: [requests_per_minute, tokens_per_minute, cost_per_day, cost_per_month],
    };
    let terms = form.read(None).map_err(AppError::Invalid)?;
    let control = server::control()?;
    let issued = control.issue_token(&grant, terms).await?;
    let view = server::grant::<can::View>(&team).await?;
    let gateways = control.list_gateways(&view).await?;
    let usable = |id| issued.token.restrictions.gateways.as_ref().is_none_or(|ids| ids.contains(&id));
    let next = match gateways.into_iter().find(|gateway| gateway.enabled && usable(gateway.id)) {
        Some(gateway) => format!("/{team}/gateways/{}/connect", gateway.slug),
        None => format!("/{team}/tokens"),
    };
    let flash = control.flash_put(&server::actor()?, issued.plain);
    server::redirect(&format!("/issued/{flash}?next={next}"));
    Ok(())
}

/// Changes what a token may do; its secret stays.
///
/// # Errors
/// As [`issue_token`], and [`AppError::NotFound`] for an unknown or revoked token.
#[server(prefix = "/ui", endpoint = "restrict-token")]
pub async fn restrict_token(
    team: String,
    id: String,
    name: Option<String>,
    scope: Option<String>,
    gateways: Option<Vec<String>>,
    models: Option<String>,
    providers: Option<String>,
    endpoint_scope: Option<String>,
    endpoints: Option<Vec<String>>,
    ip_ranges: Option<String>,
    expires_at: Option<String>,
    requests_per_minute: Option<String>,
    tokens_per_minute: Option<String>,
    cost_per_day: Option<String>,
    cost_per_month: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let form = TokenForm {
        name,
        scope,
        gateways: gateways.unwrap_or_default(),
        models,
        providers,
        endpoint_scope,
        endpoints: endpoints.unwrap_or_default(),
        ip_ranges,
        expires_at,
        limits: [requests_per_minute, tokens_per_minute, cost_per_day, cost_per_month],
    };
    let control = server::control()?;
    let tokens = control.list_tokens(&server::grant::<can::View>(&team).await?).await?;
    let present = tokens.iter().find(|token| token.id == id).ok_or(AppError::NotFound)?.expires_at;
    let terms = form.read(present).map_err(AppError::Invalid)?;
    control.restrict_token(&grant, id, terms).await?;
    server::redirect(&format!("/{team}/tokens/{id}?saved=restricted"));
    Ok(())
}

/// Makes another secret for a token and leads to the page that shows it once. The one that it has works on for `grace`.
///
/// # Errors
/// [`AppError::Invalid`] names `grace`; [`AppError::NotFound`] for an unknown or revoked token.
#[server(prefix = "/ui", endpoint = "rotate-token")]
pub async fn rotate_token(team: String, id: String, grace: Option<String>) -> Result<(), AppError> {
    use control::can;
    use domain::validate::{FieldError, Problem};

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let id: domain::TokenId = fields::id("id", &id).map_err(AppError::Invalid)?;
    let unknown = || AppError::Invalid(vec![FieldError::new("grace", Problem::NotAChoice)]);
    let grace = domain::token::grace(grace.as_deref().unwrap_or_default().trim()).ok_or_else(unknown)?;
    let control = server::control()?;
    let issued = control.rotate_token(&grant, id, grace).await?;
    let flash = control.flash_put(&server::actor()?, issued.plain);
    server::redirect(&format!("/issued/{flash}?what=secret&next=/{team}/tokens/{id}"));
    Ok(())
}

/// Ends the secret that a token had before its last rotation.
///
/// # Errors
/// [`AppError::NotFound`] where there is none that still works.
#[server(prefix = "/ui", endpoint = "end-previous-secret")]
pub async fn end_previous_secret(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let id: domain::TokenId = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.end_previous_secret(&grant, id).await?;
    server::redirect(&format!("/{team}/tokens/{id}?saved=ended"));
    Ok(())
}

/// Ends a token for good.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "revoke-token")]
pub async fn revoke_token(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.revoke_token(&grant, id).await?;
    server::redirect(&format!("/{team}/tokens/{id}?saved=revoked"));
    Ok(())
}
