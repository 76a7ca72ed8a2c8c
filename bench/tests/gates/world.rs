//! A gateway with everything on, its ledger in a real spool, on a runtime of one thread. Shared with the benchmark `hot`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use domain::cache::{CacheEntry, CacheKey};
use domain::config::{Config, GatewayConfig, ProviderKeyConfig, TeamConfig, TokenConfig};
use domain::ledger::{AttemptRow, Payload};
use domain::policy::NamedPolicy;
use domain::state::{Conversation, ItemPage, KeptResponse, StateChange};
use domain::{GatewayId, GatewaySettings, PolicyId, ProviderKeyId, Secret, TeamId, TokenId};
use futures_util::future::BoxFuture;
use gateway::body::Body;
use gateway::{Gateway, Options, ports};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use store::spool::{Intent, Spool, SpoolAppender, SpoolOptions, SpoolReader};
use tokio::runtime::Runtime;

use crate::provider::Provider;

/// The secret of the team's token.
pub const TOKEN: &str = "weir_a-token-of-the-gates-0123456789";

pub struct World {
    pub gateway: Gateway,
    pub provider: Provider,
    pub runtime: Runtime,
    _spool: SpoolReader,
    _directory: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// The same with policies in force.
    pub fn with(policies: &[&str]) -> Self {
        Self::of(|url| config(url, policies))
    }

    /// The same with a configuration for the provider's address.
    pub fn of(config: impl FnOnce(&str) -> Config) -> Self {
        let provider = Provider::start();
        let directory = tempfile::tempdir().expect("a directory");
        let (appender, spool) = Spool::open(directory.path(), SpoolOptions::default()).expect("a spool");
        let options = Options { allow_private_upstreams: true, ..Options::default() };
        let config = config(&provider.url);
        let ports = ports::Ports {
            ledger: Arc::new(Ledger(appender)),
            cache_tier: Arc::new(NoTier),
            state: Arc::new(KeepsNothing),
        };
        let gateway = Gateway::new(options, &config, ports).expect("a configuration");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { gateway, provider, runtime, _spool: spool, _directory: directory }
    }

    pub async fn start(&self, request: Request<Full<Bytes>>) -> Response<Body> {
        self.gateway.handle(request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }
}

/// Reads an answer to its end and drops it.
pub async fn read(answer: Response<Body>) {
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        frame.expect("a whole answer");
    }
}

/// A request with a JSON body and the team's token.
pub fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(format!("/v1/acme/main/{path}"))
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("user-agent", "gates")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
        .expect("a request")
}

/// What the server does, without the server.
struct Ledger(SpoolAppender);

impl ports::Ledger for Ledger {
    fn begin(&self, row: &AttemptRow) -> std::io::Result<ports::Intent> {
        self.0.begin(row).map(|intent| ports::Intent(intent.into_number()))
    }

    fn record(
        &self,
        row: &AttemptRow,
        payload: Option<&Payload>,
        intent: Option<ports::Intent>,
    ) -> std::io::Result<()> {
        self.0.settle(row, payload, intent.map(|intent| Intent::from_number(intent.0)))
    }

    fn ready(&self) -> bool {
        self.0.ready()
    }
}

struct KeepsNothing;

impl ports::State for KeepsNothing {
    fn owner(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    fn record(&self, _: &StateChange) -> std::io::Result<()> {
        Ok(())
    }

    fn caught_up(&self) -> BoxFuture<'static, bool> {
        Box::pin(async { true })
    }

    fn load_response(&self, _: TeamId, _: String) -> ports::Loaded<Option<KeptResponse>> {
        Box::pin(async { Ok(None) })
    }

    fn load_conversation(&self, _: TeamId, _: String) -> ports::Loaded<Option<Conversation>> {
        Box::pin(async { Ok(None) })
    }

    fn load_items(&self, _: TeamId, _: String, _: Option<(i64, String)>) -> ports::Loaded<ItemPage> {
        Box::pin(async { Ok(ItemPage::default()) })
    }
}

struct NoTier;

impl ports::CacheTier for NoTier {
    fn holds(&self, _: &CacheKey) -> bool {
        false
    }

    fn load(&self, _: CacheKey) -> BoxFuture<'static, Option<CacheEntry>> {
        Box::pin(async { None })
    }

    fn save(&self, _: Arc<CacheEntry>) {}
}

/// A team with a provider at an address, under these policies.
pub fn config(url: &str, policies: &[&str]) -> Config {
    Config { version: 1, teams: vec![team(url, policies)], ..Config::default() }
}

fn team(url: &str, policies: &[&str]) -> TeamConfig {
    let settings = GatewaySettings {
        cache_ttl: Some(3_600),
        rate_limiting_limit: Some(10_000_000),
        rate_limiting_interval: Some(60),
        retry_max_attempts: Some(2),
        ..GatewaySettings::default()
    };
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, TOKEN.as_bytes()).as_ref());
    TeamConfig {
        id: TeamId(1),
        slug: "acme".into(),
        gateways: vec![GatewayConfig {
            id: GatewayId(1),
            slug: "main".into(),
            enabled: true,
            settings,
            cache_epoch: 0,
            routes: Vec::new(),
        }],
        provider_keys: vec![ProviderKeyConfig {
            id: ProviderKeyId(1),
            provider: "openai".into(),
            alias: "default".into(),
            secret: Secret::new("sk-stored".to_owned()),
            base_url: Some(url.into()),
            enabled: true,
            expires_at: None,
            weight: 1,
            region: None,
            requests_per_minute: None,
        }],
        custom_providers: Vec::new(),
        policies: (1..).zip(policies).map(policy).collect(),
        prices: Vec::new(),
        tokens: vec![TokenConfig {
            id: TokenId(1),
            name: "gates".into(),
            digest,
            restrictions: domain::token::Restrictions::default(),
            previous: None,
            revoked: false,
            expires_at: None,
        }],
    }
}

/// A policy, as it is written.
fn policy((id, text): (i64, &&str)) -> NamedPolicy {
    let policy = serde_json::from_str(text).expect("a policy");
    NamedPolicy { id: PolicyId(id), name: format!("policy {id}"), owner: None, policy }
}
