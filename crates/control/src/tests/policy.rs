//! Policies: their life, and what changes with them.

use domain::policy::{MAX_POLICIES, OwnLimit, PolicyState};
use domain::validate::{FieldError, Problem};
use domain::view::PolicyView;
use domain::{Permission, Role};
use store::config::load_config;
use store::db_test;

use super::fixture::{ann, gateway, grant, member, open, sealer};
use crate::{Actor, Control, ControlError, NewPolicy, PolicyChange, TokenTerms, can};

fn policy(text: &str) -> domain::policy::Policy {
    serde_json::from_str(text).expect("a policy")
}

fn new(name: &str, state: PolicyState, text: &str) -> NewPolicy {
    NewPolicy { name: name.into(), state, policy: policy(text) }
}

const BUDGET: &str = r#"{"limit":{"cost":"50","per":"month"}}"#;

async fn create(control: &Control, actor: &Actor, name: &str, state: PolicyState, text: &str) -> PolicyView {
    control.create_policy(&grant(actor), new(name, state, text)).await.expect("created")
}

/// Names of the policies that the data plane gets.
async fn in_force(store: &store::Store) -> Vec<String> {
    let config = load_config(store, &sealer()).await.expect("loaded");
    config.teams[0].policies.iter().map(|policy| policy.name.clone()).collect()
}

async fn issue(control: &Control, actor: &Actor, name: &str) -> domain::TokenId {
    let new = TokenTerms { name: name.into(), ..TokenTerms::default() };
    control.issue_token(&grant::<can::ManageTokens>(actor), new).await.expect("issued").token.id
}

