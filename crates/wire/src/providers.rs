//! The providers that are known by name: where they live, what they speak and how their keys travel.

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::LazyLock;

use domain::provider::{AuthScheme, Dialect};
use serde::Deserialize;

use crate::api::{Api, Quirks};

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
    /// Where its API lives, without a slash at the end. Names in braces (`{region}`) stand for facts of an account: such a
    /// provider is reached at its keys' own addresses only, and [`Provider::needs_address`].
    pub base_url: String,
    /// What its own API looks like, as far as bytes pass unchanged.
    pub dialect: Dialect,
    /// The chat API it is spoken to in, where the dialect does not say.
    #[serde(default, rename = "api", deserialize_with = "api_name")]
    own_api: Option<Api>,
    /// How it differs from others of its API.
    #[serde(default)]
    pub quirks: Quirks,
    /// How its key travels.
    pub auth: AuthScheme,
    /// Its name in the price book.
    pub price_provider: String,
    /// Path of its OpenAI chat completions below `base_url`.
    #[serde(default = "chat_path")]
    pub chat_path: String,
    /// Path of its list of models below `base_url`.
    #[serde(default = "models_path")]
    pub models_path: String,
    /// Where a person gets a key.
    pub key_url: String,
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

    /// Whether its address depends on the account, so that each key needs one of its own.
    #[must_use]
    pub fn needs_address(&self) -> bool {
        self.base_url.contains('{')
    }

    /// The path of its address; empty where that depends on the account.
    fn base_path(&self) -> String {
        let path = self.base_url.splitn(4, '/').nth(3).filter(|path| !path.contains('{'));
        path.map(|path| format!("/{path}")).unwrap_or_default()
    }

    /// The path to call for what a client asked for behind `…/{provider}/`; see [`upstream_path`].
    #[must_use]
    pub fn upstream_path(&self, base_path: &str, rest: &str) -> String {
        upstream_path(base_path, rest)
    }
}

/// Puts `rest` behind `base_path`. Clients ask for `chat/completions` as well as `v1/chat/completions`: segments that
/// `base_path` ends with and `rest` begins with are not doubled. A query at the end of `rest` stays as it is.
#[must_use]
pub fn upstream_path(base_path: &str, rest: &str) -> String {
    let base = base_path.trim_end_matches('/');
    let rest = rest.trim_start_matches('/');
    let path_end = rest.find('?').unwrap_or(rest.len());
    let (path, query) = rest.split_at(path_end);
    let mut shared = 0;
    for end in path.match_indices('/').map(|(place, _)| place).chain([path.len()]) {
        let head = &path[..end];
        let before = base.strip_suffix(head);
        if end > 0 && before.is_some_and(|before| before.ends_with('/')) {
            shared = end;
        }
    }
    let tail = path[shared..].trim_start_matches('/');
    let slash = if tail.is_empty() { "" } else { "/" };
    let joined = format!("{base}{slash}{tail}{query}");
    if joined.starts_with('/') { joined } else { format!("/{joined}") }
}

/// An address taken apart: what a connection needs, and what comes before every path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// `https` or `http`.
    pub scheme: String,
    /// Host and, where it is written, port.
    pub authority: String,
    /// Empty, or begins with a slash and does not end with one.
    pub path: String,
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Why an address is not usable as a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an http:// or https:// address without user name, query or fragment")]
pub struct BadBase;

/// Where to call a provider: its own address, or the one that replaces it. A replacement without a path keeps the
/// provider's path (`http://127.0.0.1:9001` becomes `http://127.0.0.1:9001/v1`); one with a path is taken as it is.
///
/// # Errors
/// When the replacement is no address of a web server, or there is none for a provider that needs one.
pub fn resolve_base(provider: &Provider, replacement: Option<&str>) -> Result<Base, BadBase> {
    let Some(text) = replacement else { return parse_base(&provider.base_url) };
    let base = parse_base(text)?;
    let path = if base.path.is_empty() { provider.base_path() } else { base.path };
    Ok(Base { path, ..base })
}

/// Takes an address apart.
///
/// # Errors
/// When it is no address of a web server, or holds a user name, a query or a fragment.
pub fn parse_base(text: &str) -> Result<Base, BadBase> {
    let (scheme, rest) = text.trim().split_once("://").ok_or(BadBase)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(BadBase);
    }
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let plain = |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    if !valid_authority(authority) || !plain(path, b"-._~!$&'()*+,;=:@/%") {
        return Err(BadBase);
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(BadBase);
    }
    let path = path.trim_end_matches('/').to_owned();
    Ok(Base { scheme, authority: authority.to_ascii_lowercase(), path })
}

fn valid_authority(authority: &str) -> bool {
    let valid_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(host, port)| {
            host.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.strip_prefix(':').is_some_and(valid_port))
        });
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    !host.is_empty() && plain && port.is_none_or(valid_port)
}
