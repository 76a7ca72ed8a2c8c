//! Policies in a file.

use domain::policy::PolicyState;
use store::config::load_config;
use store::db_test;

use super::{planned, refused};
use crate::tests::fixture::{open, sealer};

const FILE: &str = "\
teams:
  - slug: acme
    gateways: [{ slug: main }]
    tokens: [{ name: app, token: env:WEIR_TOKEN }]
    policies:
      - name: Monthly budget
        limit: { cost: 50, per: month, zone: Europe/Berlin, warn_at: 80 }
      - name: No large models for app
        state: on
        when: { token: [app], gateway: [main], model: [\"openai/gpt-5*\"] }
        deny: true
      - name: Later
        state: draft
        group_by: [token]
        limit: { requests: 100, per: minute }
        action: { fallback: openai/gpt-5-nano }
";

/// One team with one policy.
fn file(policy: &str) -> String {
    format!("teams:\n  - slug: acme\n    policies:\n      - {}\n", policy.replace('\n', "\n        "))
}

db_test! {
    async fn policies_are_planned_and_carried_out_once(store: Store) {
        let control = open(&store).await;
        let first = planned(&control, FILE).await;
        insta::assert_snapshot!(first.render(), @r#"
        + team acme
            name: acme
          + gateway main
              enabled: true
              name: main
          + token app
          + policy Monthly budget
              limit: {"cost":"50.00","per":"month","zone":"Europe/Berlin","warn_at":80}
              state: on
          + policy No large models for app
              deny: true
              state: on
              when: {"gateway":["main"],"token":["app"],"model":["openai/gpt-5*"]}
          + policy Later
              action: {"fallback":"openai/gpt-5-nano"}
              group_by: ["token"]
              limit: {"requests":100,"per":"minute"}
              state: draft
        6 to create, 0 to change, 0 unchanged
        "#);
        first.execute().await.expect("applied");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        let in_force: Vec<_> = config.teams[0].policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(in_force, ["Monthly budget", "No large models for app"]);
        let second = planned(&control, FILE).await;
        assert_eq!(second.changes(), 0, "{}", second.render());
    }

    async fn a_policy_of_the_file_replaces_the_stored_one_and_others_stay(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let change = planned(&control, &file("name: Later\nlimit: { requests: 200, per: minute }")).await;
        insta::assert_snapshot!(change.render(), @r#"
        = team acme
          ~ policy Later
              action: {"fallback":"openai/gpt-5-nano"} → none
              group_by: ["token"] → none
              limit: {"requests":100,"per":"minute"} → {"requests":200,"per":"minute"}
        0 to create, 1 to change, 1 unchanged
        "#);
        change.execute().await.expect("applied");
        let on = planned(&control, &file("name: Later\nstate: on")).await;
        insta::assert_snapshot!(on.render(), @r#"
        = team acme
          ~ policy Later
              state: draft → on
        0 to create, 1 to change, 1 unchanged
        "#);
        on.execute().await.expect("applied");
        let off = planned(&control, &file("name: Monthly budget\nstate: off")).await;
        assert_eq!(off.execute().await.expect("applied").changes, 1);
        let rows = store::policy::list(store.read(), domain::TeamId(1)).await.expect("listed");
        let states: Vec<_> = rows.iter().map(|row| (row.name.as_str(), store::policy::state(row))).collect();
        assert_eq!(
            states,
            [
                ("Later", PolicyState::On),
                ("Monthly budget", PolicyState::Off),
                ("No large models for app", PolicyState::On)
            ]
        );
    }

    async fn what_is_wrong_with_a_policy_is_told_with_its_line(store: Store) {
        let control = open(&store).await;
        let bad = "\
teams:
  - slug: acme
    tokens: [{ name: app, token: env:WEIR_TOKEN }]
    policies:
      - limit: { cost: 1, per: day }
      - name: Twice
        deny: true
      - name: Twice
        state: maybe
        deny: true
      - name: Parts
        when:
          token: [app, nobody]
        limit: { cost: 0.5, per: day }
        wen: {}
      - name: Names
        when: { gateway: [main], any: [{ token: [app, nobody, \"*-ci\"] }] }
        limit: { cost: 1, per: day, zone: Mars }
        action: { fallback: nobody/gpt }
      - name: Nothing
      - name: Bounds
        limit: { requests: 1, per: day, warn_at: 101 }
";
        insta::assert_snapshot!(refused(&control, bad).await, @r#"
        weir.yaml:5: teams[0].policies[0].name: is required
        weir.yaml:8: teams[0].policies[2].name: appears twice in this file
        weir.yaml:9: teams[0].policies[2].state: must be draft, on or off
        weir.yaml:14: teams[0].policies[3].limit: invalid type: floating point `0.5`, expected a whole number or an amount in quotes, as "0.50"
        weir.yaml:15: teams[0].policies[3].wen: is no part of a policy, which are when, group_by, allow, deny, limit, action, unknown, message
        weir.yaml:17: teams[0].policies[4].when.gateway: does not exist
        weir.yaml:17: teams[0].policies[4].when.any[0].token: does not exist
        weir.yaml:18: teams[0].policies[4].limit.zone: is no time zone; write one as Europe/Berlin
        weir.yaml:19: teams[0].policies[4].action.fallback: does not exist
        weir.yaml:20: teams[0].policies[5]: exactly one of `allow: true`, `deny: true` and `limit` is needed
        weir.yaml:22: teams[0].policies[6].limit.warn_at: must be between 1 and 100
        "#);
        assert!(load_config(&store, &sealer()).await.expect("loaded").teams.is_empty());
    }

    async fn the_demos_file_is_a_valid_one(store: Store) {
        let control = open(&store).await;
        let file = include_str!("../../../../../script/demo.yaml").replace("MOCK", "http://127.0.0.1:1");
        let secret = |name: &str| Some(format!("a secret of the demo: {name}").replace(' ', "-"));
        let planned = crate::apply::plan(&control, &file, "demo.yaml", &secret).await.expect("a valid file");
        assert!(planned.render().contains("+ policy Monthly budget"), "{}", planned.render());
        planned.execute().await.expect("applied");
        assert_eq!(load_config(&store, &sealer()).await.expect("loaded").teams[0].policies.len(), 3);
    }

    async fn a_team_has_only_so_many_policies(store: Store) {
        let control = open(&store).await;
        let many = |count: usize| {
            let policies: String = (0..count).map(|number| format!("      - {{ name: P{number}, deny: true }}\n")).collect();
            format!("teams:\n  - slug: acme\n    policies:\n{policies}")
        };
        planned(&control, &many(200)).await.execute().await.expect("applied");
        assert_eq!(planned(&control, &many(200)).await.changes(), 0);
        let told = refused(&control, &many(201)).await;
        assert_eq!(told, "weir.yaml:2: teams[0].policies: would be more than the 200 that are possible");
    }
}
