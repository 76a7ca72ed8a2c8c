//! First run, signing in, sessions.

use domain::validate::{FieldError, Problem};
use domain::{Permission, Role};
use store::db_test;
use store::secrets::Sealer;

use super::fixture::{PASSWORD, ann, client, gateway, grant, member, open, owner, sealer};
use crate::{Client, Control, ControlError, Options, StartError, can};

db_test! {
    async fn an_installation_is_claimed_once_even_by_two_at_the_same_time(store: Store) {
        let control = open(&store).await;
        let secret = control.setup_secret().await.expect("answered").expect("a secret");
        assert_eq!(control.setup_secret().await.expect("answered"), Some(secret.clone()));
        let (client, other) = (client(), open(&store).await);
        let wrong = control.claim("wrong", owner(), &client).await;
        assert_eq!(wrong.expect_err("wrong secret"), ControlError::NotFound("setup"));
        let mut second = owner();
        (second.email, second.team_slug) = ("bob@example.com".into(), "bobs".into());
        let race = tokio::join!(
            control.claim(secret.expose(), owner(), &client),
            other.claim(secret.expose(), second, &client),
        );
        assert!(race.0.is_ok() != race.1.is_ok(), "{race:?}");
        assert!(!control.needs_setup().await.expect("answered"));
        assert_eq!(control.setup_secret().await.expect("answered"), None);
        let late = control.claim(secret.expose(), owner(), &client).await;
        assert_eq!(late.expect_err("claimed"), ControlError::NotFound("setup"));
    }

    async fn the_first_owner_takes_over_a_declared_team_that_nobody_can_open(store: Store) {
        let control = open(&store).await;
        let tx = store.write_tx().await.expect("a transaction");
        let declared = store::team::create(&tx, "acme", "Declared", crate::change::now()).await.expect("created");
        tx.commit().await.expect("committed");
        let ann = ann(&control).await;
        assert_eq!(ann.team("acme").expect("a member").team().id.0, declared.id);
        assert_eq!(ann.me().teams[0].role, Role::Owner);
    }

    async fn a_change_waits_until_the_data_plane_runs_it(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        control.set_live_version(*control.changes().borrow());
        let (mut changes, data_plane) = (control.changes(), control.clone());
        let reload = tokio::spawn(async move {
            changes.changed().await.expect("a change");
            data_plane.set_live_version(*changes.borrow());
        });
        let made = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
        assert!(control.find_gateway(&grant(&ann), &made.slug).await.expect("found").live);
        reload.await.expect("reloaded");
    }

    async fn a_stranger_elsewhere_does_not_lock_an_account(store: Store) {
        let control = open(&store).await;
        ann(&control).await;
        let stranger = Client { ip: "198.51.100.9".into(), user_agent: String::new() };
        for _ in 0..8 {
            let refused = control.sign_in("ann@example.com", "a wrong password", &stranger, None).await;
            assert!(refused.is_err());
        }
        control.sign_in("ann@example.com", PASSWORD, &client(), None).await.expect("from her own address");
    }

    async fn every_bad_field_of_the_first_owner_is_named(store: Store) {
        let control = open(&store).await;
        let secret = control.setup_secret().await.expect("answered").expect("a secret");
        let mut bad = owner();
        (bad.email, bad.password, bad.team_slug) = ("ann".into(), "short".into(), "setup".into());
        let error = control.claim(secret.expose(), bad, &client()).await.expect_err("refused");
        let expected = [
            FieldError::new("email", Problem::NotAnEmail),
            FieldError::new("password", Problem::TooShort { min: 12 }),
            FieldError::new("team_slug", Problem::Reserved),
        ];
        assert_eq!(error, ControlError::Invalid(expected.into()));
    }

    async fn signing_in_needs_the_right_password_and_slows_down_guessing(store: Store) {
        let control = open(&store).await;
        ann(&control).await;
        let client = client();
        control.sign_in(" ANN@example.com ", PASSWORD, &client, None).await.expect("the address has no case");
        for _ in 0..5 {
            let error = control.sign_in("ann@example.com", "a wrong password", &client, None).await.expect_err("wrong");
            assert_eq!(error, ControlError::Unauthenticated);
        }
        let error = control.sign_in("ann@example.com", PASSWORD, &client, None).await.expect_err("throttled");
        assert!(matches!(error, ControlError::Throttled { retry_after_s: 1 }), "{error:?}");
        let unknown = control.sign_in("nobody@example.com", PASSWORD, &client, None).await;
        assert_eq!(unknown.expect_err("unknown"), ControlError::Unauthenticated);
    }

    async fn an_address_that_tries_many_accounts_is_slowed_down_too(store: Store) {
        let control = open(&store).await;
        let client = Client { ip: "2001:db8::1".into(), user_agent: String::new() };
        for n in 0..20 {
            let error = control.sign_in(&format!("not an address {n}"), PASSWORD, &client, None).await.expect_err("unknown");
            assert_eq!(error, ControlError::Unauthenticated);
        }
        let error = control.sign_in("somebody@example.com", PASSWORD, &client, None).await.expect_err("throttled");
        assert!(matches!(error, ControlError::Throttled { .. }), "{error:?}");
    }

    async fn attempts_that_nobody_looked_at_do_not_count_against_the_address(store: Store) {
        let control = open(&store).await;
        ann(&control).await;
        member(&control, &store, "bob@example.com", Role::Viewer).await;
        let client = client();
        for _ in 0..40 {
            let refused = control.sign_in("ann@example.com", "a wrong password", &client, None).await;
            assert!(refused.is_err());
        }
        control.sign_in("bob@example.com", PASSWORD, &client, None).await.expect("Ann's mistyping is not Bob's");
    }

    async fn who_is_signed_in_can_read_while_nothing_can_be_written(store: Store) {
        let control = open(&store).await;
        ann(&control).await;
        let signed = control.sign_in("ann@example.com", PASSWORD, &client(), None).await.expect("signed in");
        let session = control.authenticate(signed.cookie.expose()).await.expect("known").session_id();
        let age = async |tx: &store::WriteTx| {
            let long_ago = crate::change::now() - chrono::TimeDelta::hours(1);
            store::session::touch(tx, session, long_ago).await.expect("written");
        };
        let tx = store.write_tx().await.expect("a transaction");
        age(&tx).await;
        tx.commit().await.expect("committed");
        // Keeps the lock that noting the session's use needs.
        let tx = store.write_tx().await.expect("a transaction");
        age(&tx).await;
        control.inner.recent.clear();
        let read = control.authenticate(signed.cookie.expose());
        let read = tokio::time::timeout(std::time::Duration::from_secs(2), read).await.expect("without waiting");
        assert_eq!(read.expect("signed in").session_id(), session);
        drop(tx);
    }

    async fn a_revoked_session_is_refused_at_once(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let other = control.sign_in("ann@example.com", PASSWORD, &client(), None).await.expect("signed in");
        let actor = control.authenticate(other.cookie.expose()).await.expect("known");
        assert_eq!(control.list_sessions(&ann).await.expect("listed").len(), 2);
        control.revoke_session(&ann, actor.session_id()).await.expect("revoked");
        let refused = control.authenticate(other.cookie.expose()).await.expect_err("revoked");
        assert_eq!(refused, ControlError::Unauthenticated);
        let bob = member(&control, &store, "bob@example.com", Role::Viewer).await;
        let error = control.revoke_session(&bob, ann.session_id()).await.expect_err("somebody else's");
        assert_eq!(error, ControlError::NotFound("session"));
        control.sign_out(&ann).await.expect("signed out");
        assert!(control.list_sessions(&ann).await.expect("listed").is_empty());
    }

    async fn a_new_password_ends_the_other_sessions(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let other = control.sign_in("ann@example.com", PASSWORD, &client(), None).await.expect("signed in");
        let error = control.change_password(&ann, "not my password", "another password").await.expect_err("wrong");
        assert_eq!(error, ControlError::invalid("current", Problem::NotConfirmed));
        control.change_password(&ann, PASSWORD, "another password").await.expect("changed");
        assert!(control.authenticate(other.cookie.expose()).await.is_err());
        assert_eq!(control.list_sessions(&ann).await.expect("listed").len(), 1);
        let reset = control.reset_password("ann@example.com").await.expect("reset");
        assert!(control.list_sessions(&ann).await.expect("listed").is_empty());
        control.sign_in("ann@example.com", reset.expose(), &client(), None).await.expect("the new one fits");
    }

    async fn permissions_follow_the_role_in_the_team(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let viewer = member(&control, &store, "vic@example.com", Role::Viewer).await;
        let in_team = viewer.team("acme").expect("a member");
        in_team.grant::<can::View>().expect("viewers view");
        let error = in_team.grant::<can::EditGateways>().expect_err("viewers only view");
        assert_eq!(error, ControlError::Forbidden(Permission::EditGateways));
        let members = control.list_members(&grant(&ann)).await.expect("listed");
        let roles: Vec<_> = members.iter().map(|member| (member.email.as_str(), member.role)).collect();
        assert_eq!(roles, [("ann@example.com", Role::Owner), ("vic@example.com", Role::Viewer)]);
    }

    async fn the_last_owner_keeps_the_role(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let team = grant::<can::View>(&ann).team_id();
        let tx = store.write_tx().await.expect("a transaction");
        let demoted = store::team::set_member(&tx, team, ann.user_id(), Role::Viewer, crate::change::now()).await;
        assert!(matches!(demoted, Err(store::StoreError::Conflict("role"))), "{demoted:?}");
    }

    async fn another_master_key_is_noticed_at_the_start(store: Store) {
        open(&store).await;
        Control::new(store.clone(), sealer(), Options::default()).await.expect("the same key fits");
        let error = Control::new(store.clone(), Sealer::new([8; 32]), Options::default()).await.expect_err("refused");
        assert!(matches!(error, StartError::WrongMasterKey), "{error:?}");
    }

    async fn a_flash_belongs_to_its_session(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let bob = member(&control, &store, "bob@example.com", Role::Owner).await;
        let id = control.flash_put(&ann, "weir_plain".into());
        assert_eq!(control.flash_take(&bob, &id), None);
        assert_eq!(control.flash_take(&ann, &id).as_deref(), Some("weir_plain"));
        assert_eq!(control.flash_take(&ann, &id), None);
    }
}
