use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use domain::config::TeamConfig;
use domain::{GatewayId, PolicyId, TeamId};

use super::*;

fn policies(texts: &[&str]) -> Policies {
    let named = |(id, text): (i64, &&str)| NamedPolicy {
        id: PolicyId(id),
        owner: None,
        name: format!("p{id}"),
        policy: serde_json::from_str(text).expect("a policy"),
    };
    let config = TeamConfig {
        id: TeamId(1),
        slug: "acme".into(),
        gateways: Vec::new(),
        provider_keys: Vec::new(),
        custom_providers: Vec::new(),
        tokens: Vec::new(),
        policies: (1..).zip(texts).map(named).collect(),
        prices: Vec::new(),
    };
    Policies::new(&config, &|slug| Some(slug.to_owned()), &|_| None)
}

fn facts(target: Target<'_>) -> Facts<'_> {
    Facts {
        gateway: Some((GatewayId(1), "main")),
        token: Some((TokenId(7), "ci")),
        user: None,
        target,
        endpoint: "chat_completions",
        address: None,
        country: None,
        metadata: Metadata::default(),
        now_ms: 1_800_000_000_000,
    }
}

const MINI: Target<'_> = Target::Model("openai", "gpt-4o-mini");

/// The policy that decides, and those that warn.
fn judged(policies: &Policies, target: Target<'_>) -> (Option<String>, Vec<String>) {
    let mut warned = Vec::new();
    let verdict = policies.judge(&facts(target), |name| warned.push(name.to_owned()));
    (verdict.err().map(|verdict| verdict.judge().name.clone()), warned)
}

#[test]
fn a_denial_wins_and_the_strictest_decides() {
    let denied = policies(&[
        r#"{"allow":true}"#,
        r#"{"deny":true,"when":{"model":["gpt-4o*"]},"action":"warn"}"#,
        r#"{"deny":true,"when":{"model":["gpt-4o*"]},"action":{"fallback":"openai/gpt-5-nano"}}"#,
        r#"{"deny":true,"when":{"model":["gpt-4o-mini"]}}"#,
    ]);
    assert_eq!(judged(&denied, MINI), (Some("p4".into()), vec!["p2".into()]));
    assert_eq!(judged(&denied, Target::Model("openai", "gpt-4o")), (Some("p3".into()), vec!["p2".into()]));
    assert_eq!(judged(&denied, Target::Model("openai", "o3")), (None, Vec::new()));
}

#[test]
fn where_there_are_permissions_one_must_be_met() {
    let permitted = policies(&[
        r#"{"allow":true,"when":{"model":["openai/*"]}}"#,
        r#"{"allow":true,"when":{"provider":["anthropic"]},"action":"warn"}"#,
    ]);
    assert_eq!(judged(&permitted, MINI), (None, Vec::new()));
    assert_eq!(judged(&permitted, Target::Model("anthropic", "claude")), (None, Vec::new()));
    assert_eq!(judged(&permitted, Target::Model("groq", "llama")), (Some("p1".into()), Vec::new()));
    let tried = policies(&[r#"{"allow":true,"when":{"model":["openai/*"]},"action":"warn"}"#]);
    assert_eq!(judged(&tried, Target::Model("groq", "llama")), (None, vec!["p1".into()]));
}

#[test]
fn a_model_that_is_hidden_is_denied_and_one_that_is_not_there_is_not() {
    let denied = policies(&[r#"{"deny":true,"when":{"model":["gpt-4o"]}}"#]);
    let others = policies(&[r#"{"deny":true,"when":{"not":{"model":["gpt-4o"]}}}"#]);
    let permitted = policies(&[r#"{"allow":true,"when":{"model":["gpt-4o"]}}"#]);
    for policies in [&denied, &others, &permitted] {
        assert!(judged(policies, Target::Hidden("openai")).0.is_some());
        assert!(judged(policies, Target::Provider("openai")).0.is_none());
        assert!(judged(policies, Target::Nobody).0.is_none());
    }
    let limited = policies(&[r#"{"limit":{"requests":1,"per":"day"},"when":{"model":["gpt-4o"]}}"#]);
    let places = |target| limited.held(None, &[], &facts(target)).places().len();
    assert_eq!((places(Target::Hidden("openai")), places(Target::Provider("openai")), places(MINI)), (1, 0, 0));
}

/// How full the first limit is.
fn used(policies: &Policies) -> u64 {
    policies.usage(facts(MINI).now_ms)[0].groups[0].used
}

#[test]
fn what_is_dropped_is_given_back_and_what_is_settled_stays() {
    for (measure, taken, kept) in [("requests", 1, 1), ("tokens", 500, 40), ("cost", 900, 70), ("concurrency", 1, 0)] {
        let amount = if measure == "cost" { r#""0.000001""# } else { "1000" };
        let per = if measure == "concurrency" { "" } else { r#","per":"day""# };
        let limited = policies(&[&format!(r#"{{"limit":{{"{measure}":{amount}{per}}}}}"#)]);
        let wants = Wants { requests: 1, tokens: 500, cost: Some(900) };
        let mut held = limited.held(None, &[], &facts(MINI));
        held.take(&wants, facts(MINI).now_ms).expect("room");
        assert_eq!(used(&limited), taken, "{measure}");
        drop(held);
        assert_eq!(used(&limited), 0, "{measure}");
        let mut held = limited.held(None, &[], &facts(MINI));
        held.take(&wants, facts(MINI).now_ms).expect("room");
        held.settle(&Used { requests: 1, tokens: 40, cost: 70, broke_off: false });
        drop(held);
        assert_eq!(used(&limited), kept, "{measure}");
        let mut held = limited.held(None, &[], &facts(MINI));
        held.take(&wants, facts(MINI).now_ms).expect("room");
        held.settle(&Used { requests: 1, tokens: 40, cost: 0, broke_off: true });
        let broke_off = if measure == "tokens" || measure == "cost" { taken } else { kept };
        assert_eq!(used(&limited), kept + broke_off, "what broke off stays as it was taken: {measure}");
    }
}

#[test]
fn without_a_price_a_limit_of_money_passes_or_refuses_as_it_is_told() {
    let wants = Wants { requests: 1, tokens: 1, cost: None };
    for (unknown, passes) in [("pass", true), ("refuse", false)] {
        let limited = policies(&[&format!(r#"{{"limit":{{"cost":"1","per":"day"}},"unknown":"{unknown}"}}"#)]);
        let taken = limited.held(None, &[], &facts(MINI)).take(&wants, facts(MINI).now_ms);
        assert_eq!(taken, if passes { Ok(()) } else { Err((0, Short::NoPrice)) });
    }
    // What is free passes even where there is nothing left.
    let limited = policies(&[r#"{"limit":{"cost":"0","per":"day"}}"#]);
    let take = |cost| {
        limited
            .held(None, &[], &facts(MINI))
            .take(&Wants { requests: 1, tokens: 1, cost: Some(cost) }, facts(MINI).now_ms)
    };
    assert!(take(0).is_ok() && take(1).is_err());
}

#[test]
fn a_limit_that_warns_counts_and_lets_pass() {
    let limited = policies(&[r#"{"limit":{"requests":1,"per":"day"},"action":"warn"}"#]);
    for _ in 0..3 {
        let mut held = limited.held(None, &[], &facts(MINI));
        held.take(&Wants::NOTHING, facts(MINI).now_ms).expect("it only warns");
        held.settle(&Used { requests: 1, ..Used::default() });
    }
    assert_eq!(used(&limited), 3);
}

#[test]
fn groups_are_told_apart_by_all_their_values() {
    let limited =
        policies(&[r#"{"limit":{"requests":1,"per":"day"},"group_by":["token","user","metadata.team","country"]}"#]);
    let take = |token: i64, user: Option<&'static str>, team: &str, country: &str| {
        let facts = Facts {
            token: Some((TokenId(token), "any name")),
            user,
            metadata: limited.metadata(Some(&format!(r#"{{"team":"{team}"}}"#))),
            country: crate::Country::read(country),
            ..facts(MINI)
        };
        let mut held = limited.held(None, &[], &facts);
        let taken = held.take(&Wants::NOTHING, facts.now_ms).is_ok();
        held.settle(&Used { requests: 1, ..Used::default() });
        taken
    };
    assert!(take(1, Some("ann"), "red", "DE"));
    assert!(!take(1, Some("ann"), "red", "DE"));
    assert!(take(2, Some("ann"), "red", "DE") && take(1, None, "red", "DE"));
    assert!(take(1, Some("ann"), "blue", "DE") && take(1, Some("ann"), "red", "FR"));
    assert!(take(1, Some("annred"), "", "DE") && take(1, Some("ann"), "red", ""));
    let usage = &limited.usage(facts(MINI).now_ms)[0];
    assert_eq!((usage.in_use, usage.groups.len(), usage.groups[0].limit), (7, 7, 1));
}

/// Of many that come at once, exactly those pass for whom there is room everywhere: one that is refused by the second limit is
/// never seen by others as holding room in the first.
#[test]
fn all_of_a_request_is_taken_or_nothing() {
    const THREADS: u64 = 8;
    const EACH: u64 = 500;
    let limited = policies(&[
        r#"{"limit":{"requests":1000,"per":"day"}}"#,
        r#"{"limit":{"requests":10,"per":"day"},"when":{"model":["gpt-4o"]}}"#,
        r#"{"limit":{"tokens":100000,"per":"day"},"group_by":["model"]}"#,
    ]);
    let barrier = Barrier::new(THREADS as usize);
    let (small, large) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                for step in 0..EACH {
                    let big = step % 2 == 0;
                    let facts = facts(if big { Target::Model("openai", "gpt-4o") } else { MINI });
                    let mut held = limited.held(None, &[], &facts);
                    if held.take(&Wants { requests: 1, tokens: 10, cost: None }, facts.now_ms).is_ok() {
                        if big { &large } else { &small }.fetch_add(1, Ordering::Relaxed);
                        held.settle(&Used { requests: 1, tokens: 5, cost: 0, broke_off: false });
                    }
                }
            });
        }
    });
    // Two thousand of the small ones came for what is left of a thousand; none was refused for one that did not pass.
    assert_eq!((large.into_inner(), small.into_inner()), (10, 990));
    assert_eq!(used(&limited), 1_000);
}

#[test]
fn limits_are_locked_in_one_order_however_policies_stand() {
    let texts = [r#"{"limit":{"requests":1,"per":"day"}}"#; 3];
    let mut named: Vec<NamedPolicy> = (1..)
        .zip(texts)
        .map(|(id, text)| NamedPolicy {
            id: PolicyId(4 - id),
            owner: None,
            name: String::new(),
            policy: serde_json::from_str(text).expect("a policy"),
        })
        .collect();
    named.reverse();
    named.swap(0, 1);
    let config = TeamConfig {
        id: TeamId(1),
        slug: "acme".into(),
        gateways: Vec::new(),
        provider_keys: Vec::new(),
        custom_providers: Vec::new(),
        tokens: Vec::new(),
        policies: named,
        prices: Vec::new(),
    };
    let limited = Policies::new(&config, &|_| None, &|_| None);
    assert!(limited.limits().is_sorted_by_key(|limit| limit.id));
}
