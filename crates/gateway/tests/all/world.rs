//! A gateway with a team, a provider that follows a script, and a ledger in memory.

mod kept;
mod ledger;
mod upstream;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::Bytes;
use domain::config::{Config, CustomProviderConfig, GatewayConfig, ProviderKeyConfig, TeamConfig, TokenConfig};
use domain::ledger::AttemptRow;
use domain::policy::NamedPolicy;
use domain::provider::{AuthScheme, Dialect};
use domain::token::Restrictions;
use domain::{CustomProviderId, GatewayId, GatewaySettings, PolicyId, ProviderKeyId, Secret, TeamId, TokenId};
use gateway::body::Body;
use gateway::ports::Ports;
use gateway::{Gateway, Options};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};

pub use kept::Kept;
pub use ledger::{Memory, NoTier};
pub use upstream::{Answer, Seen, Upstream};

pub const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const TOKEN: &str = "weir_app-token-of-acme";
pub const CHAT: &str = "/v1/acme/main/compat/chat/completions";
pub const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;
pub const QUESTION: &str = r#"{"model":"openai/gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}"#;

pub struct World {
    pub gateway: Gateway,
    pub ledger: Arc<Memory>,
    pub kept: Arc<Kept>,
    pub upstream: Upstream,
    pub config: Config,
}

fn start(options: Options, config: &Config, ledger: &Arc<Memory>, kept: &Arc<Kept>) -> Gateway {
    let ports = Ports { ledger: ledger.clone(), cache_tier: Arc::new(NoTier), state: kept.clone() };
    Gateway::new(options, config, ports).expect("the configuration is sound")
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Read {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
    /// Whether the connection would have been cut before the end.
    pub broken: bool,
}

impl Read {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("visible"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The gateway's code, in whatever dialect.
    pub fn code(&self) -> String {
        let json = self.json();
        let code = json["error"]["code"].as_str().or(json["error"]["details"][0]["reason"].as_str());
        code.unwrap_or_else(|| panic!("no code: {}", self.body)).to_owned()
    }
}

impl World {
    /// A world whose provider gives the same answer to everything.
    pub async fn answering(status: u16, body: &'static str) -> Self {
        Self::new(move |_| Answer::json(status, body)).await
    }

    pub async fn new(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_options(Options { allow_private_upstreams: true, ..Options::default() }, script).await
    }

    pub async fn with_options(options: Options, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let upstream = Upstream::start(script).await;
        let teams = vec![team(1, "acme", TOKEN, &upstream.url())];
        let config = Config { version: 1, teams, ..Config::default() };
        let ledger = Arc::new(Memory::default());
        let kept = Arc::new(Kept::default());
        let gateway = start(options, &config, &ledger, &kept);
        Self { gateway, ledger, kept, upstream, config }
    }

    /// Another process on the same data, with nothing in its memory.
    pub fn replica(&self) -> Gateway {
        let options = Options { allow_private_upstreams: true, ..Options::default() };
        start(options, &self.config, &self.ledger, &Arc::new(self.kept.replica()))
    }

    /// The same process once more, with nothing in its memory.
    pub fn restarted(&self) -> Gateway {
        let options = Options { allow_private_upstreams: true, ..Options::default() };
        start(options, &self.config, &self.ledger, &self.kept)
    }

    /// Changes the configuration and puts it in force.
    pub fn change(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        self.config.version += 1;
        self.gateway.reload(&self.config).expect("the configuration is sound");
    }

    /// Changes the settings of the gateway `main`.
    pub fn settings(&mut self, change: impl FnOnce(&mut GatewaySettings)) {
        self.change(|config| change(&mut config.teams[0].gateways[0].settings));
    }

    /// Puts policies in force, as they are written; they are called `p1`, `p2`, …
    pub fn policies(&mut self, texts: &[&str]) {
        let named = |(id, text): (i64, &&str)| NamedPolicy {
            id: PolicyId(id),
            owner: None,
            name: format!("p{id}"),
            policy: serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")),
        };
        self.change(|config| config.teams[0].policies = (1..).zip(texts).map(named).collect());
    }

    /// How much is used of the first group of each policy with a limit.
    pub fn used(&self) -> Vec<u64> {
        let usage = self.gateway.usage(TeamId(1));
        usage.iter().map(|usage| usage.groups.first().map_or(0, |group| group.used)).collect()
    }

    pub async fn start(&self, request: Request<Full<Bytes>>) -> Response<Body> {
        self.gateway.handle(request, LOCALHOST).await
    }

    pub async fn send(&self, request: Request<Full<Bytes>>) -> Read {
        read(self.start(request).await).await
    }

    pub async fn chat(&self, body: &str) -> Read {
        self.send(post(CHAT, body)).await
    }

    pub fn rows(&self) -> Vec<AttemptRow> {
        self.ledger.rows.lock().expect("no test panics with it").iter().map(|(row, _)| row.clone()).collect()
    }

    /// Waits until nothing is counted against the memory for bodies: connections let go of a body in their own time.
    pub async fn memory_is_free(&self) {
        let freed = async {
            while self.gateway.body_memory_used() != 0 {
                tokio::task::yield_now().await;
            }
        };
        let freed = tokio::time::timeout(std::time::Duration::from_secs(20), freed).await;
        assert!(freed.is_ok(), "{} bytes are never given back", self.gateway.body_memory_used());
    }

    /// The only row there is.
    pub fn row(&self) -> AttemptRow {
        let rows = self.rows();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().expect("one row")
    }
}

pub async fn read(response: Response<Body>) -> Read {
    let (parts, mut body) = response.into_parts();
    let mut all = Vec::new();
    let mut broken = false;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => all.extend_from_slice(&frame.into_data().expect("data")),
            Err(_) => broken = true,
        }
    }
    let body = String::from_utf8(all).expect("text");
    Read { status: parts.status.as_u16(), headers: parts.headers, body, broken }
}

