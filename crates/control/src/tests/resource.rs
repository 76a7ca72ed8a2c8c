//! Gateways, custom providers and tokens.

use chrono::{TimeDelta, Utc};
use domain::ledger::Surface;
use domain::policy::{MAX_AMOUNT, OwnLimit};
use domain::provider::{AuthScheme, Dialect};
use domain::token::{LastUse, MAX_GRACE, Restrictions};
use domain::validate::{FieldError, Problem};
use domain::{GatewayId, GatewaySettings};
use store::config::load_config;
use store::db_test;

use super::fixture::{ann, gateway, grant, open, sealer};
use crate::{ControlError, GatewayChange, NewCustomProvider, TokenTerms, can};

db_test! {
    async fn a_gateway_lives_from_creation_to_deletion_and_its_slug_is_free_again(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditGateways>(&ann);
        let mut changes = control.changes();
        let before = *changes.borrow_and_update();
        let made = control.create_gateway(&edit, gateway("main")).await.expect("created");
        assert_eq!(*changes.borrow_and_update(), before + 1);
        assert!(!made.live);
        control.set_live_version(made.version);
        assert!(control.find_gateway(&grant(&ann), "main").await.expect("found").live);
        let taken = control.create_gateway(&edit, gateway("main")).await.expect_err("taken");
        assert_eq!(taken, ControlError::taken("slug"));
        let error = control.delete_gateway(&edit, made.id, "mian").await.expect_err("not confirmed");
        assert_eq!(error, ControlError::invalid("confirm", Problem::NotConfirmed));
        control.delete_gateway(&edit, made.id, "main").await.expect("deleted");
        assert_eq!(control.find_gateway(&grant(&ann), "main").await, Err(ControlError::NotFound("gateway")));
        let again = control.create_gateway(&edit, gateway("main")).await.expect("free again");
        assert_ne!(again.id, made.id);
    }

    async fn a_change_of_settings_moves_the_cache_only_where_asked_and_no_change_writes_nothing(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = control.create_gateway(&edit, gateway("main")).await.expect("created");
        let mut change =
            GatewayChange { name: "Main".into(), settings: GatewaySettings::default(), version: made.version };
        change.settings.cache_ttl = Some(60);
        change.version = control.update_gateway(&edit, made.id, change.clone()).await.expect("updated").version;
        let epoch = async || load_config(&store, &sealer()).await.expect("loaded").teams[0].gateways[0].cache_epoch;
        assert_eq!(epoch().await, 0);
        change.settings.cache_invalidate_on_update = true;
        let updated = control.update_gateway(&edit, made.id, change.clone()).await.expect("updated");
        assert_eq!(epoch().await, 1);
        let same = control.update_gateway(&edit, made.id, change.clone()).await.expect("nothing to do");
        assert_eq!(same.version, updated.version);
        assert_eq!(store::config::version(&store).await.expect("a version"), updated.version);
        change.settings.cache_ttl = Some(1);
        let error = control.update_gateway(&edit, made.id, change).await.expect_err("out of bounds");
        assert!(matches!(&error, ControlError::Invalid(errors) if errors[0].field == "cache_ttl"), "{error:?}");
    }

    async fn a_change_made_from_an_older_version_does_not_undo_a_newer_one(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = control.create_gateway(&edit, gateway("main")).await.expect("created");
        let change = |ttl| GatewayChange {
            name: "Main".into(),
            settings: GatewaySettings { cache_ttl: Some(ttl), ..GatewaySettings::default() },
            version: made.version,
        };
        control.update_gateway(&edit, made.id, change(60)).await.expect("the first");
        let late = control.update_gateway(&edit, made.id, change(90)).await.expect_err("from before the first");
        assert_eq!(late, ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        let off = control.set_gateway_enabled(&edit, made.id, false).await.expect("switched");
        assert_eq!((off.enabled, off.settings.cache_ttl), (false, Some(60)), "the switch keeps the newest settings");
        let same = control.set_gateway_enabled(&edit, made.id, false).await.expect("nothing to do");
        assert_eq!(same.version, off.version);
    }

    async fn a_custom_provider_is_added_switched_and_deleted(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let new = NewCustomProvider {
            slug: "mine".into(),
            name: "Mine".into(),
            base_url: "http://127.0.0.1:9001/v1/".into(),
            dialect: Dialect::Anthropic,
            auth: AuthScheme::XApiKey,
        };
        let made = control.create_custom_provider(&manage, new.clone()).await.expect("created");
        assert_eq!((made.base_url.as_str(), made.auth), ("http://127.0.0.1:9001/v1", AuthScheme::XApiKey));
        let off = control.set_custom_provider_enabled(&manage, made.id, false).await.expect("switched");
        assert!(!off.enabled);
        assert_eq!(off.name, "Mine");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(config.teams[0].custom_providers[0].dialect, Dialect::Anthropic);
        control.delete_custom_provider(&manage, made.id).await.expect("deleted");
        control.create_custom_provider(&manage, new).await.expect("the slug is free again");
    }

    async fn a_token_is_issued_restricted_used_and_revoked(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let (manage, view) = (grant::<can::ManageTokens>(&ann), grant::<can::View>(&ann));
        let main = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
        let issued = control.issue_token(&manage, TokenTerms { name: "app".into(), ..TokenTerms::default() }).await;
        let issued = issued.expect("issued");
        assert!(issued.plain.starts_with("weir_") && issued.plain.len() == 48, "{}", issued.plain.len());
        assert!(issued.token.hint.starts_with("weir_") && issued.token.hint.chars().count() == 12);
        let change = TokenTerms {
            name: "app".into(),
            restrictions: Restrictions {
                gateways: Some(vec![main.id]),
                models: Some(vec!["openai/*".into()]),
                providers: Some(vec!["openai".into()]),
                endpoints: Some(vec![Surface::ChatCompletions, Surface::Native]),
                ip_ranges: Some(vec!["10.0.0.0/8".into(), "2001:db8::/32".into()]),
            },
            expires_at: Some(Utc::now() + TimeDelta::days(1)),
            limits: None,
        };
        let restricted = control.restrict_token(&manage, issued.token.id, change.clone()).await.expect("restricted");
        assert_eq!(restricted.restrictions, change.restrictions);
        let loaded = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(loaded.teams[0].tokens[0].restrictions, change.restrictions);
        let used = |at_ms| LastUse { token: issued.token.id, at_ms, previous: None };
        control.touch_tokens(&[used(1_000), used(500)]).await.expect("touched");
        let listed = control.list_tokens(&view).await.expect("listed");
        assert_eq!(listed[0].last_used_at.map(|at| at.timestamp_millis()), Some(1_000));
        let revoked = control.revoke_token(&manage, issued.token.id).await.expect("revoked");
        assert!(revoked.revoked_at.is_some());
        let again = control.restrict_token(&manage, issued.token.id, change).await;
        assert_eq!(again, Err(ControlError::NotFound("token")));
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(config.teams[0].tokens[0].digest, crate::cookie::sha256(issued.plain.as_bytes()));
        assert!(config.teams[0].tokens[0].revoked);
    }

    async fn a_token_gets_another_secret_and_the_old_one_an_end(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let (manage, view) = (grant::<can::ManageTokens>(&ann), grant::<can::View>(&ann));
        let stored = async || load_config(&store, &sealer()).await.expect("loaded").teams[0].tokens[0].clone();
        let first = control.issue_token(&manage, TokenTerms { name: "app".into(), ..TokenTerms::default() }).await.expect("issued");
        let id = first.token.id;
        control.touch_tokens(&[LastUse { token: id, at_ms: 1_000, previous: None }]).await.expect("touched");
        let second = control.rotate_token(&manage, id, 3_600).await.expect("rotated");
        assert_eq!(second.token.id, id);
        assert!(second.plain != first.plain && second.token.hint != first.token.hint);
        let previous = second.token.previous.clone().expect("a secret before");
        assert_eq!((previous.hint.as_str(), previous.last_used_at.map(|at| at.timestamp_millis())), (first.token.hint.as_str(), Some(1_000)));
        assert_eq!(previous.until, second.token.rotated_at.expect("rotated") + TimeDelta::hours(1));
        let digest = |plain: &str| crate::cookie::sha256(plain.as_bytes());
        let now_stored = stored().await;
        assert_eq!((now_stored.digest, now_stored.previous.map(|previous| previous.digest)), (digest(&second.plain), Some(digest(&first.plain))));

        let late = control.rotate_token(&manage, id, 60).await.expect_err("the one before still works");
        assert_eq!(late, ControlError::Conflict(FieldError::new("grace", Problem::InGrace)));
        let long = control.rotate_token(&manage, id, MAX_GRACE + 1).await.expect_err("too long");
        assert!(matches!(long, ControlError::Invalid(errors) if errors[0].field == "grace"));
        let other = LastUse { token: id, at_ms: 2_000, previous: Some((digest("another"), 2_000)) };
        let same = LastUse { token: id, at_ms: 3_000, previous: Some((digest(&first.plain), 3_000)) };
        for (used, at_ms) in [(other, 1_000), (same, 3_000)] {
            control.touch_tokens(&[used]).await.expect("touched");
            let listed = control.list_tokens(&view).await.expect("listed").remove(0);
            assert_eq!(listed.previous.expect("kept").last_used_at.map(|at| at.timestamp_millis()), Some(at_ms));
        }

        control.end_previous_secret(&manage, id).await.expect("ended");
        assert!(stored().await.previous.expect("remembered").until <= Utc::now());
        let again = control.end_previous_secret(&manage, id).await;
        assert_eq!(again, Err(ControlError::NotFound("secret")));
        let third = control.rotate_token(&manage, id, 60).await.expect("possible again");
        assert_eq!(stored().await.previous.map(|previous| previous.digest), Some(digest(&second.plain)));
        let fourth = control.rotate_token(&manage, id, 0).await.expect("ends both");
        let now_stored = stored().await;
        assert_eq!((now_stored.digest, now_stored.previous.map(|previous| previous.digest)), (digest(&fourth.plain), Some(digest(&third.plain))));
        assert!(now_stored.previous.expect("remembered").until <= Utc::now());
        let events = control.list_audit(&grant(&ann), None, 5).await.expect("listed");
        let events: Vec<_> = events.iter().rev().map(|event| event.action.as_str()).collect();
        assert_eq!(events, ["token.issue", "token.rotate", "token.end_previous", "token.rotate", "token.rotate"]);
        control.revoke_token(&manage, id).await.expect("revoked");
        assert_eq!(control.rotate_token(&manage, id, 0).await.map(|_| ()), Err(ControlError::NotFound("token")));
    }

    async fn a_token_keeps_a_gateway_that_is_gone(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let manage = grant::<can::ManageTokens>(&ann);
        let main = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
        let only = |gateway| Restrictions { gateways: Some(vec![gateway]), ..Restrictions::default() };
        let only_main = TokenTerms { name: "app".into(), restrictions: only(main.id), ..TokenTerms::default() };
        let issued = control.issue_token(&manage, only_main).await.expect("issued");
        control.delete_gateway(&grant(&ann), main.id, "main").await.expect("deleted");
        let named = |name: &str, gateway| TokenTerms {
            name: name.into(),
            restrictions: only(gateway),
            ..TokenTerms::default()
        };
        let renamed = control.restrict_token(&manage, issued.token.id, named("service", main.id)).await.expect("renamed");
        assert_eq!((renamed.name.as_str(), renamed.restrictions.gateways), ("service", Some(vec![main.id])));
        let unknown = control.restrict_token(&manage, issued.token.id, named("service", GatewayId(99))).await;
        assert_eq!(unknown, Err(ControlError::Invalid(vec![FieldError::new("gateways", Problem::Unknown)])));
    }

    async fn every_bad_field_of_a_token_is_named(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let bad = TokenTerms {
            name: " ".into(),
            restrictions: Restrictions {
                gateways: Some(vec![GatewayId(99)]),
                models: Some(vec!["a b".into()]),
                providers: Some(vec!["nobody".into()]),
                endpoints: Some(vec![Surface::Unknown]),
                ip_ranges: Some(vec!["10.0.0.0/99".into()]),
            },
            expires_at: Some(Utc::now() - TimeDelta::days(1)),
            limits: Some([(OwnLimit::RequestsPerMinute, 0)].into_iter().collect()),
        };
        let error = control.issue_token(&grant(&ann), bad).await.expect_err("refused");
        let expected = [
            FieldError::new("name", Problem::Required),
            FieldError::new("gateways", Problem::Unknown),
            FieldError::new("models", Problem::NotAChoice),
            FieldError::new("providers", Problem::Unknown),
            FieldError::new("endpoints", Problem::NotAChoice),
            FieldError::new("ip_ranges", Problem::NotANetwork),
            FieldError::new("expires_at", Problem::InThePast),
            FieldError::new("requests_per_minute", Problem::OutOfRange { min: 1, max: MAX_AMOUNT }),
        ];
        assert_eq!(error, ControlError::Invalid(expected.into()));
    }
}
