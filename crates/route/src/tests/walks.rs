//! Walks through routes that are written out.

use domain::Nanos;
use domain::settings::RateTechnique;
use proptest::prelude::*;
use serde_json::json;

use super::{Request, element, end, model, route, start};
use crate::{Candidate, Ending, Fault, LimitStep, Measure, Route, Step, Strategy, Walk};

fn next_model<'r>(walk: &mut Walk<'r>, request: &Request) -> Option<&'r str> {
    match walk.next(request) {
        Step::Model(step) => Some(step.element),
        _ => None,
    }
}

#[test]
fn a_model_that_fails_is_followed_by_its_fallback() {
    let properties = json!({ "provider": "openai", "model": "x", "timeout": 500, "retries": 0 });
    let route = route(&json!([
        start("a"),
        element("a", "model", properties, &[("success", "end"), ("fallback", "b")]),
        model("b", "y", &[("success", "end"), ("fallback", "c")]),
        model("c", "x", &[("success", "end")]),
        end()
    ]));
    let request = Request::default();
    let mut walk = Walk::new(&route, 1);
    let Step::Model(first) = walk.next(&request) else { panic!("a model") };
    assert_eq!((first.element, first.provider, first.model), ("a", "openai", "x"));
    assert_eq!((first.timeout_ms, first.retries), (Some(500), Some(0)));
    assert_eq!(next_model(&mut walk, &request), Some("a"), "nobody has told how it went");
    walk.within();
    walk.chosen(0);
    assert_eq!(next_model(&mut walk, &request), Some("a"), "what was told does not fit");
    walk.failed(Fault::ServerError);
    assert_eq!(next_model(&mut walk, &request), Some("b"));
    let before = walk.path().to_string();
    walk.succeeded();
    assert!(matches!(walk.next(&request), Step::End(Ending::Answered)));
    assert_eq!(
        (before.as_str(), walk.path().to_string().as_str()),
        ("start.next > a.fallback", "start.next > a.fallback > b.success > end")
    );
    let mut walk = Walk::new(&route, 1);
    for _ in 0..2 {
        assert!(next_model(&mut walk, &request).is_some());
        walk.failed(Fault::ServerError);
    }
    assert!(matches!(walk.next(&request), Step::End(Ending::Failed)), "the third is the first again");
    assert_eq!(walk.path().to_string(), "start.next > a.fallback > b.fallback > [c]");
    assert_eq!(walk.path().to_text(12), "start.nex…");
    assert_eq!(walk.path().steps().nth(1), Some(("a", Some("fallback"))));
}

fn limited(fallback: &[(&str, &str)]) -> Route {
    let outputs = [&[("success", "m")], fallback].concat();
    let properties = json!({ "key": "metadata.user", "limit": "2.5", "window": 60, "technique": "fixed" });
    route(&json!([
        start("l"),
        element("l", "budget", properties, &outputs),
        model("m", "x", &[]),
        model("n", "y", &[])
    ]))
}

#[test]
fn a_limit_is_asked_with_its_group() {
    let route = limited(&[("fallback", "n")]);
    let request = Request::of(json!({ "user": "ann" }));
    let mut walk = Walk::new(&route, 1);
    assert_eq!(walk.group(&request), None, "nothing is asked yet");
    let Step::Limit(limit) = walk.next(&request) else { panic!("a limit") };
    let measure = Measure::Cost(Nanos(2_500_000_000));
    let expected = LimitStep { element: "l", measure, window_s: 60, technique: RateTechnique::Fixed, keyed: true };
    assert_eq!((limit, walk.group(&request).as_deref()), (expected, Some("ann")));
    assert_eq!(walk.group(&Request::default()), None);
    assert_eq!(walk.group(&Request::of(json!({ "user": 7 }))).as_deref(), Some("7"));
    walk.over();
    assert_eq!(next_model(&mut walk, &request), Some("n"));
    walk.failed(Fault::ServerError);
    assert!(matches!(walk.next(&request), Step::End(Ending::Failed)));
    let mut walk = Walk::new(&route, 1);
    walk.next(&request);
    walk.within();
    assert_eq!(next_model(&mut walk, &request), Some("m"));
}

