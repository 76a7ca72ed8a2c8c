//! The lazy scanner of request bodies, beside `serde_json`.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::Value;
use wire::scan::{Scan, ScanErrorKind, scan};
use wire::splice::{Edit, splice};

/// Checks a body.
pub fn scanner(body: &[u8]) {
    let is_json = std::str::from_utf8(body).is_ok() && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    match scan(body) {
        Ok(found) => {
            assert!(is_json);
            // Numbers and depths that `Value` has no room for are JSON all the same.
            if let Ok(value) = serde_json::from_slice(body) {
                finds_the_same(&found, &value);
                changes_only_what_it_must(&found, &value, body);
            }
        }
        // Half a character is no text, though its syntax is JSON's.
        Err(error) if error.kind == ScanErrorKind::BadJson => assert!(!is_json || has_halves(body)),
        Err(error) if error.kind == ScanErrorKind::NotAnObject => {
            assert!(serde_json::from_slice::<Value>(body).map_or(true, |value| !value.is_object()));
        }
        Err(error) => assert!(error.offset <= body.len()),
    }
}

fn has_halves(body: &[u8]) -> bool {
    body.windows(3).any(|escape| escape.eq_ignore_ascii_case(b"\\ud"))
}

fn finds_the_same(found: &Scan<'_>, value: &Value) {
    assert_eq!(found.model.as_ref().map(|model| &*model.value), value["model"].as_str());
    assert_eq!(found.stream, value["stream"].as_bool());
    assert_eq!(found.include_usage, value["stream_options"]["include_usage"].as_bool());
    assert_eq!(found.user.as_deref(), value["user"].as_str());
    assert_eq!(found.models, !value["models"].is_null());
    let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    if limits.iter().all(|name| value[*name].is_null() || value[*name].is_u64()) {
        assert_eq!(found.max_tokens, limits.iter().filter_map(|name| value[*name].as_u64()).max());
    }
}

/// Every edit leaves all other bytes as they are, and means what it should.
fn changes_only_what_it_must(found: &Scan<'_>, value: &Value, body: &[u8]) {
    let bytes = Bytes::copy_from_slice(body);
    if let Some(edit) = found.replace_model("another \"model\"") {
        let mut wanted = value.clone();
        wanted["model"] = "another \"model\"".into();
        assert_eq!(read(&bytes, &edit), wanted);
    }
    if let Some(edit) = found.ask_for_usage(body) {
        let mut wanted = value.clone();
        if wanted["stream_options"].is_null() {
            wanted["stream_options"] = serde_json::json!({});
        }
        wanted["stream_options"]["include_usage"] = true.into();
        assert_eq!(read(&bytes, &edit), wanted);
    }
}

fn read(body: &Bytes, edit: &Edit) -> Value {
    let changed = splice(body, std::slice::from_ref(edit));
    assert_eq!(changed[..edit.range.start], body[..edit.range.start]);
    assert!(changed.ends_with(&body[edit.range.end..]));
    serde_json::from_slice(&changed).expect("JSON")
}
