//! A stored credential, ready to be sent.

use std::sync::Arc;

use domain::ProviderKeyId;
use domain::config::ProviderKeyConfig;
use domain::provider::AuthScheme;
use http::header::{HeaderName, HeaderValue};
use wire::auth;

use super::Carried;
use super::provider::{ProviderState, Unusable};
use super::upstream::Upstream;
use crate::account::Account;
use crate::signer::Signer;

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

/// Where a key is sent, and how.
#[derive(Clone, Debug)]
pub struct Target {
    pub provider: Arc<ProviderState>,
    /// The provider's address or the key's own.
    pub upstream: Upstream,
    pub auth: Auth,
}

/// How a key goes with a request.
#[derive(Clone, Debug)]
pub enum Auth {
    /// As a header.
    Header {
        /// The header of the provider's own API.
        native: (HeaderName, HeaderValue),
        /// `Authorization: Bearer …`, which OpenAI-compatible endpoints of every provider take.
        bearer: (HeaderName, HeaderValue),
    },
    /// Each request is signed with it.
    Sign(Arc<Signer>),
    /// A token is fetched with it.
    Fetch(Arc<Account>),
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
    pub(super) fn build(config: &ProviderKeyConfig, provider: Option<&Arc<ProviderState>>, carried: &Carried) -> Self {
        Self {
            id: config.id,
            alias: config.alias.clone(),
            enabled: config.enabled,
            expires_at_ms: config.expires_at.map(|at| at.timestamp_millis()),
            target: provider.ok_or(Unusable::Provider).and_then(|provider| Target::build(config, provider, carried)),
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
    fn build(config: &ProviderKeyConfig, provider: &Arc<ProviderState>, carried: &Carried) -> Result<Self, Unusable> {
        let secret = config.secret.expose();
        let credential = auth::read(provider.auth, secret).map_err(Unusable::Malformed)?;
        let upstream = provider.upstream_for(config.base_url.as_deref(), credential.facts())?;
        let auth = match credential {
            auth::Credential::Word => Auth::Header {
                native: header(provider.auth, secret)?,
                bearer: match provider.auth {
                    // Azure has its own header for keys on all endpoints.
                    AuthScheme::ApiKey => header(provider.auth, secret)?,
                    _ => header(AuthScheme::Bearer, secret)?,
                },
            },
            auth::Credential::Aws(key) => Auth::Sign(Arc::new(Signer::new(key, &upstream)?)),
            auth::Credential::Google(account) => Auth::Fetch(carried.account(config.id, *account)),
        };
        Ok(Self { upstream, auth, provider: provider.clone() })
    }
}

/// The header that carries a credential, marked so that it is neither printed nor kept by header compression.
///
/// # Errors
/// A header cannot carry it.
pub fn header(scheme: AuthScheme, secret: &str) -> Result<(HeaderName, HeaderValue), Unusable> {
    let (name, value) = auth::header(scheme, secret);
    let value = HeaderValue::try_from(value).ok().filter(|_| !secret.is_empty());
    let mut value = value.ok_or(Unusable::Credential)?;
    value.set_sensitive(true);
    Ok((HeaderName::from_static(name), value))
}