#[test]
fn a_limit_without_fallback_ends_the_walk() {
    let route = limited(&[]);
    let mut walk = Walk::new(&route, 1);
    walk.next(&Request::default());
    walk.over();
    assert!(matches!(walk.next(&Request::default()), Step::End(Ending::Over { element: "l" })));
}

#[test]
fn an_end_without_a_model_says_so() {
    let condition = json!({ "conditions": { "headers.x-plan": "free" } });
    let route = route(&json!([
        start("c"),
        element("c", "conditional", condition, &[("true", "end"), ("false", "m")]),
        model("m", "x", &[]),
        end()
    ]));
    let request = Request { headers: json!({ "x-plan": "free" }), ..Request::default() };
    let mut walk = Walk::new(&route, 1);
    assert!(matches!(walk.next(&request), Step::End(Ending::NoModel)));
    assert_eq!(next_model(&mut Walk::new(&route, 1), &Request::default()), Some("m"));
}

fn balanced() -> Route {
    let properties = json!({ "strategy": "busy", "weights": { "a": 3, "c": 0 } });
    let outputs = [("a", "x"), ("b", "y"), ("c", "z"), ("fallback", "w")];
    route(&json!([
        start("pool"),
        element("pool", "balance", properties, &outputs),
        model("x", "x", &[("success", "end")]),
        model("y", "y", &[("success", "end")]),
        model("z", "z", &[("success", "end")]),
        model("w", "w", &[("success", "end")]),
        end()
    ]))
}

#[test]
fn why_a_model_fails_may_lead_elsewhere_than_its_fallback() {
    let route = route(&json!([
        start("a"),
        model("a", "x", &[("success", "end"), ("context_length", "long"), ("timeout", "quick"), ("fallback", "b")]),
        model("long", "y", &[("rate_limited", "b")]),
        model("quick", "z", &[]),
        model("b", "w", &[]),
        end()
    ]));
    let request = Request::default();
    let leads = |fault: Fault| {
        let mut walk = Walk::new(&route, 1);
        assert_eq!(next_model(&mut walk, &request), Some("a"));
        walk.failed(fault);
        next_model(&mut walk, &request).map(|next| (next, walk.path().to_string()))
    };
    for fault in Fault::ALL {
        let next = match fault {
            Fault::ContextLength => ("long", "start.next > a.context_length"),
            Fault::Timeout => ("quick", "start.next > a.timeout"),
            _ => ("b", "start.next > a.fallback"),
        };
        assert_eq!(leads(fault), Some((next.0, next.1.to_owned())), "{fault:?}");
        assert_eq!(Fault::parse(fault.as_str()), Some(fault));
    }
    // Without a fallback any other fault is the end.
    let mut walk = Walk::new(&route, 1);
    next_model(&mut walk, &request);
    walk.failed(Fault::ContextLength);
    next_model(&mut walk, &request);
    walk.failed(Fault::ServerError);
    assert!(matches!(walk.next(&request), Step::End(Ending::Failed)));
}

