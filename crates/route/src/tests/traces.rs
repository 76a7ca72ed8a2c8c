//! A made-up request's way is the walk's, to its last model.

use serde_json::{Value, json};

use super::{element, end, model, route, start};
use crate::{Asked, Fault, Sample, Trace, trace};

fn told(trace: &Trace) -> String {
    let step = |step: &crate::TraceStep| match (&step.output, &step.asked) {
        (output, Asked::Model { model, .. }) => {
            format!("{}={model}.{}", step.element, output.as_deref().unwrap_or("-"))
        }
        (output, Asked::Passed) => format!("[{}].{}", step.element, output.as_deref().unwrap_or("-")),
        (output, _) => format!("{}.{}", step.element, output.as_deref().unwrap_or("-")),
    };
    trace.steps.iter().map(step).collect::<Vec<_>>().join(" ")
}

fn elements() -> Value {
    json!([
        start("plan"),
        element(
            "plan",
            "conditional",
            json!({ "conditions": { "metadata.plan": "free" } }),
            &[("true", "rate"), ("false", "pool")]
        ),
        element("rate", "rate", json!({ "limit": 1, "window": 60 }), &[("success", "large"), ("fallback", "small")]),
        element(
            "pool",
            "balance",
            json!({ "strategy": "latency" }),
            &[("a", "east"), ("b", "west"), ("fallback", "small")]
        ),
        model("east", "x", &[]),
        model("west", "y", &[]),
        model("large", "gpt-5", &[("success", "end"), ("fallback", "small")]),
        model("small", "gpt-5-nano", &[("success", "end")]),
        end(),
    ])
}

#[test]
fn the_way_goes_on_to_the_last_model_that_might_be_asked() {
    let route = route(&elements());
    let free = json!({ "plan": "free" }).as_object().cloned().unwrap_or_default();
    let free = Sample { metadata: free, ..Sample::default() };
    let way = trace(&route, &free, 0, &|_| false, Fault::ServerError);
    assert_eq!(told(&way), "start.next plan.true rate.success large=gpt-5.fallback small=gpt-5-nano.-");
    let over = trace(&route, &free, 0, &|limit| limit == "rate", Fault::ServerError);
    assert_eq!(told(&over), "start.next plan.true rate.fallback small=gpt-5-nano.-");
    assert_eq!((over.steps[2].asked.clone(), over.refused_by), (Asked::Over, None));
    let paid = trace(&route, &Sample::default(), 0, &|_| false, Fault::ServerError);
    assert_eq!(told(&paid), "start.next plan.false pool.a east=x.- pool.b west=y.- pool.fallback small=gpt-5-nano.-");
    let among = vec![("east".to_owned(), 1), ("west".to_owned(), 1)];
    assert_eq!(paid.steps[2].asked, Asked::Balance { strategy: crate::Strategy::Latency, among });
    assert_eq!(paid.steps[4].asked, Asked::Nothing, "one is left, so nobody chooses");
}

#[test]
fn a_limit_without_a_way_on_refuses_and_a_second_time_is_passed_over() {
    let elements = json!([
        start("rate"),
        element("rate", "rate", json!({ "limit": 1, "window": 60 }), &[("success", "a")]),
        model("a", "x", &[("fallback", "again")]),
        model("again", "x", &[("fallback", "b")]),
        model("b", "y", &[]),
    ]);
    let route = route(&elements);
    let refused = trace(&route, &Sample::default(), 0, &|_| true, Fault::ServerError);
    assert_eq!((told(&refused).as_str(), refused.refused_by.as_deref()), ("start.next rate.-", Some("rate")));
    let way = trace(&route, &Sample::default(), 0, &|_| false, Fault::ServerError);
    assert_eq!(told(&way), "start.next rate.success a=x.fallback [again].fallback b=y.-");
}

#[test]
fn credentials_in_headers_are_not_seen() {
    let condition = json!({ "conditions": { "headers.authorization": { "$exists": true }, } });
    let elements = json!([
        start("c"),
        element("c", "conditional", condition, &[("true", "m"), ("false", "n")]),
        model("m", "x", &[]),
        model("n", "y", &[]),
    ]);
    let headers = vec![("authorization".to_owned(), "Bearer x".to_owned())];
    let way = trace(&route(&elements), &Sample { headers, ..Sample::default() }, 0, &|_| false, Fault::ServerError);
    assert_eq!(told(&way), "start.next c.false n=y.-");
}
