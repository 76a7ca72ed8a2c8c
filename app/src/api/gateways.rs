//! Gateways: create, change, delete. The slug stays for life, because applications have it in their address.

use leptos::prelude::*;

use crate::AppError;

#[cfg(feature = "ssr")]
mod form;
mod update;

#[cfg(feature = "ssr")]
pub use form::DEFAULT_RATE_INTERVAL;
pub use update::*;

/// Creates a gateway with default settings and leads to what is missing next.
///
/// # Errors
/// [`AppError::Invalid`] names `name` or `slug`.
#[server(prefix = "/ui", endpoint = "create-gateway")]
pub async fn create_gateway(team: String, name: Option<String>, slug: Option<String>) -> Result<(), AppError> {
    use control::{NewGateway, can};
    use domain::{GatewaySettings, validate};

    use super::fields::{Fields, filled};
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let mut fields = Fields::default();
    let name = filled(name.as_deref()).unwrap_or_default().to_owned();
    let slug = filled(slug.as_deref()).unwrap_or_default().to_owned();
    fields.check("name", validate::name(&name));
    fields.check("slug", validate::slug(&slug));
    let new =
        fields.finish(NewGateway { slug, name, settings: GatewaySettings::default() }).map_err(AppError::Invalid)?;
    let control = server::control()?;
    let gateway = control.create_gateway(&grant, new).await?;
    let view = server::grant::<can::View>(&team).await?;
    // On the first run the next thing missing is a provider key, not more settings.
    let next = if control.list_provider_keys(&view).await?.is_empty() {
        format!("/{team}/keys?saved=gateway")
    } else {
        format!("/{team}/gateways/{}?saved=created", gateway.slug)
    };
    server::redirect(&next);
    Ok(())
}

/// Turns a gateway on or off; its settings stay.
///
/// # Errors
/// [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "set-gateway-enabled")]
pub async fn set_gateway_enabled(team: String, gateway: String, enabled: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::ticked;
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let control = server::control()?;
    let view = server::grant::<can::View>(&team).await?;
    let before = control.find_gateway(&view, &gateway).await?;
    let enabled = ticked(enabled.as_deref());
    control.set_gateway_enabled(&grant, before.id, enabled).await?;
    let saved = if enabled { "enabled" } else { "disabled" };
    server::redirect(&format!("/{team}/gateways/{}?saved={saved}", before.slug));
    Ok(())
}

/// Deletes a gateway. Its requests stay in the log.
///
/// # Errors
/// [`AppError::Invalid`] for `confirm` where it is not the slug; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-gateway")]
pub async fn delete_gateway(team: String, gateway: String, confirm: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::filled;
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let control = server::control()?;
    let view = server::grant::<can::View>(&team).await?;
    let before = control.find_gateway(&view, &gateway).await?;
    control.delete_gateway(&grant, before.id, filled(confirm.as_deref()).unwrap_or_default()).await?;
    server::redirect(&format!("/{team}/gateways?saved=deleted"));
    Ok(())
}
