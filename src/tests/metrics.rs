//! `GET /metrics`, and what the dashboard shows of provider keys and circuits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::harness::{Installation, PASSWORD, Server, client};

const SCRAPE: &str = "scrape-token-0123456789";
const ENV: [(&str, &str); 1] = [("WEIR_METRICS_TOKEN", SCRAPE)];

async fn scrape(server: &Server) -> String {
    let answer = client().get(server.url("/metrics")).bearer_auth(SCRAPE).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// The value of a sample, by its name and labels as they are written.
fn value<'a>(metrics: &'a str, sample: &str) -> &'a str {
    let line = metrics.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {metrics}"))
}

/// The state among those of a family that is 1 for the sample with these labels.
fn state<'a>(metrics: &'a str, family: &str, labels: &str) -> Vec<&'a str> {
    let of = |line: &'a str| line.strip_prefix(family)?.strip_suffix("\"} 1")?.split_once(",state=\"");
    metrics.lines().filter_map(of).filter(|(named, _)| named.contains(labels)).map(|(_, state)| state).collect()
}

#[tokio::test]
async fn metrics_are_for_those_with_the_token() {
    let installation = Installation::new().await;
    let mut server = installation.serve(&[]).await;
    for request in [client().get(server.url("/metrics")), client().get(server.url("/metrics")).bearer_auth("")] {
        let off = request.send().await.unwrap();
        assert_eq!(off.status(), 404);
        assert!(off.text().await.unwrap().contains("WEIR_METRICS_TOKEN"));
    }
    server.child.kill().await.unwrap();
    let server = installation.serve(&ENV).await;
    for request in [
        client().get(server.url("/metrics")),
        client().get(server.url("/metrics")).bearer_auth("scrape-token-012345678"),
        client().get(server.url("/metrics?token=scrape-token-0123456789")),
    ] {
        let refused = request.send().await.unwrap();
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["www-authenticate"]),
            (401, &"Bearer".parse().unwrap())
        );
        assert!(!refused.text().await.unwrap().contains("weir_"));
    }
    scrape(&server).await;
}

/// What the format allows (<https://prometheus.io/docs/instrumenting/exposition_formats/>), and each family described.
#[tokio::test]
async fn metrics_are_well_formed_bounded_and_described() {
    let installation = Installation::new().await;
    installation.apply_team("{}").await;
    let server = installation.serve(&ENV).await;
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    let unknown = client().get(server.url("/v1/nowhere/at/all")).send().await.unwrap();
    assert!(unknown.status().is_client_error());
    let metrics = scrape(&server).await;
    let mut kinds = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut family = "";
    for line in metrics.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
            assert!(name.starts_with("weir_") && help.ends_with('.') && !kinds.contains_key(name), "{line}");
            family = name;
            continue;
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            assert!(name == family && ["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            kinds.insert(name, kind);
            continue;
        }
        let (sample, number) = line.rsplit_once(' ').unwrap();
        assert_eq!(sample.split('{').next(), Some(family), "samples stand below their family: {line}");
        assert!(number.parse::<f64>().is_ok_and(|number| number >= 0.0), "{line}");
        assert!(seen.insert(sample), "twice: {line}");
        for secret in ["sk-provider-secret", crate::harness::TOKEN, SCRAPE, "gpt-4o-mini", "nowhere"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
    let page = include_str!("../../docs/metrics.md");
    let named = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    // Expressions of alerts have names in them too.
    let named = named.filter(|name| !name.contains(['=', '(', ' ']));
    let described: BTreeSet<_> = named.filter_map(|name| name.split('{').next()).collect();
    assert_eq!(described, kinds.keys().copied().collect(), "docs/metrics.md has each family once");

    assert_eq!(value(&metrics, "weir_requests_total{outcome=\"ok\"}"), "1");
    assert_eq!(value(&metrics, "weir_attempts_total{outcome=\"ok\"}"), "1");
    assert_eq!(value(&metrics, "weir_requests_total{outcome=\"refused\"}"), "1");
    assert_eq!(value(&metrics, "weir_refusals_unrecorded_total"), "1");
    assert_eq!(value(&metrics, "weir_requests_in_flight"), "0");
    assert_eq!(value(&metrics, "weir_ledger_up"), "1");
    assert_eq!(value(&metrics, "weir_ledger_writer_up"), "1");
    assert_eq!(value(&metrics, "weir_draining"), "0");
    assert!(value(&metrics, "weir_process_resident_memory_bytes").parse::<u64>().unwrap() > 1 << 20);
    let labels = "provider=\"openai\",alias=\"default\"";
    assert_eq!(state(&metrics, "weir_provider_key_state", labels), ["in_use"]);
    assert_eq!(state(&metrics, "weir_upstream_circuit_state", "provider=\"openai\""), ["closed"]);
}

#[tokio::test]
async fn a_key_that_is_refused_shows_as_parked_on_pages_and_in_metrics() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&ENV).await;
    let cookie = server.sign_in(PASSWORD).await.expect("signed in");
    let page = async |path: &str| server.get(path, Some(&cookie)).await.text().await.unwrap();
    assert!(!page("/acme/keys").await.contains("Parked"));
    assert_eq!(server.chat("mock-status-401", false).await.status(), 401);
    let metrics = scrape(&server).await;
    let labels = "team=\"acme\",provider=\"openai\",alias=\"default\"";
    assert_eq!(state(&metrics, "weir_provider_key_state", labels), ["parked"]);
    let rests =
        metrics.lines().find_map(|line| line.strip_prefix(&format!("weir_provider_key_rest_seconds{{{labels}")));
    let rests: f64 = rests.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((30.0..=60.0).contains(&rests), "{rests}");
    assert_eq!(value(&metrics, "weir_attempts_total{outcome=\"upstream_error\"}"), "1");
    let others = state(&metrics, "weir_provider_key_state", "provider=\"anthropic\"");
    assert_eq!(others, ["in_use"], "the other keys are well");

    let list = page("/acme/keys").await;
    assert!(list.contains("Parked") && list.contains("In use"), "{list}");
    let link = list.split("/acme/keys/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let mut told = page(&format!("/acme/keys/{link}")).await;
    for id in 1..=3 {
        let page = page(&format!("/acme/keys/{id}")).await;
        told = if page.contains("Parked") { page } else { told };
    }
    assert!(told.contains("Parked, because the provider does not know it (status 401)"), "{told}");
    server.until_caught_up().await;
    let overview = page("/acme").await;
    assert!(overview.contains("leaves alone at the moment") && overview.contains("status 401"), "{overview}");
}

#[tokio::test]
async fn a_circuit_opens_is_tried_and_closes_again() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&ENV).await;
    let cookie = server.sign_in(PASSWORD).await.expect("signed in");
    let circuit = async || {
        let metrics = scrape(&server).await;
        state(&metrics, "weir_upstream_circuit_state", "provider=\"openai\"").join(",")
    };
    for _ in 0..5 {
        assert_eq!(circuit().await, "closed");
        assert_eq!(server.chat("mock-status-503", false).await.status(), 503);
    }
    assert_eq!(circuit().await, "open");
    let list = server.get("/acme/keys", Some(&cookie)).await.text().await.unwrap();
    assert!(list.contains("Circuit open"), "{list}");
    // Five seconds, and one request tries it.
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while circuit().await == "open" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    patience.await.expect("it opens for five seconds");
    assert_eq!(circuit().await, "half_open");
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    assert_eq!(circuit().await, "closed");
    let list = server.get("/acme/keys", Some(&cookie)).await.text().await.unwrap();
    assert!(!list.contains("Circuit"), "{list}");
}
