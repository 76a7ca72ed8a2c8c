//! Fourth stage: takes the body in and finds what the gateway must know of it, without parsing it.

mod collect;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use wire::scan::{Scan, ScanErrorKind};

pub(crate) use collect::{BoxError, ClientBody, collect};

use crate::error::Refusal;

/// What a body claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Json,
    Absent,
    Other,
}

/// Scans the body of an endpoint that takes JSON.
///
/// # Errors
/// `invalid_header`, `unsupported_content_type`, `invalid_json`.
pub(crate) fn scan_json<'a>(headers: &HeaderMap, body: &'a Bytes) -> Result<Scan<'a>, Refusal> {
    if media(headers)? == Media::Other || is_encoded(headers) {
        return Err(Refusal::unsupported_content_type());
    }
    wire::scan::scan(body).map_err(Refusal::invalid_json)
}

/// Scans the body of a provider's own endpoint, where that is JSON. What the provider takes is the provider's business,
/// so only a body that claims to be a JSON object and is none is refused, and one that claims to be two things.
///
/// # Errors
/// `invalid_header`, `invalid_json`.
pub(crate) fn scan_native<'a>(
    method: &Method,
    headers: &HeaderMap,
    body: &'a Bytes,
) -> Result<Option<Scan<'a>>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let media = media(headers)?;
    if media == Media::Other || is_encoded(headers) {
        return Ok(None);
    }
    match wire::scan::scan(body) {
        Ok(scan) => Ok(Some(scan)),
        Err(error) => {
            let list = error.kind == ScanErrorKind::NotAnObject && body.trim_ascii_start().starts_with(b"[");
            let claims = media == Media::Json && matches!(*method, Method::POST | Method::PUT | Method::PATCH);
            if claims && !list { Err(Refusal::invalid_json(error)) } else { Ok(None) }
        }
    }
}

/// The boundary of a body that is a form and comes as it is.
///
/// # Errors
/// `invalid_header`.
pub(crate) fn form_boundary(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let content_type = content_type(headers)?.and_then(|value| value.to_str().ok());
    Ok(content_type.and_then(wire::multipart::boundary).filter(|_| !is_encoded(headers)))
}

fn media(headers: &HeaderMap) -> Result<Media, Refusal> {
    Ok(match content_type(headers)? {
        None => Media::Absent,
        Some(value) if value.to_str().is_ok_and(is_json) => Media::Json,
        Some(_) => Media::Other,
    })
}

/// What the body claims to be. Of two claims the provider might believe the other one, and read another model in the same bytes.
fn content_type(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Refusal> {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let first = all.next();
    if all.next().is_some() { Err(Refusal::content_type_twice()) } else { Ok(first) }
}

/// Whether a content type is JSON, parameters aside.
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: Option<&'static str>) -> HeaderMap {
        content_type.map(|text| (CONTENT_TYPE, HeaderValue::from_static(text))).into_iter().collect()
    }

    #[test]
    fn an_endpoint_for_json_takes_json() {
        let body = Bytes::from_static(br#"{"model":"m"}"#);
        for fine in
            [None, Some("application/json"), Some("Application/JSON; charset=utf-8"), Some("application/x+json")]
        {
            assert!(scan_json(&headers(fine), &body).is_ok(), "{fine:?}");
        }
        let refusal = scan_json(&headers(Some("text/plain")), &body).expect_err("no JSON");
        assert_eq!(refusal.code.as_str(), "unsupported_content_type");
        let refusal = scan_json(&headers(None), &Bytes::from_static(b"model=m")).expect_err("no JSON");
        assert_eq!(refusal.code.as_str(), "invalid_json");
        let mut packed = headers(Some("application/json"));
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
        assert!(scan_json(&packed, &body).is_ok());
        packed.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(scan_json(&packed, &body).is_err());
    }

    #[test]
    fn a_body_is_one_thing() {
        let body = Bytes::from_static(br#"{"model":"m"}"#);
        for second in ["multipart/form-data; boundary=x", "application/json"] {
            let mut headers = headers(Some("application/json"));
            headers.append(CONTENT_TYPE, HeaderValue::from_static(second));
            let refused = [
                scan_json(&headers, &body).map(drop),
                scan_native(&Method::POST, &headers, &body).map(drop),
                form_boundary(&headers).map(drop),
            ];
            for refusal in refused.map(|result| result.expect_err("two types")) {
                assert_eq!((refusal.code.as_str(), refusal.param.as_deref()), ("invalid_header", Some("content-type")));
            }
            assert!(scan_native(&Method::GET, &headers, &Bytes::new()).is_ok(), "there is nothing to be read");
        }
    }

    #[test]
    fn a_native_endpoint_takes_anything_but_broken_json_objects() {
        let post = |content_type, body: &'static [u8]| {
            scan_native(&Method::POST, &headers(content_type), &Bytes::from_static(body)).map(|scan| scan.is_some())
        };
        let json = Some("application/json");
        assert_eq!(post(json, br#"{"model":"m"}"#), Ok(true));
        assert_eq!(post(json, b"[1,2]"), Ok(false));
        assert_eq!(post(json, b""), Ok(false));
        assert_eq!(post(Some("multipart/form-data; boundary=x"), b"--x--"), Ok(false));
        assert_eq!(post(None, b"{broken"), Ok(false));
        assert!(post(json, b"{broken").is_err());
        assert!(post(json, br#"{"model":"a","model":"b"}"#).is_err());
        let broken = Bytes::from_static(b"{broken");
        assert_eq!(scan_native(&Method::DELETE, &headers(json), &broken).map(|scan| scan.is_some()), Ok(false));
    }
}
