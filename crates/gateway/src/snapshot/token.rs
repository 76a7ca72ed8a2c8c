//! An API token: whose it is and what it may do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::config::TokenConfig;
use domain::{GatewayId, TokenId};

use super::Carried;
use super::team::TeamState;

/// A token, found by the digest of its secret.
#[derive(Debug)]
pub struct TokenState {
    pub id: TokenId,
    pub name: String,
    pub team: Arc<TeamState>,
    pub revoked: bool,
    /// Not accepted from then on, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
    /// Milliseconds since 1970, 0 for not since it was last asked. Shared with the snapshots before and after.
    pub last_used_ms: Arc<AtomicI64>,
    gateways: Option<Vec<GatewayId>>,
    models: Option<Vec<ModelPattern>>,
}

impl TokenState {
    pub(super) fn build(config: &TokenConfig, team: Arc<TeamState>, carried: &Carried) -> Self {
        let compile = |patterns: &Vec<String>| patterns.iter().map(|text| ModelPattern::new(text, &team)).collect();
        Self {
            id: config.id,
            name: config.name.clone(),
            revoked: config.revoked,
            expires_at_ms: config.expires_at.map(|at| at.timestamp_millis()),
            last_used_ms: carried.last_used.get(&config.id).cloned().unwrap_or_default(),
            gateways: config.gateways.clone(),
            models: config.models.as_ref().map(compile),
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

    /// Notes that it was used.
    pub fn touch(&self, now_ms: i64) {
        self.last_used_ms.fetch_max(now_ms, Ordering::Relaxed);
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

    fn matches(&self, provider: &str, model: &str) -> bool {
        let named = if self.open { model.starts_with(&self.model) } else { model == self.model };
        named && self.provider.as_ref().is_none_or(|wanted| wanted == provider)
    }
}
