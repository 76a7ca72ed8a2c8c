//! Amazon's signature, version 4, as Bedrock wants it in a request's headers.
//!
//! The path is encoded once more on top of how it is sent (`%3A` counts as `%253A`), which is the rule for every service but S3,
//! and empty segments do not count. It may hold no dot segments: they would be sent otherwise than they are signed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign as hmac};
use chrono::{DateTime, Utc};

#[cfg(test)]
mod tests;

/// Who signs.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The key's public half.
    pub access_key_id: &'a str,
    /// Its secret half.
    pub secret_access_key: &'a str,
    /// Goes with keys that were lent for a time.
    pub session_token: Option<&'a str>,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

/// What the signature is good for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// `us-east-1` and the like.
    pub region: &'a str,
    /// `bedrock`.
    pub service: &'a str,
}

/// A request, as it will be sent.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// In capitals.
    pub method: &'a str,
    /// With its percent signs.
    pub path: &'a str,
    /// Without the question mark, with its percent signs; empty where there is none.
    pub query: &'a str,
    /// The headers to sign, `host` among them; those that a proxy may change are better left out.
    pub headers: &'a [(&'a str, &'a str)],
    /// All of it.
    pub body: &'a [u8],
}

/// The headers that sign a request at `now`: `authorization`, `x-amz-date` and, with a session token, `x-amz-security-token`.
#[must_use]
pub fn sign(
    request: Request<'_>,
    credentials: Credentials<'_>,
    scope: Scope<'_>,
    now: DateTime<Utc>,
) -> Vec<(&'static str, String)> {
    let time = now.format("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let mut added = vec![("x-amz-date", time.clone())];
    added.extend(credentials.session_token.map(|token| ("x-amz-security-token", token.to_owned())));
    let (canonical, signed) = canonical(request, &added);
    let range = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{range}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
    let mut key = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    for part in [date, scope.region, scope.service, "aws4_request", &text] {
        key = hmac(&Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
    }
    let id = credentials.access_key_id;
    let signature = hex(&key);
    let value = format!("AWS4-HMAC-SHA256 Credential={id}/{range}, SignedHeaders={signed}, Signature={signature}");
    added.push(("authorization", value));
    added
}

/// The request in the one form that both sides agree on, and the names of its headers.
fn canonical(request: Request<'_>, added: &[(&'static str, String)]) -> (String, String) {
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    let all = request.headers.iter().copied().chain(added);
    let mut headers: Vec<_> = all.map(|(name, value)| (name.to_ascii_lowercase(), trimmed(value))).collect();
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signed = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let (path, query) = (encoded(request.path), sorted(request.query));
    let body = hex(digest(&SHA256, request.body).as_ref());
    (format!("{}\n{path}\n{query}\n{lines}\n{signed}\n{body}", request.method), signed)
}

/// Without spaces around it, and one where there are several.
fn trimmed(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The path, with its percent signs encoded again.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    let mut segments = path.split('/').filter(|segment| !segment.is_empty()).peekable();
    while let Some(segment) = segments.next() {
        out.push('/');
        encode(segment.bytes(), &mut out);
        if segments.peek().is_none() && path.ends_with('/') {
            out.push('/');
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// The parameters in the order of their names, as their values are and not as they happen to be written; one without a value
/// has an empty one.
fn sorted(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (plain(name), plain(value))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// A part of a query in the one way of writing it.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                encode([byte], &mut out);
                rest = &tail[2..];
            }
            None => {
                encode([if *first == b'+' { b' ' } else { *first }], &mut out);
                rest = tail;
            }
        }
    }
    out
}

fn encode(bytes: impl IntoIterator<Item = u8>, out: &mut String) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
