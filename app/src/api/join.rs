//! Following the link of an invitation.

use leptos::prelude::*;

use crate::AppError;

/// Makes whoever holds the link a member, signs them in, and leads to the team.
///
/// # Errors
/// [`AppError::NotFound`] for a link that is wrong, used or over; [`AppError::Invalid`] names `name` or `password`.
#[server(prefix = "/ui", endpoint = "join")]
pub async fn join(link: String, name: Option<String>, password: Option<String>) -> Result<(), AppError> {
    use control::Joining;

    use super::fields::filled;
    use crate::server;

    let control = server::control()?;
    let name = filled(name.as_deref()).unwrap_or_default().to_owned();
    let joining = Joining { name, password: password.unwrap_or_default() };
    let joined = control.join(&link, &joining, &server::client(), server::actor().ok().as_ref()).await?;
    if let Some(signed_in) = &joined.signed_in {
        server::give_session(&control, signed_in);
    }
    server::redirect(&format!("/{}", joined.team_slug));
    Ok(())
}
