//! An API token: whose it is and what it may do.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::config::TokenConfig;
use domain::ledger::Surface;
use domain::token::LastUse;
use domain::{GatewayId, TokenId};
use ipnet::IpNet;

use super::Carried;
use super::team::TeamState;
use crate::policy::{LimitState, network};

/// A token, found by the digest of its secret.
#[derive(Debug)]
pub struct TokenState {
    pub id: TokenId,
    pub name: String,
    pub team: Arc<TeamState>,
    pub revoked: bool,
    /// Not accepted from then on, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// Milliseconds since 1970, 0 for not since the start. Shared with the snapshots before and after.
    pub last_used_ms: Arc<AtomicI64>,
    /// The secret before the last rotation.
    pub previous: Option<Previous>,
    /// Its own limits, in the order of their ids.
    pub(crate) limits: Box<[Arc<LimitState>]>,
    gateways: Option<Vec<GatewayId>>,
    models: Option<Vec<ModelPattern>>,
    /// Canonical slugs.
    providers: Option<Vec<String>>,
    endpoints: Option<Endpoints>,
    networks: Option<Vec<IpNet>>,
}

/// The secret that a token had before its last rotation.
#[derive(Debug)]
pub struct Previous {
    /// SHA-256.
    pub digest: [u8; 32],
    /// Not accepted from then on, in milliseconds since 1970.
    pub until_ms: i64,
    /// As [`TokenState::last_used_ms`], of this secret.
    pub last_used_ms: Arc<AtomicI64>,
}

impl Previous {
    /// By digest, for the next snapshot.
    pub(super) fn used(&self) -> ([u8; 32], Arc<AtomicI64>) {
        (self.digest, self.last_used_ms.clone())
    }
}

/// Which of its secrets a token came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Current,
    Previous,
}

impl TokenState {
    pub(super) fn build(config: &TokenConfig, team: Arc<TeamState>, carried: &Carried) -> Self {
        let restrictions = &config.restrictions;
        let patterns = |texts: &Vec<String>| texts.iter().map(|text| ModelPattern::new(text, &team)).collect();
        // A provider that is gone stays in the list and matches nothing.
        let slug = |text: &String| team.provider(text).map_or(text, |provider| &provider.slug).clone();
        Self {
            id: config.id,
            name: config.name.clone(),
            revoked: config.revoked,
            expires_at_ms: config.expires_at.map(|at| at.timestamp_millis()),
            last_used_ms: carried.last_used.get(&config.id).cloned().unwrap_or_default(),
            previous: config.previous.map(|previous| Previous {
                digest: previous.digest,
                until_ms: previous.until.timestamp_millis(),
                last_used_ms: carried.previous_used(&previous.digest),
            }),
            limits: team.policies.own(config.id).into(),
            gateways: restrictions.gateways.clone(),
            models: restrictions.models.as_ref().map(patterns),
            providers: restrictions.providers.as_ref().map(|slugs| slugs.iter().map(slug).collect()),
            endpoints: restrictions.endpoints.as_ref().map(|list| list.iter().copied().collect()),
            // What is no network was refused when it was written, and is never met.
            networks: restrictions
                .ip_ranges
                .as_ref()
                .map(|list| list.iter().filter_map(|text| network(text)).collect()),
            team,
        }
    }

