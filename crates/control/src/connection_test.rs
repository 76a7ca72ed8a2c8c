//! The "test connection" button: one GET for the provider's list of models with the stored key. Redirects are not
//! followed, and every address is judged after name resolution, at the moment it is dialled.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::Secret;
use domain::address::is_public;
use domain::provider::{AuthScheme, Dialect};
use domain::view::{ConnectionTest, ConnectionTestCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, redirect};
use store::entity::{custom_provider, provider_key};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use crate::address::may_be_public;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Tests that run at once.
const RUNNING: usize = 8;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Target {
    url: String,
    dialect: Dialect,
    auth: AuthScheme,
}

impl Target {
    /// The models of the provider that a key belongs to; nothing where that provider is gone.
    pub(crate) fn of(row: &provider_key::Model, custom: &[custom_provider::Model]) -> Option<Self> {
        let replacement = row.base_url.as_deref();
        let (base, models, dialect, auth) = match row.provider.strip_prefix("custom-") {
            Some(slug) => {
                let own = custom.iter().find(|own| own.slug == slug)?;
                let base = wire::providers::parse_base(replacement.unwrap_or(&own.base_url)).ok()?;
                (base, "models", store::custom_provider::dialect(own), store::custom_provider::auth(own))
            }
            None => {
                let known = wire::providers::find(&row.provider)?;
                let base = wire::providers::resolve_base(known, replacement).ok()?;
                (base, known.models_path.as_str(), known.dialect, known.auth)
            }
        };
        let path = wire::providers::upstream_path(&base.path, models);
        Some(Self { url: format!("{}://{}{path}", base.scheme, base.authority), dialect, auth })
    }
}

/// Runs tests, a few at a time.
pub(crate) struct Tester {
    allow_private: bool,
    /// Made at the first test: it reads the system's certificates.
    client: OnceLock<Option<Client>>,
    running: Semaphore,
}

impl Tester {
    pub(crate) fn new(allow_private: bool) -> Self {
        Self { allow_private, client: OnceLock::new(), running: Semaphore::new(RUNNING) }
    }

    pub(crate) async fn run(&self, target: &Target, secret: &Secret) -> ConnectionTest {
        let _place = self.running.acquire().await;
        let started = Instant::now();
        let (code, status) = self.ask(target, secret).await;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        ConnectionTest { ok: code == ConnectionTestCode::Accepted, status, code, duration_ms }
    }

    async fn ask(&self, target: &Target, secret: &Secret) -> (ConnectionTestCode, Option<u16>) {
        let Some(client) = self.client.get_or_init(|| client(self.allow_private)) else {
            return (ConnectionTestCode::Unexpected, None);
        };
        let Ok(url) = Url::parse(&target.url) else { return (ConnectionTestCode::Unexpected, None) };
        // An address written out is dialled without asking the resolver.
        if !self.allow_private && !url.host().is_some_and(|host| may_be_public(&host)) {
            return (ConnectionTestCode::PrivateAddress, None);
        }
        let plain = secret.expose();
        let request = match target.auth {
            AuthScheme::Bearer => client.get(url).bearer_auth(plain),
            AuthScheme::XApiKey => client.get(url).header("x-api-key", plain),
            AuthScheme::XGoogApiKey => client.get(url).header("x-goog-api-key", plain),
        };
        let request = match target.dialect {
            Dialect::Anthropic => request.header("anthropic-version", "2023-06-01"),
            Dialect::Openai | Dialect::Gemini => request,
        };
        match request.send().await {
            Ok(answer) => (judge(target.dialect, answer.status()), Some(answer.status().as_u16())),
            Err(error) => (judge_failure(&error), None),
        }
    }
}

fn judge(dialect: Dialect, status: StatusCode) -> ConnectionTestCode {
    match status.as_u16() {
        200..300 => ConnectionTestCode::Accepted,
        401 | 403 => ConnectionTestCode::Rejected,
        // Gemini answers 400 "API key not valid".
        400 if dialect == Dialect::Gemini => ConnectionTestCode::Rejected,
        _ => ConnectionTestCode::Unexpected,
    }
}

fn judge_failure(error: &reqwest::Error) -> ConnectionTestCode {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Forbidden>() {
            return ConnectionTestCode::PrivateAddress;
        }
        cause = inner.source();
    }
    if error.is_timeout() { ConnectionTestCode::TimedOut } else { ConnectionTestCode::Unreachable }
}

fn client(allow_private: bool) -> Option<Client> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIMEOUT)
        .user_agent("weir")
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(Resolver { allow_private }));
    builder.build().inspect_err(|error| tracing::error!(%error, "no client for connection tests")).ok()
}

struct Resolver {
    allow_private: bool,
}

/// A name that leads to a private network.
#[derive(Debug)]
struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to an address that is not public")
    }
}

impl Error for Forbidden {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> =
                found.iter().copied().filter(|address| allow_private || is_public(address.ip())).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