#[test]
fn a_balance_goes_on_with_what_is_left() {
    let (route, request) = (balanced(), Request::default());
    let mut walk = Walk::new(&route, 1);
    let Step::Balance(candidates) = walk.next(&request) else { panic!("a balance") };
    let seen: Vec<_> =
        candidates.iter().map(|candidate| (candidate.index, candidate.weight, candidate.model.element)).collect();
    assert_eq!(seen, [(0, 3, "x"), (1, 1, "y"), (2, 0, "z")]);
    assert_eq!((candidates.element, candidates.strategy), ("pool", Strategy::Busy));
    walk.chosen(1);
    assert_eq!(next_model(&mut walk, &request), Some("y"));
    walk.failed(Fault::ServerError);
    let Step::Balance(candidates) = walk.next(&request) else { panic!("a balance") };
    assert_eq!(candidates.iter().map(|candidate| candidate.index).collect::<Vec<_>>(), [0, 2]);
    walk.chosen(1);
    assert_eq!(next_model(&mut walk, &request), Some("x"), "one that is none of them chooses the first");
    walk.failed(Fault::ServerError);
    assert_eq!(next_model(&mut walk, &request), Some("z"), "the last needs no choice");
    walk.failed(Fault::ServerError);
    assert_eq!(next_model(&mut walk, &request), Some("w"));
    walk.succeeded();
    assert!(matches!(walk.next(&request), Step::End(Ending::Answered)));
    assert_eq!(
        walk.path().to_string(),
        "start.next > pool.b > y > pool.a > x > pool.c > z > pool.fallback > w.success > end"
    );
}

#[test]
fn weights_are_followed_among_those_that_are_usable() {
    let route = balanced();
    let mut walk = Walk::new(&route, 1);
    let Step::Balance(candidates) = walk.next(&Request::default()) else { panic!("a balance") };
    let count = |usable: fn(&Candidate<'_>) -> bool| {
        let mut counts = [0; 3];
        for draw in 0..8_000 {
            let chosen = candidates.weighted(crate::spread("draw", &draw.to_string()), usable);
            chosen.into_iter().for_each(|candidate| counts[candidate.index] += 1);
        }
        counts
    };
    let all = count(|_| true);
    assert!((5_800..6_200).contains(&all[0]) && all[2] == 0, "{all:?}");
    assert_eq!(count(|candidate| candidate.index == 1), [0, 8_000, 0]);
    assert_eq!(count(|candidate| candidate.index == 2), [0, 0, 0]);
}

fn split(key: Option<&str>) -> Route {
    let properties = key.map_or(json!({}), |key| json!({ "key": key }));
    let outputs = [("10%", "x"), ("25.5%", "y"), ("else", "z")];
    let models = ["x", "y", "z"].map(|id| model(id, id, &[]));
    let [x, y, z] = models;
    route(&json!([start("canary"), element("canary", "percentage", properties, &outputs), x, y, z]))
}

#[test]
fn shares_are_kept_by_chance_and_by_key() {
    for route in [split(None), split(Some("metadata.user"))] {
        let mut counts = std::collections::BTreeMap::new();
        for at in 0..20_000u64 {
            let request = Request::of(json!({ "user": format!("user-{at}") }));
            let mut walk = Walk::new(&route, at);
            *counts.entry(next_model(&mut walk, &request)).or_insert(0u32) += 1;
        }
        assert!(counts[&Some("x")].abs_diff(2_000) < 250, "{counts:?}");
        assert!(counts[&Some("y")].abs_diff(5_100) < 370, "{counts:?}");
    }
}

#[test]
fn a_share_stays_what_it_was_in_another_process() {
    let route = split(Some("metadata.user"));
    let of =
        |user: &str| next_model(&mut Walk::new(&route, 0), &Request::of(json!({ "user": user }))).map(str::to_owned);
    let users: String = (0..24).filter_map(|at| of(&format!("user-{at}"))).collect();
    assert_eq!(users, USERS);
}

/// Worked out by another program: users 0 to 23.
const USERS: &str = "zyxzxzxzzxzzzzzxzyxyzyzz";

proptest! {
    #[test]
    fn with_a_key_chance_decides_nothing(user in "[a-z0-9]{1,12}", one in any::<u64>(), other in any::<u64>()) {
        let route = split(Some("metadata.user"));
        let request = Request::of(json!({ "user": user }));
        prop_assert_eq!(next_model(&mut Walk::new(&route, one), &request), next_model(&mut Walk::new(&route, other), &request));
    }
}
