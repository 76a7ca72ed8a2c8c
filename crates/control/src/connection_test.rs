//! The "test connection" button: one question that costs nothing with the stored key, for most the list of models. An answer that
//! anybody gets says nothing about the key, so a question that was answered is put once more without it. Redirects are not
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
use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use store::entity::{custom_provider, provider_key};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;
use wire::auth::aws::{AccessKey, region_of};
use wire::auth::google::ServiceAccount;
use wire::auth::{self, Credential, sigv4};
use wire::providers::{self, Base};

use crate::address::may_be_public;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest answer of a token endpoint, in bytes.
const MAX_ANSWER: usize = 64 << 10;
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// A word for a model of Amazon's.
const CONVERSE: &str = r#"{"messages":[{"role":"user","content":[{"text":"."}]}]}"#;
/// The same for one of Google's.
const COUNT: &str = r#"{"contents":[{"role":"user","parts":[{"text":"."}]}]}"#;
/// Tests that run at once.
const RUNNING: usize = 8;

/// What is asked.
#[derive(Debug)]
pub(crate) struct Target {
    /// With scheme, host and port.
    url: String,
    dialect: Dialect,
    auth: AuthScheme,
    secret: Secret,
    credential: Credential,
    probe: Probe,
}

/// The question that shows whether a provider takes a key. None costs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// Its list of models, or what else shows the key.
    Models,
    /// Amazon has no list beside its models: a model that does not exist is asked. Who may not ask is told so first.
    Converse,
    /// Google Cloud counts tokens. Whatever it says of the model, it has taken the account before.
    CountTokens,
}

impl Target {
    /// The question for the provider that a key belongs to; nothing where that provider is gone.
    pub(crate) fn of(row: &provider_key::Model, custom: &[custom_provider::Model], secret: &Secret) -> Option<Self> {
        let replacement = row.base_url.as_deref();
        let secret = secret.clone();
        if let Some(slug) = row.provider.strip_prefix("custom-") {
            let own = custom.iter().find(|own| own.slug == slug)?;
            let base = providers::parse_base(replacement.unwrap_or(&own.base_url)).ok()?;
            let (dialect, auth) = (store::custom_provider::dialect(own), store::custom_provider::auth(own));
            let url = url_of(&base, &providers::upstream_path(&base.path, "models"));
            return Some(Self { url, dialect, auth, secret, credential: Credential::Word, probe: Probe::Models });
        }
        let known = providers::find(&row.provider)?;
        let credential = auth::read(known.auth, secret.expose()).ok()?;
        let base = providers::resolve_base(known, replacement, credential.facts()).ok()?;
        let (probe, path) = match known.auth {
            AuthScheme::Aws => (Probe::Converse, "model/weir-connection-test/converse"),
            AuthScheme::Google => (Probe::CountTokens, "publishers/google/models/gemini-2.5-flash:countTokens"),
            // Azure's inference API tells of its one model.
            _ if base.path.ends_with("/models") => (Probe::Models, "info"),
            _ => (Probe::Models, known.test_path()),
        };
        let path = match base.path.split_once("/openai/deployments/") {
            Some((before, _)) => format!("{before}/openai/models"),
            None => providers::upstream_path(&base.path, path),
        };
        let url = url_of(&base, &path);
        Some(Self { url, dialect: known.dialect, auth: known.auth, secret, credential, probe })
    }
}

