//! What server functions and pages get from the server: the control plane, who is asking, and what they may do.

mod cookie;
mod guard;
mod kept;

use axum::extract::ConnectInfo;
use chrono::{DateTime, Timelike, Utc};
use control::{Actor, Client, Control, Grant, Member, SignedIn, can};
use http::header::{HeaderValue, REFERER, SET_COOKIE, USER_AGENT};
use http::request::Parts;
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::net::SocketAddr;
use url::{Position, Url};

use crate::AppError;

pub use guard::{BACK_FIELD, Guard, GuardLayer, layer};
pub use kept::kept_values;

/// The control plane.
///
/// # Errors
/// [`AppError::Unavailable`] where the server provided none.
pub fn control() -> Result<Control, AppError> {
    use_context::<Control>().ok_or(AppError::Unavailable)
}

/// Who is signed in. The layer has checked the session already, so this is cheap.
///
/// # Errors
/// [`AppError::Unauthenticated`].
pub fn actor() -> Result<Actor, AppError> {
    parts().and_then(|parts| parts.extensions.get::<Actor>().cloned()).ok_or(AppError::Unauthenticated)
}

/// The person as a member of a team.
///
/// # Errors
/// [`AppError::NotFound`] for a team that does not exist and for one they do not belong to alike.
pub fn member(team: &str) -> Result<Member, AppError> {
    Ok(actor()?.team(team)?)
}

/// The capability a server function needs: its first line.
///
/// # Errors
/// [`AppError::Unauthenticated`], [`AppError::NotFound`] for a foreign team, [`AppError::Forbidden`].
#[expect(clippy::unused_async, reason = "callers read `.await?`, and looking a role up may wait one day")]
pub async fn grant<P: can::Permit>(team: &str) -> Result<Grant<P>, AppError> {
    Ok(member(team)?.grant::<P>()?)
}

/// Where the request came from.
#[must_use]
pub fn client() -> Client {
    let Some(parts) = parts() else { return Client::default() };
    let ip = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_string());
    let user_agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Client { ip: ip.unwrap_or_default(), user_agent: user_agent.chars().take(256).collect() }
}

/// The present moment, to the second; take it once per page and hand it to what shows times.
#[must_use]
pub fn now() -> DateTime<Utc> {
    let now = Utc::now();
    now.with_nanosecond(0).unwrap_or(now)
}

/// The parts of the request that is being answered.
#[must_use]
pub fn parts() -> Option<Parts> {
    use_context::<Parts>()
}

/// Path and query of the page that is being rendered.
#[must_use]
pub fn address() -> String {
    parts().and_then(|parts| Some(parts.uri.path_and_query()?.to_string())).unwrap_or_default()
}

/// The value of a cookie of the request.
#[must_use]
pub fn cookie(name: &str) -> Option<String> {
    cookie::read(&parts()?.headers, name).map(str::to_owned)
}

/// Sends the browser elsewhere after a form was taken. A path that could leave this site, or break the header, goes to
/// the front page instead.
pub fn redirect(path: &str) {
    leptos_axum::redirect(if is_local(path) { path } else { "/" });
}

/// Sends the browser back to the page that the form was on.
pub fn redirect_back() {
    let referer = parts().and_then(|parts| Url::parse(parts.headers.get(REFERER)?.to_str().ok()?).ok());
    let page = referer.map(|url| url[Position::BeforePath..Position::AfterQuery].to_owned());
    redirect(page.as_deref().unwrap_or("/"));
}

/// Whether a path stays on this site.
#[must_use]
pub fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// The status of the page that is being rendered.
pub fn set_status(status: u16) {
    if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), http::StatusCode::from_u16(status)) {
        options.set_status(status);
    }
}

/// Keeps the browser signed in.
pub fn give_session(control: &Control, signed_in: &SignedIn) {
    set_cookie(&cookie::session(control, signed_in));
}

/// Makes the browser forget its session.
pub fn take_session(control: &Control) {
    set_cookie(&cookie::no_session(control));
}

/// Remembers a choice of the person in their browser for a year. `value` is one of a few words of ours.
pub fn remember(control: &Control, name: &str, value: &str) {
    set_cookie(&cookie::choice(control, name, value));
}

fn set_cookie(text: &str) {
    if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(text)) {
        options.append_header(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_never_leaves_the_site() {
        for fine in ["/", "/acme/requests?status=4xx"] {
            assert!(is_local(fine), "{fine}");
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nset-cookie: x", "acme"] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
