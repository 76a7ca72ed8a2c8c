//! No endpoint leads past policies.

use std::collections::BTreeSet;

use domain::ledger::Surface;
use http::Method;

use crate::doors::{self, walk};

#[tokio::test]
async fn a_denial_holds_at_every_endpoint() {
    let (mut world, names) = doors::world().await;
    let before = world.upstream.calls().len();
    world.policies(&[r#"{"deny":true}"#]);
    walk(&world, &names, |_, method, path, read| {
        assert_eq!((read.status, read.code().as_str()), (403, "denied_by_policy"), "{method} {path}: {}", read.body);
    })
    .await;
    assert_eq!(world.upstream.calls().len(), before);
}

#[tokio::test]
async fn a_limit_that_is_used_up_holds_at_every_endpoint_that_calls_a_provider() {
    let (mut world, names) = doors::world().await;
    // Where nothing limits, these call a provider.
    let mut calling = BTreeSet::new();
    let mut calls = world.upstream.calls().len();
    let seen = world.upstream.seen.clone();
    walk(&world, &names, |route, method, path, read| {
        assert!(read.status < 400, "{method} {path}: {}", read.body);
        let now = seen.lock().expect("free").len();
        // The tokens of a question are estimated for providers that do not count.
        if now > calls || route.surface == Surface::CountTokens {
            calling.insert((method.to_string(), path.to_owned()));
        }
        calls = now;
    })
    .await;
    assert!(calling.len() > 60, "{}", calling.len());
    let (other, names) = doors::world().await;
    world = other;
    let before = world.upstream.calls().len();
    world.policies(&[r#"{"limit":{"requests":0,"per":"day"}}"#]);
    walk(&world, &names, |route, method, path, read| {
        let kept = matches!(
            route.surface,
            Surface::Models | Surface::Limits | Surface::Conversations | Surface::StoredResponses
        );
        if kept && read.status < 400 {
            return;
        }
        assert_eq!((read.status, read.code().as_str()), (429, "rate_limited"), "{method} {path}: {}", read.body);
    })
    .await;
    assert_eq!(world.upstream.calls().len(), before, "nobody was called");
}

#[tokio::test]
async fn a_budget_that_is_used_up_holds_at_every_endpoint_that_costs_something() {
    let (mut world, names) = doors::world().await;
    world.policies(&[r#"{"limit":{"cost":"0","per":"day"},"unknown":"refuse"}"#]);
    let calls = world.upstream.seen.clone();
    let mut before = world.upstream.calls().len();
    walk(&world, &names, |route, method, path, read| {
        let now = calls.lock().expect("free").len();
        let called = std::mem::replace(&mut before, now) < now;
        if read.status == 429 || read.status == 403 {
            assert!(!called && matches!(read.code().as_str(), "budget_exceeded" | "price_unknown"), "{method} {path}");
            return;
        }
        let free = *method != Method::POST
            || matches!(
                route.surface,
                Surface::CountTokens
                    | Surface::Models
                    | Surface::Limits
                    | Surface::Conversations
                    | Surface::StoredResponses
                    | Surface::Files
                    | Surface::Moderations
            );
        assert!(free && read.status < 400, "{method} {path}: {} {}", read.status, read.body);
    })
    .await;
}
