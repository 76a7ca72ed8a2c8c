use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Policy, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn limit(text: &str) -> Limit {
    let policy = read(&format!(r#"{{"limit":{text}}}"#)).expect("a policy");
    policy.limit().expect("a limit").clone()
}

#[test]
fn limits_are_read_as_people_write_them() {
    let month = limit(r#"{"cost":"50.00","per":"month","zone":"Europe/Berlin","warn_at":80}"#);
    assert_eq!((month.measure, month.amount, month.warn_at), (Measure::Cost, 50_000_000_000, Some(80)));
    assert_eq!(month.window, Window::Calendar { unit: Unit::Month, zone: Some("Europe/Berlin".into()) });
    assert_eq!(limit(r#"{"requests":100,"per":"minute"}"#).window, Window::Sliding { seconds: 60 });
    assert_eq!(
        limit(r#"{"requests":100,"per":"hour","window":"calendar"}"#).window,
        Window::Calendar { unit: Unit::Hour, zone: None }
    );
    assert_eq!(limit(r#"{"tokens":1,"per":"5h","window":"fixed"}"#).window, Window::Fixed { seconds: 18_000 });
    let bucket = limit(r#"{"cost":"1","per":"day","window":"bucket","burst":"0.25"}"#);
    assert_eq!(bucket.window, Window::Bucket { seconds: 86_400, burst: 250_000_000 });
    assert_eq!(limit(r#"{"cost":"0.000000001","per":"ever"}"#).amount, 1);
    let whole = limit(
        r#"{"requests":9,"per":"day","window":"bucket","burst":3,"extra":{"amount":2,"until":"2026-12-01T00:00:00Z"}}"#,
    );
    assert_eq!(
        (whole.window, whole.extra.map(|extra| extra.amount)),
        (Window::Bucket { seconds: 86_400, burst: 3 }, Some(2))
    );
    assert_eq!(limit(r#"{"cost":50,"per":"day"}"#).amount, 50_000_000_000);
    assert_eq!(limit(r#"{"concurrency":5}"#).measure, Measure::Concurrency);
}

#[test]
fn lengths_keep_their_names() {
    for (written, kept) in
        [("minute", "minute"), ("1m", "minute"), ("hour", "hour"), ("5h", "5h"), ("1d", "1d"), ("day", "day")]
    {
        let text = format!(r#"{{"limit":{{"requests":1,"per":"{written}"}}}}"#);
        let again = serde_json::to_value(read(&text).expect("a policy")).expect("text");
        assert_eq!(again["limit"]["per"], kept, "{written}");
    }
}

#[test]
fn what_is_no_policy_is_refused_with_the_reason() {
    for (text, reason) in [
        ("{}", "exactly one of"),
        (r#"{"allow":true,"deny":true}"#, "exactly one of"),
        (r#"{"deny":true,"group_by":["token"]}"#, "for limits only"),
        (r#"{"limit":{"per":"day"}}"#, "exactly one of `requests`"),
        (r#"{"limit":{"requests":1,"tokens":1,"per":"day"}}"#, "exactly one of `requests`"),
        (r#"{"limit":{"requests":1}}"#, "`limit.per` is required"),
        (r#"{"limit":{"requests":1,"per":"fortnight"}}"#, "none of minute"),
        (r#"{"limit":{"requests":1,"per":"+5h"}}"#, "none of minute"),
        (r#"{"limit":{"requests":1,"per":"month","window":"sliding"}}"#, "does not go with"),
        (r#"{"limit":{"requests":1,"per":"5h","window":"calendar"}}"#, "does not go with"),
        (r#"{"limit":{"requests":1,"per":"5h","zone":"UTC"}}"#, "calendar only"),
        (r#"{"limit":{"requests":1,"per":"5h","burst":"5"}}"#, "bucket"),
        (r#"{"limit":{"concurrency":1,"per":"5h"}}"#, "not for `concurrency`"),
        (r#"{"limit":{"cost":"1e3","per":"day"}}"#, "no amount"),
        (r#"{"limit":{"cost":0.5,"per":"day"}}"#, "in quotes"),
        (r#"{"limit":{"cost":-1,"per":"day"}}"#, "in quotes"),
        (r#"{"limit":{"cost":"-1","per":"day"}}"#, "no amount"),
        (r#"{"deny":true,"group_by":["colour"]}"#, "`colour` is none of"),
        (r#"{"deny":true,"wen":{}}"#, "unknown field"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn every_fault_is_named_by_its_place() {
    let text = r#"{
        "when": {"ip":["10.0.0.0/33"],"any":[{"country":["de"]},{"time":{"from":"7:00"}}],"token":[""]},
        "group_by": ["token","token"],
        "limit": {"requests":1,"per":"0s","warn_at":101},
        "action": {"fallback":"a b"}
    }"#;
    let errors = read(text).expect("it can be read").validate().expect_err("faults");
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "when.token",
            "when.ip",
            "when.any[0].country",
            "when.any[1].time.from",
            "limit.per",
            "limit.warn_at",
            "group_by",
            "action.fallback"
        ]
    );
}

#[test]
fn a_limit_says_what_it_means() {
    for (text, words) in [
        (
            r#"{"limit":{"cost":"50","per":"month"},"group_by":["token","metadata.team"]}"#,
            "$50.00 a month for each token and metadata.team",
        ),
        (r#"{"limit":{"requests":1,"per":"minute"}}"#, "1 request a minute"),
        (r#"{"limit":{"tokens":1000,"per":"5h"}}"#, "1,000 tokens in 5h"),
        (r#"{"limit":{"concurrency":3}}"#, "3 requests at the same time"),
        (r#"{"limit":{"cost":"1","per":"ever"}}"#, "$1.00 in all"),
    ] {
        assert_eq!(read(text).expect("a policy").limit().expect("a limit").to_string(), words);
    }
}

#[test]
fn more_for_a_while_ends() {
    let limit = limit(r#"{"cost":"1","per":"day","extra":{"amount":"0.5","until":"2026-12-01T00:00:00Z"}}"#);
    let until = 1_796_083_200_000;
    assert_eq!((limit.amount_at(until - 1), limit.amount_at(until)), (1_500_000_000, 1_000_000_000));
}

#[test]
fn a_token_that_gets_another_name_keeps_its_policies() {
    let mut policy =
        read(r#"{"deny":true,"when":{"any":[{"token":["ci","ci-*"]},{"not":{"token":["ci"]}}]}}"#).expect("a policy");
    policy.when.rename_token("ci", "build");
    let names: Vec<_> = policy.when.walk().flat_map(|part| part.token.clone()).collect();
    assert_eq!(names.iter().filter(|name| *name == "build").count(), 2);
    assert!(names.contains(&"ci-*".to_owned()));
}

fn policies() -> impl Strategy<Value = Policy> {
    let window = prop_oneof![
        (1..1_000_000_u32).prop_map(|seconds| Window::Fixed { seconds }),
        (1..1_000_000_u32).prop_map(|seconds| Window::Sliding { seconds }),
        (1..1_000_000_u32, 1..1_000_000_u64).prop_map(|(seconds, burst)| Window::Bucket { seconds, burst }),
        prop::sample::select(vec![Unit::Minute, Unit::Hour, Unit::Day, Unit::Week, Unit::Month])
            .prop_map(|unit| Window::Calendar { unit, zone: Some("Asia/Tokyo".into()) }),
        Just(Window::Ever),
    ];
    let measure = prop::sample::select(vec![Measure::Requests, Measure::Tokens, Measure::Cost]);
    (measure, 0..=limit::MAX_AMOUNT, window, prop::option::of(1..=100_u8)).prop_map(
        |(measure, amount, window, warn_at)| {
            let limit = Limit { measure, amount, window, group_by: vec![Field::Token], warn_at, extra: None };
            Policy {
                when: Condition { model: vec!["gpt*".into()], ..Condition::default() },
                rule: Rule::Limit(Box::new(limit)),
                action: Action::Fallback("openai/gpt-5-nano".into()),
                unknown: Unknown::Refuse,
                message: None,
            }
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(policy in policies()) {
        let text = serde_json::to_string(&policy).expect("text");
        prop_assert_eq!(read(&text).map_err(TestCaseError::fail)?, policy);
    }
}
