//! Signing in and out, the person's sessions, password and theme.

use leptos::prelude::*;

use crate::AppError;

/// Opens a session and goes on to the page that was asked for.
///
/// # Errors
/// [`AppError::Unauthenticated`] for wrong credentials, [`AppError::Throttled`] after too many of them.
#[server(prefix = "/ui", endpoint = "sign-in")]
pub async fn sign_in(email: String, password: String, next: Option<String>) -> Result<(), AppError> {
    use domain::validate::{FieldError, Problem};

    use crate::server;

    let control = server::control()?;
    let missing: Vec<FieldError> = [("email", &email), ("password", &password)]
        .into_iter()
        .filter(|(_, value)| value.is_empty())
        .map(|(field, _)| FieldError::new(field, Problem::Required))
        .collect();
    if !missing.is_empty() {
        return Err(AppError::Invalid(missing));
    }
    // Whoever signs in over an open session leaves none behind that the browser has lost the cookie of.
    let replaced = server::actor().ok();
    let signed_in = control.sign_in(email.trim(), &password, &server::client(), replaced.as_ref()).await?;
    server::give_session(&control, &signed_in);
    server::redirect(next.as_deref().filter(|path| !path.is_empty()).unwrap_or("/"));
    Ok(())
}

/// Ends this session.
///
/// # Errors
/// [`AppError::Unauthenticated`], [`AppError::Unavailable`].
#[server(prefix = "/ui", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), AppError> {
    use crate::server;

    let actor = server::actor()?;
    let control = server::control()?;
    control.sign_out(&actor).await?;
    server::take_session(&control);
    server::redirect("/sign-in?saved=signed-out");
    Ok(())
}

/// Ends one of the person's sessions.
///
/// # Errors
/// [`AppError::NotFound`] for a session of somebody else.
#[server(prefix = "/ui", endpoint = "revoke-session")]
pub async fn revoke_session(id: String) -> Result<(), AppError> {
    use crate::server;

    let actor = server::actor()?;
    let id = id.parse().map_err(|_| AppError::NotFound)?;
    server::control()?.revoke_session(&actor, id).await?;
    server::redirect("/account?saved=session");
    Ok(())
}

/// Sets a new password; every other session of the person ends.
///
/// # Errors
/// [`AppError::Invalid`] names `current`, `new` or `repeat`.
#[server(prefix = "/ui", endpoint = "change-password")]
pub async fn change_password(current: String, new: String, repeat: String) -> Result<(), AppError> {
    use domain::validate::{self, FieldError, Problem};

    use crate::server;

    let actor = server::actor()?;
    let mut errors = Vec::new();
    if current.is_empty() {
        errors.push(FieldError::new("current", Problem::Required));
    }
    if let Err(problem) = validate::password(&new) {
        errors.push(FieldError::new("new", problem));
    } else if new != repeat {
        errors.push(FieldError::new("repeat", Problem::NotConfirmed));
    }
    if !errors.is_empty() {
        return Err(AppError::Invalid(errors));
    }
    server::control()?.change_password(&actor, &current, &new).await?;
    server::redirect("/account?saved=password");
    Ok(())
}

/// Remembers `light`, `dark` or `auto` in the browser and returns to the page.
///
/// # Errors
/// [`AppError::Invalid`] for anything else.
#[server(prefix = "/ui", endpoint = "theme")]
pub async fn set_theme(theme: String) -> Result<(), AppError> {
    use crate::server;

    let control = server::control()?;
    let theme = crate::layout::Theme::parse(&theme).ok_or(AppError::Malformed)?;
    server::remember(&control, crate::layout::THEME_COOKIE, theme.as_str());
    server::redirect_back();
    Ok(())
}
