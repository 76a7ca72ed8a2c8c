//! Provider keys and the team's own providers. A secret comes in through a form and never goes out again.

#![expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the form, so that errors find their field"
)]

use leptos::prelude::*;

use crate::AppError;

mod custom;
#[cfg(feature = "ssr")]
mod form;

pub use custom::*;
#[cfg(feature = "ssr")]
pub use form::{OVERLAPS, read_test_code};

/// Stores a credential and leads to its page, where it can be tested.
///
/// # Errors
/// [`AppError::Invalid`] names `provider`, `alias`, `secret`, `base_url`, or a field of how it stands among others.
#[server(prefix = "/ui", endpoint = "create-provider-key")]
pub async fn create_provider_key(
    team: String,
    provider: Option<String>,
    alias: Option<String>,
    secret: Option<String>,
    base_url: Option<String>,
    name: Option<String>,
    weight: Option<String>,
    region: Option<String>,
    requests_per_minute: Option<String>,
) -> Result<(), AppError> {
    use control::{NewProviderKey, can};

    use super::fields::filled;
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let text = |text: Option<&str>| filled(text).unwrap_or_default().to_owned();
    let alias = filled(alias.as_deref()).unwrap_or("default").to_owned();
    let new = NewProviderKey {
        provider: text(provider.as_deref()),
        alias,
        secret: text(secret.as_deref()),
        base_url: filled(base_url.as_deref()).map(str::to_owned),
        pooling: form::pooling(name, weight.as_deref(), region, requests_per_minute.as_deref())
            .map_err(AppError::Invalid)?,
    };
    let key = server::control()?.create_provider_key(&grant, new).await?;
    server::redirect(&format!("/{team}/keys/{}?saved=created", key.id));
    Ok(())
}

/// Changes how a credential stands among others with its alias.
///
/// # Errors
/// [`AppError::Invalid`] names `name`, `weight`, `region` or `requests_per_minute`; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "pool-provider-key")]
pub async fn pool_provider_key(
    team: String,
    id: String,
    name: Option<String>,
    weight: Option<String>,
    region: Option<String>,
    requests_per_minute: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let pooling = form::pooling(name, weight.as_deref(), region, requests_per_minute.as_deref());
    server::control()?.pool_provider_key(&grant, id, pooling.map_err(AppError::Invalid)?).await?;
    server::redirect(&format!("/{team}/keys/{id}?saved=pooled"));
    Ok(())
}

/// Puts a new credential in the place of one, which goes on working for the chosen overlap.
///
/// # Errors
/// [`AppError::Invalid`] names `secret` or `overlap`; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "rotate-provider-key")]
pub async fn rotate_provider_key(
    team: String,
    id: String,
    secret: Option<String>,
    overlap: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use super::fields::{self, filled};
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let overlap_s = form::overlap(overlap.as_deref()).map_err(AppError::Invalid)?;
    let secret = filled(secret.as_deref()).unwrap_or_default().to_owned();
    let key = server::control()?.rotate_provider_key(&grant, id, secret, overlap_s).await?;
    server::redirect(&format!("/{team}/keys/{}?saved=rotated", key.id));
    Ok(())
}

/// Turns a credential on or off.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "set-provider-key-enabled")]
pub async fn set_provider_key_enabled(team: String, id: String, enabled: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::{self, ticked};
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let enabled = ticked(enabled.as_deref());
    server::control()?.set_provider_key_enabled(&grant, id, enabled).await?;
    let saved = if enabled { "enabled" } else { "disabled" };
    server::redirect(&format!("/{team}/keys/{id}?saved={saved}"));
    Ok(())
}

/// Deletes a credential.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-provider-key")]
pub async fn delete_provider_key(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.delete_provider_key(&grant, id).await?;
    server::redirect(&format!("/{team}/keys?saved=deleted"));
    Ok(())
}

/// Asks the provider whether it takes the credential; the page shows the answer, which travels as a code.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "test-provider-key")]
pub async fn test_provider_key(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let test = server::control()?.test_provider_key(&grant, id).await?;
    let status = test.status.map(|status| format!("&status={status}")).unwrap_or_default();
    let (code, duration_ms) = (form::test_code(test.code), test.duration_ms);
    server::redirect(&format!("/{team}/keys/{id}?tested={code}&ms={duration_ms}{status}"));
    Ok(())
}
