//! An address, in the parts that a request is made of.

use std::sync::Arc;

use http::Uri;
use http::uri::{Authority, Scheme};
use wire::providers::{BadBase, Base, Place, native, upstream_path};

use super::provider::Unusable;

/// Where a provider is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    scheme: Scheme,
    authority: Authority,
    base: Arc<Base>,
}

/// A provider's own endpoint, and what its address says of the call.
#[derive(Debug)]
pub(crate) struct NativeCall {
    pub uri: Uri,
    /// The region that the client named.
    pub region: Option<String>,
    /// Whether models are managed there and not asked.
    pub manages: bool,
}

impl Upstream {
    pub(super) fn of(base: Result<Base, BadBase>) -> Result<Self, Unusable> {
        let base = base.map_err(|BadBase| Unusable::BaseUrl)?;
        Ok(Self {
            scheme: base.scheme.parse().map_err(|_| Unusable::BaseUrl)?,
            authority: base.authority.parse().map_err(|_| Unusable::BaseUrl)?,
            base: Arc::new(base),
        })
    }

    /// Host and port, as they are written.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.base.authority
    }

    /// Empty, or begins with a slash and does not end with one.
    #[must_use]
    pub fn base_path(&self) -> &str {
        &self.base.path
    }

    /// The address of something below the base path, its query included. What the base path ends with and `rest` begins with
    /// is not doubled.
    ///
    /// # Errors
    /// `rest` cannot be part of an address.
    pub fn uri(&self, rest: &str) -> Result<Uri, http::Error> {
        self.at(self.authority.clone(), upstream_path(&self.base.path, rest))
    }

    /// The address of an endpoint of OpenAI's APIs for a model. Azure's older addresses have one for each deployment; what is
    /// asked of no model is beside them.
    ///
    /// # Errors
    /// As [`Upstream::uri`].
    pub fn endpoint(&self, path: &str, model: &str) -> Result<Uri, http::Error> {
        if self.base.by_deployment() && !model.is_empty() {
            self.uri(&format!("deployments/{}/{path}", wire::api::segment(model)))
        } else {
            self.uri(path)
        }
    }

    /// Whether a provider that offers Responses does so at this address. Azure's older ones have chat completions only.
    #[must_use]
    pub fn has_responses(&self) -> bool {
        self.base.api_version.is_none() || self.base.path.ends_with("/v1")
    }

    /// The address of what a client asked for behind the name of the provider called `slug`.
    ///
    /// # Errors
    /// As [`Upstream::uri`].
    pub(crate) fn native(&self, slug: &str, rest: &str) -> Result<NativeCall, http::Error> {
        let Place { authority, path, region, manages } = native(slug, &self.base, rest);
        let authority = authority.map_or_else(|| Ok(self.authority.clone()), |other| other.parse())?;
        Ok(NativeCall { uri: self.at(authority, path)?, region, manages })
    }

    fn at(&self, authority: Authority, mut path: String) -> Result<Uri, http::Error> {
        if let Some(version) = &self.base.api_version {
            let query = path.split_once('?').map(|(_, query)| query);
            if !query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("api-version="))) {
                path.push(if query.is_some() { '&' } else { '?' });
                path.push_str("api-version=");
                path.push_str(version);
            }
        }
        Uri::builder().scheme(self.scheme.clone()).authority(authority).path_and_query(path).build()
    }
}
