//! The people of a team: invite, promote, send away. The link of an invitation is shown once, on a page of its own.

use leptos::prelude::*;

use crate::AppError;

/// Invites a person and leads to the page that shows their link once.
///
/// # Errors
/// [`AppError::Invalid`] names `email` or `role`; [`AppError::Forbidden`] where an admin invites an owner.
#[server(prefix = "/ui", endpoint = "invite-member")]
pub async fn invite_member(team: String, email: Option<String>, role: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields::filled;
    use crate::pages::join::link;
    use crate::server;

    let grant = server::grant::<can::ManageMembers>(&team).await?;
    let owners = server::grant::<can::ManageOwners>(&team).await.ok();
    let role = read_role(role.as_deref())?;
    let email = filled(email.as_deref()).unwrap_or_default();
    let control = server::control()?;
    let secret = control.invite_member(&grant, owners.as_ref(), email, role).await?;
    let flash = control.flash_put(&server::actor()?, link(secret.expose()));
    server::redirect(&format!("/issued/{flash}?what=invitation&next=/{team}/members"));
    Ok(())
}

/// Makes the link of an invitation stop working.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::Forbidden`] for an admin and an owner's.
#[server(prefix = "/ui", endpoint = "withdraw-invitation")]
pub async fn withdraw_invitation(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageMembers>(&team).await?;
    let owners = server::grant::<can::ManageOwners>(&team).await.ok();
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.withdraw_invitation(&grant, owners.as_ref(), id).await?;
    server::redirect(&format!("/{team}/members?saved=withdrawn"));
    Ok(())
}

/// Gives a member another role.
///
/// # Errors
/// [`AppError::Invalid`] for `role`, also where it would take the last owner; [`AppError::NotFound`];
/// [`AppError::Forbidden`] for an admin and an owner.
#[server(prefix = "/ui", endpoint = "set-member-role")]
pub async fn set_member_role(team: String, id: String, role: Option<String>) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageMembers>(&team).await?;
    let owners = server::grant::<can::ManageOwners>(&team).await.ok();
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    let role = read_role(role.as_deref())?;
    server::control()?.set_member_role(&grant, owners.as_ref(), id, role).await?;
    server::redirect(&format!("/{team}/members/{id}?saved=role"));
    Ok(())
}

/// Takes the team away from a member.
///
/// # Errors
/// As [`set_member_role`].
#[server(prefix = "/ui", endpoint = "remove-member")]
pub async fn remove_member(team: String, id: String) -> Result<(), AppError> {
    use control::can;

    use super::fields;
    use crate::server;

    let grant = server::grant::<can::ManageMembers>(&team).await?;
    let owners = server::grant::<can::ManageOwners>(&team).await.ok();
    let id = fields::id("id", &id).map_err(AppError::Invalid)?;
    server::control()?.remove_member(&grant, owners.as_ref(), id).await?;
    let left = server::actor()?.user_id() == id;
    server::redirect(&if left { "/".to_owned() } else { format!("/{team}/members?saved=removed") });
    Ok(())
}

#[cfg(feature = "ssr")]
fn read_role(text: Option<&str>) -> Result<domain::Role, AppError> {
    use domain::validate::{FieldError, Problem};

    let problem = |problem| AppError::Invalid(vec![FieldError::new("role", problem)]);
    let text = super::fields::filled(text).ok_or_else(|| problem(Problem::Required))?;
    text.parse().map_err(|()| problem(Problem::NotAChoice))
}
