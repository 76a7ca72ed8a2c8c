//! What makes two requests the same.

use aws_lc_rs::digest;
use domain::cache::CacheKey;
use domain::{GatewayId, TeamId};
use http::{HeaderMap, HeaderName, header};

/// Raised when the parts or their order change, so that keys kept from before are never met by chance.
const FORMAT: u8 = 5;

/// Bodies from this length on are hashed by BLAKE3, which takes many bytes at a time: SHA-256 costs four times as much then,
/// and for short ones less.
const LONG_BODY: usize = 4 << 10;

/// Request headers that change what a provider answers.
static HEADERS: [HeaderName; 9] = [
    header::ACCEPT,
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("anthropic-version"),
    header::CONTENT_ENCODING,
    header::CONTENT_TYPE,
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("openai-organization"),
    HeaderName::from_static("openai-project"),
    HeaderName::from_static("x-goog-user-project"),
];

/// Everything that goes into a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts<'a> {
    pub team: TeamId,
    pub gateway: GatewayId,
    /// The gateway's cache epoch.
    pub epoch: i64,
    /// The canonical slug.
    pub provider: &'a str,
    /// Path and query as sent upstream, without any credential.
    pub path_and_query: &'a str,
    /// The team's key that pays, or stands for those that do: two keys may belong to two accounts with different models.
    pub credential: Option<i64>,
    /// The request's headers, of which those count that change an answer.
    pub headers: &'a HeaderMap,
    /// The request's body, to the byte.
    pub body: &'a [u8],
    /// Whether the caller wants a stream: an answer is only given in the form it was asked for.
    pub stream: bool,
    /// What the caller gave as `cf-aig-cache-key`: it stands in for provider, path, key, headers and body.
    pub custom: Option<&'a str>,
}

/// SHA-256 over the parts, of which a long body stands there by its BLAKE3 digest. Each is preceded by its length, so that no two
/// lists of parts have the same bytes; which of the two a body is shows in the first bytes.
#[must_use]
pub fn key(parts: &KeyParts<'_>) -> CacheKey {
    let mut context = digest::Context::new(&digest::SHA256);
    let is_long = parts.custom.is_none() && parts.body.len() >= LONG_BODY;
    context.update(&[FORMAT, u8::from(parts.custom.is_some()), u8::from(parts.stream), u8::from(is_long)]);
    for number in [parts.team.0, parts.gateway.0, parts.epoch] {
        context.update(&number.to_be_bytes());
    }
    let mut add = |part: &[u8]| {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    };
    match parts.custom {
        Some(custom) => add(custom.as_bytes()),
        None => {
            add(parts.provider.as_bytes());
            add(parts.path_and_query.as_bytes());
            if is_long {
                add(blake3::hash(parts.body).as_bytes());
            } else {
                add(parts.body);
            }
            add(&parts.credential.map(i64::to_be_bytes).unwrap_or_default());
            for name in &HEADERS {
                for value in parts.headers.get_all(name) {
                    add(name.as_str().as_bytes());
                    add(value.as_bytes());
                }
            }
        }
    }
    let mut key = CacheKey::default();
    key.copy_from_slice(context.finish().as_ref());
    key
}
