//! The configuration as a request needs it: immutable, replaced as a whole, with everything resolved in advance.
//! Addresses are taken apart, credentials are header values, patterns are compiled, limits stand beside what they limit.
//!
//! A row that cannot be used (a base URL that is none, a credential that no header can carry) is marked with the reason
//! and everything else works; only what would make it unclear who asks or who pays refuses the whole configuration.
//!
//! What lives longer than a configuration (counts of limits, when a token was last used, fetched access tokens) is shared with the
//! previous snapshot, so neither a reload nor a request that still runs on the old one loses it.

mod health;
mod history;
mod key;
mod provider;
mod team;
#[cfg(test)]
mod tests;
mod token;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::digest;
use domain::config::Config;
use domain::token::LastUse;
use domain::{GatewayId, ProviderKeyId, RouteId, TeamId, TokenId};
use wire::auth::google::ServiceAccount;
use wire::price::{InForce, Keyring};

use self::key::Addresses;
pub use self::key::{Auth, KeyFault, KeyState, Target, header};
pub use self::provider::{ProviderState, Unusable};
pub(crate) use self::team::{Ask, Chosen, Others};
pub use self::team::{GatewayState, TeamState};
pub use self::token::{Previous, TokenState, Which};
pub(crate) use self::upstream::NativeCall;
pub use self::upstream::Upstream;
use crate::BuildError;
use crate::account::Account;
use crate::dynamic::RouteState;
use crate::health::{Health, Of};
use crate::policy::{Counts, LimitId};
use crate::queue::Waiting;

/// One version of the configuration.
#[derive(Debug, Default)]
pub struct Snapshot {
    version: i64,
    book: Arc<InForce>,
    teams: HashMap<String, Arc<TeamState>>,
    tokens: HashMap<[u8; 32], Arc<TokenState>>,
}

impl Snapshot {
    /// Compiles a configuration and carries the counts of the previous one on. `keys` are those whose price books count.
    ///
    /// # Errors
    /// Two teams, two gateways of a team or two tokens cannot be told apart.
    pub fn build(config: &Config, previous: Option<&Self>, keys: &Keyring) -> Result<Self, BuildError> {
        let carried = Carried::of(previous);
        let book = book_in_force(config, previous, keys);
        let builtin = Arc::new(provider::builtin());
        let mut replaced = Vec::new();
        let mut snapshot = Self { version: config.version, book: book.clone(), ..Self::default() };
        for team_config in &config.teams {
            let team = Arc::new(TeamState::build(team_config, builtin.clone(), book.book(), &carried)?);
            for token_config in &team_config.tokens {
                let token = Arc::new(TokenState::build(token_config, team.clone(), &carried));
                replaced.extend(token_config.previous.map(|previous| (previous.digest, token.clone())));
                if snapshot.tokens.insert(token_config.digest, token).is_some() {
                    return Err(BuildError(format!("token {} has the secret of another token", token_config.id)));
                }
            }
            if snapshot.teams.insert(team_config.slug.clone(), team).is_some() {
                return Err(BuildError(format!("two teams are called {}", team_config.slug)));
            }
        }
        // A secret that some token has is never taken for one that another had.
        for (digest, token) in replaced {
            snapshot.tokens.entry(digest).or_insert(token);
        }
        Ok(snapshot)
    }

    /// The version of the configuration it was made from.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The price book in force.
    #[must_use]
    pub fn book(&self) -> &Arc<InForce> {
        &self.book
    }

    /// The token whose secret has or had this SHA-256, revoked and expired ones included.
    #[must_use]
    pub fn token(&self, digest: &[u8; 32]) -> Option<&Arc<TokenState>> {
        self.tokens.get(digest)
    }

    /// The token with this secret, revoked and expired ones included, and which of its secrets it is.
    #[must_use]
    pub fn token_by_secret(&self, secret: &str) -> Option<(&Arc<TokenState>, Which)> {
        let mut key = [0; 32];
        key.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        let token = self.token(&key)?;
        Some((token, token.which(&key)))
    }

    /// The team with this slug.
    #[must_use]
    pub fn team(&self, slug: &str) -> Option<&Arc<TeamState>> {
        self.teams.get(slug)
    }

    /// All teams, in no order.
    pub fn teams(&self) -> impl Iterator<Item = &Arc<TeamState>> {
        self.teams.values()
    }

    /// The team of that id.
    #[must_use]
    pub fn team_by_id(&self, id: TeamId) -> Option<&Arc<TeamState>> {
        self.teams.values().find(|team| team.id == id)
    }