    /// Whether its end has come.
    #[must_use]
    pub fn has_expired(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|at| at <= now_ms)
    }

    /// Whether it may use a gateway.
    #[must_use]
    pub fn allows_gateway(&self, gateway: GatewayId) -> bool {
        self.gateways.as_ref().is_none_or(|allowed| allowed.contains(&gateway))
    }

    /// Whether it is limited to some models: a request that names none it could be judged by must then be refused.
    #[must_use]
    pub fn limits_models(&self) -> bool {
        self.models.is_some()
    }

    /// Whether it may ask a provider, by its canonical slug, for a model.
    #[must_use]
    pub fn allows_model(&self, provider: &str, model: &str) -> bool {
        self.models.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.matches(provider, model)))
    }

    /// Whether a dynamic route is named among its models: then it may ask for whatever that leads to.
    #[must_use]
    pub fn allows_route(&self, name: &str) -> bool {
        self.models.as_ref().is_some_and(|patterns| patterns.iter().any(|pattern| pattern.names_route(name)))
    }

    /// Whether a provider, by its canonical slug, may be called for it.
    #[must_use]
    pub fn allows_provider(&self, provider: &str) -> bool {
        self.providers.as_ref().is_none_or(|allowed| allowed.iter().any(|slug| slug == provider))
    }

    /// Whether it may call an endpoint.
    #[must_use]
    pub fn allows_endpoint(&self, endpoint: Surface) -> bool {
        self.endpoints.is_none_or(|allowed| allowed.contains(endpoint))
    }

    /// Whether it may be used from an address. An IPv4 address is the same in its IPv6 form.
    #[must_use]
    pub fn allows_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.as_ref().is_none_or(|allowed| allowed.iter().any(|network| network.contains(&address)))
    }

    /// Which of its secrets has a digest by which it was found.
    #[must_use]
    pub fn which(&self, digest: &[u8; 32]) -> Which {
        let is_previous = self.previous.as_ref().is_some_and(|previous| previous.digest == *digest);
        if is_previous { Which::Previous } else { Which::Current }
    }

    /// Whether the secret before was replaced and its grace period is over.
    #[must_use]
    pub fn previous_has_ended(&self, now_ms: i64) -> bool {
        self.previous.as_ref().is_none_or(|previous| previous.until_ms <= now_ms)
    }

    /// Notes that it was used.
    pub fn touch(&self, which: Which, now_ms: i64) {
        self.last_used_ms.fetch_max(now_ms, Ordering::Relaxed);
        if let (Which::Previous, Some(previous)) = (which, &self.previous) {
            previous.last_used_ms.fetch_max(now_ms, Ordering::Relaxed);
        }
    }

    /// When it was last used; none where it was not since the start.
    pub(super) fn last_use(&self) -> Option<LastUse> {
        let used = |at_ms: &AtomicI64| Some(at_ms.load(Ordering::Relaxed)).filter(|at_ms| *at_ms > 0);
        let previous =
            self.previous.as_ref().and_then(|previous| Some((previous.digest, used(&previous.last_used_ms)?)));
        Some(LastUse { token: self.id, at_ms: used(&self.last_used_ms)?, previous })
    }
}

/// A set of endpoints, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Endpoints(u32);

impl Endpoints {
    fn bit(endpoint: Surface) -> u32 {
        1 << (endpoint as u32)
    }

    fn contains(self, endpoint: Surface) -> bool {
        self.0 & Self::bit(endpoint) != 0
    }
}

impl FromIterator<Surface> for Endpoints {
    fn from_iter<I: IntoIterator<Item = Surface>>(list: I) -> Self {
        Self(list.into_iter().fold(0, |all, endpoint| all | Self::bit(endpoint)))
    }
}

/// A model that a token may ask for: `provider/model` or a bare model, `*` at the end for any rest.
///
/// A pattern whose first segment is a provider's slug speaks of that provider only. Otherwise `openai/*` would also
/// open what an aggregator sells under the name `openai/…`. Any other pattern is a bare model, whoever serves it.
#[derive(Debug, PartialEq, Eq)]
struct ModelPattern {
    /// Canonical slug; none for any provider.
    provider: Option<String>,
    model: String,
    /// Whether `model` is only how the name begins.
    open: bool,
}

impl ModelPattern {
    fn new(text: &str, team: &TeamState) -> Self {
        let (text, open) = text.strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        let qualified = text.split_once('/').and_then(|(slug, model)| {
            // A provider that is gone must not turn its patterns into bare ones.
            let gone = || slug.starts_with("custom-").then(|| slug.to_owned());
            let provider = team.provider(slug).map(|provider| provider.slug.clone()).or_else(gone)?;
            Some((provider, model))
        });
        let (provider, model) = qualified.map_or((None, text), |(provider, model)| (Some(provider), model));
        Self { provider, model: model.to_owned(), open }
    }

    fn names_route(&self, name: &str) -> bool {
        let Some(wanted) = self.model.strip_prefix(crate::dynamic::PREFIX) else { return false };
        self.provider.is_none() && if self.open { name.starts_with(wanted) } else { name == wanted }
    }

    fn matches(&self, provider: &str, model: &str) -> bool {
        let named = if self.open { model.starts_with(&self.model) } else { model == self.model };
        named && self.provider.as_ref().is_none_or(|wanted| wanted == provider)
    }
}
