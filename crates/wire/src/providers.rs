//! The providers that are known by name: where they live, what they speak and how their keys travel.

mod address;
mod native;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use domain::provider::{AuthScheme, Dialect};
use serde::Deserialize;

use crate::api::{Api, Quirks};
use crate::task::Task;
use crate::{embed, rerank};

pub use address::{BadBase, Base, parse_base, resolve_base, upstream_path};
pub use native::{Place, model_in, names_models, native, plain_part};

#[cfg(test)]
mod tests;

/// A provider, as `providers.toml` describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name in paths and in front of a model: `openai`, `grok`, …
    pub slug: String,
    /// Other slugs it answers to.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its name for people.
    pub name: String,
    /// Where its API lives, without a slash at the end. Names in braces stand for facts of an account: where a key does not say
    /// them (`{project}`, `{region}`, or `{region-}`, which is nothing for `global`), it needs an address of its own, and
    /// [`Provider::needs_address`].
    pub base_url: String,
    /// What its own API looks like, as far as bytes pass unchanged.
    pub dialect: Dialect,
    /// The chat API it is spoken to in, where the dialect does not say.
    #[serde(default, rename = "api", deserialize_with = "api_name")]
    own_api: Option<Api>,
    /// Whether it answers chats. The others are called by their own APIs only.
    #[serde(default = "yes")]
    pub chat: bool,
    /// How it differs from others of its API.
    #[serde(default)]
    pub quirks: Quirks,
    /// What it offers beside chat.
    #[serde(default)]
    pub offers: Vec<Task>,
    /// Where it offers that, below `base_url`, if not beside its OpenAI chat completions.
    #[serde(default)]
    pub paths: BTreeMap<Task, String>,
    /// How its embeddings differ from OpenAI's.
    #[serde(default)]
    pub embeddings: Embeddings,
    /// The words its reranker is asked in.
    #[serde(default)]
    pub rerank: rerank::Api,
    /// How its key travels.
    pub auth: AuthScheme,
    /// Its name in the price book.
    pub price_provider: String,
    /// Path of its OpenAI chat completions below `base_url`.
    #[serde(default = "chat_path")]
    pub chat_path: String,
    /// Whether it offers OpenAI's Responses beside chat completions.
    #[serde(default)]
    pub responses: bool,
    /// Path of its list of models below `base_url`.
    #[serde(default = "models_path")]
    pub models_path: String,
    /// Path below `base_url` that answers who has a good key and nobody else, where the list of models is for everybody.
    #[serde(default)]
    test_path: Option<String>,
    /// Where a person gets a key.
    pub key_url: String,
}

fn yes() -> bool {
    true
}

/// How embeddings differ from OpenAI's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embeddings {
    /// The words they are asked for in.
    pub api: embed::Api,
    /// Fields that are refused there or have other names.
    pub quirks: Quirks,
}

fn chat_path() -> String {
    "chat/completions".into()
}

fn models_path() -> String {
    "models".into()
}

fn api_name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Api>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || serde::de::Error::custom(format!("no chat API is called {name}"));
    Api::from_name(&name).map(Some).ok_or_else(unknown)
}

/// The chat API that providers of a dialect are spoken to in.
#[must_use]
pub fn api_of(dialect: Dialect) -> Api {
    match dialect {
        Dialect::Openai => Api::OpenaiChat,
        Dialect::Anthropic => Api::Anthropic,
        Dialect::Gemini => Api::Gemini,
    }
}

#[derive(Deserialize)]
struct File {
    provider: Vec<Provider>,
}

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("providers.toml")).expect("a test reads the same file");
    file.provider
});

/// Every provider, in the order to show them.
#[must_use]
pub fn all() -> &'static [Provider] {
    &PROVIDERS
}

/// The provider that is called `slug`, or has it as an alias.
#[must_use]
pub fn find(slug: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.slug == slug || provider.aliases.iter().any(|alias| alias == slug))
}

impl Provider {
    /// The chat API it is spoken to in.
    #[must_use]
    pub fn api(&self) -> Api {
        self.own_api.unwrap_or_else(|| api_of(self.dialect))
    }

    /// Where it offers a task, below `base_url`, in OpenAI's words or those of its reranker.
    #[must_use]
    pub fn task_path(&self, task: Task) -> String {
        let own = self.paths.get(&task).cloned();
        own.or_else(|| self.rerank.path().filter(|_| task == Task::Rerank).map(str::to_owned))
            .unwrap_or_else(|| task_path(&self.chat_path, task))
    }

    /// Whether its address depends on the account, so that each key must say it or have one of its own.
    #[must_use]
    pub fn needs_address(&self) -> bool {
        self.base_url.contains('{')
    }

    /// Path below its address that tells a good key from a bad one.
    #[must_use]
    pub fn test_path(&self) -> &str {
        self.test_path.as_deref().unwrap_or(&self.models_path)
    }
}

/// Where OpenAI's endpoint for a task is, beside chat completions at `chat_path`.
#[must_use]
pub fn task_path(chat_path: &str, task: Task) -> String {
    format!("{}{}", chat_path.strip_suffix("chat/completions").unwrap_or_default(), task.path())
}
