//! Prices in a file.

use store::config::load_config;
use store::db_test;

use super::{planned, refused};
use crate::tests::fixture::{open, sealer};

const FILE: &str = "\
teams:
  - slug: acme
    custom_providers:
      - { slug: mine, base_url: http://127.0.0.1:9002/v1 }
    prices:
      - { provider: openai, model: \"gpt-5*\", discount_ppm: 150000 }
      - provider: openai
        model: \"gpt-5*\"
        from: 2027-01-01
        discount_ppm: 200000
      - provider: custom-mine
        model: llama
        rates: { input: \"0.10\", output: \"0.40\" }
";

/// One team with one price.
fn file(price: &str) -> String {
    format!("teams:\n  - slug: acme\n    prices:\n      - {price}\n")
}

db_test! {
    async fn prices_are_planned_and_carried_out_once(store: Store) {
        let control = open(&store).await;
        let first = planned(&control, FILE).await;
        insta::assert_snapshot!(first.render(), @r#"
        + team acme
            name: acme
          + custom provider mine
              auth: bearer
              base_url: http://127.0.0.1:9002/v1
              dialect: openai
              enabled: true
              name: mine
          + price openai/gpt-5*
              discount_ppm: 150000
          + price openai/gpt-5*
              discount_ppm: 200000
              from: 2027-01-01
          + price custom-mine/llama
              rates: {"input":"0.10","output":"0.40"}
        5 to create, 0 to change, 0 unchanged
        "#);
        first.execute().await.expect("applied");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(config.teams[0].prices.len(), 3);
        let second = planned(&control, FILE).await;
        assert_eq!(second.changes(), 0, "{}", second.render());
    }

    async fn a_price_of_the_file_replaces_the_one_that_begins_with_it_and_others_stay(store: Store) {
        let control = open(&store).await;
        planned(&control, FILE).await.execute().await.expect("applied");
        // Another way to write the same moment.
        let row = "{ provider: openai, model: \"gpt-5*\", from: \"2027-01-01T00:00:00Z\", zone: data_residency }";
        let change = planned(&control, &file(row)).await;
        insta::assert_snapshot!(change.render(), @r#"
        = team acme
          ~ price openai/gpt-5*
              discount_ppm: 200000 → none
              from: 2027-01-01 → 2027-01-01T00:00:00Z
              zone: none → data_residency
        0 to create, 1 to change, 1 unchanged
        "#);
        change.execute().await.expect("applied");
        let config = load_config(&store, &sealer()).await.expect("loaded");
        assert_eq!(config.teams[0].prices.len(), 3);
    }

    async fn what_is_wrong_with_a_price_is_told_with_its_line(store: Store) {
        let control = open(&store).await;
        let bad = "\
teams:
  - slug: acme
    prices:
      - { provider: nobody, model: x, discount_ppm: 1 }
      - provider: openai
        model: x
        rates: { input: 1, output: \"2\" }
      - provider: openai
        model: x
        from: soon
        discount_ppm: 1
      - { provider: custom-mine, model: x, rates: { input: \"1\", output: \"2\" } }
      - { provider: openai, model: twice, discount_ppm: 1 }
      - { provider: openai, model: twice, discount_ppm: 2 }
      - { provider: openai, model: z }
";
        let told = refused(&control, bad).await;
        let begins = [
            "weir.yaml:4: teams[0].prices[0].provider: does not exist",
            "weir.yaml:7: teams[0].prices[1].rates.input: must be a decimal number in quotes",
            "weir.yaml:10: teams[0].prices[2].from: must be a day or a moment",
            "weir.yaml:12: teams[0].prices[3].provider: does not exist",
            "weir.yaml:14: teams[0].prices[5].model: has another price in this file",
            "weir.yaml:15: teams[0].prices[6].rates: is missing",
        ];
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines.len(), begins.len(), "{told}");
        lines.iter().zip(begins).for_each(|(line, begin)| assert!(line.starts_with(begin), "{line}"));
        assert!(load_config(&store, &sealer()).await.expect("loaded").teams.is_empty());
    }

    async fn a_team_has_only_so_many_prices(store: Store) {
        let control = open(&store).await;
        let many = |count: usize| {
            let price = |number: usize| format!("      - {{ provider: openai, model: m{number}, discount_ppm: 1 }}\n");
            format!("teams:\n  - slug: acme\n    prices:\n{}", (0..count).map(price).collect::<String>())
        };
        planned(&control, &many(1_000)).await.execute().await.expect("applied");
        assert_eq!(planned(&control, &many(1_000)).await.changes(), 0);
        let told = refused(&control, &many(1_001)).await;
        assert_eq!(told, "weir.yaml:2: teams[0].prices: would be more than the 1000 that are possible");
    }
}
