//! The layer in front of the dashboard. In this order: unsafe methods must come from our own pages; everything but
//! set-up, sign-in and invitations needs a session; what goes out carries the security headers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use control::{Actor, Control, ControlError};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode, Uri};
use leptos::server_fn::ServerFn;
use tokio::time::timeout;
use tower::{Layer, Service};
use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

use super::{cookie, is_local, kept};
use crate::api::join::Join;
use crate::api::session::SignIn;
use crate::api::setup::Claim;
use crate::pages::join;

/// Largest form a page of ours sends, in bytes, by whom: a stranger signs in, while the text of a route or a policy is long, and three
/// times that as a form writes it.
const MAX_FORM: usize = 64 * 1024;
const MAX_MEMBERS_FORM: usize = 512 * 1024;
/// Time a browser has to send one.
const FORM_TIME: Duration = Duration::from_secs(30);
/// The field of a form that says which page it is on, for browsers that send no referrer.
pub const BACK_FIELD: &str = "back";
/// Where server functions live.
const FUNCTIONS: &str = "/ui/";

/// The layer for the dashboard's routes.
#[must_use]
pub fn layer(control: Control) -> GuardLayer {
    GuardLayer { control }
}

/// See [`layer`].
#[derive(Clone)]
pub struct GuardLayer {
    control: Control,
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { control: self.control.clone(), inner }
    }
}

/// The service that [`layer`] makes.
#[derive(Clone)]
pub struct Guard<S> {
    control: Control,
    inner: S,
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone takes the readied service's place, as tower demands.
        let next = self.inner.clone();
        let next = std::mem::replace(&mut self.inner, next);
        let control = self.control.clone();
        Box::pin(async move {
            let mut response = answer(&control, request, next).await;
            protect(&control, response.headers_mut());
            Ok(response)
        })
    }
}

async fn answer<S>(control: &Control, mut request: Request, mut next: S) -> Response
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
{
    if !request.method().is_safe() && !is_same_origin(control, request.headers(), request.uri()) {
        return refuse(StatusCode::FORBIDDEN, "This form was sent from another site, so it was not taken.");
    }
    let actor = match signed_in(control, request.headers()).await {
        Ok(actor) => actor,
        Err(()) => return refuse(StatusCode::SERVICE_UNAVAILABLE, "Weir cannot reach its database. Try again soon."),
    };
    if actor.is_none() && !is_open(request.uri().path()) {
        return ask_to_sign_in(&request);
    }
    if let Some(actor) = &actor {
        request.extensions_mut().insert(actor.clone());
    }
    let (request, form) =
        match read_form(control, request, if actor.is_some() { MAX_MEMBERS_FORM } else { MAX_FORM }).await {
            Ok(read) => read,
            Err((status, why)) => return refuse(status, why),
        };
    let mut response = match next.call(request).await {
        Ok(response) => response.into_response(),
        Err(never) => match never {},
    };
    keep_form(control, &mut response, form);
    renew(control, &mut response, actor.as_ref());
    response
}

/// Who the session cookie names; nobody without one. Fails where the database does.
async fn signed_in(control: &Control, headers: &HeaderMap) -> Result<Option<Actor>, ()> {
    let Some(value) = cookie::read(headers, cookie::session_name(control)) else { return Ok(None) };
    match control.authenticate(value).await {
        Ok(actor) => Ok(Some(actor)),
        Err(ControlError::Unavailable) => Err(()),
        Err(_) => Ok(None),
    }
}

/// Whether a path can be reached without a session.
fn is_open(path: &str) -> bool {
    path == "/sign-in"
        || path.starts_with("/setup/")
        || path.starts_with(join::LINK)
        || [SignIn::PATH, Claim::PATH, Join::PATH].contains(&path)
}

/// A person is led to the sign-in page and back; a script is told 401.
fn ask_to_sign_in(request: &Request) -> Response {
    let headers = request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let function = request.uri().path().starts_with(FUNCTIONS);
    let page = if function {
        Url::parse(text(header::REFERER)).map(|url| url.path().to_owned()).unwrap_or_default()
    } else {
        request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
    };
    if function && !text(header::ACCEPT).contains("text/html") {
        return refuse(StatusCode::UNAUTHORIZED, "Sign in first.");
    }
    if page.is_empty() || page == "/" {
        return Redirect::to("/sign-in").into_response();
    }
    let next: String = byte_serialize(page.as_bytes()).collect();
    Redirect::to(&format!("/sign-in?next={next}")).into_response()
}

