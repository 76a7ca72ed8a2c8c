use chrono::DateTime;
use domain::config::{
    CustomProviderConfig, GatewayConfig, ImportedBook, PreviousSecret, ProviderKeyConfig, TeamConfig, TokenConfig,
};
use domain::ledger::{Past, Spent, Surface};
use domain::policy::NamedPolicy;
use domain::provider::{AuthScheme, Dialect};
use domain::token::{LastUse, Restrictions};
use domain::{CustomProviderId, GatewayId, GatewaySettings, Nanos, PolicyId, ProviderKeyId, Secret, TeamId};
use wire::price::Why;

use super::*;
use crate::policy::{Facts, Metadata, Target, Used, Wants};

fn gateway(id: i64, slug: &str, limit: Option<u32>) -> GatewayConfig {
    let settings =
        GatewaySettings { rate_limiting_limit: limit, rate_limiting_interval: Some(60), ..GatewaySettings::default() };
    GatewayConfig { id: GatewayId(id), slug: slug.into(), enabled: true, settings, cache_epoch: 0, routes: Vec::new() }
}

fn provider_key(id: i64, provider: &str) -> ProviderKeyConfig {
    ProviderKeyConfig {
        id: ProviderKeyId(id),
        provider: provider.into(),
        alias: "default".into(),
        secret: Secret::new(format!("sk-{id}")),
        base_url: None,
        enabled: true,
        expires_at: None,
        weight: 1,
        region: None,
        requests_per_minute: None,
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn token(id: i64, models: Option<&[&str]>) -> TokenConfig {
    TokenConfig {
        id: TokenId(id),
        name: "app".into(),
        digest: [id as u8; 32],
        restrictions: Restrictions { models: models.map(texts), ..Restrictions::default() },
        previous: None,
        revoked: false,
        expires_at: None,
    }
}

fn custom(id: i64, slug: &str, base_url: &str) -> CustomProviderConfig {
    CustomProviderConfig {
        id: CustomProviderId(id),
        slug: slug.into(),
        base_url: base_url.into(),
        dialect: Dialect::Anthropic,
        auth: AuthScheme::XApiKey,
        enabled: true,
    }
}

fn team(slug: &str) -> TeamConfig {
    TeamConfig {
        id: TeamId(1),
        slug: slug.into(),
        gateways: vec![gateway(1, "main", Some(2)), gateway(2, "open", None)],
        provider_keys: vec![provider_key(1, "openai")],
        custom_providers: vec![],
        policies: Vec::new(),
        prices: Vec::new(),
        tokens: vec![token(1, None)],
    }
}

fn config(teams: Vec<TeamConfig>) -> Config {
    Config { version: 7, teams, ..Config::default() }
}

fn build(team: TeamConfig) -> Snapshot {
    Snapshot::build(&config(vec![team]), None, &Keyring::default()).expect("builds")
}

#[test]
fn everything_is_found_by_its_name() {
    let snapshot = build(team("acme"));
    assert_eq!(snapshot.version(), 7);
    let token = snapshot.token(&[1; 32]).expect("a token");
    assert_eq!(token.team.slug, "acme");
    assert!(snapshot.token(&[2; 32]).is_none());
    let team = snapshot.team("acme").expect("a team");
    assert!(snapshot.team("other").is_none());
    assert_eq!(team.gateway("main").expect("a gateway").id, GatewayId(1));
    assert!(team.gateway("open").expect("a gateway").limit.is_none());
    assert!(team.gateway("other").is_none());
    assert_eq!(team.provider("xai").expect("an alias").slug, "grok");
    assert!(team.provider("nobody").is_none());
}

#[test]
fn a_key_is_ready_to_be_sent() {
    let snapshot = build(team("acme"));
    let team = snapshot.team("acme").expect("a team");
    let (key, target) = team.key("openai", "default", 0).expect("a key");
    assert_eq!(key.id, ProviderKeyId(1));
    let Auth::Header { native: (name, value), .. } = &target.auth else { panic!("a header") };
    assert_eq!((name.as_str(), value.as_bytes()), ("authorization", b"Bearer sk-1".as_slice()));
    assert!(value.is_sensitive());
    let uri = target.upstream.uri("v1/chat/completions?x=1").expect("an address");
    assert_eq!(uri.to_string(), "https://api.openai.com/v1/chat/completions?x=1");
    assert!(target.upstream.uri("a b").is_err());
    assert!(!format!("{snapshot:?}").contains("sk-1"), "a snapshot's Debug shows no credential");
}

#[test]
fn a_broken_key_says_why_and_the_rest_works() {
    let mut acme = team("acme");
    acme.provider_keys = vec![
        ProviderKeyConfig { base_url: Some("ftp://x".into()), ..provider_key(1, "openai") },
        ProviderKeyConfig { secret: Secret::new("a\nb".into()), ..provider_key(2, "groq") },
        provider_key(3, "custom-gone"),
        provider_key(4, "mistral"),
        provider_key(5, "custom-bad"),
    ];
    acme.custom_providers = vec![custom(1, "bad", "nowhere"), custom(2, "good", "https://llm.example.com/api")];
    let snapshot = build(acme);
    let team = snapshot.team("acme").expect("a team");
    let fault = |provider| team.key(provider, "default", 0).map(|(key, _)| key.id).expect_err("broken");
    assert_eq!(fault("openai"), KeyFault::Unusable(Unusable::BaseUrl));
    assert_eq!(fault("groq"), KeyFault::Unusable(Unusable::Credential));
    assert_eq!(fault("custom-gone"), KeyFault::Unusable(Unusable::Provider));
    assert_eq!(fault("custom-bad"), KeyFault::Unusable(Unusable::BaseUrl));
    assert_eq!(fault("anthropic"), KeyFault::Missing);
    assert!(team.key("mistral", "default", 0).is_ok());
    assert_eq!(team.key("mistral", "second", 0).map(|_| ()), Err(KeyFault::Missing));
    assert_eq!(team.providers_with_keys(0).collect::<Vec<_>>(), ["mistral"]);
    let good = team.provider("custom-good").expect("a custom provider");
    let uri = good.upstream.as_ref().expect("usable").uri("messages").expect("an address");
    assert_eq!(uri.to_string(), "https://llm.example.com/api/messages");
    assert_eq!((good.dialect, good.book), (Dialect::Anthropic, None));
}

#[test]
fn a_replaced_address_keeps_the_path_unless_it_has_its_own() {
    let mut acme = team("acme");
    acme.custom_providers = vec![custom(1, "own", "https://llm.example.com/api")];
    let at = |id, provider, url: &str| ProviderKeyConfig { base_url: Some(url.into()), ..provider_key(id, provider) };
    acme.provider_keys = vec![
        at(1, "openai", "http://127.0.0.1:9001"),
        at(2, "groq", "http://127.0.0.1:9001/mine/"),
        at(3, "custom-own", "http://[::1]:9001"),
    ];
    let snapshot = build(acme);
    let team = snapshot.team("acme").expect("a team");
    let uri = |provider| {
        let (_, target) = team.key(provider, "default", 0).expect("a key");
        target.upstream.uri("models").expect("an address").to_string()
    };
    assert_eq!(uri("openai"), "http://127.0.0.1:9001/v1/models");
    assert_eq!(uri("groq"), "http://127.0.0.1:9001/mine/models");
    assert_eq!(uri("custom-own"), "http://[::1]:9001/api/models");
}

#[test]
fn the_newest_usable_key_of_an_alias_is_taken() {
    let mut acme = team("acme");
    let second = DateTime::from_timestamp(1, 0);
    acme.provider_keys = vec![
        ProviderKeyConfig { expires_at: second, ..provider_key(1, "grok") },
        provider_key(3, "xai"),
        ProviderKeyConfig { enabled: false, ..provider_key(4, "grok") },
        provider_key(2, "grok"),
        ProviderKeyConfig { expires_at: second, ..provider_key(9, "openai") },
    ];
    let snapshot = build(acme);
    let team = snapshot.team("acme").expect("a team");
    assert_eq!(team.key("grok", "default", 0).expect("a key").0.id, ProviderKeyId(3));
    assert_eq!(team.key("openai", "default", 999).expect("not expired yet").0.id, ProviderKeyId(9));
    assert_eq!(team.key("openai", "default", 1_000).map(|_| ()), Err(KeyFault::Expired));
    assert_eq!(team.keys("grok", "default").map(|key| key.id.0).collect::<Vec<_>>(), [4, 3, 2, 1]);
}

#[test]
fn a_model_pattern_with_a_provider_speaks_of_that_provider_only() {
    let mut acme = team("acme");
    acme.tokens = vec![
        token(1, Some(&["openai/*", "xai/grok-4", "claude-*", "meta-llama/llama-3"])),
        token(2, Some(&[])),
        token(3, Some(&["custom-gone/*"])),
        token(4, Some(&["*"])),
    ];
    let snapshot = build(acme);
    let token = |id: u8| snapshot.token(&[id; 32]).expect("a token");
    for (provider, model, allowed) in [
        ("openai", "gpt-4o", true),
        ("openrouter", "openai/gpt-4o", false),
        ("grok", "grok-4", true),
        ("grok", "grok-4-fast", false),
        ("anthropic", "claude-x", true),
        ("openrouter", "claude-x", true),
        ("together", "meta-llama/llama-3", true),
        ("together", "llama-3", false),
    ] {
        assert_eq!(token(1).allows_model(provider, model), allowed, "{provider} {model}");
        assert!(!token(2).allows_model(provider, model));
        assert!(!token(3).allows_model(provider, model));
        assert!(token(4).allows_model(provider, model));
    }
    assert!(token(2).limits_models());
}

#[test]
fn a_token_is_held_to_its_gateways_and_its_end() {
    let mut acme = team("acme");
    acme.tokens = vec![TokenConfig {
        restrictions: Restrictions { gateways: Some(vec![GatewayId(2)]), ..Restrictions::default() },
        expires_at: DateTime::from_timestamp(1, 0),
        ..token(1, None)
    }];
    let snapshot = build(acme);
    let token = snapshot.token(&[1; 32]).expect("a token");
    assert!(token.allows_gateway(GatewayId(2)) && !token.allows_gateway(GatewayId(1)));
    assert!(token.allows_model("openai", "any") && !token.limits_models());
    assert!(!token.has_expired(999) && token.has_expired(1_000));
}

#[test]
fn a_secret_that_was_replaced_leads_to_its_token_and_keeps_its_last_use() {
    let rotated = |digest: u8, previous: u8| {
        let mut acme = team("acme");
        let until = DateTime::from_timestamp(1, 0).expect("a moment");
        let previous = Some(PreviousSecret { digest: [previous; 32], until });
        acme.tokens = vec![TokenConfig { digest: [digest; 32], previous, ..token(1, None) }];
        config(vec![acme])
    };
    let at = |snapshot: &Snapshot, digest: u8| {
        let token = snapshot.token(&[digest; 32]).expect("a token");
        (token.clone(), token.which(&[digest; 32]))
    };
    let before = build(team("acme"));
    at(&before, 1).0.touch(Which::Current, 5);
    let first = Snapshot::build(&rotated(2, 1), Some(&before), &Keyring::default()).expect("builds");
    assert_eq!((at(&first, 1).1, at(&first, 2).1), (Which::Previous, Which::Current));
    let both = LastUse { token: TokenId(1), at_ms: 5, previous: Some(([1; 32], 5)) };
    assert_eq!(first.last_used(), [both], "it was the only one");
    at(&first, 2).0.touch(Which::Current, 9);
    at(&first, 1).0.touch(Which::Previous, 7);
    let second = Snapshot::build(&rotated(2, 1), Some(&first), &Keyring::default()).expect("builds");
    let both = LastUse { token: TokenId(1), at_ms: 9, previous: Some(([1; 32], 7)) };
    assert_eq!(second.last_used(), [both]);
    let token = at(&second, 1).0;
    assert!(!token.previous_has_ended(999) && token.previous_has_ended(1_000));
    let third = Snapshot::build(&rotated(3, 2), Some(&second), &Keyring::default()).expect("builds");
    assert!(third.token(&[1; 32]).is_none());
    assert_eq!(third.last_used()[0].previous, Some(([2; 32], 9)));
}

#[test]
fn a_secret_that_a_token_has_is_not_taken_for_one_that_another_had() {
    let mut acme = team("acme");
    let until = DateTime::from_timestamp(1, 0).expect("a moment");
    let previous = Some(PreviousSecret { digest: [2; 32], until });
    acme.tokens = vec![TokenConfig { previous, ..token(1, None) }, token(2, None)];
    let snapshot = build(acme);
    let found = snapshot.token(&[2; 32]).expect("a token");
    assert_eq!((found.id, found.which(&[2; 32])), (TokenId(2), Which::Current));
}

#[test]
fn a_token_is_held_to_providers_endpoints_and_addresses() {
    let mut acme = team("acme");
    let held = |id: i64, restrictions| TokenConfig { restrictions, ..token(id, None) };
    acme.tokens = vec![
        held(
            1,
            Restrictions {
                providers: Some(texts(&["xai", "custom-gone"])),
                endpoints: Some(vec![Surface::Embeddings, Surface::Batches]),
                ip_ranges: Some(texts(&[
                    "10.1.0.0/16",
                    "192.0.2.7",
                    "2001:db8::/32",
                    "::ffff:172.16.0.0/108",
                    "rubbish",
                ])),
                ..Restrictions::default()
            },
        ),
        held(
            2,
            Restrictions {
                providers: Some(vec![]),
                endpoints: Some(vec![]),
                ip_ranges: Some(vec![]),
                ..Restrictions::default()
            },
        ),
        token(3, None),
    ];
    let snapshot = build(acme);
    let token = |id: u8| snapshot.token(&[id; 32]).expect("a token");
    for (provider, allowed) in [("grok", true), ("openai", false), ("custom-gone", true)] {
        assert_eq!(token(1).allows_provider(provider), allowed, "{provider}");
    }
    for endpoint in Surface::ALL {
        let allowed = matches!(endpoint, Surface::Embeddings | Surface::Batches);
        assert_eq!(token(1).allows_endpoint(endpoint), allowed, "{endpoint:?}");
        assert!(!token(2).allows_endpoint(endpoint) && token(3).allows_endpoint(endpoint));
    }
    for (address, allowed) in [
        ("10.1.255.1", true),
        ("::ffff:10.1.0.1", true),
        ("10.2.0.1", false),
        ("192.0.2.7", true),
        ("192.0.2.8", false),
        ("2001:db8:1::5", true),
        ("2001:db9::5", false),
        ("172.16.9.9", true),
        ("172.32.0.1", false),
    ] {
        let address = address.parse().expect("an address");
        assert_eq!(token(1).allows_address(address), allowed, "{address}");
        assert!(!token(2).allows_address(address) && token(3).allows_address(address));
    }
    assert!(!token(2).allows_provider("grok") && token(3).allows_provider("grok"));
}

/// A policy, as it is written.
fn policy(id: i64, text: &str) -> NamedPolicy {
    let policy = serde_json::from_str(text).expect("a policy");
    NamedPolicy { id: PolicyId(id), name: format!("policy {id}"), owner: None, policy }
}

/// Takes one request out of the limit of gateway `main`.
fn take(snapshot: &Snapshot) -> Result<u64, ()> {
    let team = snapshot.team("acme").expect("a team");
    let facts = Facts {
        gateway: Some((GatewayId(1), "main")),
        token: None,
        user: None,
        target: Target::Model("openai", "gpt-4o"),
        endpoint: "chat_completions",
        address: None,
        country: None,
        metadata: Metadata::default(),
        now_ms: 0,
    };
    let gateway = team.gateway("main").expect("a gateway");
    let mut held = team.policies.held(gateway.limit.as_ref(), &[], &facts);
    held.take(&Wants::NOTHING, 0).map_err(|_| ())?;
    let left = held.places().iter().map(|place| place.left).min();
    held.settle(&Used { requests: 1, tokens: 10, cost: 100, broke_off: false });
    left.ok_or(())
}

#[test]
fn counts_survive_a_reload_while_they_count_the_same() {
    let before = build(team("acme"));
    assert_eq!((take(&before), take(&before)), (Ok(1), Ok(0)));
    before.token(&[1; 32]).expect("a token").touch(Which::Current, 5);
    let same = Snapshot::build(&config(vec![team("acme")]), Some(&before), &Keyring::default()).expect("builds");
    assert_eq!(take(&same), Err(()), "still used up");
    assert_eq!(same.needs_history(0), [], "the counts before are known");
    // A request that still runs on the old snapshot is counted in the new one.
    before.token(&[1; 32]).expect("a token").touch(Which::Current, 9);
    assert_eq!(same.last_used(), [LastUse { token: TokenId(1), at_ms: 9, previous: None }]);
    let mut raised = team("acme");
    raised.gateways[0].settings.rate_limiting_limit = Some(3);
    let raised = Snapshot::build(&config(vec![raised]), Some(&same), &Keyring::default()).expect("builds");
    assert_eq!((take(&raised), take(&raised), take(&before)), (Ok(0), Err(()), Err(())), "two are counted already");
    let mut longer = team("acme");
    longer.gateways[0].settings.rate_limiting_interval = Some(61);
    let longer = Snapshot::build(&config(vec![longer]), Some(&raised), &Keyring::default()).expect("builds");
    assert_eq!(take(&longer), Ok(1), "another interval counts anew");
    assert_eq!(longer.needs_history(100_000), [(TeamId(1), 100_000 - 61_000 - 1)]);
}

#[test]
fn a_policy_that_counts_something_else_begins_anew() {
    let limited = |text: &str| {
        let mut acme = team("acme");
        acme.gateways[0].settings.rate_limiting_limit = None;
        acme.policies = vec![policy(1, text)];
        config(vec![acme])
    };
    let base = r#"{"limit":{"requests":5,"per":"day"}}"#;
    let before = Snapshot::build(&limited(base), None, &Keyring::default()).expect("builds");
    assert_eq!(take(&before), Ok(4));
    for (text, left) in [
        (r#"{"limit":{"requests":9,"per":"day"}}"#, 7),
        (r#"{"limit":{"requests":5,"per":"day"},"action":"warn","message":"slow down"}"#, 2),
        (r#"{"limit":{"requests":5,"per":"week"}}"#, 4),
        (r#"{"limit":{"requests":5,"per":"day"},"when":{"gateway":["main"]}}"#, 4),
        (r#"{"limit":{"requests":5,"per":"day"},"group_by":["model"]}"#, 4),
    ] {
        let after = Snapshot::build(&limited(text), Some(&before), &Keyring::default()).expect("builds");
        assert_eq!(take(&after), Ok(left), "{text}");
    }
}

#[test]
fn what_passed_before_is_counted_where_it_belongs() {
    let mut acme = team("acme");
    acme.policies = vec![
        policy(1, r#"{"limit":{"cost":"1","per":"ever"},"when":{"model":["openai/gpt-4o-mini"]}}"#),
        policy(2, r#"{"limit":{"tokens":1000,"per":"minute"},"group_by":["token","user"]}"#),
        policy(3, r#"{"limit":{"requests":1000,"per":"hour"},"group_by":["ip"]}"#),
        policy(4, r#"{"limit":{"concurrency":5}}"#),
    ];
    let snapshot = Snapshot::build(&config(vec![acme]), None, &Keyring::default()).expect("builds");
    let now_ms = 1_800_000_030_000;
    assert_eq!(snapshot.needs_history(now_ms), [(TeamId(1), i64::MIN)]);
    let past = |at_ms: i64, model_asked: &str, model: &str| Past {
        spent: Spent {
            at_ms,
            gateway_id: Some(GatewayId(1)),
            token_id: Some(TokenId(1)),
            surface: "chat_completions".into(),
            provider: Some("openai".into()),
            model: Some(model.into()),
            user: Some("ann".into()),
            metadata: None,
            is_request: true,
            tokens: 15,
            cost: Some(Nanos(1_000)),
        },
        model_asked: Some(model_asked.into()),
        requests: 1,
    };
    snapshot.replay(
        TeamId(1),
        &[
            past(now_ms - 3_600_000, "openai/gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
            past(now_ms - 1_000, "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
            past(now_ms - 1_000, "openai/gpt-4o", "gpt-4o-2024-08-06"),
            // A policy led to the smaller one.
            past(now_ms, "openai/gpt-4o", "gpt-4o-mini-2024-07-18"),
        ],
        now_ms,
    );
    let usage = snapshot.team("acme").expect("a team").policies.usage(now_ms);
    let used: Vec<_> = usage.iter().map(|usage| (usage.id.0, usage.groups.first().map(|group| group.used))).collect();
    assert_eq!(used, [(1, Some(3_000)), (2, Some(45)), (3, None), (4, Some(0))]);
    assert_eq!(usage[1].groups[0].labels, [Some("app".to_owned()), Some("ann".to_owned())]);
    // The gateway's own limit, too.
    let gateway = snapshot.team("acme").and_then(|team| team.gateway("main")).expect("a gateway");
    assert_eq!(gateway.limit.as_ref().expect("a limit").counts_since(now_ms), Some(now_ms - 60_001));
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let twins = config(vec![team("acme"), team("acme")]);
    assert!(Snapshot::build(&twins, None, &Keyring::default()).is_err());
    let mut acme = team("acme");
    acme.gateways.push(gateway(3, "main", None));
    assert!(Snapshot::build(&config(vec![acme]), None, &Keyring::default()).is_err());
    let shared_secret = config(vec![team("acme"), team("other")]);
    let error = Snapshot::build(&shared_secret, None, &Keyring::default()).expect_err("one digest, two teams");
    assert_eq!(error.to_string(), "token 1 has the secret of another token");
}

#[test]
fn an_access_key_signs_for_the_region_of_its_address() {
    let secret = |region: &str| {
        Secret::new(format!(
            r#"{{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"{region}}}"#
        ))
    };
    let key = |region: &str, base_url: Option<&str>| {
        let mut acme = team("acme");
        let base_url = base_url.map(str::to_owned);
        let key = ProviderKeyConfig { secret: secret(region), base_url, ..provider_key(1, "aws-bedrock") };
        acme.provider_keys = vec![key];
        let snapshot = build(acme);
        let key = snapshot.team("acme").expect("a team").key("aws-bedrock", "default", 0);
        key.map(|(_, target)| format!("{} {:?}", target.upstream.authority(), target.auth))
    };
    let west = r#","Region":"eu-west-1""#;
    for (region, base_url, wanted) in [
        (west, None, "bedrock-runtime.eu-west-1.amazonaws.com Sign(Signer { region: \"eu-west-1\", .. })"),
        (
            west,
            Some("https://bedrock-runtime.us-east-1.amazonaws.com"),
            "bedrock-runtime.us-east-1.amazonaws.com Sign(Signer { region: \"us-east-1\", .. })",
        ),
        (west, Some("http://127.0.0.1:1"), "127.0.0.1:1 Sign(Signer { region: \"eu-west-1\", .. })"),
    ] {
        assert_eq!(key(region, base_url).as_deref(), Ok(wanted));
    }
    assert_eq!(key("", None), Err(KeyFault::Unusable(Unusable::NoAddress)));
    assert_eq!(key("", Some("http://127.0.0.1:1")), Err(KeyFault::Unusable(Unusable::NoRegion)));
    let malformed = KeyFault::Unusable(Unusable::Malformed(wire::auth::Malformed::AccessKey));
    assert_eq!(key(r#","SecretAccessKey":"""#, None), Err(malformed));
}

#[test]
fn an_imported_book_is_read_once_and_holds_for_all_teams() {
    let text = br#"{"version":1,"as_of":"2026-11-22","rows":[{"provider":"openai","model":"m","rates":{"input":"1","output":"2"}}]}"#;
    let (text, sum) = (text.to_vec(), wire::price::sum(text));
    let imported_at = DateTime::default();
    let book = ImportedBook { version: 3, text, sum, signature: None, pinned: true, imported_at };
    let with = |book: &ImportedBook| Config { book: Some(book.clone()), ..config(vec![team("acme"), other()]) };
    let built = |config: &Config, previous| Snapshot::build(config, previous, &Keyring::default()).expect("builds");
    let before = built(&config(vec![team("acme"), other()]), None);
    assert_eq!(before.book().why(), &Why::Builtin);
    let first = built(&with(&book), Some(&before));
    for slug in ["acme", "other"] {
        let prices = &first.team(slug).expect("a team").prices;
        assert_eq!(prices.book().prices().len(), 1, "{slug}");
    }
    let second = built(&with(&book), Some(&first));
    assert!(Arc::ptr_eq(first.book(), second.book()));
    let another = built(&with(&ImportedBook { version: 4, ..book.clone() }), Some(&second));
    assert!(!Arc::ptr_eq(second.book(), another.book()));
    // Damaged in the database: found when it is read, and looked at again at each reload.
    let damaged = with(&ImportedBook { version: 5, sum: vec![0; 32], ..book.clone() });
    let fallen = built(&damaged, Some(&another));
    assert!(
        fallen.book().problem().is_some() && fallen.team("acme").expect("a team").prices.book().prices().len() > 500
    );
    let mended = built(&with(&ImportedBook { version: 5, ..book }), Some(&fallen));
    assert!(mended.book().problem().is_none());
    assert_eq!(built(&config(vec![team("acme")]), Some(&mended)).book().why(), &Why::Builtin);
}

fn other() -> TeamConfig {
    TeamConfig { id: TeamId(2), tokens: vec![], ..team("other") }
}
