//! The audit chain.

use domain::GatewaySettings;
use store::audit::{Chain, verify};
use store::db_test;

use super::fixture::{SECRET, ann, gateway, grant, key, open};
use crate::{Control, GatewayChange, TokenTerms, can};

async fn some_changes(control: &Control) -> crate::Actor {
    let ann = ann(control).await;
    let main = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
    let change = GatewayChange { name: "Main".into(), settings: main.settings, version: main.version };
    control.update_gateway(&grant(&ann), main.id, change).await.expect("updated");
    control.set_gateway_enabled(&grant(&ann), main.id, false).await.expect("switched off");
    control.create_provider_key(&grant(&ann), key(SECRET)).await.expect("created");
    let token = TokenTerms { name: "app".into(), ..TokenTerms::default() };
    control.issue_token(&grant(&ann), token).await.expect("issued");
    ann
}

db_test! {
    async fn every_change_leaves_an_event_without_secrets(store: Store) {
        let control = open(&store).await;
        let ann = some_changes(&control).await;
        let events = control.list_audit(&grant(&ann), None, 50).await.expect("listed");
        let actions: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.target.as_str())).collect();
        let expected = [
            ("token.issue", "token app"),
            ("provider_key.create", "provider key openai/default"),
            ("gateway.update", "gateway main"),
            ("gateway.update", "gateway main"),
            ("gateway.create", "gateway main"),
            ("session.open", "session 1"),
            ("team.create", "team acme"),
        ];
        assert_eq!(actions, expected);
        assert!(events.iter().all(|event| event.actor == "ann@example.com"));
        assert!(events[2].before.as_deref().is_some_and(|json| json.contains("\"enabled\":true")), "{events:?}");
        assert!(events[2].after.as_deref().is_some_and(|json| json.contains("\"enabled\":false")), "{events:?}");
        let text = format!("{events:?}");
        assert!(!text.contains(SECRET) && !text.contains("correct horse"));
        let older = control.list_audit(&grant(&ann), Some(events[1].id), 2).await.expect("listed");
        assert_eq!(older.first().map(|event| event.id), Some(events[2].id));
        assert_eq!(older.len(), 2);
    }

    async fn who_lets_callers_state_costs_is_told_with_what_was_before(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let main = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created");
        assert!(!main.settings.custom_cost);
        for (custom_cost, version) in [(true, main.version), (false, main.version + 1)] {
            let settings = GatewaySettings { custom_cost, ..main.settings.clone() };
            let change = GatewayChange { name: main.name.clone(), settings, version };
            control.update_gateway(&grant(&ann), main.id, change).await.expect("updated");
            let event = control.list_audit(&grant(&ann), None, 1).await.expect("listed").remove(0);
            let setting = |json: &Option<String>| {
                let json: serde_json::Value = serde_json::from_str(json.as_deref().expect("a gateway")).expect("JSON");
                json["settings"]["custom_cost"].clone()
            };
            assert_eq!((event.action.as_str(), event.actor.as_str()), ("gateway.update", "ann@example.com"));
            assert_eq!((setting(&event.before), setting(&event.after)), ((!custom_cost).into(), custom_cost.into()));
        }
    }

    async fn the_chain_is_intact(store: Store) {
        let control = open(&store).await;
        some_changes(&control).await;
        assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(7));
    }

    async fn changes_at_the_same_time_follow_each_other_in_the_chain(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditGateways>(&ann);
        let made = tokio::join!(
            control.create_gateway(&edit, gateway("a")),
            control.create_gateway(&edit, gateway("b")),
            control.create_gateway(&edit, gateway("c")),
            control.create_gateway(&edit, gateway("d")),
        );
        let made = [made.0, made.1, made.2, made.3].map(|made| made.expect("created").version);
        assert_eq!(made.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(6));
    }
}
