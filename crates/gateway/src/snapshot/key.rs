//! A stored credential, ready to be sent.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest;
use domain::ProviderKeyId;
use domain::config::ProviderKeyConfig;
use domain::provider::AuthScheme;
use http::header::{HeaderName, HeaderValue};
use tokio::time::Instant;
use wire::auth;

use super::Carried;
use super::provider::{ProviderState, Unusable};
use super::upstream::Upstream;
use crate::account::Account;
use crate::health::{Health, Of, Standing};
use crate::pool::Candidate;
use crate::signer::Signer;

/// A provider key.
#[derive(Debug)]
pub struct KeyState {
    pub id: ProviderKeyId,
    pub alias: String,
    pub enabled: bool,
    /// Not used from then on, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// Its share of the requests beside the other keys with its alias; one with 0 stands by.
    pub weight: u32,
    /// Where what is sent with it is worked on.
    pub region: Option<String>,
    /// Most requests in a minute.
    pub(crate) requests_per_minute: Option<u32>,
    /// How it fares, and the address that it is for.
    pub(crate) health: Arc<Health>,
    pub(crate) address: Arc<Health>,
    /// Tells whether it is the secret that it was.
    pub(super) mark: [u8; 32],
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
    /// It is for another region than the gateway may use.
    #[error("is not for one of the regions that the gateway allows")]
    Region,
    /// It is stored, and broken.
    #[error("cannot be used: {0}")]
    Unusable(Unusable),
}

impl KeyState {
    pub(super) fn build(
        config: &ProviderKeyConfig,
        provider: Option<&Arc<ProviderState>>,
        addresses: &mut Addresses,
        carried: &Carried,
    ) -> Self {
        let target = provider.ok_or(Unusable::Provider).and_then(|provider| Target::build(config, provider, carried));
        let mut mark = [0; 32];
        mark.copy_from_slice(digest::digest(&digest::SHA256, config.secret.expose().as_bytes()).as_ref());
        let address = match &target {
            Ok(target) => addresses.of(target),
            Err(_) => Arc::new(Health::new(Of::Address)),
        };
        Self {
            id: config.id,
            alias: config.alias.clone(),
            enabled: config.enabled,
            expires_at_ms: config.expires_at.map(|at| at.timestamp_millis()),
            // One that is on its way out leaves the work to its successor.
            weight: if config.expires_at.is_some() { 0 } else { config.weight },
            region: config.region.clone(),
            requests_per_minute: config.requests_per_minute,
            health: carried.health(config.id, &mark),
            address,
            mark,
            target,
        }
    }

    /// How it fares beside others.
    pub(crate) fn candidate(&self, now: Instant) -> Candidate {
        let id = u64::from_ne_bytes(self.id.0.to_ne_bytes());
        let mut candidate = Candidate::new(id, self.weight, [Some(&self.health), Some(&self.address)], now);
        if let Some(until) = self.requests_per_minute.and_then(|most| self.health.is_used_up(most, now)) {
            candidate.standing = candidate.standing.max(Standing::Resting(until));
        }
        candidate
    }

    /// Whether it is for one of these regions; any where there is none.
    pub(crate) fn is_in(&self, regions: &[String]) -> bool {
        regions.is_empty() || self.region.as_ref().is_some_and(|region| regions.contains(region))
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

/// How the addresses of a team's keys fare.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// By provider, host and base path.
    known: HashMap<(String, String), Arc<Health>>,
}

impl Addresses {
    /// Those of the team before, to be found again.
    pub(super) fn carried<'a>(keys: impl Iterator<Item = &'a Arc<KeyState>>) -> Self {
        let named = |key: &Arc<KeyState>| Some((Self::name(key.target.as_ref().ok()?), key.address.clone()));
        Self { known: keys.filter_map(named).collect() }
    }

    fn of(&mut self, target: &Target) -> Arc<Health> {
        self.known.entry(Self::name(target)).or_insert_with(|| Arc::new(Health::new(Of::Address))).clone()
    }

    fn name(target: &Target) -> (String, String) {
        let upstream = &target.upstream;
        (target.provider.slug.clone(), format!("{}{}", upstream.authority(), upstream.base_path()))
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