fn url_of(base: &Base, path: &str) -> String {
    let version = base.api_version.as_ref().map(|version| format!("?api-version={version}")).unwrap_or_default();
    format!("{}://{}{path}{version}", base.scheme, base.authority)
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

    pub(crate) async fn run(&self, target: &Target) -> ConnectionTest {
        let _place = self.running.acquire().await;
        let started = Instant::now();
        let (code, status) = self.ask(target).await.unwrap_or_else(|code| (code, None));
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        ConnectionTest { ok: code == ConnectionTestCode::Accepted, status, code, duration_ms }
    }

    async fn ask(&self, target: &Target) -> Result<(ConnectionTestCode, Option<u16>), ConnectionTestCode> {
        let client = self.client.get_or_init(|| client(self.allow_private)).as_ref();
        let client = client.ok_or(ConnectionTestCode::Unexpected)?;
        let request = self.question(client, target)?;
        let request = match &target.credential {
            Credential::Word => {
                let (name, value) = auth::header(target.auth, target.secret.expose());
                request.header(name, value)
            }
            Credential::Aws(key) => signed(request, key, &target.url)?,
            Credential::Google(account) => match self.token(client, account).await? {
                Ok(token) => request.bearer_auth(token.expose()),
                Err(status) => return Ok((ConnectionTestCode::Rejected, Some(status))),
            },
        };
        let found = send(target, request).await?;
        if found.0 == ConnectionTestCode::Accepted && matches!(target.credential, Credential::Word) {
            let anybody = send(target, self.question(client, target)?).await;
            if matches!(anybody, Ok((ConnectionTestCode::Accepted, _))) {
                return Ok((ConnectionTestCode::Public, found.1));
            }
        }
        Ok(found)
    }

    /// The question without a key.
    fn question(&self, client: &Client, target: &Target) -> Result<RequestBuilder, ConnectionTestCode> {
        let url = self.allowed(&target.url)?;
        let request = match target.probe {
            Probe::Models => client.get(url),
            Probe::Converse => client.post(url).header("content-type", JSON).body(CONVERSE),
            Probe::CountTokens => client.post(url).header("content-type", JSON).body(COUNT),
        };
        Ok(match target.dialect {
            Dialect::Anthropic => request.header("anthropic-version", "2023-06-01"),
            Dialect::Openai | Dialect::Gemini => request,
        })
    }

    /// An address that may be called. One written out is dialled without asking the resolver.
    fn allowed(&self, url: &str) -> Result<Url, ConnectionTestCode> {
        let url = Url::parse(url).map_err(|_| ConnectionTestCode::Unexpected)?;
        let allowed = self.allow_private || url.host().is_some_and(|host| may_be_public(&host));
        if allowed { Ok(url) } else { Err(ConnectionTestCode::PrivateAddress) }
    }

    /// Fetches a token, or tells the status with which the endpoint refuses.
    async fn token(
        &self,
        client: &Client,
        account: &ServiceAccount,
    ) -> Result<Result<Secret, u16>, ConnectionTestCode> {
        let question = account.question(crate::change::now().timestamp()).ok_or(ConnectionTestCode::Rejected)?;
        let request = client.post(self.allowed(account.token_uri())?).header("content-type", FORM).body(question);
        let mut answer = request.send().await.map_err(|error| judge_failure(&error))?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| judge_failure(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER {
                return Err(ConnectionTestCode::Unexpected);
            }
        }
        Ok(auth::google::answer(status, &body).map(|token| token.secret).map_err(|_| status))
    }
}

async fn send(
    target: &Target,
    request: RequestBuilder,
) -> Result<(ConnectionTestCode, Option<u16>), ConnectionTestCode> {
    let answer = request.send().await.map_err(|error| judge_failure(&error))?;
    Ok((judge(target, answer.status()), Some(answer.status().as_u16())))
}

/// A question to Amazon with its signature.
fn signed(request: RequestBuilder, key: &AccessKey, url: &str) -> Result<RequestBuilder, ConnectionTestCode> {
    let url = Url::parse(url).map_err(|_| ConnectionTestCode::Unexpected)?;
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let region = region_of(&host).or(key.region()).ok_or(ConnectionTestCode::Unexpected)?;
    let headers = [("content-type", JSON), ("host", host.as_str())];
    let question =
        sigv4::Request { method: "POST", path: url.path(), query: "", headers: &headers, body: CONVERSE.as_bytes() };
    let scope = sigv4::Scope { region, service: "bedrock" };
    let added = sigv4::sign(question, key.credentials(), scope, crate::change::now());
    Ok(added.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
}

fn judge(target: &Target, status: StatusCode) -> ConnectionTestCode {
    match (target.probe, status.as_u16()) {
        (_, 200..300) => ConnectionTestCode::Accepted,
        (_, 401 | 403) => ConnectionTestCode::Rejected,
        // The provider knows who asks, and knows no such model.
        (Probe::Converse, 400 | 404) => ConnectionTestCode::Accepted,
        (Probe::CountTokens, 400..500) if matches!(target.credential, Credential::Google(_)) => {
            ConnectionTestCode::Accepted
        }
        // Gemini answers 400 "API key not valid".
        (Probe::Models, 400) if target.dialect == Dialect::Gemini => ConnectionTestCode::Rejected,
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
