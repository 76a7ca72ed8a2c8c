//! Finds the API token among the headers that SDKs put keys in, and the provider's key where the caller brought one.
//!
//! With `cf-aig-authorization` that header holds the token and the others belong to the provider. Without it, the
//! first header that holds a token we know is the token's; SDKs send one key, whatever its header.

use std::sync::Arc;

use aws_lc_rs::digest;
use domain::provider::AuthScheme;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::headers::name;
use crate::snapshot::{Snapshot, TokenState, Which, header};

/// Where SDKs put keys, in the order in which they are looked at.
const KEY_HEADERS: [HeaderName; 5] =
    [AUTHORIZATION, name::X_API_KEY, name::X_GOOG_API_KEY, name::API_KEY, name::XI_API_KEY];

/// How tokens that the gateway made itself begin.
const TOKEN_PREFIX: &str = "weir_";

/// What a request shows.
pub(super) enum Presented {
    /// A token we know, which may be revoked or expired, and with which of its secrets it came.
    Token(Arc<TokenState>, Which),
    /// Something that is no token of ours.
    Unknown,
    Nothing,
}

/// The token of a request, and the provider's credential beside it.
pub(super) fn present(
    snapshot: &Snapshot,
    headers: &HeaderMap,
    query_key: Option<&str>,
) -> (Presented, Option<ProviderCredential>) {
    if let Some(value) = headers.get(name::AUTHORIZATION) {
        let token = secret(value).and_then(|secret| find(snapshot, secret));
        let presented = token.map_or(Presented::Unknown, |(token, which)| Presented::Token(token, which));
        return (presented, ProviderCredential::from_caller(snapshot, headers, query_key));
    }
    let in_headers = KEY_HEADERS.into_iter().filter_map(|name| headers.get(name)).filter_map(secret);
    let mut presented = Presented::Nothing;
    for secret in in_headers.chain(query_key) {
        match find(snapshot, secret) {
            Some((token, which)) => return (Presented::Token(token, which), None),
            None => presented = Presented::Unknown,
        }
    }
    (presented, None)
}

fn find(snapshot: &Snapshot, secret: &str) -> Option<(Arc<TokenState>, Which)> {
    let (token, which) = snapshot.token_by_secret(secret)?;
    Some((token.clone(), which))
}

/// The words that providers want before a key.
const SCHEMES: [&str; 3] = ["bearer", "token", "key"];

/// The secret in a header, without `Bearer` or the like.
fn secret(value: &HeaderValue) -> Option<&str> {
    let text = value.to_str().ok()?.trim();
    let bare = match text.split_once(' ') {
        Some((scheme, rest)) if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => rest.trim_start(),
        _ => text,
    };
    Some(bare).filter(|secret| !secret.is_empty())
}

/// A provider's credential that came with the request, in the headers it came in.
#[derive(Clone)]
pub(crate) struct ProviderCredential {
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ProviderCredential {
    /// What is in the headers for keys and is no token of ours.
    pub(crate) fn from_caller(snapshot: &Snapshot, headers: &HeaderMap, query_key: Option<&str>) -> Option<Self> {
        let mut found = Vec::new();
        for name in KEY_HEADERS {
            let value = headers.get(&name).filter(|value| secret(value).is_some_and(|text| is_foreign(snapshot, text)));
            found.extend(value.map(|value| (name, value.clone())));
        }
        // A key in the query would be written into access logs all along the way.
        if let Some(key) = query_key.filter(|key| found.is_empty() && is_foreign(snapshot, key)) {
            found.extend(HeaderValue::from_str(key).ok().map(|value| (name::X_GOOG_API_KEY, value)));
        }
        for (_, value) in &mut found {
            value.set_sensitive(true);
        }
        (!found.is_empty()).then_some(Self { headers: found })
    }

    /// Puts it into a request.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.extend(self.headers.iter().cloned());
    }

    /// Puts it into a request in the header that a provider of another API reads. One that cannot travel there stays away.
    pub(crate) fn rewrite(&self, headers: &mut HeaderMap, scheme: AuthScheme) {
        for name in KEY_HEADERS {
            headers.remove(name);
        }
        let secret = self.headers.first().and_then(|(_, value)| secret(value));
        if let Some(Ok((name, value))) = secret.map(|secret| header(scheme, secret)) {
            headers.insert(name, value);
        }
    }

    /// Tells two callers' credentials apart without keeping them.
    pub(crate) fn fingerprint(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for (name, value) in &self.headers {
            context.update(name.as_str().as_bytes());
            context.update(&(value.len() as u64).to_be_bytes());
            context.update(value.as_bytes());
        }
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether a secret may be sent to a provider: it is no token of ours, nor one that was deleted or misspelt.
fn is_foreign(snapshot: &Snapshot, secret: &str) -> bool {
    !secret.starts_with(TOKEN_PREFIX) && find(snapshot, secret).is_none()
}
