//! Arguments of a call that come in pieces (`partialArgs`): values with their place, put together to one object.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::Fields;

/// Deepest place a piece may name.
const DEEPEST: usize = 64;

/// The pieces that one part brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Piecemeal {
    pieces: Vec<PartialArg>,
    /// Whether more of the call comes.
    pub(super) more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PartialArg {
    #[serde(alias = "json_path")]
    json_path: String,
    #[serde(alias = "string_value")]
    string_value: Option<String>,
    #[serde(alias = "number_value")]
    number_value: Option<serde_json::Number>,
    #[serde(alias = "bool_value")]
    bool_value: Option<bool>,
    /// `NULL_VALUE`, where the value is null.
    #[serde(alias = "null_value")]
    null_value: Option<String>,
}

impl Piecemeal {
    /// Takes the pieces out of a `functionCall`.
    pub(super) fn take(call: &mut Fields) -> Self {
        let pieces = call.get("partialArgs").unwrap_or_default();
        Self { pieces, more: call.get("willContinue").unwrap_or(false) }
    }

    /// Whether the part brings none.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// About how many bytes they take.
    pub(super) fn size(&self) -> usize {
        const EACH: usize = 64;
        // A letter and a dot of a place may make an object.
        const STEP: usize = 16;
        let words =
            |piece: &PartialArg| piece.json_path.len() * STEP + piece.string_value.as_ref().map_or(0, String::len);
        self.pieces.iter().map(|piece| EACH + words(piece)).sum()
    }

    /// Adds the pieces to what has come before.
    pub(super) fn add_to(self, arguments: &mut Map<String, Value>) {
        for piece in self.pieces {
            let path = path(&piece.json_path);
            let value = piece.value();
            let mut root = Value::Object(std::mem::take(arguments));
            if let (Some(value), Some(place)) = (value, place(&mut root, &path)) {
                match (place, value) {
                    (Value::String(so_far), Value::String(more)) => so_far.push_str(&more),
                    (place, value) => *place = value,
                }
            }
            if let Value::Object(members) = root {
                *arguments = members;
            }
        }
    }
}

impl PartialArg {
    fn value(self) -> Option<Value> {
        let null = self.null_value.map(|_| Value::Null);
        let number = self.number_value.map(Value::Number);
        self.string_value.map(Value::String).or(number).or(self.bool_value.map(Value::Bool)).or(null)
    }
}

enum Step {
    Name(String),
    Index(usize),
}

/// `$.a.b[0]['c']` as steps; none where it goes too deep or names no place in an object.
fn path(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = text.strip_prefix('$').unwrap_or(text);
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let Some((index, after)) = inner.split_once(']') else { return Vec::new() };
            let quoted = index.trim_matches(['\'', '"']);
            steps.push(index.parse().map_or_else(|_| Step::Name(quoted.to_owned()), Step::Index));
            rest = after;
        } else {
            let inner = rest.strip_prefix('.').unwrap_or(rest);
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            if end == 0 {
                return Vec::new();
            }
            steps.push(Step::Name(inner[..end].to_owned()));
            rest = &inner[end..];
        }
    }
    if steps.len() > DEEPEST || !matches!(steps.first(), Some(Step::Name(_))) {
        return Vec::new();
    }
    steps
}

/// The place, made where it was not there; none where it lies beyond the end of a list by more than one.
fn place<'a>(root: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    if path.is_empty() {
        return None;
    }
    path.iter().try_fold(root, |value, step| match step {
        Step::Name(name) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            Some(value.as_object_mut()?.entry(name.as_str()).or_insert(Value::Null))
        }
        Step::Index(index) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            let list = value.as_array_mut()?;
            if *index == list.len() {
                list.push(Value::Null);
            }
            list.get_mut(*index)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Json;

    fn arguments(calls: &[&str]) -> String {
        let mut so_far = Map::new();
        for call in calls {
            Piecemeal::take(&mut Fields::lenient(&Json::parse(*call).expect("JSON"))).add_to(&mut so_far);
        }
        Value::Object(so_far).to_string()
    }

    #[test]
    fn pieces_go_where_they_say() {
        let whole = arguments(&[
            r#"{"partialArgs":[{"jsonPath":"$.city","stringValue":"New "}],"willContinue":true}"#,
            r#"{"partialArgs":[{"jsonPath":"$.city","stringValue":"York"},{"jsonPath":"$.days[0].n","numberValue":3}]}"#,
            r#"{"partialArgs":[{"jsonPath":"$.days[1]['n']","nullValue":"NULL_VALUE"},{"jsonPath":"$.ok","boolValue":true}]}"#,
        ]);
        assert_eq!(whole, r#"{"city":"New York","days":[{"n":3},{"n":null}],"ok":true}"#);
    }

    #[test]
    fn places_that_make_no_sense_are_passed_over() {
        let far =
            r#"{"partialArgs":[{"jsonPath":"$.a[4000000000]","stringValue":"x"},{"jsonPath":"$[","stringValue":"x"}]}"#;
        assert_eq!(arguments(&[far]), r#"{"a":[]}"#);
    }
}
