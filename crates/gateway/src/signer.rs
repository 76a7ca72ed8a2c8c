//! Signs requests for Amazon with a stored access key, anew for each attempt: a signature holds for minutes only.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, Method, Uri};
use wire::auth::aws::{AccessKey, region_of};
use wire::auth::sigv4::{Request, Scope, sign};

use crate::snapshot::{Unusable, Upstream};

/// A key and the region that it signs for.
pub struct Signer {
    key: AccessKey,
    region: String,
}

impl Signer {
    /// A signer for the region of an address, or the one that stands beside the key.
    ///
    /// # Errors
    /// Neither names one.
    pub fn new(key: AccessKey, upstream: &Upstream) -> Result<Self, Unusable> {
        let region = region_of(upstream.authority()).or(key.region()).ok_or(Unusable::NoRegion)?.to_owned();
        Ok(Self { key, region })
    }

    /// Puts the signature into a request's headers; `region` is where the request goes, if not to the key's own.
    pub(crate) fn sign(
        &self,
        (method, uri, headers): (&Method, &Uri, &mut HeaderMap),
        body: &Bytes,
        region: Option<&str>,
        now: DateTime<Utc>,
    ) {
        let host = host(uri);
        let mut signed = vec![("host", host.as_str())];
        signed
            .extend(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(|kind| ("content-type", kind)));
        let request = Request {
            method: method.as_str(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            headers: &signed,
            body,
        };
        let scope = Scope { region: region.unwrap_or(&self.region), service: service(&host) };
        for (name, value) in sign(request, self.key.credentials(), scope, now) {
            // Made of hexadecimal digits and what was checked when the key was read.
            let Ok(mut value) = HeaderValue::try_from(value) else { continue };
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The host as the client sends it: the port only where it is not the scheme's own.
fn host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match (uri.port_u16(), uri.scheme_str()) {
        (None, _) | (Some(443), Some("https")) | (Some(80), Some("http")) => host.to_owned(),
        (Some(port), _) => format!("{host}:{port}"),
    }
}

/// The service's name in a signature.
fn service(host: &str) -> &'static str {
    if host.split('.').any(|label| label == "bedrock-mantle") { "bedrock-mantle" } else { "bedrock" }
}

/// Takes out what a caller's own signature left: it is for another host.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let left: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-amz-")).cloned().collect();
    for name in left {
        headers.remove(name);
    }
}