    /// When each token was last used that was used since the start, in the order of their ids.
    #[must_use]
    pub fn last_used(&self) -> Vec<LastUse> {
        let own = self.tokens.iter().filter(|(digest, token)| token.which(digest) == Which::Current);
        let mut used: Vec<_> = own.filter_map(|(_, token)| token.last_use()).collect();
        used.sort_unstable_by_key(|used| used.token);
        used
    }
}

/// The price book in force; read and checked only where it is another than before.
fn book_in_force(config: &Config, previous: Option<&Snapshot>, keys: &Keyring) -> Arc<InForce> {
    let import = config.book.as_ref();
    let same = previous.map(|previous| &previous.book).filter(|book| book.is_of(import.map(|book| book.version)));
    if let Some(book) = same {
        return book.clone();
    }
    let book = InForce::of(import, keys);
    if let Some(problem) = book.problem() {
        tracing::error!(%problem, "the imported price book cannot be used; the one that is part of the program is in force");
    }
    Arc::new(book)
}

/// What the previous snapshot knows.
#[derive(Default)]
struct Carried {
    counts: HashMap<LimitId, Arc<Counts>>,
    last_used: HashMap<TokenId, Arc<AtomicI64>>,
    /// By digest: the last use of each secret that some token had, and of each that one has.
    previous_used: HashMap<[u8; 32], Arc<AtomicI64>>,
    current_used: HashMap<[u8; 32], Arc<AtomicI64>>,
    accounts: HashMap<ProviderKeyId, Arc<Account>>,
    /// By team.
    keys: HashMap<TeamId, Vec<Arc<KeyState>>>,
    healths: HashMap<ProviderKeyId, ([u8; 32], Arc<Health>)>,
    routes: HashMap<RouteId, Arc<RouteState>>,
    waiting: HashMap<GatewayId, Arc<Waiting>>,
}

impl Carried {
    fn of(previous: Option<&Snapshot>) -> Self {
        let Some(previous) = previous else { return Self::default() };
        let limits = previous.teams.values().flat_map(|team| team.limits());
        let secrets = previous.tokens.iter().filter(|(digest, token)| token.which(digest) == Which::Current);
        Self {
            counts: limits.map(|limit| (limit.id, limit.counts.clone())).collect(),
            last_used: previous.tokens.values().map(|token| (token.id, token.last_used_ms.clone())).collect(),
            previous_used: secrets
                .clone()
                .filter_map(|(_, token)| token.previous.as_ref())
                .map(Previous::used)
                .collect(),
            current_used: secrets.map(|(digest, token)| (*digest, token.last_used_ms.clone())).collect(),
            accounts: previous.teams.values().flat_map(|team| team.accounts()).collect(),
            keys: previous.teams.values().map(|team| (team.id, team.all_keys().cloned().collect())).collect(),
            healths: previous
                .teams
                .values()
                .flat_map(|team| team.all_keys())
                .map(|key| (key.id, (key.mark, key.health.clone())))
                .collect(),
            waiting: previous
                .teams
                .values()
                .flat_map(|team| team.gateways())
                .map(|gateway| (gateway.id, gateway.waiting.clone()))
                .collect(),
            routes: previous
                .teams
                .values()
                .flat_map(|team| team.gateways())
                .flat_map(|gateway| gateway.routes())
                .map(|route| (route.id, route.clone()))
                .collect(),
        }
    }

    /// When a secret that was replaced was last used. One that was replaced just now was the token's only one until then.
    fn previous_used(&self, digest: &[u8; 32]) -> Arc<AtomicI64> {
        let only = || {
            let used = self.current_used.get(digest).map_or(0, |used| used.load(Ordering::Relaxed));
            Arc::new(AtomicI64::new(used))
        };
        self.previous_used.get(digest).cloned().unwrap_or_else(only)
    }

    /// How a key fares, where it is the one that it was.
    fn health(&self, id: ProviderKeyId, mark: &[u8; 32]) -> Arc<Health> {
        let kept = self.healths.get(&id).filter(|(kept, _)| kept == mark).map(|(_, health)| health.clone());
        kept.unwrap_or_else(|| Arc::new(Health::new(Of::Key)))
    }

    /// How the addresses of a team's keys fare.
    fn addresses(&self, team: TeamId) -> Addresses {
        Addresses::carried(self.keys.get(&team).into_iter().flatten())
    }

    /// The account of a key with the tokens it has, where it is the one that it was.
    fn account(&self, id: ProviderKeyId, account: ServiceAccount) -> Arc<Account> {
        let kept = self.accounts.get(&id).filter(|kept| kept.fingerprint() == account.fingerprint());
        kept.cloned().unwrap_or_else(|| Arc::new(Account::new(account)))
    }
}