/// A request with a JSON body and the team's token.
pub fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    with(path, body, &[("authorization", &format!("Bearer {TOKEN}"))])
}

/// A request with a JSON body and these headers.
pub fn with(path: &str, body: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut builder = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request")
}

/// The same with more headers.
pub fn and(mut request: Request<Full<Bytes>>, headers: &[(&'static str, &str)]) -> Request<Full<Bytes>> {
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header value"));
    }
    request
}

pub fn team(id: i64, slug: &str, token: &str, url: &str) -> TeamConfig {
    let keys = ["openai", "anthropic", "google-ai-studio", "custom-own"];
    TeamConfig {
        id: TeamId(id),
        slug: slug.into(),
        gateways: vec![gateway(id * 10 + 1, "main", true), gateway(id * 10 + 2, "open", false)],
        provider_keys: keys.iter().zip(id * 10..).map(|(provider, id)| key(id, provider, url)).collect(),
        custom_providers: vec![CustomProviderConfig {
            id: CustomProviderId(id),
            slug: "own".into(),
            base_url: format!("{url}/own"),
            dialect: Dialect::Anthropic,
            auth: AuthScheme::XApiKey,
            enabled: true,
        }],
        policies: Vec::new(),
        prices: Vec::new(),
        tokens: vec![token_config(id * 10, token)],
    }
}

pub fn gateway(id: i64, slug: &str, authentication: bool) -> GatewayConfig {
    GatewayConfig {
        id: GatewayId(id),
        slug: slug.into(),
        enabled: true,
        settings: GatewaySettings { authentication, ..GatewaySettings::default() },
        cache_epoch: 0,
        routes: Vec::new(),
    }
}

pub fn key(id: i64, provider: &str, url: &str) -> ProviderKeyConfig {
    ProviderKeyConfig {
        id: ProviderKeyId(id),
        provider: provider.into(),
        alias: "default".into(),
        secret: Secret::new(format!("sk-stored-{provider}")),
        base_url: Some(url.into()),
        enabled: true,
        expires_at: None,
        weight: 1,
        region: None,
        requests_per_minute: None,
    }
}

pub fn token_config(id: i64, plain: &str) -> TokenConfig {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, plain.as_bytes()).as_ref());
    TokenConfig {
        id: TokenId(id),
        name: plain.into(),
        digest,
        restrictions: Restrictions::default(),
        previous: None,
        revoked: false,
        expires_at: None,
    }
}
