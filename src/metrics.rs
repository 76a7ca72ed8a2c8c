//! `GET /metrics`: what memory holds of traffic, ledger and providers, for Prometheus. Off unless `WEIR_METRICS_TOKEN` says who may
//! read it: it names teams, their keys' aliases and their providers' addresses.

mod families;
mod process;
mod text;

use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::Secret;
use subtle::ConstantTimeEq;

use crate::app::App;

/// Shortest token, in characters.
pub const MIN_TOKEN: usize = 16;

/// Answers who has the token; 404 where there is none.
pub async fn scrape(State(app): State<App>, headers: HeaderMap) -> Response {
    let Some(token) = &app.metrics_token else {
        return (StatusCode::NOT_FOUND, "Metrics are off. Set WEIR_METRICS_TOKEN to read them with it.\n")
            .into_response();
    };
    if !is_token(token, &headers) {
        let told = "Metrics are read with `Authorization: Bearer` and the value of WEIR_METRICS_TOKEN.\n";
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], told).into_response();
    }
    // It reads files of the system's, and takes a lock for each key: not on a thread that serves requests.
    match tokio::task::spawn_blocking(move || families::render(&app)).await {
        Ok(text) => ([(CONTENT_TYPE, text::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn is_token(token: &Secret, headers: &HeaderMap) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    // Takes as long whichever byte differs.
    given.is_some_and(|(_, given)| given.trim().as_bytes().ct_eq(token.expose().as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Secret::new("scrape-0123456789".to_owned());
        let with = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().expect("a value"))]);
        assert!(
            is_token(&token, &with("Bearer scrape-0123456789")) && is_token(&token, &with("bearer scrape-0123456789"))
        );
        for wrong in
            ["Bearer scrape-012345678", "Bearer scrape-01234567890", "Bearer Scrape-0123456789", "Bearer", "Bearer "]
        {
            assert!(!is_token(&token, &with(wrong)), "{wrong}");
        }
        assert!(!is_token(&token, &with("Basic scrape-0123456789")) && !is_token(&token, &HeaderMap::new()));
    }
}