db_test! {
    async fn a_policy_lives_from_draft_to_deletion(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditPolicies>(&ann);
        let made = create(&control, &ann, " Budget ", PolicyState::Draft, BUDGET).await;
        assert_eq!((made.name.as_str(), made.state, made.live), ("Budget", PolicyState::Draft, false));
        assert!(in_force(&store).await.is_empty());
        let on = control.set_policy_state(&edit, made.id, PolicyState::On).await.expect("switched");
        assert_eq!((on.state, on.policy.as_ref(), in_force(&store).await), (PolicyState::On, made.policy.as_ref(), vec!["Budget".to_owned()]));
        let same = control.set_policy_state(&edit, made.id, PolicyState::On).await.expect("nothing to do");
        assert_eq!(same.version, on.version);
        let taken = control.create_policy(&edit, new("Budget", PolicyState::Off, BUDGET)).await.expect_err("taken");
        assert_eq!(taken, ControlError::taken("name"));
        control.set_live_version(on.version);
        assert!(control.find_policy(&grant(&ann), made.id).await.expect("found").live);
        control.delete_policy(&edit, made.id).await.expect("deleted");
        assert_eq!(control.find_policy(&grant(&ann), made.id).await, Err(ControlError::NotFound("policy")));
        assert!(in_force(&store).await.is_empty());
        let events = control.list_audit(&grant(&ann), None, 4).await.expect("listed");
        let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.before.is_some(), event.after.is_some())).collect();
        assert_eq!(told[..3], [("policy.delete", true, false), ("policy.update", true, true), ("policy.create", false, true)]);
        assert_eq!(events[1].target, "policy Budget");
        assert!(events[1].after.as_deref().is_some_and(|after| after.contains(r#""cost":"50.00""#) && after.contains(r#""state":"on""#)));
    }

    async fn a_change_made_from_an_older_version_does_not_undo_a_newer_one(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditPolicies>(&ann);
        let made = create(&control, &ann, "Budget", PolicyState::On, BUDGET).await;
        let change = |dollars: &str| PolicyChange {
            name: "Budget".into(),
            policy: policy(&format!(r#"{{"limit":{{"cost":"{dollars}","per":"month"}}}}"#)),
            version: made.version,
        };
        let first = control.update_policy(&edit, made.id, change("60")).await.expect("the first");
        assert_eq!(first.state, PolicyState::On);
        let late = control.update_policy(&edit, made.id, change("70")).await.expect_err("from before the first");
        assert_eq!(late, ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        let same = control.update_policy(&edit, made.id, change("60")).await.expect("nothing to do");
        assert_eq!(same.version, first.version);
    }

    async fn what_a_policy_names_must_exist_when_it_is_named(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditPolicies>(&ann);
        let main = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
        let text = r#"{"when":{"gateway":["main"],"token":["app"]},"deny":true}"#;
        let refused = control.create_policy(&edit, new(" ", PolicyState::On, text)).await.expect_err("no such token");
        let expected = [FieldError::new("name", Problem::Required), FieldError::new("when.token", Problem::Unknown)];
        assert_eq!(refused, ControlError::Invalid(expected.into()));
        let app = issue(&control, &ann, "app").await;
        let made = create(&control, &ann, "No", PolicyState::On, text).await;
        control.delete_gateway(&grant(&ann), main.id, "main").await.expect("deleted");
        control.revoke_token(&grant(&ann), app).await.expect("revoked");
        let renamed = PolicyChange { name: "Never".into(), policy: policy(text), version: made.version };
        control.update_policy(&edit, made.id, renamed).await.expect("what was named before may be gone");
        let another = control.create_policy(&edit, new("Other", PolicyState::On, text)).await.expect_err("gone");
        assert!(matches!(another, ControlError::Invalid(errors) if errors.len() == 2));
    }

    async fn policies_follow_a_token_to_its_new_name(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let app = issue(&control, &ann, "app").await;
        let named = create(&control, &ann, "Named", PolicyState::On, r#"{"when":{"any":[{"token":["app","ap*"]}]},"deny":true}"#).await;
        let other = create(&control, &ann, "Other", PolicyState::Draft, r#"{"when":{"token":["ap*"]},"deny":true}"#).await;
        let rename = |name: &str| TokenTerms { name: name.into(), ..TokenTerms::default() };
        control.restrict_token(&grant(&ann), app, rename("service")).await.expect("renamed");
        let view = grant::<can::View>(&ann);
        let after = control.find_policy(&view, named.id).await.expect("found");
        let tokens: Vec<_> = after.policy.expect("readable").when.walk().flat_map(|part| part.token.clone()).collect();
        assert_eq!((tokens, after.state), (vec!["service".to_owned(), "ap*".to_owned()], PolicyState::On));
        assert!(after.version > named.version);
        assert_eq!(control.find_policy(&view, other.id).await.expect("found"), other);
        let pattern = control.restrict_token(&grant(&ann), app, rename("*")).await.expect_err("would match all");
        assert_eq!(pattern, ControlError::invalid("name", Problem::NoAsterisk));
    }

    async fn a_tokens_own_limits_are_policies_of_that_token(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let (manage, view) = (grant::<can::ManageTokens>(&ann), grant::<can::View>(&ann));
        create(&control, &ann, "app: cost a day", PolicyState::Draft, BUDGET).await;
        let terms = |name: &str, amounts: &[(OwnLimit, u64)]| TokenTerms {
            name: name.into(),
            limits: Some(amounts.iter().copied().collect()),
            ..TokenTerms::default()
        };
        let both = [(OwnLimit::RequestsPerMinute, 60), (OwnLimit::CostPerDay, 5_000_000_000)];
        let app = control.issue_token(&manage, terms("app", &both)).await.expect("issued").token.id;
        let own = async || {
            let all = control.list_policies(&view).await.expect("listed").into_iter();
            all.filter(|policy| policy.owner == Some(app)).collect::<Vec<_>>()
        };
        let names = |policies: &[PolicyView]| policies.iter().map(|policy| policy.name.clone()).collect::<Vec<_>>();
        let made = own().await;
        assert_eq!(names(&made), ["app: cost a day (2)", "app: requests a minute"]);
        assert_eq!(made[0].text, r#"{"when":{"token":["app"]},"limit":{"cost":"5.00","per":"day"}}"#);
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert!(config.teams[0].policies.iter().all(|policy| policy.owner == Some(app)));

        // What its owner adds to it on the policies' page stays; what makes something else of it takes it away from the token.
        let edit = grant::<can::EditPolicies>(&ann);
        let change = |view: &PolicyView, text: &str| PolicyChange { name: view.name.clone(), policy: policy(text), version: view.version };
        let warned = r#"{"when":{"token":["app"]},"limit":{"cost":"5.00","per":"day","zone":"Europe/Berlin","warn_at":80}}"#;
        control.update_policy(&edit, made[0].id, change(&made[0], warned)).await.expect("changed");
        control.set_policy_state(&edit, made[0].id, PolicyState::Off).await.expect("off");
        let before = store::config::version(&store).await.expect("a version");
        control.restrict_token(&manage, app, terms("app", &both)).await.expect("the same");
        assert_eq!(store::config::version(&store).await.expect("a version"), before, "nothing was changed");
        let raised = [(OwnLimit::RequestsPerMinute, 60), (OwnLimit::CostPerDay, 7_000_000_000)];
        control.restrict_token(&manage, app, terms("service", &raised)).await.expect("renamed and raised");
        let after = own().await;
        assert_eq!(names(&after), ["app: cost a day (2)", "service: requests a minute"]);
        let kept = warned.replace("5.00", "7.00").replace("app", "service");
        assert_eq!((after[0].id, after[0].text.as_str(), after[0].state), (made[0].id, kept.as_str(), PolicyState::On));
        let by_user = r#"{"when":{"token":["service"]},"limit":{"requests":60,"per":"minute"},"group_by":["user"]}"#;
        control.update_policy(&edit, after[1].id, change(&after[1], by_user)).await.expect("changed");
        assert_eq!(names(&own().await), ["app: cost a day (2)"]);

        control.restrict_token(&manage, app, TokenTerms { name: "service".into(), ..TokenTerms::default() }).await.expect("left alone");
        assert_eq!(own().await.len(), 1);
        control.restrict_token(&manage, app, terms("service", &[(OwnLimit::TokensPerMinute, 1)])).await.expect("changed");
        assert_eq!(names(&own().await), ["service: tokens a minute"]);
        control.revoke_token(&manage, app).await.expect("revoked");
        assert_eq!(names(&own().await), [""; 0]);
        let left = control.list_policies(&view).await.expect("listed");
        assert_eq!(names(&left), ["app: cost a day", "service: requests a minute"]);
    }

    async fn one_that_cannot_be_read_is_shown_and_can_be_replaced(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let made = create(&control, &ann, "Budget", PolicyState::On, BUDGET).await;
        create(&control, &ann, "Other", PolicyState::On, BUDGET).await;
        store::fixture::execute(&store, r#"UPDATE policies SET policy = '{"limit":{"joules":1}}' WHERE name = 'Budget'"#).await;
        assert_eq!(in_force(&store).await, ["Other"]);
        let shown = control.find_policy(&grant(&ann), made.id).await.expect("found");
        assert_eq!((shown.policy, shown.text.as_str(), shown.state), (None, r#"{"limit":{"joules":1}}"#, PolicyState::On));
        let change = PolicyChange { name: "Budget".into(), policy: policy(BUDGET), version: made.version };
        control.update_policy(&grant(&ann), made.id, change).await.expect("replaced");
        assert_eq!(in_force(&store).await, ["Budget", "Other"]);
    }

    async fn a_team_has_only_so_many_policies_and_viewers_make_none(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        for number in 0..MAX_POLICIES {
            create(&control, &ann, &format!("P{number}"), PolicyState::Draft, r#"{"deny":true}"#).await;
        }
        let limits = Some([(OwnLimit::CostPerDay, 1)].into_iter().collect());
        let terms = TokenTerms { name: "app".into(), limits, ..TokenTerms::default() };
        control.issue_token(&grant(&ann), terms).await.expect("own limits of tokens are not among them");
        let full = control.create_policy(&grant(&ann), new("More", PolicyState::On, BUDGET)).await.expect_err("full");
        assert_eq!(full, ControlError::invalid("name", Problem::TooMany { max: MAX_POLICIES as u64 }));
        let viewer = member(&control, &store, "vera@example.com", Role::Viewer).await;
        let team = viewer.team("acme").expect("a member");
        assert_eq!(team.grant::<can::EditPolicies>().err(), Some(ControlError::Forbidden(Permission::EditPolicies)));
        assert_eq!(control.list_policies(&grant(&viewer)).await.expect("listed").len(), MAX_POLICIES + 1);
        assert!(control.policy_usage(&grant(&viewer)).is_empty());
    }
}
