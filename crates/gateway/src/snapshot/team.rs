//! A tenant: everything that a request of its tokens can reach.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use domain::config::{GatewayConfig, RouteConfig, TeamConfig};
use domain::settings::Balance;
use domain::{GatewayId, GatewaySettings, ProviderKeyId, TeamId};
use tokio::time::Instant;
use wire::price::{PriceBook, Prices, Row};

use super::Carried;
use super::key::{Auth, KeyFault, KeyState, Target};
use super::provider::{Builtin, ProviderState};
use crate::BuildError;
use crate::account::Account;
use crate::dynamic::RouteState;
use crate::health::Health;
use crate::policy::{LimitState, Policies};
use crate::pool::{Rule, pick};
use crate::queue::Waiting;

/// Most keys with one alias among which one is chosen.
const MOST_KEYS: usize = 64;

/// What a key is chosen by.
pub(crate) struct Ask<'a> {
    /// Those that were tried already.
    pub tried: &'a [ProviderKeyId],
    /// The regions that may be used; any where there is none.
    pub regions: &'a [String],
    pub balance: Balance,
    /// Asked where there is a choice only.
    pub affinity: &'a dyn Fn() -> Option<u64>,
    /// A random number of the request.
    pub random: u64,
    pub now_ms: i64,
}

/// A key that was chosen.
pub(crate) struct Chosen<'a> {
    pub key: &'a Arc<KeyState>,
    pub target: &'a Target,
    /// Whether there are others that could be used.
    pub others: Others,
}

/// What else could be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Others {
    #[default]
    None,
    /// Other keys for the same address.
    Here,
    /// Keys for another address too.
    Elsewhere,
}

impl Others {
    /// The one of this number.
    pub(crate) fn of(number: u8) -> Self {
        [Self::None, Self::Here, Self::Elsewhere].into_iter().find(|others| *others as u8 == number).unwrap_or_default()
    }
}

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
    /// How many of its requests wait for their turn, in every version of the configuration.
    pub(crate) waiting: Arc<Waiting>,
    /// Part of every cache key.
    pub cache_epoch: i64,
    /// Those that are deployed, by name.
    routes: HashMap<String, Arc<RouteState>>,
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
        let mut addresses = carried.addresses(config.id);
        for key in newest_first {
            let provider = team.provider(&key.provider);
            let state = Arc::new(KeyState::build(key, provider, &mut addresses, carried));
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

    /// All keys, in no order.
    pub(super) fn all_keys(&self) -> impl Iterator<Item = &Arc<KeyState>> {
        self.keys.values().flatten()
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

    /// The keys of a provider, by its canonical slug, that are for an address.
    pub(crate) fn keys_at(&self, provider: &str, address: &Arc<Health>) -> impl Iterator<Item = ProviderKeyId> {
        let keys = self.keys.get(provider).into_iter().flatten();
        keys.filter(move |key| Arc::ptr_eq(&key.address, address)).map(|key| key.id)
    }

    /// A gateway by its id, disabled ones included.
    #[must_use]
    pub fn gateway_by_id(&self, id: GatewayId) -> Option<&Arc<GatewayState>> {
        self.gateways.values().find(|gateway| gateway.id == id)
    }

    /// A usable key of a provider, by its canonical slug, with an alias.
    ///
    /// # Errors
    /// There is none; the fault is that of the newest.
    pub(crate) fn choose(&self, provider: &str, alias: &str, ask: &Ask<'_>) -> Result<Chosen<'_>, KeyFault> {
        let mut newest = None;
        let mut usable = self.keys(provider, alias).filter(|key| !ask.tried.contains(&key.id)).filter_map(|key| {
            match key
                .target(ask.now_ms)
                .and_then(|target| key.is_in(ask.regions).then_some(target).ok_or(KeyFault::Region))
            {
                Ok(target) => Some((key, target)),
                Err(fault) => {
                    newest = newest.or(Some(fault));
                    None
                }
            }
        });
        let first = usable.next();
        let second = usable.next();
        let (first, second) = match (first, second) {
            (None, _) => {
                drop(usable);
                return Err(newest.unwrap_or(KeyFault::Missing));
            }
            (Some((key, target)), None) => return Ok(Chosen { key, target, others: Others::None }),
            (Some(first), Some(second)) => (first, second),
        };
        let all: Vec<_> = [first, second].into_iter().chain(usable).take(MOST_KEYS).collect();
        let now = Instant::now();
        let candidate = |(key, _): &(&Arc<KeyState>, &Target)| key.candidate(now);
        let candidates: Vec<_> = all.iter().map(candidate).collect();
        let rule = Rule { balance: ask.balance, affinity: (ask.affinity)(), random: ask.random };
        let place = pick(&candidates, rule).unwrap_or_default();
        let (key, target) = all.get(place).copied().unwrap_or(first);
        let is_elsewhere = |(other, _): &(&Arc<KeyState>, &Target)| !Arc::ptr_eq(&other.address, &key.address);
        let others = if all.iter().any(is_elsewhere) { Others::Elsewhere } else { Others::Here };
        Ok(Chosen { key, target, others })
    }

    /// The newest usable key of a provider, by its canonical slug, with an alias.
    ///
    /// # Errors
    /// There is none; the fault is that of the newest.
    pub fn key(&self, provider: &str, alias: &str, now_ms: i64) -> Result<(&Arc<KeyState>, &Target), KeyFault> {
        let ask = Ask { tried: &[], regions: &[], balance: Balance::default(), affinity: &|| None, random: 0, now_ms };
        self.first(provider, alias, &ask).map(|Chosen { key, target, .. }| (key, target))
    }

    /// The newest usable key of a provider, by its canonical slug, with an alias: where what is asked for is kept with one.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub(crate) fn first(&self, provider: &str, alias: &str, ask: &Ask<'_>) -> Result<Chosen<'_>, KeyFault> {
        let mut newest = None;
        for key in self.keys(provider, alias).filter(|key| !ask.tried.contains(&key.id)) {
            match key.target(ask.now_ms) {
                Ok(target) if key.is_in(ask.regions) => return Ok(Chosen { key, target, others: Others::None }),
                Ok(_) => newest = newest.or(Some(KeyFault::Region)),
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
            waiting: carried.waiting.get(&config.id).cloned().unwrap_or_default(),
            cache_epoch: config.cache_epoch,
            routes: config.routes.iter().filter_map(|route| compiled(config, route, carried)).collect(),
        }
    }

    /// Whether it has dynamic routes.
    #[must_use]
    pub fn has_routes(&self) -> bool {
        !self.routes.is_empty()
    }

    /// The dynamic route of this name that is deployed.
    #[must_use]
    pub(crate) fn route(&self, name: &str) -> Option<&Arc<RouteState>> {
        self.routes.get(name)
    }

    pub(super) fn routes(&self) -> impl Iterator<Item = &Arc<RouteState>> {
        self.routes.values()
    }
}

/// A route by its name; none where it cannot be used.
fn compiled(gateway: &GatewayConfig, route: &RouteConfig, carried: &Carried) -> Option<(String, Arc<RouteState>)> {
    match RouteState::build(route, carried.routes.get(&route.id).map(Arc::as_ref)) {
        Ok(state) => Some((route.name.clone(), Arc::new(state))),
        Err(problem) => {
            tracing::warn!(gateway.id = gateway.id.0, route.id = route.id.0, %problem, "a route cannot be used");
            None
        }
    }
}
