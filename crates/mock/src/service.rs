//! One request from its head to its answer: who is meant, who asks, what the controls say.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use crate::body::Body;
use crate::connection::Connection;
use crate::control::Control;
use crate::dialect::{self, Dialect, Failure, Reply, Route};
use crate::options::Options;
use crate::record::Record;

/// Largest request body, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Requests that `/mock/requests` tells of without `last`.
const DEFAULT_LAST: usize = 20;

/// The mock provider: cheap to clone, all clones share one record.
#[derive(Clone, Debug)]
pub struct Mock {
    base: Arc<RwLock<Control>>,
    record: Arc<Record>,
}

impl Mock {
    /// A mock with these defaults and an empty record.
    #[must_use]
    pub fn new(options: &Options) -> Self {
        Self { base: Arc::new(RwLock::new(options.control())), record: Arc::new(Record::new(options.keep)) }
    }

    /// Answers by other defaults from now on.
    pub fn change(&self, options: &Options) {
        *self.base.write().unwrap_or_else(PoisonError::into_inner) = options.control();
    }

    /// Answers one request. Never fails; may never return, or break the connection, where a control asks for that.
    pub async fn handle<B>(&self, request: Request<B>, connection: Connection) -> Response<Body>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        if let Some(page) = self.own_page(&parts) {
            return json_response(StatusCode::OK, &page);
        }
        let dialect = Dialect::of(&parts);
        let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
            return failure(dialect, &Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "request body is too large"), None);
        };
        let body = body.to_bytes();
        self.record.add(&parts, &body);
        if parts.uri.path().ends_with("/echo") {
            return json_response(StatusCode::OK, &echo(&parts, &body));
        }
        match self.answer(dialect, &parts, &body, connection).await {
            Ok(response) => response,
            Err((error, retry_after)) => failure(dialect, &error, retry_after.as_deref()),
        }
    }

    fn own_page(&self, parts: &Parts) -> Option<Value> {
        match parts.uri.path() {
            "/mock/stats" => Some(self.record.stats()),
            "/mock/requests" => {
                let query = parts.uri.query().unwrap_or_default();
                let last = query.split('&').find_map(|pair| pair.strip_prefix("last=")?.parse().ok());
                Some(self.record.last(last.unwrap_or(DEFAULT_LAST)))
            }
            _ => None,
        }
    }

    /// The answer, or a failure and when to try again.
    async fn answer(
        &self,
        dialect: Dialect,
        parts: &Parts,
        body: &Bytes,
        connection: Connection,
    ) -> Result<Response<Body>, (Failure, Option<String>)> {
        let mut control = self.base.read().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = if dialect.has_key(parts) {
            dialect.route(parts, body)
        } else {
            Err(Failure::new(StatusCode::UNAUTHORIZED, "no API key in the request"))
        };
        if let Ok(route) = &asked {
            let (model, prompt) = route.texts();
            control.read_words(model);
            control.read_words(prompt);
        }
        control.read_headers(&parts.headers);
        if control.reset {
            connection.reset();
        }
        if control.silent || control.reset {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(control.ttft).await;
        let outcome = match self.forced(&control) {
            Some(error) => Err(error),
            None => asked,
        };
        match outcome {
            Ok(route) => Ok(respond(&route, &control, connection)),
            Err(error) => Err((error, control.retry_after)),
        }
    }

    /// The error that the controls ask for.
    fn forced(&self, control: &Control) -> Option<Failure> {
        let unavailable = control.status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let status = match control.fail_first {
            Some(first) => {
                let attempt = self.record.attempt(control.key.as_deref().unwrap_or("default"));
                (attempt <= first).then_some(unavailable)
            }
            None => control.status,
        };
        status
            .filter(|status| *status != StatusCode::OK)
            .map(|status| Failure::new(status, "the mock was told to fail"))
    }
}

fn respond(route: &Route, control: &Control, connection: Connection) -> Response<Body> {
    if control.html {
        return with_type(StatusCode::OK, "text/html", Body::whole("<!doctype html><title>Not an API</title>\n"));
    }
    match route.reply(control) {
        Reply::Json(value) if control.malformed => {
            let text = value.to_string();
            with_type(StatusCode::OK, "application/json", Body::whole(text[..text.len() / 2].to_owned()))
        }
        Reply::Json(value) => json_response(StatusCode::OK, &value),
        Reply::Whole { content_type, body } => with_type(StatusCode::OK, content_type, Body::whole(body)),
        Reply::Events { content_type, mut events } => {
            if control.malformed {
                let broken = Bytes::from_static(b"data: {\"choices\": [{\"delta\": {\"cont\n\n");
                events.insert(events.len().min(1), broken);
            }
            if let Some(bytes) = control.huge_line {
                events.insert(0, dialect::huge_line(bytes));
            }
            with_type(StatusCode::OK, content_type, Body::events(events, control, connection))
        }
    }
}

fn failure(dialect: Dialect, error: &Failure, retry_after: Option<&str>) -> Response<Body> {
    let mut response = json_response(error.status, &dialect.error(error));
    if let Some(value) = retry_after.and_then(|seconds| HeaderValue::from_str(seconds).ok()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    with_type(status, "application/json", Body::whole(value.to_string()))
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert("x-request-id", HeaderValue::from_static("mock-request"));
    response
}

fn echo(parts: &Parts, body: &[u8]) -> Value {
    json!({
        "method": parts.method.as_str(),
        "path": parts.uri.path(),
        "query": parts.uri.query(),
        "headers": header_pairs(&parts.headers),
        "body": String::from_utf8_lossy(body),
    })
}

fn header_pairs(headers: &HeaderMap) -> Vec<(&str, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
