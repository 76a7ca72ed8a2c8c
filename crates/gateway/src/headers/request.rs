//! What of a caller's headers goes on to the provider: everything but credentials, cookies, what is meant for the
//! gateway, and what belongs to one connection.

use http::header::{ACCEPT_ENCODING, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{is_hop_by_hop, is_nominated};

/// The headers for the provider, without its key. The body's length is left to the connection.
pub(crate) fn for_upstream(incoming: &HeaderMap) -> HeaderMap {
    let nominating = incoming.contains_key(http::header::CONNECTION);
    let mut headers = HeaderMap::with_capacity(incoming.len() + 2);
    for (name, value) in incoming {
        let kept_back = is_kept_back(name) || (nominating && is_nominated(incoming, name));
        if !kept_back {
            headers.append(name.clone(), value.clone());
        }
    }
    // Usage is read from the answer as it passes, so it must come uncompressed.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
}

fn is_kept_back(name: &HeaderName) -> bool {
    if is_hop_by_hop(name) || *name == HOST {
        return true;
    }
    let name = name.as_str();
    match name.as_bytes()[0] {
        b'a' => matches!(name, "authorization" | "api-key" | "accept-encoding"),
        b'c' => matches!(name, "cookie" | "cookie2" | "content-length") || name.starts_with("cf-"),
        b'e' => name == "expect",
        b'f' => matches!(name, "forwarded"),
        b'v' => name == "via",
        b'w' => name.starts_with("weir-"),
        b'x' => {
            matches!(name, "x-api-key" | "x-goog-api-key" | "xi-api-key" | "x-real-ip" | "x-client-ip")
                || name.starts_with("x-forwarded-")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_connection_matters_stay_here() {
        let mut incoming = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer weir"),
            ("x-api-key", "weir"),
            ("x-goog-api-key", "weir"),
            ("xi-api-key", "weir"),
            ("api-key", "weir"),
            ("cookie", "__Host-weir=1"),
            ("cf-aig-authorization", "Bearer weir"),
            ("cf-aig-metadata", "{}"),
            ("cf-connecting-ip", "1.2.3.4"),
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("proxy-authorization", "Basic x"),
            ("host", "weir.example"),
            ("content-length", "12"),
            ("expect", "100-continue"),
            ("accept-encoding", "gzip"),
            ("x-forwarded-for", "1.2.3.4"),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
            ("openai-organization", "org"),
            ("user-agent", "sdk/1"),
        ] {
            incoming.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let kept = for_upstream(&incoming);
        let mut names: Vec<_> =
            kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?"))).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                ("accept-encoding", "identity"),
                ("anthropic-version", "2023-06-01"),
                ("content-type", "application/json"),
                ("openai-organization", "org"),
                ("user-agent", "sdk/1"),
            ]
        );
    }
}
