//! What a change changed: the fields of two JSON texts that differ.

use serde_json::Value;

/// A field before and after; nothing on the side where it does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pages) struct Change {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Longest value shown, in characters.
const LONGEST: usize = 120;

/// The differences, by field; nested fields are joined by dots.
pub(in crate::pages) fn changes(before: Option<&str>, after: Option<&str>) -> Vec<Change> {
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| Change { field: name.clone(), before: find(&before, name), after: find(&after, name) })
        .filter(|change| change.before != change.after)
        .collect()
}

fn find(fields: &[(String, String)], name: &str) -> Option<String> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

fn fields(json: Option<&str>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let Some(value) = json.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
        collect(String::new(), &value, &mut fields);
    }
    fields
}

fn collect(name: String, value: &Value, fields: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(name, value, fields);
            }
        }
        // What is not set is the same as what does not exist.
        Value::Null => (),
        Value::String(text) => fields.push((name, shorten(text))),
        other => fields.push((name, shorten(&other.to_string()))),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(field: &str, before: Option<&str>, after: Option<&str>) -> Change {
        Change { field: field.into(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = r#"{"name":"Main","settings":{"cache_ttl":60,"authentication":true}}"#;
        let after = r#"{"name":"Main","settings":{"cache_ttl":300,"authentication":true,"retry_delay":5}}"#;
        assert_eq!(
            changes(Some(before), Some(after)),
            [change("settings.cache_ttl", Some("60"), Some("300")), change("settings.retry_delay", None, Some("5"))]
        );
    }

    #[test]
    fn what_is_new_has_no_before() {
        assert_eq!(changes(None, Some(r#"{"slug":"a","x":null}"#)), [change("slug", None, Some("a"))]);
        assert_eq!(changes(None, None), []);
        assert_eq!(changes(Some("broken"), None), []);
    }
}
