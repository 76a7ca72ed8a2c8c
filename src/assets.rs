//! The site's files (hydration wasm, style sheet, icons), embedded in the binary so that the single file can be copied to
//! another machine and run. Debug builds read them from `target/site` each time.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/target/site"]
struct Site;

/// Serves `/pkg/{path}`.
pub async fn package(Path(path): Path<String>, headers: HeaderMap) -> Response {
    serve(&format!("pkg/{path}"), &headers)
}

/// Serves a file at the root, such as `/favicon.svg`.
#[must_use]
pub fn root(path: &str, headers: &HeaderMap) -> Response {
    serve(path.trim_start_matches('/'), headers)
}

/// The names of the files at the root of the site.
pub fn root_files() -> impl Iterator<Item = String> {
    Site::iter().filter(|name| !name.contains('/') && !name.ends_with(".br")).map(|name| name.into_owned())
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    if path.ends_with(".br") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(plain) = Site::get(path) else { return StatusCode::NOT_FOUND.into_response() };
    let tag = entity_tag(&plain);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let common = [
        (header::CONTENT_TYPE, content_type(path).to_owned()),
        (header::ETAG, tag),
        // Names carry no hash, so a browser asks each time and is told "not modified".
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::VARY, "accept-encoding".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let brotli = accepts_brotli(headers).then(|| Site::get(&format!("{path}.br"))).flatten();
    match brotli {
        Some(packed) => (common, [(header::CONTENT_ENCODING, "br")], packed.data).into_response(),
        None => (common, plain.data).into_response(),
    }
}

fn entity_tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let hex: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.split(';').next().map(str::trim) == Some("br")))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "wasm" => "application/wasm",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "ico" => "image/x-icon",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_used_only_where_it_is_asked_for() {
        let mut headers = HeaderMap::new();
        assert!(!accepts_brotli(&headers));
        headers.insert(header::ACCEPT_ENCODING, "gzip, br;q=0.9".parse().expect("a header"));
        assert!(accepts_brotli(&headers));
    }

    #[test]
    fn a_file_that_is_not_there_is_not_found() {
        assert_eq!(serve("pkg/../Cargo.toml", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
