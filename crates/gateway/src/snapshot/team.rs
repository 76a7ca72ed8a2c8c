//! A tenant: everything that a request of its tokens can reach.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use domain::config::{GatewayConfig, TeamConfig};
use domain::{GatewayId, GatewaySettings, ProviderKeyId, TeamId};
use wire::price::{PriceBook, Prices, Row};

use super::Carried;
use super::key::{Auth, KeyFault, KeyState, Target};
use super::provider::{Builtin, ProviderState};
use crate::BuildError;
use crate::account::Account;
use crate::policy::{LimitState, Policies};

/// A team.
#[derive(Debug)]
pub struct TeamState {
    pub id: TeamId,
    pub slug: String,
    gateways: HashMap<String, Arc<GatewayState>>,
    builtin: Arc<Builtin>,
    custom: HashMap<String, Arc<ProviderState>>,
    /// By canonical provider slug; within, newest first.
    keys: HashMap<String, Vec<Arc<KeyState>>>,
    pub(crate) policies: Policies,
    /// What it pays.
    pub(crate) prices: Arc<Prices>,
}

/// A gateway.
#[derive(Debug)]
pub struct GatewayState {
    pub id: GatewayId,
    pub team_id: TeamId,
    pub slug: String,
    pub enabled: bool,
    pub settings: GatewaySettings,
    /// Its own rate limit; none where the settings set none.
    pub(crate) limit: Option<Arc<LimitState>>,
    /// Part of every cache key.
    pub cache_epoch: i64,
}

impl TeamState {
    pub(super) fn build(
        config: &TeamConfig,
        builtin: Arc<Builtin>,
        book: &Arc<PriceBook>,
        carried: &Carried,
    ) -> Result<Self, BuildError> {
        let mut team = Self {
            id: config.id,
            slug: config.slug.clone(),
            gateways: HashMap::new(),
            builtin,
            custom: HashMap::new(),
            keys: HashMap::new(),
            policies: Policies::default(),
            prices: Arc::default(),
        };
        for gateway in &config.gateways {
            let state = Arc::new(GatewayState::build(gateway, config.id, carried));
            if team.gateways.insert(gateway.slug.clone(), state).is_some() {
                return Err(BuildError(format!("two gateways of {} are called {}", config.slug, gateway.slug)));
            }
        }
        for custom in &config.custom_providers {
            let state = ProviderState::custom(custom);
            team.custom.insert(state.slug.clone(), Arc::new(state));
        }
        let mut newest_first: Vec<_> = config.provider_keys.iter().collect();
        newest_first.sort_by_key(|key| Reverse(key.id));
        for key in newest_first {
            let provider = team.provider(&key.provider);
            let state = Arc::new(KeyState::build(key, provider, carried));
            let slug = provider.map_or(&key.provider, |provider| &provider.slug).clone();
            team.keys.entry(slug).or_default().push(state);
        }
        team.prices = Arc::new(team.own_prices(config, book));
        let provider = |slug: &str| team.provider(slug).map(|provider| provider.slug.clone());
        team.policies = Policies::new(config, &provider, &|id| carried.counts.get(&id).cloned());
        Ok(team)
    }

    /// The price book with the team's own prices over it.
    fn own_prices(&self, config: &TeamConfig, book: &Arc<PriceBook>) -> Prices {
        let rows = config.prices.iter().filter_map(|price| match Row::parse(&price.text) {
            Ok(row) => match self.provider(row.provider()).map(|provider| provider.slug.clone()) {
                Some(slug) => Some((price.id, row.of_provider(slug))),
                None => Some((price.id, row)),
            },
            Err(bad) => {
                tracing::warn!(team.id = config.id.0, price.id = price.id.0, %bad, "a price cannot be read and does not count");
                None
            }
        });
        Prices::new(book.clone(), rows)
    }

    /// The gateway with this slug, disabled ones included.
    #[must_use]
    pub fn gateway(&self, slug: &str) -> Option<&Arc<GatewayState>> {
        self.gateways.get(slug)
    }

    /// All gateways, in no order.
    pub fn gateways(&self) -> impl Iterator<Item = &Arc<GatewayState>> {
        self.gateways.values()
    }

    /// Everything that limits, in no order.
    pub(crate) fn limits(&self) -> impl Iterator<Item = &Arc<LimitState>> {
        self.gateways.values().filter_map(|gateway| gateway.limit.as_ref()).chain(self.policies.all_limits())
    }

    /// A provider by slug or alias, the team's own by `custom-{slug}`, disabled ones included.
    #[must_use]
    pub fn provider(&self, slug: &str) -> Option<&Arc<ProviderState>> {
        self.custom.get(slug).or_else(|| self.builtin.get(slug))
    }

    /// The keys of a provider, by its canonical slug, with an alias: newest first, unusable ones included.
    pub fn keys(&self, provider: &str, alias: &str) -> impl Iterator<Item = &Arc<KeyState>> {
        self.keys.get(provider).into_iter().flatten().filter(move |key| key.alias == alias)
    }

    /// The accounts with which tokens are fetched, by their keys.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (ProviderKeyId, Arc<Account>)> {
        self.keys.values().flatten().filter_map(|key| match &key.target.as_ref().ok()?.auth {
            Auth::Fetch(account) => Some((key.id, account.clone())),
            Auth::Header { .. } | Auth::Sign(_) => None,
        })
    }

    /// The providers that have a key which could be used now, by canonical slug, in no order.
    pub fn providers_with_keys(&self, now_ms: i64) -> impl Iterator<Item = &str> {
        let usable = move |keys: &[Arc<KeyState>]| keys.iter().any(|key| key.target(now_ms).is_ok());
        self.keys.iter().filter(move |(_, keys)| usable(keys)).map(|(slug, _)| slug.as_str())
    }

    /// A usable key of a provider, by its canonical slug and the key's id.
    pub fn key_by_id(&self, provider: &str, id: ProviderKeyId, now_ms: i64) -> Option<(&Arc<KeyState>, &Target)> {
        let key = self.keys.get(provider)?.iter().find(|key| key.id == id)?;
        Some((key, key.target(now_ms).ok()?))
    }

    /// A gateway by its id, disabled ones included.
    #[must_use]
    pub fn gateway_by_id(&self, id: GatewayId) -> Option<&Arc<GatewayState>> {
        self.gateways.values().find(|gateway| gateway.id == id)
    }

    /// The newest usable key of a provider, by its canonical slug, with an alias.
    ///
    /// # Errors
    /// There is none; the fault is that of the newest.
    pub fn key(&self, provider: &str, alias: &str, now_ms: i64) -> Result<(&Arc<KeyState>, &Target), KeyFault> {
        let mut newest = None;
        for key in self.keys(provider, alias) {
            match key.target(now_ms) {
                Ok(target) => return Ok((key, target)),
                Err(fault) => newest = newest.or(Some(fault)),
            }
        }
        Err(newest.unwrap_or(KeyFault::Missing))
    }
}

impl GatewayState {
    fn build(config: &GatewayConfig, team_id: TeamId, carried: &Carried) -> Self {
        let limit = LimitState::of_gateway(config.id, &config.settings, &|id| carried.counts.get(&id).cloned());
        Self {
            id: config.id,
            team_id,
            slug: config.slug.clone(),
            enabled: config.enabled,
            settings: config.settings.clone(),
            limit: limit.map(Arc::new),
            cache_epoch: config.cache_epoch,
        }
    }
}
