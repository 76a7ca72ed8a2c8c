//! Where a provider is and how it is talked to.

use std::collections::HashMap;
use std::sync::Arc;

use domain::config::CustomProviderConfig;
use domain::provider::{AuthScheme, Dialect};
use http::Uri;
use http::uri::{Authority, Scheme};
use wire::api::{Api, Quirks};
use wire::providers::{self, BadBase, Base, Provider, upstream_path};

/// The provider that offers OpenAI's Responses beside chat completions.
const RESPONSES: &str = "openai";
/// Gemini's API in Google's cloud.
const VERTEX: &str = "google-vertex-ai";

/// Why a stored row cannot be used. The text names the fault and never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The base URL cannot be called.
    #[error("its base URL is not an http:// or https:// address without user name, query or fragment")]
    BaseUrl,
    /// The provider's address depends on the account, and the key does not say it.
    #[error("the provider's address depends on your account, so the key needs a base URL of its own")]
    NoAddress,
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
    /// The API in which it is asked by callers who speak one that it does not.
    pub api: Api,
    pub quirks: Quirks,
    pub auth: AuthScheme,
    /// Its name in the price book; none for a team's own.
    pub price_provider: Option<String>,
    /// Path of OpenAI chat completions below the base path.
    pub chat_path: String,
    /// Path of the list of models below the base path.
    pub models_path: String,
    /// Its own address; a key may replace it.
    pub upstream: Result<Upstream, Unusable>,
    /// Its row; none for a team's own.
    builtin: Option<&'static Provider>,
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
            api: provider.api(),
            quirks: provider.quirks.clone(),
            auth: provider.auth,
            price_provider: Some(provider.price_provider.clone()),
            chat_path: provider.chat_path.clone(),
            models_path: provider.models_path.clone(),
            upstream: if provider.needs_address() {
                Err(Unusable::NoAddress)
            } else {
                Upstream::of(providers::resolve_base(provider, None))
            },
            builtin: Some(provider),
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
            api: providers::api_of(config.dialect),
            quirks: Quirks::default(),
            auth: config.auth,
            price_provider: None,
            chat_path: "chat/completions".to_owned(),
            models_path: "models".to_owned(),
            upstream: Upstream::of(providers::parse_base(&config.base_url)),
            builtin: None,
        }
    }

    /// Whether it can be asked in an API as it is.
    #[must_use]
    pub fn speaks(&self, api: Api) -> bool {
        api == self.api || (api == Api::OpenaiResponses && self.slug == RESPONSES)
    }

    /// Where it is asked, below its base path.
    #[must_use]
    pub fn path(&self, api: Api, model: &str, stream: bool) -> String {
        match api {
            Api::OpenaiChat => self.chat_path.clone(),
            // Vertex AI's base path names project and location.
            Api::Gemini if self.slug == VERTEX => api.path(model, stream).replacen("v1beta/", "publishers/google/", 1),
            _ => api.path(model, stream),
        }
    }

    /// Where the tokens of a question are counted, below its base path; none where nobody counts.
    #[must_use]
    pub fn count_path(&self, api: Api, model: &str) -> Option<String> {
        let path = api.count_path(model)?;
        Some(if self.slug == VERTEX { path.replacen("v1beta/", "publishers/google/", 1) } else { path })
    }

    /// The address with a key's replacement for it. One without a path keeps the provider's path.
    pub(super) fn upstream_at(&self, replacement: Option<&str>) -> Result<Upstream, Unusable> {
        let Some(replacement) = replacement else { return self.upstream.clone() };
        Upstream::of(match self.builtin {
            Some(provider) => providers::resolve_base(provider, Some(replacement)),
            None => providers::parse_base(replacement).map(|base| self.with_own_path(base)),
        })
    }

    fn with_own_path(&self, base: Base) -> Base {
        match &self.upstream {
            Ok(own) if base.path.is_empty() => Base { path: own.base_path.clone(), ..base },
            _ => base,
        }
    }
}
