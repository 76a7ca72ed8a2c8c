//! Where a provider is and how it is talked to.

use std::collections::HashMap;
use std::sync::Arc;

use domain::config::CustomProviderConfig;
use domain::provider::{AuthScheme, Dialect};
use wire::api::{Api, Quirks};
use wire::auth::{Facts, Malformed};
use wire::providers::{self, Base, Provider};
use wire::task::Task;
use wire::{embed, rerank};

use super::upstream::Upstream;

/// Google's cloud, which serves models of several makers, each in its maker's API.
const VERTEX: &str = "google-vertex-ai";

/// Why a stored row cannot be used. The text names the fault and never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The base URL cannot be called.
    #[error(
        "its base URL is not an http:// or https:// address without user name, fragment or any query but api-version"
    )]
    BaseUrl,
    /// The provider's address depends on the account, and the key does not say it.
    #[error("the provider's address depends on your account, so the key needs a base URL of its own")]
    NoAddress,
    /// Nothing says for which of Amazon's regions requests are to be signed.
    #[error("neither its base URL nor the key names a region; store the key as JSON with a `Region`")]
    NoRegion,
    /// The credential is neither a word nor a whole credential of the provider's kind.
    #[error("it {0}")]
    Malformed(Malformed),
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
    /// Whether it answers chats.
    pub chats: bool,
    pub auth: AuthScheme,
    /// Its name in the price book; none for a team's own.
    pub book: Option<&'static str>,
    /// Path of OpenAI chat completions below the base path.
    pub chat_path: String,
    /// Path of the list of models below the base path.
    pub models_path: String,
    /// Its own address; a key may replace it.
    pub upstream: Result<Upstream, Unusable>,
    /// Its row; none for a team's own.
    builtin: Option<&'static Provider>,
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
            chats: provider.chat,
            auth: provider.auth,
            book: Some(&provider.price_provider),
            chat_path: provider.chat_path.clone(),
            models_path: provider.models_path.clone(),
            upstream: if provider.needs_address() {
                Err(Unusable::NoAddress)
            } else {
                Upstream::of(providers::resolve_base(provider, None, Facts::default()))
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
            chats: true,
            auth: config.auth,
            book: None,
            chat_path: "chat/completions".to_owned(),
            models_path: "models".to_owned(),
            upstream: Upstream::of(providers::parse_base(&config.base_url)),
            builtin: None,
        }
    }

    /// The API in which a model is asked by callers who speak another, and the model's name there.
    #[must_use]
    pub fn served<'a>(&self, model: &'a str) -> (Api, &'a str) {
        if self.slug != VERTEX {
            return (self.api, model);
        }
        match model.split_once('/') {
            Some(("google", model)) => (Api::Gemini, model),
            Some(("anthropic", model)) => (Api::Anthropic, model),
            // Other makers' models are served in OpenAI's API, under their full names.
            Some(_) => (Api::OpenaiChat, model),
            None if model.starts_with("claude") => (Api::Anthropic, model),
            None => (Api::Gemini, model),
        }
    }

    /// Whether it can be asked for a model in an API as it is, at some of its addresses at least.
    #[must_use]
    pub fn speaks(&self, api: Api, model: &str) -> bool {
        let responses = self.builtin.is_some_and(|provider| provider.responses);
        api == self.served(model).0 || (api == Api::OpenaiResponses && responses)
    }

    /// Whether it serves Anthropic's API in Google's way: the model in the path, the version in the body.
    #[must_use]
    pub fn is_claude_at_vertex(&self, api: Api) -> bool {
        self.slug == VERTEX && api == Api::Anthropic
    }

    /// Where it is asked, below its base path.
    #[must_use]
    pub fn path(&self, api: Api, model: &str, stream: bool) -> String {
        match api {
            Api::OpenaiChat => self.chat_path.clone(),
            // Vertex AI's base path names project and location.
            Api::Gemini if self.slug == VERTEX => api.path(model, stream).replacen("v1beta/", "publishers/google/", 1),
            Api::Anthropic if self.slug == VERTEX => {
                let verb = if stream { "streamRawPredict" } else { "rawPredict" };
                format!("publishers/anthropic/models/{}:{verb}", wire::api::segment(model))
            }
            _ => api.path(model, stream),
        }
    }

    /// Where the tokens of a question are counted, below its base path; none where nobody counts.
    #[must_use]
    pub fn count_path(&self, api: Api, model: &str) -> Option<String> {
        let path = api.count_path(model)?;
        Some(match api {
            Api::Anthropic if self.slug == VERTEX => "publishers/anthropic/models/count-tokens:rawPredict".to_owned(),
            _ if self.slug == VERTEX => path.replacen("v1beta/", "publishers/google/", 1),
            _ => path,
        })
    }

    /// Whether it offers a task. Nothing is known of a team's own, so it is taken to offer what others of its dialect do.
    #[must_use]
    pub fn offers(&self, task: Task) -> bool {
        match (self.builtin, self.dialect) {
            (Some(provider), _) => provider.offers.contains(&task),
            (None, Dialect::Openai) => true,
            (None, Dialect::Gemini) => task == Task::Embeddings,
            (None, Dialect::Anthropic) => false,
        }
    }

    /// Where it offers a task in OpenAI's words, below its base path.
    #[must_use]
    pub fn task_path(&self, task: Task) -> String {
        self.builtin.map_or_else(|| providers::task_path(&self.chat_path, task), |provider| provider.task_path(task))
    }

    /// The words its embeddings are asked for in, and how they differ from others'.
    #[must_use]
    pub fn embeds(&self) -> (embed::Api, &Quirks) {
        match self.builtin {
            Some(provider) => (provider.embeddings.api, &provider.embeddings.quirks),
            None if self.dialect == Dialect::Gemini => (embed::Api::Gemini, &self.quirks),
            None => (embed::Api::Openai, &self.quirks),
        }
    }

    /// The words its reranker is asked in.
    #[must_use]
    pub fn reranks(&self) -> rerank::Api {
        self.builtin.map_or(rerank::Api::Jina, |provider| provider.rerank)
    }

    /// The address for a key: with what the key says of the account, or with the key's own replacement. One without a path
    /// keeps the provider's path.
    pub(super) fn upstream_for(&self, replacement: Option<&str>, facts: Facts<'_>) -> Result<Upstream, Unusable> {
        match (self.builtin, replacement) {
            (None, None) => self.upstream.clone(),
            (None, Some(text)) => Upstream::of(providers::parse_base(text).map(|base| self.with_own_path(base))),
            (Some(provider), None) if provider.needs_address() => {
                Upstream::of(providers::resolve_base(provider, None, facts)).map_err(|_| Unusable::NoAddress)
            }
            (Some(_), None) => self.upstream.clone(),
            (Some(provider), Some(text)) => Upstream::of(providers::resolve_base(provider, Some(text), facts)),
        }
    }

    fn with_own_path(&self, base: Base) -> Base {
        match &self.upstream {
            Ok(own) if base.path.is_empty() => Base { path: own.base_path().to_owned(), ..base },
            _ => base,
        }
    }
}
