//! Where a provider is and how it is talked to.

use std::collections::HashMap;
use std::sync::Arc;

use domain::config::CustomProviderConfig;
use domain::provider::{AuthScheme, Dialect};
use http::Uri;
use http::uri::{Authority, Scheme};
use wire::providers::{self, BadBase, Base, upstream_path};

/// Why a stored row cannot be used. The text names the fault and never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The base URL cannot be called.
    #[error("its base URL is not an http:// or https:// address without user name, query or fragment")]
    BaseUrl,
    /// The credential cannot travel.
    #[error("it contains characters that an HTTP header cannot carry")]
    Credential,
    /// The provider is not known, or no longer.
    #[error("its provider does not exist")]
    Provider,
}

/// A provider, built in or a team's own.
#[derive(Debug)]
pub struct ProviderState {
    /// The canonical slug, `custom-…` for a team's own.
    pub slug: String,
    pub enabled: bool,
    pub dialect: Dialect,
    pub auth: AuthScheme,
    /// Its name in the price book; none for a team's own.
    pub price_provider: Option<String>,
    /// Path of OpenAI chat completions below the base path.
    pub chat_path: String,
    /// Path of the list of models below the base path.
    pub models_path: String,
    /// Its own address; a key may replace it.
    pub upstream: Result<Upstream, Unusable>,
}

/// An address, in the parts that a request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub scheme: Scheme,
    pub authority: Authority,
    /// Empty, or begins with a slash and does not end with one.
    pub base_path: String,
}

impl Upstream {
    /// The address of what a client asked for behind the provider's name, its query included. What the base path ends
    /// with and `rest` begins with is not doubled.
    ///
    /// # Errors
    /// `rest` cannot be part of an address.
    pub fn uri(&self, rest: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(upstream_path(&self.base_path, rest))
            .build()
    }

    pub(super) fn of(base: Result<Base, BadBase>) -> Result<Self, Unusable> {
        let base = base.map_err(|BadBase| Unusable::BaseUrl)?;
        Ok(Self {
            scheme: base.scheme.parse().map_err(|_| Unusable::BaseUrl)?,
            authority: base.authority.parse().map_err(|_| Unusable::BaseUrl)?,
            base_path: base.path,
        })
    }
}

/// The providers that exist for every team, by slug and by alias.
pub(super) type Builtin = HashMap<&'static str, Arc<ProviderState>>;

pub(super) fn builtin() -> Builtin {
    let mut all = Builtin::new();
    for provider in providers::all() {
        let state = Arc::new(ProviderState {
            slug: provider.slug.clone(),
            enabled: true,
            dialect: provider.dialect,
            auth: provider.auth,
            price_provider: Some(provider.price_provider.clone()),
            chat_path: provider.chat_path.clone(),
            models_path: provider.models_path.clone(),
            upstream: Upstream::of(providers::resolve_base(provider, None)),
        });
        for name in provider.aliases.iter().chain([&provider.slug]) {
            all.insert(name, state.clone());
        }
    }
    all
}

impl ProviderState {
    pub(super) fn custom(config: &CustomProviderConfig) -> Self {
        Self {
            slug: format!("custom-{}", config.slug),
            enabled: config.enabled,
            dialect: config.dialect,
            auth: config.auth,
            price_provider: None,
            chat_path: "chat/completions".to_owned(),
            models_path: "models".to_owned(),
            upstream: Upstream::of(providers::parse_base(&config.base_url)),
        }
    }

    /// The address with a key's replacement for it. One without a path keeps the provider's path.
    pub(super) fn upstream_at(&self, replacement: Option<&str>) -> Result<Upstream, Unusable> {
        let Some(replacement) = replacement else { return self.upstream.clone() };
        let mut upstream = Upstream::of(providers::parse_base(replacement))?;
        if upstream.base_path.is_empty()
            && let Ok(own) = &self.upstream
        {
            upstream.base_path.clone_from(&own.base_path);
        }
        Ok(upstream)
    }
}
