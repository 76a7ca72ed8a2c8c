//! What happens to an account is in the audit log.

use domain::Role;
use domain::view::AuditView;
use store::audit::{Chain, verify};
use store::db_test;

use super::fixture::{PASSWORD, ann, client, grant, member, open};
use crate::refusal::Tried;
use crate::{Actor, Client, Control, ControlError};

const WRONG: &str = "a wrong password";

async fn events(control: &Control, actor: &Actor) -> Vec<AuditView> {
    // Waits for what is written in the background.
    control.write_refusals().await;
    control.list_account_events(actor, None, 50).await.expect("listed")
}

fn told(events: &[AuditView]) -> Vec<(&str, &str, &str)> {
    events.iter().map(|event| (event.actor.as_str(), event.action.as_str(), event.target.as_str())).collect()
}

fn stranger() -> Client {
    Client { ip: "198.51.100.9".into(), user_agent: String::new() }
}

const ANN: &str = "ann@example.com";

db_test! {
    async fn signing_in_and_out_and_new_passwords_are_told(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let second = control.sign_in(ANN, PASSWORD, &client(), None).await.expect("signed in");
        let second = control.authenticate(second.cookie.expose()).await.expect("known");
        control.sign_out(&second).await.expect("signed out");
        control.sign_out(&second).await.expect("signed out already");
        let third = control.sign_in(ANN, PASSWORD, &client(), None).await.expect("signed in");
        let third = control.authenticate(third.cookie.expose()).await.expect("known");
        control.revoke_session(&ann, third.session_id()).await.expect("revoked");
        control.change_password(&ann, PASSWORD, "another password").await.expect("changed");
        control.reset_password(ANN).await.expect("reset");
        let events = events(&control, &ann).await;
        let expected = [
            ("weir user reset-password", "password.reset", "account ann@example.com"),
            (ANN, "password.change", "account ann@example.com"),
            (ANN, "session.revoke", "session 3"),
            (ANN, "session.open", "session 3"),
            (ANN, "session.close", "session 2"),
            (ANN, "session.open", "session 2"),
            (ANN, "session.open", "session 1"),
        ];
        assert_eq!(told(&events), expected);
        assert_eq!(events[5].after.as_deref(), Some(r#"{"browser":"test","from":"192.0.2.1"}"#));
        let older = control.list_account_events(&ann, Some(events[1].id), 1).await.expect("listed");
        assert_eq!(told(&older), &expected[2..3]);
        assert!(!format!("{events:?}").contains(PASSWORD));
        assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(8));
    }

    async fn an_account_changes_without_a_new_configuration(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let changes = control.changes();
        let before = (store::config::version(&store).await.expect("a version"), *changes.borrow());
        control.sign_in(ANN, PASSWORD, &client(), None).await.expect("signed in");
        control.change_password(&ann, PASSWORD, "another password").await.expect("changed");
        control.sign_out(&ann).await.expect("signed out");
        assert_eq!((store::config::version(&store).await.expect("a version"), *changes.borrow()), before);
        assert!(!changes.has_changed().expect("open"));
    }

    async fn a_stranger_who_guesses_leaves_one_event_until_the_owner_signs_in(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        for _ in 0..30 {
            let refused = control.sign_in(ANN, WRONG, &stranger(), None).await;
            assert!(refused.is_err());
            // The first one is written at once; the others wait however often one looks.
            assert_eq!(events(&control, &ann).await.len(), 2);
        }
        let told_at_once = &events(&control, &ann).await[0];
        assert_eq!(told(std::slice::from_ref(told_at_once)), [("unknown", "session.refuse", "account ann@example.com")]);
        control.sign_in(ANN, PASSWORD, &client(), None).await.expect("signed in");
        let events = events(&control, &ann).await;
        let expected = ["session.open", "session.refuse", "session.refuse", "session.open"];
        assert_eq!(events.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), expected);
        let rest = events[1].after.as_deref().expect("counted");
        assert!(rest.contains(r#""attempts":29"#) && rest.contains(r#""from":"198.51.100.9""#), "{rest}");
    }

    async fn attempts_are_told_even_if_a_change_fails_and_the_server_stops(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        for _ in 0..3 {
            control.sign_in(ANN, WRONG, &stranger(), None).await.expect_err("wrong");
            control.write_refusals().await;
        }
        // A change that tells of them and is never made.
        let change = control.begin_account().await.expect("begun");
        let telling = control.record_refusals(&change, Tried::SignIn, ANN).await.expect("recorded");
        drop((telling, change));
        control.flush_refusals().await;
        control.flush_refusals().await;
        let events = events(&control, &ann).await;
        assert_eq!(events.iter().map(|event| event.action.as_str()).collect::<Vec<_>>(), ["session.refuse", "session.refuse", "session.open"]);
        assert!(events[0].after.as_deref().is_some_and(|after| after.contains(r#""attempts":2"#)), "{events:?}");
    }

    async fn guessing_at_accounts_that_do_not_exist_leaves_nothing(store: Store) {
        let control = open(&store).await;
        ann(&control).await;
        for n in 0..10 {
            let error = control.sign_in(&format!("nobody{n}@example.com"), WRONG, &stranger(), None).await;
            assert_eq!(error.expect_err("unknown"), ControlError::Unauthenticated);
        }
        control.write_refusals().await;
        assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(2));
    }

    async fn a_wrong_present_password_is_told(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        for _ in 0..8 {
            control.change_password(&ann, WRONG, "another password").await.expect_err("wrong");
        }
        let events = events(&control, &ann).await;
        assert_eq!(told(&events[..1]), [(ANN, "password.refuse", "account ann@example.com")]);
        assert_eq!(events.len(), 2);
        assert!(events[0].after.as_deref().is_some_and(|after| after.contains("session 1")), "{events:?}");
    }

    async fn the_team_sees_its_members_accounts_and_they_only_their_own(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let vic = member(&control, &store, "vic@example.com", Role::Viewer).await;
        let seen = control.list_audit(&grant(&ann), None, 50).await.expect("listed");
        assert_eq!(told(&seen)[0], ("vic@example.com", "session.open", "session 2"));
        assert_eq!(told(&events(&control, &vic).await), [("vic@example.com", "session.open", "session 2")]);
    }

    async fn signing_in_again_ends_the_browsers_old_session(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let vic = member(&control, &store, "vic@example.com", Role::Viewer).await;
        let old = vic.session().cookie.expose().to_owned();
        control.authenticate(&old).await.expect("remembered");
        let new = control.sign_in(ANN, PASSWORD, &client(), Some(&vic)).await.expect("signed in");
        assert_eq!(control.authenticate(&old).await.expect_err("replaced"), ControlError::Unauthenticated);
        assert!(control.list_sessions(&vic).await.expect("listed").is_empty());
        control.authenticate(new.cookie.expose()).await.expect("the new one");
        assert_eq!(control.list_sessions(&ann).await.expect("listed").len(), 2);
        assert_eq!(told(&events(&control, &vic).await)[0], ("vic@example.com", "session.close", "session 2"));
        control.sign_in(ANN, WRONG, &client(), Some(&ann)).await.expect_err("wrong");
        assert_eq!(control.list_sessions(&ann).await.expect("listed").len(), 2);
    }
}
