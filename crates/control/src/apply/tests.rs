//! Files against both databases.

mod policy;
mod price;
mod route;

use domain::Role;
use domain::ledger::Surface;
use store::audit::{Chain, verify};
use store::config::load_config;
use store::db_test;

use super::{ApplyError, Plan, plan};
use crate::Control;
use crate::change::now;
use crate::cookie::sha256;
use crate::tests::fixture::{client, open, sealer};

const FILE: &str = "\
teams:
  - slug: acme
    name: Acme
    custom_providers:
      - { slug: mine, base_url: http://127.0.0.1:9002/v1, dialect: anthropic, auth: x-api-key }
    gateways:
      - slug: main
        settings: { collect_logs: true, cache_ttl: 60 }
      - slug: spare
        enabled: false
    provider_keys:
      - { provider: openai, key: env:OPENAI_API_KEY, base_url: http://127.0.0.1:9001 }
      - { provider: custom-mine, alias: second, key: env:MINE_KEY }
    tokens:
      - { name: app, token: env:WEIR_TOKEN, gateways: [main] }
      - { name: generated, models: [\"openai/*\"], expires_at: 2099-01-01T00:00:00Z }
    members:
      - { email: Ann@example.com, name: Ann, role: owner, password: env:ANN_PASSWORD }
";

fn env(name: &str) -> Option<String> {
    let value = match name {
        "OPENAI_API_KEY" => "sk-openai-0123456789",
        "OTHER_KEY" => "sk-other-0123456789",
        "MINE_KEY" => "mine-0123456789abcdef",
        "WEIR_TOKEN" => "weir_known_0123456789abcdef",
        "OTHER_TOKEN" => "weir_other_0123456789abcdef",
        "THIRD_TOKEN" => "weir_third_0123456789abcdef",
        "ANN_PASSWORD" => "correct horse battery",
        "SHORT" => "short",
        "EMPTY" => " ",
        _ => return None,
    };
    Some(value.to_owned())
}

async fn planned(control: &Control, yaml: &str) -> Plan {
    plan(control, yaml, "weir.yaml", &env).await.expect("a valid file")
}

async fn refused(control: &Control, yaml: &str) -> String {
    let errors = plan(control, yaml, "weir.yaml", &env).await.expect_err("an invalid file");
    errors.iter().map(ApplyError::to_string).collect::<Vec<_>>().join("\n")
}

db_test! {
    async fn a_file_is_planned_and_carried_out_once(store: Store) {
        let control = open(&store).await;
        let first = planned(&control, FILE).await;
        insta::assert_snapshot!(first.render(), @r#"
        + team acme
            name: Acme
          + custom provider mine
              auth: x-api-key
              base_url: http://127.0.0.1:9002/v1
              dialect: anthropic
              enabled: true
              name: mine
          + gateway main
              enabled: true
              name: main
              settings.cache_ttl: 60
          + gateway spare
              enabled: false
              name: spare
          + provider key openai/default
              base_url: http://127.0.0.1:9001
              enabled: true
              weight: 1
          + provider key custom-mine/second
              enabled: true
              weight: 1
          + token app
              gateways: ["main"]
          + token generated
              token: generated, shown once
              expires_at: 2099-01-01T00:00:00Z
              models: ["openai/*"]
          + member ann@example.com
              role: owner
        9 to create, 0 to change, 0 unchanged
        "#);
        let version = store::config::version(&store).await.expect("a version");
        let applied = first.execute().await.expect("applied");
        assert_eq!(applied.changes, 9);
        assert_eq!(applied.issued.len(), 1);
        assert_eq!(applied.issued[0].0, "acme/generated");
        assert_eq!(store::config::version(&store).await.expect("a version"), version + 1);
        let second = planned(&control, FILE).await;
        insta::assert_snapshot!(second.render(), @r#"
        = team acme
          = custom provider mine
          = gateway main
          = gateway spare
          = provider key openai/default
          = provider key custom-mine/second
          = token app
          = token generated
          = member ann@example.com
        0 to create, 0 to change, 9 unchanged
        "#);
        assert_eq!(second.execute().await.expect("nothing to do").changes, 0);
        assert_eq!(store::config::version(&store).await.expect("a version"), version + 1);
        assert_eq!(verify(store.read()).await.expect("read"), Chain::Intact(9));
        let signed = control.sign_in("ann@example.com", "correct horse battery", &client(), None).await.expect("signed in");
        let ann = control.authenticate(signed.cookie.expose()).await.expect("known");
        assert_eq!(ann.team("acme").expect("a member").team().role, Role::Owner);
    }

    async fn only_what_the_file_mentions_changes(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let change = "\
teams:
  - slug: acme
    gateways:
      - { slug: main, settings: { cache_ttl: 120, cache_invalidate_on_update: true, strict_translation: true } }
    provider_keys:
      - { provider: openai, key: env:OTHER_KEY }
    tokens:
      - { name: app, token: env:OTHER_TOKEN }
      - { name: generated, models: [\"openai/gpt-*\"] }
";
        let change = planned(&control, change).await;
        insta::assert_snapshot!(change.render(), @r#"
        = team acme
          ~ gateway main
              settings.cache_invalidate_on_update: false → true
              settings.cache_ttl: 60 → 120
              settings.strict_translation: false → true
          ~ provider key openai/default
              key: replaced
          ~ token app
              token: rotated; the old secret ends at once
          ~ token generated
              models: ["openai/*"] → ["openai/gpt-*"]
        0 to create, 4 to change, 1 unchanged
        "#);
        change.execute().await.expect("applied");
        let team = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0);
        let main = &team.gateways[0];
        assert_eq!((main.settings.cache_ttl, main.settings.collect_logs, main.cache_epoch), (Some(120), true, 1));
        assert!(main.settings.strict_translation);
        let keys: Vec<_> = team.provider_keys.iter().map(|key| (key.secret.expose(), &key.base_url)).collect();
        let kept = Some("http://127.0.0.1:9001".to_owned());
        assert_eq!(keys, [("mine-0123456789abcdef", &None), ("sk-other-0123456789", &kept)]);
        let live: Vec<_> = team.tokens.iter().filter(|token| !token.revoked).map(|token| token.name.as_str()).collect();
        assert_eq!(live, ["app", "generated"]);
        let app = &team.tokens[0];
        let digest = |name: &str| sha256(env(name).expect("known").as_bytes());
        assert_eq!((app.digest, app.previous.map(|previous| previous.digest)), (digest("OTHER_TOKEN"), Some(digest("WEIR_TOKEN"))));
        let back = refused(&control, "teams: [{ slug: acme, tokens: [{ name: app, token: env:WEIR_TOKEN }] }]").await;
        assert!(back.contains("was replaced by a later one of this token"), "{back}");
    }

    async fn a_token_is_rotated_with_a_grace_period(store: Store) {
        let control = open(&store).await;
        let file = |secret: &str, grace: &str| {
            format!("teams: [{{ slug: acme, tokens: [{{ name: app, token: env:{secret}, grace: {grace} }}] }}]")
        };
        planned(&control, &file("WEIR_TOKEN", "24h")).await.execute().await.expect("applied");
        assert_eq!(planned(&control, &file("WEIR_TOKEN", "24h")).await.changes(), 0);
        let plan = planned(&control, &file("OTHER_TOKEN", "24h")).await;
        assert!(plan.render().contains("token: rotated; the old secret works for 86400 s more"), "{}", plan.render());
        plan.execute().await.expect("applied");
        let app = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0).tokens.remove(0);
        assert!(app.previous.expect("works on").until > now() + chrono::TimeDelta::hours(23));
        assert_eq!(planned(&control, &file("OTHER_TOKEN", "24h")).await.changes(), 0);
        for (secret, grace, words) in [("THIRD_TOKEN", "1h", "end that one first"), ("THIRD_TOKEN", "31d", "at most 30d")] {
            let told = refused(&control, &file(secret, grace)).await;
            assert!(told.contains(words), "{told}");
        }
        planned(&control, &file("THIRD_TOKEN", "0")).await.execute().await.expect("ends both");
    }

    async fn everything_wrong_is_told_at_once_and_nothing_is_written(store: Store) {
        let control = open(&store).await;
        let bad = "\
teams:
  - slug: Chat Room
    gateways:
      - slug: main
        settings: { cache_ttl: 1, cache_tll: 60, collect_logs: maybe }
      - slug: main
    provider_keys:
      - { provider: nobody, key: env:OPENAI_API_KEY }
      - { provider: openai, key: sk-pasted-by-mistake }
      - { provider: groq, key: env:MISSING, base_url: ftp://example.com }
    custom_providers:
      - { slug: mine, base_url: https://example.com, dialect: klingon }
    tokens:
      - { name: app, token: env:SHORT, gateways: [nowhere] }
      - { name: old, expires_at: 2001-01-01T00:00:00Z }
      - { name: none, gateways: [], limits: { requests_per_minute: 0, cost_per_day: 0.5, requests_per_second: 1 } }
    members:
      - { email: ann, role: boss, password: env:EMPTY }
      - { email: bob@example.com, role: viewer, password: env:ANN_PASSWORD }
";
        insta::assert_snapshot!(refused(&control, bad).await, @r#"
        weir.yaml:2: teams[0].slug: may only use lower-case letters, digits and single hyphens between them
        weir.yaml:5: teams[0].gateways[0].settings.cache_tll: is not a setting
        weir.yaml:5: teams[0].gateways[0].settings.collect_logs: invalid type: string "maybe", expected a boolean
        weir.yaml:5: teams[0].gateways[0].settings.cache_ttl: must be between 60 and 2592000
        weir.yaml:6: teams[0].gateways[1].slug: appears twice in this file
        weir.yaml:8: teams[0].provider_keys[0].provider: does not exist
        weir.yaml:9: teams[0].provider_keys[1].key: must be env:NAME or file:PATH; secrets do not belong into this file
        weir.yaml:10: teams[0].provider_keys[2].base_url: must be an http:// or https:// address without user name, query or fragment
        weir.yaml:10: teams[0].provider_keys[2].key: the environment variable MISSING is not set
        weir.yaml:12: teams[0].custom_providers[0].dialect: is not one of the choices
        weir.yaml:14: teams[0].tokens[0].token: needs at least 16 characters
        weir.yaml:14: teams[0].tokens[0].gateways[0]: does not exist
        weir.yaml:15: teams[0].tokens[1].expires_at: must be in the future
        weir.yaml:16: teams[0].tokens[2].limits.cost_per_day: must be whole dollars, or dollars in quotes, as "0.50"
        weir.yaml:16: teams[0].tokens[2].limits.requests_per_minute: must be between 1 and 100000000000000000
        weir.yaml:16: teams[0].tokens[2].limits.requests_per_second: is no limit of a token, which are requests_per_minute, tokens_per_minute, cost_per_day, cost_per_month
        weir.yaml:18: teams[0].members[0].email: must be an e-mail address
        weir.yaml:18: teams[0].members[0].role: is not one of the choices
        weir.yaml:18: teams[0].members[0].password: the value is empty
        "#);
        assert!(load_config(&store, &sealer()).await.expect("loaded").teams.is_empty());
    }

    async fn a_file_that_is_not_of_the_right_shape_is_refused_with_its_line(store: Store) {
        let control = open(&store).await;
        let unknown = "teams:\n  - slug: acme\n    gatways: []\n";
        insta::assert_snapshot!(refused(&control, unknown).await, @r#"weir.yaml:3: unknown field `gatways`, expected one of slug, name, gateways, provider_keys, custom_providers, tokens, policies, prices, members"#);
        let broken = "teams:\n  - slug: [acme\n";
        insta::assert_snapshot!(refused(&control, broken).await, @r#"weir.yaml:2: expected string scalar"#);
    }

    async fn a_team_is_never_left_without_an_owner(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let demote = "\
teams:
  - slug: acme
    members:
      - { email: ann@example.com, role: viewer, password: env:ANN_PASSWORD }
";
        insta::assert_snapshot!(refused(&control, demote).await, @r#"weir.yaml:2: teams[0].members: leaves the team without an owner"#);
    }

    async fn who_has_an_account_needs_no_password_in_the_file_any_more(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        for password in ["", ", password: env:MISSING"] {
            let again = format!("teams: [{{ slug: acme, members: [{{ email: ann@example.com, role: owner{password} }}] }}]");
            assert_eq!(planned(&control, &again).await.changes(), 0, "{password}");
        }
        let bad = "\
teams:
  - slug: acme
    members:
      - { email: bob@example.com, role: viewer }
      - { email: ann@example.com, role: owner, password: pasted by mistake }
";
        insta::assert_snapshot!(refused(&control, bad).await, @r#"
        weir.yaml:4: teams[0].members[0].password: is required: nobody has an account with this address yet
        weir.yaml:5: teams[0].members[1].password: must be env:NAME or file:PATH; secrets do not belong into this file
        "#);
    }

    async fn a_token_is_held_to_what_the_file_says_and_keeps_what_it_leaves_out(store: Store) {
        let control = open(&store).await;
        let file = |held: &str| format!("teams:\n  - slug: acme\n    tokens:\n      - {{ name: app{held} }}\n");
        let held = ", providers: [openai, xai], endpoints: [native, models], ip_ranges: [10.0.0.0/8, \"::1\"]";
        let plan = planned(&control, &file(held)).await;
        insta::assert_snapshot!(plan.render(), @r#"
        + team acme
            name: acme
          + token app
              token: generated, shown once
              endpoints: ["native","models"]
              ip_ranges: ["10.0.0.0/8","::1"]
              providers: ["openai","xai"]
        2 to create, 0 to change, 0 unchanged
        "#);
        plan.execute().await.expect("applied");
        assert_eq!(planned(&control, &file("")).await.changes(), 0);
        planned(&control, &file(", ip_ranges: [10.0.0.0/16]")).await.execute().await.expect("applied");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        let stored = &config.teams[0].tokens[0].restrictions;
        assert_eq!(stored.endpoints, Some(vec![Surface::Native, Surface::Models]));
        assert_eq!(stored.ip_ranges.as_deref(), Some(&["10.0.0.0/16".to_owned()][..]));
        let bad = "\
teams:
  - slug: acme
    tokens:
      - name: app
        providers: [nobody]
        endpoints: [chat]
        ip_ranges: [home]
";
        insta::assert_snapshot!(refused(&control, bad).await, @r#"
        weir.yaml:5: teams[0].tokens[0].providers: does not exist
        weir.yaml:6: teams[0].tokens[0].endpoints[0]: is not one of the choices
        weir.yaml:7: teams[0].tokens[0].ip_ranges: must be an address or a network, as 192.0.2.7 or 10.0.0.0/8
        "#);
    }

    async fn what_a_token_is_held_to_is_lifted_where_the_file_names_nothing(store: Store) {
        let control = open(&store).await;
        let file = |held: &str| {
            format!("teams:\n  - slug: acme\n    gateways: [{{ slug: main }}]\n    tokens:\n      - {{ name: app{held} }}\n")
        };
        let held = ", gateways: [main], models: [\"gpt-*\"], providers: [openai], endpoints: [models], ip_ranges: [\"::1\"], expires_at: 2099-01-01T00:00:00Z";
        planned(&control, &file(held)).await.execute().await.expect("applied");
        assert_eq!(planned(&control, &file("")).await.changes(), 0, "what is left out stays");
        let lifted = planned(&control, &file(", gateways: null, models: [], providers: ~, endpoints: null, ip_ranges: [], expires_at: null")).await;
        insta::assert_snapshot!(lifted.render(), @r#"
        = team acme
          = gateway main
          ~ token app
              endpoints: ["models"] → none
              expires_at: 2099-01-01T00:00:00Z → none
              gateways: ["main"] → none
              ip_ranges: ["::1"] → none
              models: ["gpt-*"] → none
              providers: ["openai"] → none
        0 to create, 1 to change, 2 unchanged
        "#);
        lifted.execute().await.expect("applied");
        let token = load_config(&store, &sealer()).await.expect("loaded").teams.remove(0).tokens.remove(0);
        assert_eq!((token.restrictions, token.expires_at), (domain::token::Restrictions::default(), None));
        assert_eq!(planned(&control, &file(", models: null")).await.changes(), 0);
    }

    async fn a_tokens_own_limits_are_what_the_file_names(store: Store) {
        let control = open(&store).await;
        let file = |limits: &str| format!("teams:\n  - slug: acme\n    tokens:\n      - name: app\n        token: env:WEIR_TOKEN\n{limits}");
        let limits = "        limits: { requests_per_minute: 60, cost_per_month: \"12.50\" }\n";
        let first = planned(&control, &file(limits)).await;
        insta::assert_snapshot!(first.render(), @r#"
        + team acme
            name: acme
          + token app
              limits.cost_per_month: $12.50
              limits.requests_per_minute: 60
        2 to create, 0 to change, 0 unchanged
        "#);
        first.execute().await.expect("applied");
        assert_eq!(planned(&control, &file(limits)).await.changes(), 0, "once");
        assert_eq!(planned(&control, &file("")).await.changes(), 0, "what is left out stays");
        let own = || async {
            let team = store::team::find_by_slug(store.read(), "acme").await.expect("read").expect("acme");
            let rows = store::policy::list(store.read(), domain::TeamId(team.id)).await.expect("listed");
            rows.iter().map(|row| (row.name.clone(), row.token_id.is_some())).collect::<Vec<_>>()
        };
        let names = [("app: cost a month".to_owned(), true), ("app: requests a minute".to_owned(), true)];
        assert_eq!(own().await, names);
        let other = planned(&control, &file("        limits: { requests_per_minute: 90, tokens_per_minute: null, cost_per_day: 3 }\n")).await;
        insta::assert_snapshot!(other.render(), @r#"
        = team acme
          ~ token app
              limits.cost_per_day: none → $3.00
              limits.cost_per_month: $12.50 → none
              limits.requests_per_minute: 60 → 90
        0 to create, 1 to change, 1 unchanged
        "#);
        other.execute().await.expect("applied");
        let Chain::Intact(events) = verify(store.read()).await.expect("read") else { panic!("a broken chain") };
        // The team, the token and two limits; then one limit more, one changed and one less, and nothing about the token itself.
        assert_eq!(events, 7);
        for nothing in ["null", "{}"] {
            let lifted = planned(&control, &file(&format!("        limits: {nothing}\n"))).await;
            lifted.execute().await.expect("applied");
            assert_eq!(own().await, [], "{nothing}");
        }
    }

    async fn a_token_is_found_among_any_number_of_others(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        let team = store::team::find_by_slug(store.read(), "acme").await.expect("read").expect("acme");
        let tx = store.write_tx().await.expect("a transaction");
        for number in 0..1_001_u32 {
            let digest = crate::cookie::sha256(&number.to_be_bytes());
            let name = format!("later {number}");
            let scope = store::token::Scope { name: &name, restrictions: &Default::default(), expires_at: None };
            let hint = "…".to_owned();
            store::token::create(&tx, domain::TeamId(team.id), digest, hint, &scope, now()).await.expect("created");
        }
        tx.commit().await.expect("committed");
        assert_eq!(planned(&control, FILE).await.changes(), 0);
    }

    async fn a_plan_made_before_another_change_is_refused(store: Store) {
        let control = open(&store).await;
        let stale = planned(&control, FILE).await;
        planned(&control, "teams: [{ slug: other }]").await.execute().await.expect("applied");
        let refused = stale.execute().await.expect_err("outdated");
        assert_eq!(refused, crate::ControlError::Outdated);
        assert!(refused.to_string().contains("run it again"), "{refused}");
    }
}
