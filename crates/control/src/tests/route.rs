//! Dynamic routes: drafts, versions, deployments, and who may change them.

use domain::config::RouteConfig;
use domain::route::{MAX_ELEMENTS_TEXT, MAX_ROUTES};
use domain::validate::{FieldError, Problem};
use domain::view::RouteView;
use domain::{Permission, Role, RouteId};
use store::config::load_config;
use store::db_test;

use super::fixture::{ann, gateway, grant, member, open, sealer};
use crate::{Actor, Control, ControlError, NewCustomProvider, NewRoute, NewRouteVersion, can};

/// One model of a provider.
fn elements(provider: &str, model: &str) -> String {
    format!(
        r#"{{"name":"x","elements":[{{"id":"s","type":"start","outputs":{{"next":{{"elementId":"m"}}}}}},
        {{"id":"m","type":"model","properties":{{"provider":"{provider}","model":"{model}"}},"outputs":{{"success":{{"elementId":"e"}}}}}},
        {{"id":"e","type":"end"}}]}}"#
    )
}

fn new(name: &str, elements: &str) -> NewRoute {
    NewRoute { name: name.into(), first: NewRouteVersion { elements: elements.into(), ..NewRouteVersion::default() } }
}

fn from(made_from: i64, elements: &str) -> NewRouteVersion {
    NewRouteVersion { elements: elements.into(), comment: " try ".into(), made_from }
}

/// A control plane with Ann and the gateway main.
async fn world(store: &store::Store) -> (Control, Actor) {
    let control = open(store).await;
    let ann = ann(&control).await;
    control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
    (control, ann)
}

async fn created(control: &Control, ann: &Actor) -> RouteView {
    let new = new("support", &elements("openai", "gpt-4o-mini"));
    control.create_route(&grant(ann), "main", new).await.expect("created")
}

/// What the data plane gets.
async fn live(store: &store::Store) -> Vec<RouteConfig> {
    load_config(store, &sealer()).await.expect("loaded").teams[0].gateways[0].routes.clone()
}