/// Browsers say where a request comes from in `Sec-Fetch-Site`, or on plain http only in `Origin`. A request that says
/// neither is refused: no browser sends one.
fn is_same_origin(control: &Control, headers: &HeaderMap, uri: &Uri) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok()) else { return false };
    if control
        .public_url()
        .and_then(|url| Url::parse(url).ok())
        .is_some_and(|url| url.origin().ascii_serialization() == origin)
    {
        return true;
    }
    let asked = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
    asked.is_some() && asked == authority(headers, uri)
}

/// Host and port that a request was sent to.
fn authority<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    host.or(uri.authority().map(http::uri::Authority::as_str))
}

/// A form that was read whole: where it goes and what it says.
type Form = Option<(String, axum::body::Bytes)>;
/// Why a form is not taken, in words for whoever sent it.
type Refusal = (StatusCode, &'static str);

/// Reads a form within its bounds, and cleans the address it will be sent back to.
async fn read_form(control: &Control, request: Request, most: usize) -> Result<(Request, Form), Refusal> {
    let path = request.uri().path().to_owned();
    if request.method() != Method::POST || !path.starts_with(FUNCTIONS) {
        return Ok((request, None));
    }
    let (mut parts, body) = request.into_parts();
    let bytes = match timeout(FORM_TIME, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err((StatusCode::PAYLOAD_TOO_LARGE, "This form is larger than any of ours.")),
        Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "This form took too long to arrive. Send it again.")),
    };
    if !parts.headers.contains_key(header::REFERER)
        && let Some(page) = page_of(control, &parts, &bytes)
    {
        parts.headers.insert(header::REFERER, page);
    }
    if let Some(clean) = parts.headers.get(header::REFERER).and_then(clean_referer) {
        parts.headers.insert(header::REFERER, clean);
    }
    Ok((Request::from_parts(parts, Body::from(bytes.clone())), Some((path, bytes))))
}

/// The address of the page that a form says it is on, if that is one of ours.
fn page_of(control: &Control, parts: &Parts, form: &[u8]) -> Option<HeaderValue> {
    let (_, path) = parse(form).find(|(name, _)| name == BACK_FIELD)?;
    if !is_local(&path) {
        return None;
    }
    let host = || {
        let scheme = if cookie::is_https(control) { "https" } else { "http" };
        Some(format!("{scheme}://{}", authority(&parts.headers, &parts.uri)?))
    };
    let public = control.public_url().and_then(|url| Url::parse(url).ok());
    let origin = public.map(|url| url.origin().ascii_serialization()).or_else(host)?;
    HeaderValue::from_str(&format!("{origin}{path}")).ok()
}

/// Without what the last form left in the address, so that neither an old error nor an old success is shown again.
fn clean_referer(value: &HeaderValue) -> Option<HeaderValue> {
    let mut url = Url::parse(value.to_str().ok()?).ok()?;
    let pairs: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| !matches!(name.as_str(), "__path" | "__err" | "saved"))
        .collect();
    url.set_query(None);
    if !pairs.is_empty() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    HeaderValue::from_str(url.as_str()).ok()
}

/// Where the form was refused, its values wait for the page that shows it again.
fn keep_form(control: &Control, response: &mut Response, form: Form) {
    let Some((path, body)) = form else { return };
    let target = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !target.contains("__err=") {
        return;
    }
    let line = kept::encode(&path, &body).map(|text| cookie::line(control, kept::COOKIE_NAME, &text, kept::MAX_AGE_S));
    if let Some(value) = line.and_then(|line| HeaderValue::from_str(&line).ok()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Prolongs the session of somebody who is active, unless the answer changes the session itself.
fn renew(control: &Control, response: &mut Response, actor: Option<&Actor>) {
    let name = cookie::session_name(control);
    let changed = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .any(|value| value.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"=")));
    if changed {
        return;
    }
    let line = actor.and_then(|actor| control.renew(actor)).map(|signed_in| cookie::session(control, &signed_in));
    if let Some(value) = line.and_then(|line| HeaderValue::from_str(&line).ok()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// A short answer in plain text.
fn refuse(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Security headers. Pages bring their own content security policy, because it names their nonce.
fn protect(control: &Control, headers: &mut HeaderMap) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
    default(header::CACHE_CONTROL, "no-store");
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    // A refused form finds its way back by the referrer, so it must be sent within this site.
    default(header::REFERRER_POLICY, "same-origin");
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()");
    if cookie::is_https(control) {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

#[cfg(test)]
mod tests;
