//! Dynamic routes in a file.

use domain::config::RouteConfig;
use store::config::load_config;
use store::db_test;

use super::{planned, refused};
use crate::tests::fixture::{open, sealer};

const FILE: &str = "\
teams:
  - slug: acme
    custom_providers: [{ slug: mine, base_url: http://127.0.0.1:9 }]
    gateways:
      - slug: main
        routes:
          - name: support
            comment: as agreed
            elements:
              - { id: start, type: start, outputs: { next: { elementId: plan } } }
              - id: plan
                type: conditional
                properties: { condition: { metadata.plan: { $eq: free } } }
                outputs: { true: { elementId: money }, false: { elementId: own } }
              - id: money
                type: rate_limit
                properties: { limitType: cost, key: metadata.user, limit: 0.5, interval: 3600 }
                outputs: { success: { elementId: own } }
              - { id: own, type: model, properties: { provider: custom-mine, model: small } }
";

async fn live(store: &store::Store) -> Vec<RouteConfig> {
    load_config(store, &sealer()).await.expect("loaded").teams[0].gateways[0].routes.clone()
}

db_test! {
    async fn routes_are_planned_and_carried_out_once(store: Store) {
        let control = open(&store).await;
        let first = planned(&control, FILE).await;
        insta::assert_snapshot!(first.render(), @r#"
        + team acme
            name: acme
          + custom provider mine
              auth: bearer
              base_url: http://127.0.0.1:9
              dialect: openai
              enabled: true
              name: mine
          + gateway main
              enabled: true
              name: main
          + route main/support
              money: {"type":"budget","properties":{"key":"metadata.user","limit":"0.50","window":3600,"technique":"sliding"},"outputs":{"success":{"elementId":"own"}}}
              own: {"type":"model","properties":{"provider":"custom-mine","model":"small"},"outputs":{}}
              plan: {"type":"conditional","properties":{"conditions":{"metadata.plan":{"$eq":"free"}}},"outputs":{"true":{"elementId":"money"},"false":{"elementId":"own"}}}
              start: {"type":"start","outputs":{"next":{"elementId":"plan"}}}
        4 to create, 0 to change, 0 unchanged
        "#);
        first.execute().await.expect("applied");
        let running = live(&store).await;
        assert_eq!((running.len(), running[0].name.as_str(), running[0].version), (1, "support", 1));
        assert!(running[0].elements.contains(r#""type":"budget""#), "{}", running[0].elements);
        let again = planned(&control, FILE).await;
        assert_eq!(again.changes(), 0, "{}", again.render());
        let reordered = FILE.replace("limitType: cost, key: metadata.user", "key: metadata.user, limitType: cost");
        assert_eq!(planned(&control, &reordered).await.changes(), 0);
    }

    async fn another_route_is_a_new_version_that_is_deployed(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let changed = FILE.replace("0.5", "0.75").replace("as agreed", "more");
        let change = planned(&control, &changed).await;
        insta::assert_snapshot!(change.render(), @r#"
        = team acme
          = custom provider mine
          = gateway main
          ~ route main/support
              money: {"type":"budget","properties":{"key":"metadata.user","limit":"0.50","window":3600,"technique":"sliding"},"outputs":{"success":{"elementId":"own"}}} → {"type":"budget","properties":{"key":"metadata.user","limit":"0.75","window":3600,"technique":"sliding"},"outputs":{"success":{"elementId":"own"}}}
        0 to create, 1 to change, 3 unchanged
        "#);
        change.execute().await.expect("applied");
        assert_eq!(live(&store).await[0].version, 2);
        // Back to what an older version says: a version of its own, because drafts between are nobody's intent.
        planned(&control, FILE).await.execute().await.expect("applied");
        let running = live(&store).await;
        assert_eq!(running[0].version, 3);
        let versions = store::route::version::list(store.read(), running[0].id).await.expect("listed");
        assert_eq!(versions.iter().map(|version| version.comment.as_str()).collect::<Vec<_>>(), ["as agreed", "more", "as agreed"]);
        assert_eq!(versions[0].author, "weir apply");
    }

    async fn a_draft_that_says_the_same_is_deployed(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let route = live(&store).await[0].id;
        let gateway = store::gateway::find_by_slug(store.read(), domain::TeamId(1), "main").await.expect("found");
        let row = store::route::find(store.read(), domain::GatewayId(gateway.id), route).await.expect("found");
        let other = live(&store).await[0].elements.replace("0.50", "0.75");
        let new = store::route::version::NewVersion {
            elements: &other, problems: &[], author: "ann", comment: "", version: 9, now: crate::change::now(),
        };
        let tx = store.write_tx().await.expect("a transaction");
        store::route::version::create(&tx, &row, new).await.expect("saved");
        tx.commit().await.expect("committed");
        planned(&control, &FILE.replace("0.5", "0.75")).await.execute().await.expect("applied");
        assert_eq!(live(&store).await[0].version, 2);
        assert_eq!(store::route::version::list(store.read(), route).await.expect("listed").len(), 2);
    }

    async fn the_documentations_file_is_a_valid_one(store: Store) {
        let control = open(&store).await;
        let docs = include_str!("../../../../../docs/routes.md");
        let yaml = docs.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a file");
        assert_eq!(planned(&control, yaml).await.execute().await.expect("applied").changes, 3);
        assert_eq!(live(&store).await[0].name, "support");
    }

    async fn what_is_wrong_with_a_route_is_told_with_its_line(store: Store) {
        let control = open(&store).await;
        let bad = FILE
            .replace("elementId: money", "elementId: gone")
            .replace("name: support", "name: Sup port")
            .replace("metadata.plan: { $eq", "metadata.plan: { $is")
            .replace("custom-mine", "custom-other");
        let bad = format!("{bad}          - {{ name: empty, elements: [] }}\n          - {{ name: empty, elements: [7] }}\n");
        insta::assert_snapshot!(refused(&control, &bad).await, @r#"
        weir.yaml:7: teams[0].gateways[0].routes[0].name: may only use letters, digits, hyphens, underscores and dots, and begins with a letter or a digit
        weir.yaml:11: teams[0].gateways[0].routes[0].elements: plan: properties.condition.metadata.plan.$is is none of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not
        weir.yaml:11: teams[0].gateways[0].routes[0].elements: plan: outputs.true leads to gone, which does not exist
        weir.yaml:19: teams[0].gateways[0].routes[0].elements: own: properties.provider names custom-other, which is no provider here
        weir.yaml:20: teams[0].gateways[0].routes[1].elements: must have between 1 and 200 elements
        weir.yaml:21: teams[0].gateways[0].routes[2].name: appears twice in this file
        weir.yaml:21: teams[0].gateways[0].routes[2].elements: elements[0]: must be an object
        "#);
        assert!(load_config(&store, &sealer()).await.expect("loaded").teams.is_empty());
    }
}
