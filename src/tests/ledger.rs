//! `weir ledger …`, beside a running server.

use std::process::Output;

use chrono::Utc;
use serde_json::{Value, json};
use store::fixture::execute;

use crate::harness::{Installation, Server, text};
use crate::postgres::Postgres;

/// Asks so often; answers what the provider said of input and output tokens.
async fn ask(server: &Server, times: u64) -> (u64, u64) {
    let (mut input, mut output) = (0, 0);
    for number in 0..times {
        let answer: Value = server.chat(&format!("Question {number}"), false).await.json().await.unwrap();
        input += answer["usage"]["prompt_tokens"].as_u64().unwrap();
        output += answer["usage"]["completion_tokens"].as_u64().unwrap();
    }
    server.until_caught_up().await;
    (input, output)
}

async fn finds_what_sql_broke(installation: &Installation) {
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    ask(&server, 3).await;
    assert_eq!(installation.verify().await["rows"], 3);
    let store = installation.store().await;
    execute(&store, "UPDATE requests SET cost_nanos = cost_nanos + 1").await;
    let output = installation.run(&["ledger", "verify"]).await;
    let said = text(&output.stdout);
    assert!(!output.status.success());
    assert!(said.contains("its formula makes") && said.contains("rollup_day"), "{said}");
    assert_eq!(text(&output.stderr), "weir: the ledger has 6 differences\n");
    let json = installation.run(&["ledger", "verify", "--json"]).await;
    assert!(!json.status.success());
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&report["differences"], &report["listed"][0]["kind"]), (&json!(6), &json!("cost")));
    let past = installation.run(&["ledger", "verify", "--to", "2020-01-01"]).await;
    assert!(past.status.success(), "{}", text(&past.stdout));
    execute(&store, "UPDATE requests SET cost_nanos = cost_nanos - 1").await;
    store.close().await.unwrap();
    installation.verify().await;
}

#[tokio::test]
async fn verify_finds_what_was_changed_beside_the_server() {
    finds_what_sql_broke(&Installation::new().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL's programs"]
async fn verify_works_on_postgresql() {
    let postgres = Postgres::start().await;
    let mut installation = Installation::new().await;
    installation.database_url = Some(postgres.url());
    finds_what_sql_broke(&installation).await;
}

/// Writes a file; runs the comparison with it.
async fn reconcile(installation: &Installation, export: &str, arguments: &[&str]) -> Output {
    let file = installation.directory.path().join("export");
    std::fs::write(&file, export).unwrap();
    let mut all = vec!["ledger", "reconcile", file.to_str().unwrap()];
    all.extend(arguments);
    installation.run(&all).await
}

#[tokio::test]
async fn an_export_is_compared_with_the_ledger() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    let (input, output) = ask(&server, 3).await;
    let today = Utc::now().date_naive();
    let start = today.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
    let usage = |requests: u64| {
        let result = json!({
            "object": "organization.usage.completions.result", "model": "gpt-4o-mini-2024-07-18", "api_key_id": "key_abc",
            "num_model_requests": requests, "input_tokens": input, "output_tokens": output,
        });
        json!({ "object": "page", "data": [{ "start_time": start, "results": [result] }], "has_more": false })
            .to_string()
    };
    let of_key = ["--provider", "openai", "--key", "acme/default=key_abc"];
    let agrees = reconcile(&installation, &usage(3), &of_key).await;
    assert!(agrees.status.success(), "{}{}", text(&agrees.stdout), text(&agrees.stderr));
    let said = text(&agrees.stdout);
    assert!(
        said.contains(&format!("{today} gpt-4o-mini key_abc: agrees")) && said.contains("Everything agrees."),
        "{said}"
    );

    let differs = reconcile(&installation, &usage(4), &of_key).await;
    assert!(!differs.status.success());
    assert_eq!(text(&differs.stderr), "weir: 1 line differs\n");
    let said = text(&differs.stdout);
    assert!(said.contains("theirs 4, ours 3, -1") && said.contains("calls around Weir"), "{said}");
    let tolerant = reconcile(&installation, &usage(4), &[&of_key[..], &["--tolerance", "25"]].concat()).await;
    assert!(tolerant.status.success(), "{}", text(&tolerant.stdout));

    let unnamed = reconcile(&installation, &usage(3), &["--provider", "openai", "--json"]).await;
    assert!(!unnamed.status.success());
    let report: Value = serde_json::from_slice(&unnamed.stdout).unwrap();
    assert_eq!((&report["differences"], &report["lines"][0]["key"]), (&json!(2), &json!("acme/default")), "{report}");
    assert_eq!(report["lines"][0]["requests"], json!({ "theirs": 0, "ours": 3, "difference": 3 }));

    let table = format!("day,model,requests,tokens_in,tokens_out\n{today},gpt-4o-mini,3,{input},{output}\n");
    let agrees = reconcile(&installation, &table, &["--provider", "csv", "--tolerance", "0"]).await;
    assert!(agrees.status.success(), "{}", text(&agrees.stdout));
}

#[tokio::test]
async fn an_export_that_cannot_be_read_is_named() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let refused = reconcile(&installation, "{}", &["--provider", "openai"]).await;
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("export: page 1: has no list `data`"), "{}", text(&refused.stderr));
    let day = "day,cost\n2026-11-25,1\n";
    let refused = reconcile(&installation, day, &["--provider", "csv", "--key", "nobody=key_abc"]).await;
    assert!(text(&refused.stderr).contains("there is no key nobody"), "{}", text(&refused.stderr));
    let refused = reconcile(&installation, day, &["--provider", "csv", "--tolerance", "many"]).await;
    assert!(text(&refused.stderr).contains("--tolerance"), "{}", text(&refused.stderr));
}

