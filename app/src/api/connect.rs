//! Connecting an application: a token that is shown once, inside the snippets of the connect page.

use leptos::prelude::*;

use crate::AppError;

/// Issues a token for one gateway and shows it in that gateway's snippets.
///
/// # Errors
/// [`AppError::Invalid`] names `name`; [`AppError::NotFound`].
#[server(prefix = "/ui", endpoint = "issue-gateway-token")]
pub async fn issue_gateway_token(
    team: String,
    gateway: String,
    name: Option<String>,
    client: Option<String>,
) -> Result<(), AppError> {
    use control::{TokenTerms, can};
    use domain::token::Restrictions;

    use crate::pages::connect::client_slug;
    use crate::server;

    let grant = server::grant::<can::ManageTokens>(&team).await?;
    let control = server::control()?;
    let view = server::grant::<can::View>(&team).await?;
    let gateway = control.find_gateway(&view, &gateway).await?;
    let restrictions = Restrictions { gateways: Some(vec![gateway.id]), ..Restrictions::default() };
    let new = TokenTerms { name: name.unwrap_or_default(), restrictions, ..TokenTerms::default() };
    let issued = control.issue_token(&grant, new).await?;
    let flash = control.flash_put(&server::actor()?, issued.plain);
    let client = client_slug(client.as_deref());
    server::redirect(&format!("/{team}/gateways/{}/connect?client={client}&token={flash}", gateway.slug));
    Ok(())
}
