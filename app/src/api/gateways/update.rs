//! The settings of a gateway.

#![expect(
    clippy::too_many_arguments,
    reason = "one argument for each field of the form, so that errors find their field"
)]

use leptos::prelude::*;

use crate::AppError;

/// Changes the name and settings of a gateway.
///
/// # Errors
/// [`AppError::Invalid`] names each field out of bounds, and `version` where somebody else changed the gateway after the
/// form was opened; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "update-gateway")]
pub async fn update_gateway(
    team: String,
    gateway: String,
    name: Option<String>,
    authentication: Option<String>,
    cache_ttl: Option<String>,
    cache_invalidate_on_update: Option<String>,
    rate_limiting_limit: Option<String>,
    rate_limiting_interval: Option<String>,
    rate_limiting_technique: Option<String>,
    retry_max_attempts: Option<String>,
    retry_delay: Option<String>,
    retry_backoff: Option<String>,
    request_timeout: Option<String>,
    first_token_timeout: Option<String>,
    idle_timeout: Option<String>,
    total_timeout: Option<String>,
    hedge_percentile: Option<String>,
    hedge_least_delay: Option<String>,
    hedge_most_delay: Option<String>,
    queue_most_waiting: Option<String>,
    queue_longest_wait: Option<String>,
    balance: Option<String>,
    affinity: Option<String>,
    allowed_regions: Option<String>,
    strict_translation: Option<String>,
    custom_cost: Option<String>,
    collect_logs: Option<String>,
    collect_log_payloads: Option<String>,
    log_retention_days: Option<String>,
    response_ttl_days: Option<String>,
    version: String,
) -> Result<(), AppError> {
    use control::{GatewayChange, can};

    use super::form::SettingsForm;
    use crate::api::fields::{self, filled};
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let form = SettingsForm {
        authentication,
        cache_ttl,
        cache_invalidate_on_update,
        rate_limiting_limit,
        rate_limiting_interval,
        rate_limiting_technique,
        retry_max_attempts,
        retry_delay,
        retry_backoff,
        request_timeout,
        first_token_timeout,
        idle_timeout,
        total_timeout,
        hedge_percentile,
        hedge_least_delay,
        hedge_most_delay,
        queue_most_waiting,
        queue_longest_wait,
        balance,
        affinity,
        allowed_regions,
        strict_translation,
        custom_cost,
        collect_logs,
        collect_log_payloads,
        log_retention_days,
        response_ttl_days,
    };
    let settings = form.read().map_err(AppError::Invalid)?;
    let version = fields::id("version", &version).map_err(AppError::Invalid)?;
    let control = server::control()?;
    let view = server::grant::<can::View>(&team).await?;
    let before = control.find_gateway(&view, &gateway).await?;
    let name = filled(name.as_deref()).unwrap_or_default().to_owned();
    let change = GatewayChange { name, settings, version };
    control.update_gateway(&grant, before.id, change).await?;
    server::redirect(&format!("/{team}/gateways/{}?saved=settings", before.slug));
    Ok(())
}
