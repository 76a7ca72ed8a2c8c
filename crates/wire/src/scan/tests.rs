use bytes::Bytes;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::*;
use crate::splice::splice;

fn kind(body: &str) -> Result<(), ScanErrorKind> {
    scan(body.as_bytes()).map(|_| ()).map_err(|error| error.kind)
}

#[test]
fn everything_of_interest_is_found_wherever_it_stands() {
    let body = br#" {"messages":[{"role":"user","content":"\"model\":\"no\""}],"max_tokens":100,
        "stream_options" : {"include_usage" : false}, "user":"ann\u00e9", "stream":true,
        "max_completion_tokens":200, "n":3, "model" : "gpt-5" } "#;
    let found = scan(body).expect("a body");
    assert_eq!(found.model.as_ref().map(|text| &*text.value), Some("gpt-5"));
    assert_eq!(&body[found.model.as_ref().expect("a model").span.clone()], b"\"gpt-5\"");
    assert!(matches!(found.model, Some(Text { value: Cow::Borrowed(_), .. })));
    assert_eq!((found.stream, found.include_usage), (Some(true), Some(false)));
    assert_eq!((found.max_tokens, found.choices), (Some(200), Some(3)));
    assert_eq!(found.user.as_deref(), Some("anné"));
}

#[test]
fn null_counts_as_absent_and_other_types_are_refused() {
    let found = scan(br#"{"model":null,"stream":null,"max_tokens":null,"user":{"id":1},"n":null}"#).expect("a body");
    assert_eq!((found.model, found.stream, found.max_tokens, found.user), (None, None, None, None));
    assert_eq!(kind(r#"{"model":1}"#), Err(ScanErrorKind::WrongType("model")));
    assert_eq!(kind(r#"{"stream":"true"}"#), Err(ScanErrorKind::WrongType("stream")));
    assert_eq!(kind(r#"{"max_tokens":-1}"#), Err(ScanErrorKind::WrongType("max_tokens")));
    assert_eq!(kind(r#"{"stream_options":[]}"#), Err(ScanErrorKind::WrongType("stream_options")));
    assert_eq!(
        kind(r#"{"stream_options":{"include_usage":1}}"#),
        Err(ScanErrorKind::WrongType("stream_options.include_usage"))
    );
}

#[test]
fn a_user_is_found_in_metadata_too_and_never_refused_for_its_type() {
    let user = |body: &str| scan(body.as_bytes()).expect("a body").metadata_user.map(Cow::into_owned);
    assert_eq!(user(r#"{"metadata":{"a":[1],"user_id":"ann","b":{}},"model":"m"}"#).as_deref(), Some("ann"));
    for other in
        [r#"{"metadata":{}}"#, r#"{"metadata":{"user_id":{"a":1}}}"#, r#"{"metadata":[1]}"#, r#"{"metadata":null}"#]
    {
        assert_eq!(user(other), None, "{other}");
    }
    let deep = |depth: usize| format!(r#"{{"metadata":{{"a":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(kind(&deep(MAX_DEPTH - 2)), Ok(()));
    assert_eq!(kind(&deep(MAX_DEPTH - 1)), Err(ScanErrorKind::TooDeep));
}

#[test]
fn odd_token_limits_are_rounded_up() {
    for (text, count) in [("1e3", 1000), ("10.2", 11), ("18446744073709551616", u64::MAX), ("1e999", u64::MAX)] {
        let body = format!("{{\"max_output_tokens\":{text}}}");
        assert_eq!(scan(body.as_bytes()).expect("a body").max_tokens, Some(count), "{text}");
    }
}

#[test]
fn what_two_parsers_may_read_differently_is_refused() {
    assert_eq!(kind(r#"{"model":"a","model":"b"}"#), Err(ScanErrorKind::Duplicate("model")));
    assert_eq!(kind(r#"{"mode\u006c":"a"}"#), Err(ScanErrorKind::EscapedKey("model")));
    assert_eq!(
        kind(r#"{"stream_options":{"include_usage":true,"include_usage":false}}"#).err(),
        Some(ScanErrorKind::Duplicate("include_usage"))
    );
    assert_eq!(kind(r#"{"\u0061":1,"b":{"model":"x"},"b":2}"#), Ok(()));
    assert_eq!(kind(r#"{"model":"\ud800"}"#), Err(ScanErrorKind::BadJson));
    assert_eq!(scan(b"{\"a\":\"\xff\"}").expect_err("not text").offset, 6);
}

#[test]
fn what_is_no_object_is_told_from_what_is_no_json() {
    for body in ["", "[]", "null", "x", "\u{feff}{}"] {
        assert_eq!(kind(body), Err(ScanErrorKind::NotAnObject), "{body}");
    }
    for body in
        ["{", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":[1,]}", "{\"a\":\"\n\"}", "{\"a\":{]}}"]
    {
        assert_eq!(kind(body), Err(ScanErrorKind::BadJson), "{body}");
    }
}

#[test]
fn nesting_has_a_limit_and_is_read_without_recursion() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(kind(&nested(MAX_DEPTH - 1)), Ok(()));
    assert_eq!(kind(&nested(MAX_DEPTH)), Err(ScanErrorKind::TooDeep));
    assert_eq!(kind(&format!("{{\"a\":{}", "[{\"b\":".repeat(1_000_000))), Err(ScanErrorKind::TooDeep));
}

#[test]
fn an_error_says_what_and_where() {
    let error = scan(br#"{"model":"a","model":"b"}"#).expect_err("a duplicate");
    assert_eq!(error.to_string(), "`model` is there twice (at byte 13).");
    assert_eq!(error.param(), Some("model"));
}

fn asked(body: &str) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let found = scan(&body).expect("a body");
    let edits: Vec<Edit> = found.ask_for_usage(&body).into_iter().collect();
    String::from_utf8(splice(&body, &edits).to_vec()).expect("text")
}

#[test]
fn usage_is_asked_for_with_as_few_bytes_as_can_be() {
    const WANTED: &str = r#""include_usage":true"#;
    assert_eq!(asked(r#"{"a":1}"#), format!(r#"{{"stream_options":{{{WANTED}}},"a":1}}"#));
    assert_eq!(asked("{}"), format!(r#"{{"stream_options":{{{WANTED}}}}}"#));
    assert_eq!(asked(r#"{"stream_options":null}"#), format!(r#"{{"stream_options":{{{WANTED}}}}}"#));
    assert_eq!(asked(r#"{"stream_options":{ }}"#), format!(r#"{{"stream_options":{{{WANTED} }}}}"#));
    assert_eq!(asked(r#"{"stream_options":{"b":1}}"#), format!(r#"{{"stream_options":{{{WANTED},"b":1}}}}"#));
    assert_eq!(
        asked(r#"{"stream_options":{"include_usage": false}}"#),
        r#"{"stream_options":{"include_usage": true}}"#
    );
    assert_eq!(asked(r#"{"stream_options":{"include_usage": null}}"#), r#"{"stream_options":{"include_usage": true}}"#);
    assert_eq!(asked(r#"{"stream_options":{"include_usage": true}}"#), r#"{"stream_options":{"include_usage": true}}"#);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(".{0,6}", inner, 0..6).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn body() -> impl Strategy<Value = Value> {
    let model = proptest::option::of(".{0,12}");
    let limit = proptest::option::of(any::<u32>());
    let stream = proptest::option::of(any::<bool>());
    let rest = proptest::collection::hash_map("[a-l]{1,3}", json_value(), 0..6);
    (model, limit, stream, rest).prop_map(|(model, limit, stream, rest)| {
        let mut map: Map<String, Value> = rest.into_iter().collect();
        map.extend(model.map(|model| ("model".to_owned(), json!(model))));
        map.extend(limit.map(|limit| ("max_tokens".to_owned(), json!(limit))));
        map.extend(stream.map(|stream| ("stream".to_owned(), json!(stream))));
        Value::Object(map)
    })
}

proptest! {
    #[test]
    fn the_scanner_reads_what_a_parser_reads(value in body(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("json");
        let found = scan(text.as_bytes()).expect("a body");
        prop_assert_eq!(found.model.as_ref().map(|model| &*model.value), value["model"].as_str());
        prop_assert_eq!(found.max_tokens, value["max_tokens"].as_u64());
        prop_assert_eq!(found.stream, value["stream"].as_bool());
    }

    #[test]
    fn a_spliced_model_equals_a_parsed_and_changed_one(value in body(), model in ".{0,20}") {
        let text = Bytes::from(value.to_string());
        let mut value: Value = serde_json::from_slice(&text).expect("json");
        let found = scan(&text).expect("a body");
        let edits: Vec<Edit> = found.replace_model(&model).into_iter().chain(found.ask_for_usage(&text)).collect();
        if value.get("model").is_some() {
            value["model"] = json!(model);
        }
        value["stream_options"] = json!({ "include_usage": true });
        let spliced = splice(&text, &edits);
        prop_assert_eq!(serde_json::from_slice::<Value>(&spliced).expect("json"), value);
        prop_assert!(scan(&spliced).is_ok());
    }

    #[test]
    fn the_scanner_and_a_parser_agree_on_damaged_text(value in body(), cut in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b','), Just(b'}'), Just(b'['), Just(b'0')]) {
        let whole = value.to_string().into_bytes();
        let mut changed = whole.clone();
        changed[place.index(whole.len())] = byte;
        for text in [&whole[..cut.index(whole.len())], &changed] {
            let parsed = std::str::from_utf8(text).ok().and_then(|text| serde_json::from_str::<std::collections::HashMap<String, IgnoredAny>>(text).ok());
            match scan(text) {
                Ok(_) => prop_assert!(parsed.is_some(), "{}", String::from_utf8_lossy(text)),
                Err(ScanError { kind: ScanErrorKind::BadJson | ScanErrorKind::NotAnObject, .. }) => {
                    prop_assert!(parsed.is_none(), "{}", String::from_utf8_lossy(text));
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes);
        let mut braced = b"{\"a\":".to_vec();
        braced.extend_from_slice(&bytes);
        let _ = scan(&braced);
    }
}

#[test]
fn other_members_take_the_models_place() {
    let body = Bytes::from_static(br#"{ "a":"\"model\"", "model" : "m" , "b": 1}"#);
    let found = scan(&body).expect("JSON");
    let made = |model| splice(&body, found.write_model(&body, model, r#""v":"1""#).as_slice());
    assert_eq!(made(None), r#"{ "a":"\"model\"", "v":"1" , "b": 1}"#);
    assert_eq!(made(Some("x")), r#"{ "a":"\"model\"", "v":"1","model":"x" , "b": 1}"#);
    assert_eq!(scan(b"{}").expect("JSON").write_model(b"{}", None, ""), None);
}

#[test]
fn values_are_counted_on_all_levels() {
    for (body, values) in [
        ("{}", 0),
        (r#"{"model":"m","x":1}"#, 1),
        (r#"{"messages":[0,0,0]}"#, 4),
        (r#"{"messages":[{"a":[],"b":{}},"t",[[1]]]}"#, 8),
        (r#"{"models":[1,2],"user":{"a":1}}"#, 5),
    ] {
        assert_eq!(scan(body.as_bytes()).expect("an object").values, values, "{body}");
    }
}

#[test]
fn values_are_those_of_a_whole_object() {
    let found = |body: &str| {
        super::values(body.as_bytes(), &["a", "b"])
            .map(|places| places.map(|place| place.map(|at| body[at].to_owned())))
    };
    assert_eq!(found(r#"{"b": [1] ,"c":2} "#), Ok([None, Some("[1]".to_owned())]));
    let deep = |levels: usize| format!(r#"{{"a":1,"c":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(found(&deep(MAX_DEPTH)).is_ok());
    assert!(found(&deep(MAX_DEPTH + 1)).is_err());
    for body in
        [r#"{"a":1} {"a":2}"#, r#"{"a":1}x"#, r#"{"a":1,"a":2}"#, r#"{"\u0061":1}"#, r#"[{"a":1}]"#, r#"{"a":1"#]
    {
        assert!(found(body).is_err(), "{body}");
    }
}

#[test]
fn a_control_character_is_found_wherever_it_is() {
    for length in [1, 15, 16, 17, 64, 100] {
        for at in [0, length / 2, length - 1] {
            for (byte, is_text) in [(0x1f, false), (0x00, false), (0x20, true), (0x7f, true)] {
                let mut text = vec![b'a'; length];
                text[at] = byte;
                let body = [br#"{"x":""#, text.as_slice(), br#""}"#].concat();
                assert_eq!(scan(&body).is_ok(), is_text, "{byte:#x} at {at} of {length}");
            }
        }
    }
}
