//! Members: invited, promoted, sent away.

use chrono::TimeDelta;
use domain::validate::{FieldError, Problem};
use domain::{Permission, Role};
use store::db_test;

use super::fixture::{PASSWORD, ann, client, grant, member, open};
use crate::{Actor, Control, ControlError, Joining, can};

const BOB: &str = "bob@example.com";

fn bob() -> Joining {
    Joining { name: "Bob".into(), password: "bob walks by the river".into() }
}

/// Ann invites somebody; answers the link's secret.
async fn invited(control: &Control, ann: &Actor, email: &str, role: Role) -> String {
    let secret = control.invite_member(&grant(ann), Some(&grant(ann)), email, role).await.expect("invited");
    secret.expose().to_owned()
}

/// The actor as they are known by now.
async fn again(control: &Control, actor: &Actor) -> Actor {
    control.authenticate(actor.session().cookie.expose()).await.expect("still signed in")
}

async fn actions(control: &Control, ann: &Actor) -> Vec<(String, String)> {
    let events = control.list_audit(&grant(ann), None, 50).await.expect("listed");
    let of_members = events.into_iter().filter(|event| event.action.starts_with("member."));
    of_members.map(|event| (event.action, event.actor)).collect()
}

db_test! {
    async fn an_invited_person_makes_an_account_and_is_a_member(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let version = store::config::version(&store).await.expect("a version");
        let secret = invited(&control, &ann, " Bob@Example.com ", Role::Editor).await;
        assert_eq!(store::config::version(&store).await.expect("a version"), version + 1);
        let waiting = control.list_invitations(&grant(&ann)).await.expect("listed");
        assert_eq!((waiting[0].email.as_str(), waiting[0].role), (BOB, Role::Editor));
        let open = control.find_invitation(&secret, &client()).await.expect("good");
        assert_eq!((open.team_name.as_str(), open.email.as_str(), open.has_account), ("Acme", BOB, false));
        let short = Joining { password: "short".into(), ..Joining::default() };
        let refused = control.join(&secret, &short, &client(), None).await.expect_err("no name, no password");
        let expected = [FieldError::new("name", Problem::Required), FieldError::new("password", Problem::TooShort { min: 12 })];
        assert_eq!(refused, ControlError::Invalid(expected.into()));
        let joined = control.join(&secret, &bob(), &client(), None).await.expect("joined");
        let bob = control.authenticate(joined.signed_in.expect("signed in").cookie.expose()).await.expect("known");
        assert_eq!((bob.me().name.as_str(), bob.team("acme").expect("a member").team().role), ("Bob", Role::Editor));
        assert!(control.list_invitations(&grant(&ann)).await.expect("listed").is_empty());
        let twice = control.join(&secret, &self::bob(), &client(), None).await.expect_err("used");
        assert_eq!(twice, ControlError::NotFound("invitation"));
        let told = actions(&control, &ann).await;
        assert_eq!(told, [("member.join".into(), BOB.into()), ("member.invite".into(), "ann@example.com".into())]);
    }

    async fn an_account_that_exists_joins_with_its_password_or_its_session(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let bob = member(&control, &store, BOB, Role::Viewer).await;
        control.remove_member(&grant(&ann), None, bob.user_id()).await.expect("removed");
        let secret = invited(&control, &ann, BOB, Role::Admin).await;
        assert!(control.find_invitation(&secret, &client()).await.expect("good").has_account);
        let wrong = Joining { password: "not the password".into(), ..Joining::default() };
        let refused = control.join(&secret, &wrong, &client(), None).await.expect_err("wrong");
        assert_eq!(refused, ControlError::invalid("password", Problem::NotConfirmed));
        let foreign = control.join(&secret, &wrong, &client(), Some(&ann)).await.expect_err("Ann is not Bob");
        assert_eq!(foreign, ControlError::invalid("password", Problem::NotConfirmed));
        let joined = control.join(&secret, &Joining::default(), &client(), Some(&bob)).await.expect("joined");
        assert!(joined.signed_in.is_none());
        assert_eq!(again(&control, &bob).await.team("acme").expect("at once").team().role, Role::Admin);
        control.remove_member(&grant(&ann), None, bob.user_id()).await.expect("removed");
        let secret = invited(&control, &ann, BOB, Role::Viewer).await;
        let right = Joining { password: PASSWORD.into(), ..Joining::default() };
        let joined = control.join(&secret, &right, &client(), None).await.expect("joined");
        assert!(joined.signed_in.is_some());
    }

    async fn a_link_ends_with_time_with_a_newer_one_and_with_its_maker(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let gone = async |secret: &str| control.find_invitation(secret, &client()).await == Err(ControlError::NotFound("invitation"));
        let first = invited(&control, &ann, BOB, Role::Viewer).await;
        let second = invited(&control, &ann, BOB, Role::Viewer).await;
        assert!(gone(&first).await && !gone(&second).await);
        let waiting = control.list_invitations(&grant(&ann)).await.expect("listed");
        control.withdraw_invitation(&grant(&ann), None, waiting[0].id).await.expect("withdrawn");
        assert!(gone(&second).await);
        let twice = control.withdraw_invitation(&grant(&ann), None, waiting[0].id).await;
        assert_eq!(twice, Err(ControlError::NotFound("invitation")));
        let adam = member(&control, &store, "adam@example.com", Role::Admin).await;
        let by_adam = control.invite_member(&grant(&adam), None, BOB, Role::Viewer).await.expect("invited");
        control.set_member_role(&grant(&ann), None, adam.user_id(), Role::Editor).await.expect("demoted");
        assert!(gone(by_adam.expose()).await, "an editor invites nobody");
        assert!(control.list_invitations(&grant(&ann)).await.expect("listed").is_empty());
        let refused = control.join(by_adam.expose(), &bob(), &client(), None).await.expect_err("ended");
        assert_eq!(refused, ControlError::NotFound("invitation"));
        let late = invited(&control, &ann, "late@example.com", Role::Viewer).await;
        let tx = store.write_tx().await.expect("a transaction");
        let ended = store::invitation::delete_expired(&tx, crate::change::now() + TimeDelta::days(8)).await.expect("swept");
        assert_eq!(ended, 2);
        tx.commit().await.expect("committed");
        assert!(gone(&late).await);
    }

    async fn an_admin_ends_no_invitation_of_an_owner(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let adam = member(&control, &store, "adam@example.com", Role::Admin).await;
        let adam_may = grant::<can::ManageMembers>(&adam);
        let forbidden = Err(ControlError::Forbidden(Permission::ManageOwners));
        let as_owner = invited(&control, &ann, BOB, Role::Owner).await;
        for role in [Role::Viewer, Role::Admin] {
            assert_eq!(control.invite_member(&adam_may, None, BOB, role).await.map(drop), forbidden);
        }
        let waiting = control.list_invitations(&adam_may).await.expect("listed");
        assert_eq!(control.withdraw_invitation(&adam_may, None, waiting[0].id).await, forbidden);
        let bob = member(&control, &store, BOB, Role::Viewer).await;
        assert_eq!(control.remove_member(&adam_may, None, bob.user_id()).await, forbidden);
        let still = control.find_invitation(&as_owner, &client()).await.expect("nothing has changed");
        assert_eq!(still.role, Role::Owner);
        let (members, owners) = (grant(&ann), grant::<can::ManageOwners>(&ann));
        control.remove_member(&members, Some(&owners), bob.user_id()).await.expect("removed");
        assert!(control.list_invitations(&members).await.expect("listed").is_empty());
        invited(&control, &ann, BOB, Role::Owner).await;
        invited(&control, &ann, BOB, Role::Viewer).await;
        control.invite_member(&adam_may, None, BOB, Role::Editor).await.expect("a viewer's invitation is replaced");
    }

    async fn guessing_links_is_slowed_down(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let secret = invited(&control, &ann, BOB, Role::Viewer).await;
        for _ in 0..30 {
            control.find_invitation(&secret, &client()).await.expect("looking at one's own link costs nothing");
        }
        for _ in 0..20 {
            let wrong = control.find_invitation("wrong", &client()).await;
            assert_eq!(wrong, Err(ControlError::NotFound("invitation")));
        }
        let slowed = control.find_invitation(&secret, &client()).await.expect_err("slowed down");
        assert!(matches!(slowed, ControlError::Throttled { .. }), "{slowed:?}");
    }

    async fn of_two_who_follow_one_link_one_joins(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let secret = invited(&control, &ann, BOB, Role::Viewer).await;
        let (one, other, client) = (bob(), bob(), client());
        let race = tokio::join!(
            control.join(&secret, &one, &client, None),
            control.join(&secret, &other, &client, None),
        );
        assert!(race.0.is_ok() != race.1.is_ok(), "{race:?}");
        assert_eq!(control.list_members(&grant(&ann)).await.expect("listed").len(), 2);
    }

    async fn a_member_is_invited_no_more_and_keeps_the_role_through_an_old_link(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let old = invited(&control, &ann, BOB, Role::Viewer).await;
        let bob = member(&control, &store, BOB, Role::Owner).await;
        let refused = control.invite_member(&grant(&ann), None, BOB, Role::Viewer).await.expect_err("a member");
        assert_eq!(refused, ControlError::invalid("email", Problem::AlreadyMember));
        control.join(&old, &Joining::default(), &client(), Some(&bob)).await.expect("used up");
        assert_eq!(again(&control, &bob).await.team("acme").expect("a member").team().role, Role::Owner);
        let bad = control.invite_member(&grant(&ann), None, "bob", Role::Viewer).await.expect_err("no address");
        assert_eq!(bad, ControlError::invalid("email", Problem::NotAnEmail));
    }

    async fn a_new_role_and_a_removal_count_at_once_in_open_sessions(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let bob = member(&control, &store, BOB, Role::Viewer).await;
        control.set_member_role(&grant(&ann), None, bob.user_id(), Role::Editor).await.expect("promoted");
        let promoted = again(&control, &bob).await;
        promoted.team("acme").expect("a member").grant::<can::EditGateways>().expect("an editor");
        let same = control.set_member_role(&grant(&ann), None, bob.user_id(), Role::Editor).await;
        assert_eq!(same, Ok(()));
        let pending = control.remove_member(&grant(&ann), None, bob.user_id()).await;
        assert_eq!(pending, Ok(()));
        let removed = again(&control, &bob).await;
        assert_eq!(removed.team("acme").err(), Some(ControlError::NotFound("team")));
        let twice = control.remove_member(&grant(&ann), None, bob.user_id()).await;
        assert_eq!(twice, Err(ControlError::NotFound("member")));
        let told = actions(&control, &ann).await;
        assert_eq!(told.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), ["member.remove", "member.set"]);
    }

    async fn another_process_learns_of_a_removal_with_the_configuration(store: Store) {
        let (control, other) = (open(&store).await, open(&store).await);
        let ann = ann(&control).await;
        let bob = member(&control, &store, BOB, Role::Viewer).await;
        again(&other, &bob).await.team("acme").expect("a member, and remembered as one");
        control.remove_member(&grant(&ann), None, bob.user_id()).await.expect("removed");
        other.set_live_version(store::config::version(&store).await.expect("a version"));
        assert_eq!(again(&other, &bob).await.team("acme").err(), Some(ControlError::NotFound("team")));
    }

    async fn the_last_owner_stays_and_admins_touch_no_owner(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let last = ControlError::Conflict(FieldError::new("role", Problem::LastOwner));
        let (members, owners) = (grant::<can::ManageMembers>(&ann), grant::<can::ManageOwners>(&ann));
        let demoted = control.set_member_role(&members, Some(&owners), ann.user_id(), Role::Admin).await;
        assert_eq!(demoted, Err(last.clone()));
        assert_eq!(control.remove_member(&members, Some(&owners), ann.user_id()).await, Err(last));
        let adam = member(&control, &store, "adam@example.com", Role::Admin).await;
        let adam_may = grant::<can::ManageMembers>(&adam);
        let forbidden = Err(ControlError::Forbidden(Permission::ManageOwners));
        assert_eq!(control.set_member_role(&adam_may, None, ann.user_id(), Role::Viewer).await, forbidden);
        assert_eq!(control.set_member_role(&adam_may, None, adam.user_id(), Role::Owner).await, forbidden);
        assert_eq!(control.remove_member(&adam_may, None, ann.user_id()).await, forbidden);
        let invited = control.invite_member(&adam_may, None, BOB, Role::Owner).await.map(drop);
        assert_eq!(invited, forbidden);
        control.set_member_role(&members, Some(&owners), adam.user_id(), Role::Owner).await.expect("a second owner");
        control.remove_member(&members, Some(&owners), ann.user_id()).await.expect("one is left");
        assert_eq!(again(&control, &ann).await.me().teams.len(), 0);
    }
}