async fn is_priced_again(installation: &Installation) {
    installation.apply_team("{}").await;
    let server = installation.serve(&[]).await;
    ask(&server, 3).await;
    let before = installation.verify().await["cost_nanos"].as_i64().unwrap();
    let rerate = |flags: &'static [&'static str]| async move {
        let output = installation.run(&[&["ledger", "rerate"][..], flags].concat()).await;
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let same = rerate(&["--write"]).await;
    assert!(same.contains("3 attempts cost the same.") && same.ends_with("Nothing costs anything else.\n"), "{same}");

    let prices = "    prices:\n      - { provider: openai, model: \"gpt-4o*\", discount_ppm: 500000 }\n";
    let version = server.readiness().await["config_version"].as_i64();
    let applied = installation.apply(&(installation.team("{}") + prices), &[]).await;
    assert!(applied.status.success(), "{}", text(&applied.stderr));
    server.until(|said| said["config_version"].as_i64() > version).await;
    let dry = rerate(&[]).await;
    assert!(dry.contains("acme openai/gpt-4o-mini: 3 attempts") && dry.contains("--write"), "{dry}");
    assert_eq!(installation.verify().await["cost_nanos"], before);
    let elsewhere = rerate(&["--write", "--provider", "groq"]).await;
    assert!(elsewhere.ends_with("Nothing costs anything else.\n"), "{elsewhere}");

    let report: Value = serde_json::from_str(&rerate(&["--write", "--json"]).await).unwrap();
    let after = report["changed"][0]["after"].as_i64().unwrap();
    assert_eq!((report["changed"][0]["before"].as_i64(), after * 2), (Some(before), before), "{report}");
    let checked = installation.verify().await;
    assert_eq!((&checked["cost_nanos"], &checked["corrections"]), (&json!(after), &json!(3)));
    // Requests that come meanwhile have the new price from the start.
    ask(&server, 1).await;
    assert!(rerate(&["--write"]).await.ends_with("Nothing costs anything else.\n"));
    let unknown = installation.run(&["ledger", "rerate", "--team", "nobody"]).await;
    assert_eq!((unknown.status.success(), text(&unknown.stderr).as_str()), (false, "weir: no such team\n"));
}

#[tokio::test]
async fn the_past_is_priced_again_beside_a_running_server() {
    is_priced_again(&Installation::new().await).await;
}

#[tokio::test]
#[ignore = "needs PostgreSQL's programs"]
async fn the_past_is_priced_again_on_postgresql() {
    let postgres = Postgres::start().await;
    let mut installation = Installation::new().await;
    installation.database_url = Some(postgres.url());
    is_priced_again(&installation).await;
}
