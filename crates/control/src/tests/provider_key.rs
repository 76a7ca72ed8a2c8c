//! Provider keys: sealed, rotated, tested.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::provider::{AuthScheme, Dialect, Pooling};
use domain::validate::{FieldError, Problem};
use domain::view::ConnectionTestCode;
use store::config::load_config;
use store::db_test;
use store::secrets::Sealer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fixture::{SECRET, ann, client, grant, key, open, owner, sealer};
use crate::{Control, ControlError, NewCustomProvider, NewProviderKey, Options, can};

/// A provider that takes one key only, but below `/open` and for the models below `/router` asks nobody for one; answers
/// its address.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let right = request.starts_with("GET /v1/models ") && request.contains(SECRET)
                || request.starts_with("GET /open/models ")
                || request.starts_with("GET /router/models ")
                || request.starts_with("GET /router/key ") && request.contains(SECRET);
            let status = if right { "200 OK" } else { "401 Unauthorized" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

fn access_key(id: &str) -> String {
    format!(r#"{{"AccessKeyId":"{id}","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG","Region":"us-west-2"}}"#)
}

fn service_account(url: &str, name: &str) -> String {
    let pair = aws_lc_rs::signature::RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = aws_lc_rs::encoding::AsDer::as_der(&pair).expect("its form");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    serde_json::json!({
        "type": "service_account",
        "project_id": "p",
        "private_key": pem,
        "client_email": format!("{name}@p.iam.gserviceaccount.com"),
        "token_uri": format!("{url}/token"),
    })
    .to_string()
}

/// Amazon, Google and Azure at one address, as far as connection tests go.
async fn cloud() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8_192];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let line = request.lines().next().unwrap_or_default();
            let says = |text: &str| request.contains(text);
            let scope = "Credential=AKIAIOSFODNN7EXAMPLE/";
            let (status, body) = match line.split(' ').nth(1).unwrap_or_default() {
                "/token" => ("200 OK", r#"{"access_token":"ya29.right","expires_in":3600}"#),
                "/no/token" => ("400 Bad Request", r#"{"error":"invalid_grant"}"#),
                "/model/weir-connection-test/converse" if says(scope) && says("/us-west-2/bedrock/aws4_request") => {
                    ("400 Bad Request", r#"{"message":"The provided model identifier is invalid."}"#)
                }
                "/openai/v1/models" if says(&format!("api-key: {SECRET}")) => ("200 OK", "{}"),
                path if path.starts_with("/v1/projects/p/locations/global/") && says("Bearer ya29.right") => {
                    ("200 OK", "{}")
                }
                _ => ("403 Forbidden", "{}"),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}")
}

db_test! {
    async fn a_key_is_sealed_in_the_database_and_open_in_the_configuration(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let made = control.create_provider_key(&grant(&ann), key(SECRET)).await.expect("created");
        assert_eq!(made.hint, "sk-t…cdef");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(config.teams[0].provider_keys[0].secret.expose(), SECRET);
        let rows = store::provider_key::list(store.read(), grant::<can::View>(&ann).team_id(), crate::change::now());
        let rows = rows.await.expect("listed");
        assert!(!format!("{rows:?} {config:?}").contains(SECRET));
        let foreign = load_config(&store, &Sealer::new([8; 32])).await.expect("the rest is loaded");
        assert!(foreign.teams[0].provider_keys.is_empty());
        let taken = control.create_provider_key(&grant(&ann), key(SECRET)).await.expect_err("taken");
        assert_eq!(taken, ControlError::taken("name"));
    }

    async fn every_bad_field_of_a_key_is_named(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let strict = Control::new(store.clone(), sealer(), Options::default()).await.expect("opened");
        let bad = NewProviderKey {
            provider: "nobody".into(),
            alias: "No Slug".into(),
            secret: "sk a".into(),
            base_url: Some("http://169.254.169.254/".into()),
            pooling: Pooling {
                name: "No Slug".into(),
                weight: 1_001,
                region: Some("EU".into()),
                requests_per_minute: Some(0),
            },
        };
        let error = strict.create_provider_key(&grant(&ann), bad).await.expect_err("refused");
        let expected = [
            FieldError::new("provider", Problem::Unknown),
            FieldError::new("alias", Problem::NotASlug),
            FieldError::new("secret", Problem::NotAHeaderValue),
            FieldError::new("base_url", Problem::PrivateAddress),
            FieldError::new("name", Problem::NotASlug),
            FieldError::new("weight", Problem::OutOfRange { min: 0, max: 1_000 }),
            FieldError::new("region", Problem::NotASlug),
            FieldError::new("requests_per_minute", Problem::OutOfRange { min: 1, max: 10_000_000 }),
        ];
        assert_eq!(error, ControlError::Invalid(expected.into()));
    }

    async fn several_keys_with_one_alias_share_the_requests(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let named = |name: &str| Pooling { name: name.into(), ..Pooling::default() };
        let first = control.create_provider_key(&manage, key(SECRET)).await.expect("stored");
        let eu = Pooling { weight: 3, region: Some("eu".into()), requests_per_minute: Some(60), ..named("eu") };
        let second = NewProviderKey { pooling: eu.clone(), ..key("sk-second") };
        let second = control.create_provider_key(&manage, second).await.expect("another name");
        assert_eq!(second.pooling, eu);
        let same = control.create_provider_key(&manage, NewProviderKey { pooling: eu.clone(), ..key("sk-x") }).await;
        assert_eq!(same.expect_err("the name is taken"), ControlError::taken("name"));
        let taken = control.pool_provider_key(&manage, first.id, named("eu")).await.expect_err("taken");
        assert_eq!(taken, ControlError::taken("name"));
        let bad = control.pool_provider_key(&manage, first.id, named("No")).await.expect_err("no slug");
        assert_eq!(bad, ControlError::Invalid(vec![FieldError::new("name", Problem::NotASlug)]));
        let before = load_config(&store, &sealer()).await.expect("loaded").version;
        control.pool_provider_key(&manage, first.id, Pooling { weight: 0, ..named("us") }).await.expect("changed");
        let rotated = control.rotate_provider_key(&manage, second.id, "sk-third".into(), 60).await.expect("rotated");
        assert_eq!(rotated.pooling, eu, "a successor stands where it stood");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert!(config.version > before);
        let keys = &config.teams[0].provider_keys;
        let seen: Vec<_> = keys.iter().map(|key| (key.secret.expose(), key.weight, key.region.as_deref(), key.requests_per_minute)).collect();
        assert_eq!(seen.len(), 3);
        for wanted in [(SECRET, 0, None, None), ("sk-second", 3, Some("eu"), Some(60)), ("sk-third", 3, Some("eu"), Some(60))] {
            assert!(seen.contains(&wanted), "{wanted:?} in {seen:?}");
        }
    }

    async fn a_rotated_key_works_on_for_its_overlap(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let old = control.create_provider_key(&manage, key(SECRET)).await.expect("created");
        let new = control.rotate_provider_key(&manage, old.id, "sk-second-secret-value".into(), 3_600).await;
        let new = new.expect("rotated");
        assert!(new.rotated_at.is_some() && new.expires_at.is_none() && new.id != old.id);
        let keys = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0).provider_keys;
        let ends: Vec<_> = keys.iter().map(|key| (key.secret.expose(), key.expires_at.is_some())).collect();
        assert_eq!(ends, [(SECRET, true), ("sk-second-secret-value", false)]);
        let twice = control.rotate_provider_key(&manage, old.id, "sk-third".into(), 0).await;
        assert_eq!(twice.expect_err("rotated already"), ControlError::NotFound("provider key"));
        control.rotate_provider_key(&manage, new.id, "sk-third-secret-value".into(), 0).await.expect("rotated");
        let keys = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0).provider_keys;
        let secrets: Vec<_> = keys.iter().map(|key| key.secret.expose()).collect();
        assert_eq!(secrets, [SECRET, "sk-third-secret-value"]);
        assert_eq!(control.list_provider_keys(&grant(&ann)).await.expect("listed").len(), 2);
    }

    async fn a_replaced_key_does_not_come_back_when_its_successor_goes(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let old = control.create_provider_key(&manage, key(SECRET)).await.expect("created");
        let new = control.rotate_provider_key(&manage, old.id, "sk-second-secret-value".into(), 3_600).await;
        control.set_provider_key_enabled(&manage, new.expect("rotated").id, false).await.expect("switched off");
        let keys = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0).provider_keys;
        let now = crate::change::now();
        assert!(keys.iter().all(|key| !key.enabled || key.expires_at.is_some_and(|at| at <= now)), "{keys:?}");
    }

    async fn the_keys_of_a_deleted_provider_never_meet_its_successor(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let mine = NewCustomProvider {
            slug: "mine".into(),
            name: "Mine".into(),
            base_url: "http://127.0.0.1:9".into(),
            dialect: Dialect::Openai,
            auth: AuthScheme::Bearer,
        };
        let made = control.create_custom_provider(&manage, mine.clone()).await.expect("created");
        let secret = NewProviderKey { provider: "custom-mine".into(), ..key(SECRET) };
        let stored = control.create_provider_key(&manage, secret).await.expect("created");
        control.delete_custom_provider(&manage, made.id).await.expect("deleted");
        control.create_custom_provider(&manage, mine).await.expect("the slug is free again");
        let tested = control.test_provider_key(&manage, stored.id).await.expect_err("gone");
        assert_eq!(tested, ControlError::NotFound("provider key"));
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert!(config.teams[0].provider_keys.is_empty());
    }

    async fn no_key_is_stored_for_a_provider_that_is_being_deleted(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let mine = NewCustomProvider {
            slug: "mine".into(),
            name: "Mine".into(),
            base_url: "http://127.0.0.1:9".into(),
            dialect: Dialect::Openai,
            auth: AuthScheme::Bearer,
        };
        let made = control.create_custom_provider(&manage, mine).await.expect("created");
        let deletion = control.begin().await.expect("the lock");
        store::custom_provider::delete(deletion.tx(), made.id, deletion.now()).await.expect("deleted");
        let creation = control.create_provider_key(&manage, NewProviderKey { provider: "custom-mine".into(), ..key(SECRET) });
        tokio::pin!(creation);
        let early = tokio::time::timeout(std::time::Duration::from_millis(200), &mut creation).await;
        assert!(early.is_err(), "it waits for the deletion");
        deletion.commit(&control).await.expect("committed");
        assert_eq!(creation.await, Err(ControlError::invalid("provider", Problem::Unknown)));
    }

    async fn a_provider_without_an_address_of_its_own_needs_one_with_each_key(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let azure = |base_url: Option<&str>| NewProviderKey {
            provider: "azure-openai".into(),
            base_url: base_url.map(Into::into),
            ..key(SECRET)
        };
        let refused = control.create_provider_key(&grant(&ann), azure(None)).await.expect_err("no address");
        assert_eq!(refused, ControlError::Invalid(vec![FieldError::new("base_url", Problem::Required)]));
        let own = azure(Some("https://acme.openai.azure.com/openai/v1"));
        assert!(control.create_provider_key(&grant(&ann), own).await.is_ok());
    }

    async fn what_is_pasted_for_a_cloud_is_judged_and_tested(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let url = cloud().await;
        let new = |provider: &str, alias: &str, secret: &str| NewProviderKey {
            provider: provider.into(),
            alias: alias.into(),
            base_url: Some(url.clone()),
            secret: secret.into(),
            pooling: Pooling::default(),
        };
        let make = async |new| control.create_provider_key(&manage, new).await;
        let test = async |id| {
            let found = control.test_provider_key(&manage, id).await.expect("tested");
            (found.code, found.status)
        };
        let refused = make(new("aws-bedrock", "bad", "AKIAIOSFODNN7EXAMPLE:short")).await.expect_err("malformed");
        assert_eq!(refused, ControlError::invalid("secret", Problem::NotAnAccessKey));
        let refused = make(new("google-vertex-ai", "bad", "{}")).await.expect_err("malformed");
        assert_eq!(refused, ControlError::invalid("secret", Problem::NotAServiceAccount));

        let aws = make(new("aws-bedrock", "default", &access_key("AKIAIOSFODNN7EXAMPLE"))).await.expect("created");
        assert_eq!(aws.hint, "AKIA…MPLE");
        assert_eq!(test(aws.id).await, (ConnectionTestCode::Accepted, Some(400)));
        let wrong = make(new("aws-bedrock", "wrong", &access_key("AKIAIOSFODNN7STRANGER"))).await.expect("created");
        assert_eq!(test(wrong.id).await, (ConnectionTestCode::Rejected, Some(403)));

        let google = make(new("google-vertex-ai", "default", &service_account(&url, "weir"))).await.expect("created");
        assert_eq!(google.hint, "weir@p.iam.gserviceaccount.com");
        assert_eq!(test(google.id).await, (ConnectionTestCode::Accepted, Some(200)));
        let wrong = make(new("google-vertex-ai", "wrong", &service_account(&format!("{url}/no"), "weir"))).await;
        assert_eq!(test(wrong.expect("created").id).await, (ConnectionTestCode::Rejected, Some(400)));
        let azure = make(new("azure-openai", "default", SECRET)).await.expect("created");
        assert_eq!(test(azure.id).await, (ConnectionTestCode::Accepted, Some(200)));

        let strict = Control::new(store.clone(), sealer(), Options::default()).await.expect("opened");
        let private = NewProviderKey { base_url: None, ..new("google-vertex-ai", "new", &service_account(&url, "weir")) };
        let refused = strict.create_provider_key(&manage, private).await.expect_err("a private token endpoint");
        assert_eq!(refused, ControlError::invalid("secret", Problem::PrivateAddress));
        let place = control.rotate_provider_key(&manage, aws.id, "AKIAIOSFODNN7EXAMPLE:short".into(), 0).await;
        assert_eq!(place.expect_err("malformed"), ControlError::invalid("secret", Problem::NotAnAccessKey));
    }

    async fn a_cloud_key_that_says_where_it_belongs_needs_no_address(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let new = |secret: &str| NewProviderKey {
            provider: "aws-bedrock".into(),
            base_url: None,
            ..key(secret)
        };
        let refused = control.create_provider_key(&manage, new("AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG")).await;
        let refused = refused.expect_err("no region");
        assert_eq!(refused, ControlError::invalid("base_url", Problem::Required));
        let made = control.create_provider_key(&manage, new(&access_key("AKIAIOSFODNN7EXAMPLE"))).await.expect("created");
        let plain = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG".to_owned();
        let refused = control.rotate_provider_key(&manage, made.id, plain, 0).await.expect_err("no region");
        assert_eq!(refused, ControlError::invalid("secret", Problem::NoPlace));
    }

    async fn a_key_is_switched_off_and_deleted(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let made = control.create_provider_key(&manage, key(SECRET)).await.expect("created");
        let off = control.set_provider_key_enabled(&manage, made.id, false).await.expect("switched");
        assert!(!off.enabled);
        control.delete_provider_key(&manage, made.id).await.expect("deleted");
        let gone = control.delete_provider_key(&manage, made.id).await.expect_err("gone");
        assert_eq!(gone, ControlError::NotFound("provider key"));
        control.create_provider_key(&manage, key(SECRET)).await.expect("the alias is free again");
    }

    async fn a_connection_test_tells_right_wrong_and_forbidden_apart(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let address = Some(provider().await);
        let base_url = address.clone();
        let right = NewProviderKey { base_url: base_url.clone(), ..key(SECRET) };
        let right = control.create_provider_key(&manage, right).await.expect("created");
        let wrong = NewProviderKey { base_url, alias: "wrong".into(), ..key("sk-wrong") };
        let wrong = control.create_provider_key(&manage, wrong).await.expect("created");
        let found = control.test_provider_key(&manage, right.id).await.expect("tested");
        assert_eq!((found.code, found.status, found.ok), (ConnectionTestCode::Accepted, Some(200), true));
        let found = control.test_provider_key(&manage, wrong.id).await.expect("tested");
        assert_eq!((found.code, found.status, found.ok), (ConnectionTestCode::Rejected, Some(401), false));
        let open_door = NewProviderKey { base_url: address.as_deref().map(|url| format!("{url}/open")), alias: "open".into(), ..key("sk-wrong") };
        let open_door = control.create_provider_key(&manage, open_door).await.expect("created");
        let found = control.test_provider_key(&manage, open_door.id).await.expect("tested");
        assert_eq!((found.code, found.ok), (ConnectionTestCode::Public, false), "anybody gets this answer");
        for (alias, secret, code) in [
            ("right", SECRET, ConnectionTestCode::Accepted),
            ("wrong", "sk-wrong", ConnectionTestCode::Rejected),
        ] {
            let base_url = address.as_deref().map(|url| format!("{url}/router"));
            let router = NewProviderKey { provider: "openrouter".into(), alias: alias.into(), base_url, ..key(secret) };
            let router = control.create_provider_key(&manage, router).await.expect("created");
            let found = control.test_provider_key(&manage, router.id).await.expect("tested");
            assert_eq!(found.code, code, "OpenRouter's models are public, its key's page is not");
        }
        let strict = Control::new(store.clone(), sealer(), Options::default()).await.expect("opened");
        let found = strict.test_provider_key(&manage, right.id).await.expect("tested");
        assert_eq!((found.code, found.status), (ConnectionTestCode::PrivateAddress, None));
    }
}

#[test]
fn nothing_public_shows_a_secret_when_it_is_printed() {
    let issued = domain::Secret::new("cookie-value".into());
    let printed = format!(
        "{:?} {:?} {:?} {:?}",
        key(SECRET),
        owner(),
        crate::SignedIn { cookie: issued, max_age_s: 1 },
        client()
    );
    for secret in [SECRET, super::fixture::PASSWORD, "cookie-value"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
