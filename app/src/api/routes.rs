//! Dynamic routes: written as JSON, saved as versions, deployed.

use leptos::prelude::*;

use crate::AppError;

mod edit;
#[cfg(feature = "ssr")]
mod posted;
#[cfg(feature = "ssr")]
mod text;

pub use edit::{EditRoute, OutputRow, TestRoute, edit_route, test_route};
#[cfg(feature = "ssr")]
pub use posted::{Request, Work, query};
#[cfg(feature = "ssr")]
pub use text::{Draft, pretty};

/// Creates a route, or saves a new version of the one with `id`. What is refused comes back whole, with all that is wrong with
/// it, on the page it came from.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
#[server(prefix = "/ui", endpoint = "save-route")]
pub async fn save_route(
    team: String,
    gateway: String,
    id: Option<String>,
    name: Option<String>,
    made_from: Option<String>,
    elements: Option<String>,
    comment: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let draft = Draft {
        name: name.unwrap_or_default().trim().to_owned(),
        elements: elements.unwrap_or_default(),
        comment: comment.unwrap_or_default().trim().to_owned(),
        wrong: Vec::new(),
    };
    let routes = format!("/{team}/gateways/{gateway}/routes");
    match text::save(&grant, &gateway, id.as_deref(), made_from.as_deref(), &draft).await {
        Ok(saved) => server::redirect(&format!("{routes}/{}?saved=version", saved.name)),
        Err(AppError::Invalid(wrong)) => {
            let page = if id.is_some() { draft.name.clone() } else { "new".to_owned() };
            let kept = Draft { wrong, ..draft }.put(&server::control()?, &server::actor()?);
            server::redirect(&format!("{routes}/{page}?kept={kept}"));
        }
        Err(other) => return Err(other),
    }
    Ok(())
}

/// Makes a version the one that answers.
///
/// # Errors
/// [`AppError::Invalid`] for a `number` that has errors; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "deploy-route")]
pub async fn deploy_route(team: String, gateway: String, id: String, number: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let number = fields::id("number", &number).map_err(AppError::Invalid)?;
    let route = server::control()?.deploy_route(&grant, &gateway, id, number).await?;
    server::redirect(&format!("/{team}/gateways/{gateway}/routes/{}?saved=deployed", route.name));
    Ok(())
}

/// Gives a route another name.
///
/// # Errors
/// [`AppError::Invalid`] for `name`; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "rename-route")]
pub async fn rename_route(team: String, gateway: String, id: String, name: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::{self, filled};
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let name = filled(name.as_deref()).unwrap_or_default();
    let route = server::control()?.rename_route(&grant, &gateway, id, name).await?;
    server::redirect(&format!("/{team}/gateways/{gateway}/routes/{}?saved=renamed", route.name));
    Ok(())
}

/// Deletes a route with all its versions.
///
/// # Errors
/// [`AppError::Invalid`] for `confirm` where it is not the name; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "delete-route")]
pub async fn delete_route(team: String, gateway: String, id: String, confirm: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::{self, filled};
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let confirm = filled(confirm.as_deref()).unwrap_or_default();
    server::control()?.delete_route(&grant, &gateway, id, confirm).await?;
    server::redirect(&format!("/{team}/gateways/{gateway}/routes?saved=deleted"));
    Ok(())
}
