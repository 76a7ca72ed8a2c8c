//! Provider keys: sealed, rotated, tested.

use domain::provider::{AuthScheme, Dialect};
use domain::validate::{FieldError, Problem};
use domain::view::ConnectionTestCode;
use store::config::load_config;
use store::db_test;
use store::secrets::Sealer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::fixture::{SECRET, ann, client, grant, key, open, owner, sealer};
use crate::{Control, ControlError, NewCustomProvider, NewProviderKey, Options, can};

/// A provider that takes one key only; answers its address.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4_096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let right = request.starts_with("GET /v1/models ") && request.contains(SECRET);
            let status = if right { "200 OK" } else { "401 Unauthorized" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
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
        assert_eq!(taken, ControlError::taken("alias"));
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
        };
        let error = strict.create_provider_key(&grant(&ann), bad).await.expect_err("refused");
        let expected = [
            FieldError::new("provider", Problem::Unknown),
            FieldError::new("alias", Problem::NotASlug),
            FieldError::new("secret", Problem::NotAHeaderValue),
            FieldError::new("base_url", Problem::PrivateAddress),
        ];
        assert_eq!(error, ControlError::Invalid(expected.into()));
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
        let base_url = Some(provider().await);
        let right = NewProviderKey { base_url: base_url.clone(), ..key(SECRET) };
        let right = control.create_provider_key(&manage, right).await.expect("created");
        let wrong = NewProviderKey { base_url, alias: "wrong".into(), ..key("sk-wrong") };
        let wrong = control.create_provider_key(&manage, wrong).await.expect("created");
        let found = control.test_provider_key(&manage, right.id).await.expect("tested");
        assert_eq!((found.code, found.status, found.ok), (ConnectionTestCode::Accepted, Some(200), true));
        let found = control.test_provider_key(&manage, wrong.id).await.expect("tested");
        assert_eq!((found.code, found.status, found.ok), (ConnectionTestCode::Rejected, Some(401), false));
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