db_test! {
    async fn a_route_lives_from_draft_to_deletion(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = created(&control, &ann).await;
        assert_eq!((made.name.as_str(), made.newest, made.deployed, made.draft()), ("support", 1, None, Some(1)));
        assert!(live(&store).await.is_empty());
        let deployed = control.deploy_route(&edit, "main", made.id, 1).await.expect("deployed");
        assert_eq!((deployed.deployed, deployed.draft(), deployed.live), (Some(1), None, false));
        assert!(deployed.version > made.version);
        let second = elements("openai", "gpt-4o");
        let saved = control.save_route(&edit, "main", made.id, from(1, &second)).await.expect("saved");
        assert_eq!((saved.newest, saved.deployed, saved.draft()), (2, Some(1), Some(2)));
        assert!(live(&store).await[0].elements.contains("gpt-4o-mini"), "a draft changes nothing");
        control.deploy_route(&edit, "main", made.id, 2).await.expect("deployed");
        let running = live(&store).await;
        assert_eq!((running[0].id, running[0].name.as_str(), running[0].version), (made.id, "support", 2));
        assert!(running[0].elements.contains(r#""model":"gpt-4o""#), "{}", running[0].elements);
        control.deploy_route(&edit, "main", made.id, 1).await.expect("rolled back");
        let renamed = control.rename_route(&edit, "main", made.id, "help").await.expect("renamed");
        assert_eq!((renamed.name.as_str(), renamed.deployed), ("help", Some(1)));
        assert_eq!((live(&store).await[0].name.as_str(), live(&store).await[0].version), ("help", 1));

        let view = grant::<can::View>(&ann);
        let detail = control.find_route(&view, "main", "help").await.expect("found");
        assert_eq!(detail.route, renamed);
        let versions: Vec<_> = detail.versions.iter().map(|version| (version.number, version.comment.as_str(), version.valid)).collect();
        assert_eq!(versions, [(2, "try", true), (1, "", true)]);
        assert_eq!(detail.versions[0].author, "ann@example.com");
        assert_eq!(detail.deployments.iter().map(|deployment| deployment.number).collect::<Vec<_>>(), [1, 2, 1]);
        let old = control.find_route_elements(&view, "main", "help", 1).await.expect("found");
        assert!(old.elements.starts_with(r#"[{"id":"s","type":"start""#) && old.problems.is_empty(), "{old:?}");
        assert_eq!(control.list_routes(&view, "main").await.expect("listed"), [renamed]);

        let unsure = control.delete_route(&edit, "main", made.id, "support").await;
        assert_eq!(unsure, Err(ControlError::invalid("confirm", Problem::NotConfirmed)));
        control.delete_route(&edit, "main", made.id, "help").await.expect("deleted");
        assert_eq!(control.find_route(&view, "main", "help").await, Err(ControlError::NotFound("route")));
        assert!(live(&store).await.is_empty());
        let events = control.list_audit(&grant(&ann), None, 20).await.expect("listed");
        let told: Vec<_> = events.iter().filter(|event| event.action.starts_with("route.")).collect();
        let actions: Vec<_> = told.iter().map(|event| event.action.trim_start_matches("route.")).collect();
        assert_eq!(actions, ["delete", "rename", "deploy", "deploy", "save", "deploy", "save", "create"]);
        assert_eq!(told[3].target, "route main/support");
        assert_eq!(told[3].before.as_deref(), Some(r#"{"deployed":1}"#));
        assert!(told[3].after.as_deref().is_some_and(|after| after.contains(r#""deployed":2"#) && after.contains("gpt-4o")));
    }

    async fn one_with_errors_can_be_saved_and_not_deployed(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = created(&control, &ann).await;
        control.deploy_route(&edit, "main", made.id, 1).await.expect("deployed");
        let broken = elements("nobody", "gpt-4o").replace(r#""end""#, r#""done""#);
        let saved = control.save_route(&edit, "main", made.id, from(1, &broken)).await.expect("saved");
        assert_eq!((saved.newest, saved.deployed), (2, Some(1)));
        let view = grant::<can::View>(&ann);
        let draft = control.find_route_elements(&view, "main", "support", 2).await.expect("found");
        let told: Vec<_> = draft.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "m: properties.provider names nobody, which is no provider here",
                "e: type must be start, conditional, percentage, rate, budget, balance, model or end"
            ]
        );
        assert_eq!(control.check_route(&view, &broken).await.expect("checked"), draft);
        let refused = control.deploy_route(&edit, "main", made.id, 2).await;
        assert_eq!(refused, Err(ControlError::invalid("number", Problem::NotDeployable)));
        assert_eq!(live(&store).await[0].version, 1);
        assert_eq!(control.deploy_route(&edit, "main", made.id, 3).await, Err(ControlError::NotFound("version")));
    }

    async fn a_provider_that_is_gone_is_seen_when_a_version_is_deployed(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        let custom = NewCustomProvider {
            slug: "mine".into(),
            name: "Mine".into(),
            base_url: "http://127.0.0.1:9".into(),
            dialect: domain::provider::Dialect::Openai,
            auth: domain::provider::AuthScheme::Bearer,
        };
        let manage = grant::<can::ManageProviderKeys>(&ann);
        let custom = control.create_custom_provider(&manage, custom).await.expect("created");
        let made = control.create_route(&edit, "main", new("support", &elements("custom-mine", "any"))).await.expect("created");
        let view = grant::<can::View>(&ann);
        let first = control.find_route_elements(&view, "main", "support", 1).await.expect("found");
        assert!(first.problems.is_empty(), "{:?}", first.problems);
        control.deploy_route(&edit, "main", made.id, 1).await.expect("deployed");
        control.save_route(&edit, "main", made.id, from(1, &elements("openai", "gpt-4o"))).await.expect("saved");
        control.deploy_route(&edit, "main", made.id, 2).await.expect("deployed");
        control.delete_custom_provider(&manage, custom.id).await.expect("deleted");
        let back = control.deploy_route(&edit, "main", made.id, 1).await;
        assert_eq!(back, Err(ControlError::invalid("number", Problem::NotDeployable)));
    }

    async fn a_change_made_from_an_older_version_does_not_undo_a_newer_one(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = created(&control, &ann).await;
        let first = control.save_route(&edit, "main", made.id, from(1, &elements("openai", "gpt-4o"))).await.expect("saved");
        let late = control.save_route(&edit, "main", made.id, from(1, &elements("openai", "gpt-5"))).await;
        assert_eq!(late, Err(ControlError::Conflict(FieldError::new("made_from", Problem::Outdated))));
        let same = control.save_route(&edit, "main", made.id, from(1, &elements("openai", "gpt-4o"))).await.expect("nothing to do");
        assert_eq!((same.newest, same.version), (2, first.version));
    }

    async fn what_cannot_be_saved_is_refused_by_its_field(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        let wrong = NewRoute { name: "Not A Name".into(), first: NewRouteVersion { elements: "{".into(), comment: "x".repeat(201), made_from: 0 } };
        let refused = control.create_route(&edit, "main", wrong).await;
        let expected = [
            FieldError::new("name", Problem::NotARouteName),
            FieldError::new("comment", Problem::TooLong { max: 200 }),
            FieldError::new("elements", Problem::NotARoute),
        ];
        assert_eq!(refused, Err(ControlError::Invalid(expected.into())));
        let reserved = control.create_route(&edit, "main", new("new", "[]")).await;
        assert_eq!(reserved, Err(ControlError::invalid("name", Problem::Reserved)));
        let long = format!(r#"[{{"id":"s","type":"start","note":"{}"}}]"#, "x".repeat(MAX_ELEMENTS_TEXT));
        let refused = control.create_route(&edit, "main", new("long", &long)).await;
        assert_eq!(refused, Err(ControlError::invalid("elements", Problem::TooLong { max: MAX_ELEMENTS_TEXT as u64 })));
        created(&control, &ann).await;
        let taken = control.create_route(&edit, "main", new("support", "[]")).await;
        assert_eq!(taken, Err(ControlError::taken("name")));
        let other = control.create_route(&edit, "main", new("other", "[]")).await.expect("created, with errors");
        assert_eq!(control.rename_route(&edit, "main", other.id, "support").await, Err(ControlError::taken("name")));
        assert_eq!(control.create_route(&edit, "none", new("x", "[]")).await, Err(ControlError::NotFound("gateway")));
        control.create_gateway(&edit, gateway("second")).await.expect("created");
        let elsewhere = control.deploy_route(&edit, "second", other.id, 1).await;
        assert_eq!(elsewhere, Err(ControlError::NotFound("route")));
    }

    async fn routes_go_with_their_gateway_and_viewers_change_none(store: Store) {
        let (control, ann) = world(&store).await;
        let edit = grant::<can::EditGateways>(&ann);
        for number in 0..MAX_ROUTES {
            control.create_route(&edit, "main", new(&format!("r{number}"), "[]")).await.expect("created");
        }
        let full = control.create_route(&edit, "main", new("more", "[]")).await;
        assert_eq!(full, Err(ControlError::invalid("name", Problem::TooMany { max: MAX_ROUTES as u64 })));
        let viewer = member(&control, &store, "vera@example.com", Role::Viewer).await;
        let team = viewer.team("acme").expect("a member");
        assert_eq!(team.grant::<can::EditGateways>().err(), Some(ControlError::Forbidden(Permission::EditGateways)));
        assert_eq!(control.list_routes(&grant(&viewer), "main").await.expect("listed").len(), MAX_ROUTES);
        let id = control.find_gateway(&grant(&ann), "main").await.expect("found").id;
        control.delete_gateway(&edit, id, "main").await.expect("deleted");
        assert!(store::route::list(store.read(), id).await.expect("listed").is_empty());
        control.create_gateway(&edit, gateway("main")).await.expect("created anew");
        assert!(control.list_routes(&grant(&ann), "main").await.expect("listed").is_empty());
        assert_eq!(control.deploy_route(&edit, "main", RouteId(1), 1).await, Err(ControlError::NotFound("route")));
    }
}
