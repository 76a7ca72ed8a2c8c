//! Providers of the team's own.

use leptos::prelude::*;

use crate::AppError;

/// Adds a provider.
///
/// # Errors
/// [`AppError::Invalid`] names `slug`, `name`, `base_url`, `dialect` or `auth`.
#[server(prefix = "/ui", endpoint = "create-custom-provider")]
pub async fn create_custom_provider(
    team: String,
    name: Option<String>,
    slug: Option<String>,
    base_url: Option<String>,
    dialect: Option<String>,
    auth: Option<String>,
) -> Result<(), AppError> {
    use control::{NewCustomProvider, can};
    use domain::provider::AuthScheme;

    use crate::api::fields::{Fields, filled};
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let text = |text: Option<&str>| filled(text).unwrap_or_default().to_owned();
    let mut fields = Fields::default();
    let dialect = fields.choice("dialect", dialect.as_deref(), |text| text.parse().ok());
    let auth = fields.choice("auth", auth.as_deref(), AuthScheme::header);
    let (slug, name, base_url) = (text(slug.as_deref()), text(name.as_deref()), text(base_url.as_deref()));
    let new = fields.finish(NewCustomProvider { slug, name, base_url, dialect, auth }).map_err(AppError::Invalid)?;
    server::control()?.create_custom_provider(&grant, new).await?;
    server::redirect(&format!("/{team}/keys?saved=provider#custom"));
    Ok(())
}

/// Turns a provider on or off.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "set-custom-provider-enabled")]
pub async fn set_custom_provider_enabled(team: String, id: String, enabled: Option<String>) -> Result<(), AppError> {
    use control::can;

    use crate::api::fields::{self, ticked};
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.set_custom_provider_enabled(&grant, id, ticked(enabled.as_deref())).await?;
    server::redirect(&format!("/{team}/keys?saved=provider#custom"));
    Ok(())
}

/// Deletes a provider.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-custom-provider")]
pub async fn delete_custom_provider(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use crate::api::fields;
    use crate::server;

    let grant = server::grant::<can::ManageProviderKeys>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.delete_custom_provider(&grant, id).await?;
    server::redirect(&format!("/{team}/keys?saved=provider-deleted#custom"));
    Ok(())
}
