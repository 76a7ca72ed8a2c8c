//! A stored credential, ready to be sent.

use std::sync::Arc;

use domain::ProviderKeyId;
use domain::config::ProviderKeyConfig;
use domain::provider::AuthScheme;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::provider::{ProviderState, Unusable, Upstream};

/// A provider key.
#[derive(Debug)]
pub struct KeyState {
    pub id: ProviderKeyId,
    pub alias: String,
    pub enabled: bool,
    /// Not used from then on, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// Where and how to send it, or why it cannot be sent.
    pub target: Result<Target, Unusable>,
}

/// Where a key is sent, and in which header.
#[derive(Clone, Debug)]
pub struct Target {
    pub provider: Arc<ProviderState>,
    /// The provider's address or the key's own.
    pub upstream: Upstream,
    /// The header of the provider's own API.
    pub native: (HeaderName, HeaderValue),
    /// `Authorization: Bearer …`, which OpenAI-compatible endpoints of every provider take.
    pub bearer: (HeaderName, HeaderValue),
}

/// Why no key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// There is none with that alias.
    #[error("is not stored")]
    Missing,
    /// All with that alias are past their end.
    #[error("has expired")]
    Expired,
    /// It is switched off.
    #[error("is disabled")]
    Disabled,
    /// It is stored, and broken.
    #[error("cannot be used: {0}")]
    Unusable(Unusable),
}

impl KeyState {
    pub(super) fn build(config: &ProviderKeyConfig, provider: Option<&Arc<ProviderState>>) -> Self {
        Self {
            id: config.id,
            alias: config.alias.clone(),
            enabled: config.enabled,
            expires_at_ms: config.expires_at.map(|at| at.timestamp_millis()),
            target: provider.ok_or(Unusable::Provider).and_then(|provider| Target::build(config, provider)),
        }
    }

    /// Where to send it now.
    ///
    /// # Errors
    /// Why it may not or cannot be used.
    pub fn target(&self, now_ms: i64) -> Result<&Target, KeyFault> {
        if !self.enabled {
            return Err(KeyFault::Disabled);
        }
        if self.expires_at_ms.is_some_and(|at| at <= now_ms) {
            return Err(KeyFault::Expired);
        }
        self.target.as_ref().map_err(|fault| KeyFault::Unusable(*fault))
    }
}

impl Target {
    fn build(config: &ProviderKeyConfig, provider: &Arc<ProviderState>) -> Result<Self, Unusable> {
        let secret = config.secret.expose();
        Ok(Self {
            upstream: provider.upstream_at(config.base_url.as_deref())?,
            native: credential(provider.auth, secret)?,
            bearer: credential(AuthScheme::Bearer, secret)?,
            provider: provider.clone(),
        })
    }
}

/// The header that carries a credential, marked so that it is neither printed nor kept by header compression.
///
/// # Errors
/// A header cannot carry it.
pub fn credential(scheme: AuthScheme, secret: &str) -> Result<(HeaderName, HeaderValue), Unusable> {
    let (name, value) = match scheme {
        AuthScheme::Bearer => (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {secret}"))),
        AuthScheme::XApiKey => (HeaderName::from_static("x-api-key"), HeaderValue::from_str(secret)),
        AuthScheme::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), HeaderValue::from_str(secret)),
    };
    let mut value = value.ok().filter(|_| !secret.is_empty()).ok_or(Unusable::Credential)?;
    value.set_sensitive(true);
    Ok((name, value))
}
