//! Schemas: JSON's for the world, a subset of OpenAPI's for older models. The order of properties is kept in both
//! directions, since a model fills them in in that order.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::chat::Json;

/// How deep schemas go. One that refers to itself, or goes deeper, is a plain object below that.
const DEEPEST: usize = 16;

/// How many schemas one may grow into through its references.
const MOST: usize = 10_000;

/// What the references of all schemas of a request may put in place, in bytes of memory.
const MOST_COPIED: usize = 8 << 20;

/// What a value takes in memory beside its texts, in bytes.
const EACH: usize = 32;

/// What the subset knows and holds no schema.
const KEPT: [&str; 16] = [
    "title",
    "description",
    "format",
    "nullable",
    "default",
    "example",
    "enum",
    "required",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// What the references of a request's schemas may still put in place: few bytes can refer to a long text many times.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MOST_COPIED)
    }
}

impl Room {
    /// Takes what a copy of `value` needs. Where it is not there nothing is left for later ones either, so that they need
    /// not be looked at.
    fn take(&mut self, value: &Value) -> bool {
        if self.0 == 0 {
            return false;
        }
        let more = |texts: usize| EACH + texts;
        let Some(left) = self.0.checked_sub(match value {
            Value::String(text) => more(text.len()),
            Value::Object(members) => more(members.keys().map(|name| more(name.len())).sum()),
            _ => more(0),
        }) else {
            self.0 = 0;
            return false;
        };
        self.0 = left;
        match value {
            Value::Array(all) => all.iter().all(|value| self.take(value)),
            Value::Object(members) => members.values().all(|value| self.take(value)),
            _ => true,
        }
    }
}

/// A JSON schema without what the subset does not know: references are put in place as long as there is `room`, `const`
/// becomes `enum`, `oneOf` becomes `anyOf`, lists of types become `nullable` or `anyOf`.
pub(super) fn to_openapi(schema: &Json, room: &mut Room) -> Json {
    let Ok(root) = schema.read::<Value>() else { return schema.clone() };
    let mut pruning = Pruning { root: &root, left: MOST, room };
    Json::of(&pruning.schema(&root, 0))
}

struct Pruning<'a> {
    root: &'a Value,
    left: usize,
    room: &'a mut Room,
}

impl Pruning<'_> {
    fn schema(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(members) = schema.as_object() else { return json!({}) };
        self.left = self.left.saturating_sub(1);
        if depth > DEEPEST || self.left == 0 {
            return json!({"type": "object"});
        }
        if let Some(target) = members.get("$ref").and_then(Value::as_str) {
            return self.reference(target, members, depth);
        }
        let mut out = Map::new();
        for (name, value) in members {
            self.member(name, value, &mut out, depth);
        }
        strings_only(&mut out);
        Value::Object(out)
    }

    fn member(&mut self, name: &str, value: &Value, out: &mut Map<String, Value>, depth: usize) {
        match name {
            "type" => types(value, out),
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                let pruned = properties.map(|(name, schema)| (name.clone(), self.schema(schema, depth + 1)));
                let pruned: Map<String, Value> = pruned.collect();
                // These models fill in properties in alphabetical order unless told otherwise.
                let order: Vec<Value> = pruned.keys().map(|name| Value::from(name.as_str())).collect();
                out.insert(name.to_owned(), Value::Object(pruned));
                if order.len() > 1 {
                    out.insert("propertyOrdering".to_owned(), Value::Array(order));
                }
            }
            "items" => {
                // A list of schemas, one for each place, is beyond the subset.
                let each = value.as_array().and_then(|each| each.first()).unwrap_or(value);
                out.insert(name.to_owned(), self.schema(each, depth + 1));
            }
            "anyOf" | "oneOf" => self.any_of(value, out, depth),
            "allOf" => self.all_of(value, out, depth),
            "const" => {
                out.insert("enum".to_owned(), json!([value]));
            }
            "pattern" => {
                out.insert(name.to_owned(), value.clone());
            }
            _ if KEPT.contains(&name) => {
                out.insert(name.to_owned(), value.clone());
            }
            _ => {}
        }
    }

    /// What `$ref` points at, with the words beside it.
    fn reference(&mut self, target: &str, beside: &Map<String, Value>, depth: usize) -> Value {
        let root = self.root;
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let found = found.filter(|found| self.room.take(found));
        let mut schema = found.map_or_else(|| json!({"type": "object"}), |found| self.schema(found, depth + 1));
        if let (Some(schema), Some(description)) = (schema.as_object_mut(), beside.get("description")) {
            schema.insert("description".to_owned(), description.clone());
        }
        schema
    }

    fn any_of(&mut self, value: &Value, out: &mut Map<String, Value>, depth: usize) {
        let all = value.as_array().map_or(&[][..], Vec::as_slice);
        let null = |schema: &&Value| schema["type"] == "null";
        if all.iter().any(|schema| null(&schema)) {
            out.insert("nullable".to_owned(), Value::Bool(true));
        }
        let mut rest: Vec<Value> =
            all.iter().filter(|schema| !null(schema)).map(|schema| self.schema(schema, depth + 1)).collect();
        if rest.len() == 1 {
            if let Some(Value::Object(only)) = rest.pop() {
                for (name, value) in only {
                    out.entry(name).or_insert(value);
                }
            }
        } else if !rest.is_empty() {
            out.insert("anyOf".to_owned(), Value::Array(rest));
        }
    }

    /// One schema that says what all of them say.
    fn all_of(&mut self, value: &Value, out: &mut Map<String, Value>, depth: usize) {
        for schema in value.as_array().into_iter().flatten() {
            let Value::Object(members) = self.schema(schema, depth + 1) else { continue };
            for (name, value) in members {
                match (out.get_mut(&name), value) {
                    (Some(Value::Object(so_far)), Value::Object(more)) => so_far.extend(more),
                    (Some(Value::Array(so_far)), Value::Array(more)) if name == "required" => so_far.extend(more),
                    (Some(_), _) => {}
                    (None, value) => drop(out.insert(name, value)),
                }
            }
        }
    }
}

fn types(value: &Value, out: &mut Map<String, Value>) {
    let Some(list) = value.as_array() else {
        out.insert("type".to_owned(), value.clone());
        return;
    };
    if list.iter().any(|word| word == "null") {
        out.insert("nullable".to_owned(), Value::Bool(true));
    }
    let rest: Vec<&Value> = list.iter().filter(|word| *word != "null").collect();
    match rest[..] {
        [] => {}
        [only] => drop(out.insert("type".to_owned(), only.clone())),
        _ => drop(out.insert("anyOf".to_owned(), rest.iter().map(|word| json!({"type": word})).collect())),
    }
}

/// The subset has lists of allowed strings only: other values go into the words, where the model still reads them.
fn strings_only(schema: &mut Map<String, Value>) {
    let other = schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.iter().all(Value::is_string));
    if !other {
        if schema.contains_key("enum") && !schema.contains_key("type") {
            schema.insert("type".to_owned(), json!("string"));
        }
        return;
    }
    let Some(allowed) = schema.shift_remove("enum") else { return };
    let words = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let words = format!("{words} One of {allowed}.").trim_start().to_owned();
    schema.insert("description".to_owned(), Value::String(words));
}

/// A schema in Google's subset as a JSON schema: types in lower case, `nullable` as one more type.
pub(super) fn from_openapi(schema: &Json) -> Json {
    let Ok(mut value) = schema.read::<Value>() else { return schema.clone() };
    restore(&mut value);
    Json::of(&value)
}

fn restore(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    for (from, to) in [("any_of", "anyOf"), ("property_ordering", "propertyOrdering")] {
        if let Some(value) = members.shift_remove(from) {
            members.insert(to.to_owned(), value);
        }
    }
    if let Some(Value::String(word)) = members.get_mut("type") {
        word.make_ascii_lowercase();
    }
    for name in ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"] {
        // Google writes 64-bit numbers as strings.
        if let Some(number) = members.get(name).and_then(Value::as_str).and_then(|text| text.parse::<u64>().ok()) {
            members.insert(name.to_owned(), json!(number));
        }
    }
    if members.get("nullable") == Some(&Value::Bool(true)) {
        members.shift_remove("nullable");
        match members.get_mut("type") {
            Some(word) => *word = json!([word.clone(), "null"]),
            None => {
                if let Some(Value::Array(all)) = members.get_mut("anyOf") {
                    all.push(json!({"type": "null"}));
                }
            }
        }
    }
    let order = members.shift_remove("propertyOrdering");
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        in_order(properties, order.as_ref());
    }
    members.get_mut("items").map(restore);
    for name in ["properties", "$defs"] {
        let inner = members.get_mut(name).and_then(Value::as_object_mut);
        inner.into_iter().flatten().for_each(|(_, schema)| restore(schema));
    }
    members.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten().for_each(restore);
}

/// Brings properties into the order that the caller wants them filled in; those that are not named come last.
fn in_order(properties: &mut Map<String, Value>, order: Option<&Value>) {
    let names = order.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let places: HashMap<&str, usize> = names.enumerate().map(|(place, name)| (name, place)).collect();
    let mut all: Vec<(String, Value)> = std::mem::take(properties).into_iter().collect();
    all.sort_by_key(|(name, _)| places.get(name.as_str()).copied().unwrap_or(usize::MAX));
    properties.extend(all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pruned(schema: &Value) -> String {
        to_openapi(&Json::of(schema), &mut Room::default()).as_str().to_owned()
    }

    #[test]
    fn what_the_subset_does_not_know_is_said_in_other_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "zeta": {"$ref": "#/$defs/Unit", "description": "the unit"},
                "alpha": {"type": ["string", "null"], "exclusiveMinimum": 1},
                "kind": {"const": "a"},
                "count": {"type": "integer", "enum": [1, 2]},
                "either": {"oneOf": [{"type": "string"}, {"type": "number"}]},
                "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                "both": {"allOf": [{"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}]}
            },
            "required": ["zeta"],
            "additionalProperties": false,
            "$defs": {"Unit": {"type": "string", "enum": ["C", "F"]}}
        });
        insta::assert_snapshot!(pruned(&schema), @r#"{"type":"object","properties":{"zeta":{"type":"string","enum":["C","F"],"description":"the unit"},"alpha":{"nullable":true,"type":"string"},"kind":{"enum":["a"],"type":"string"},"count":{"type":"integer","description":"One of [1,2]."},"either":{"anyOf":[{"type":"string"},{"type":"number"}]},"maybe":{"nullable":true,"type":"integer"},"both":{"type":"object","properties":{"x":{"type":"string"}},"required":["x"]}},"propertyOrdering":["zeta","alpha","kind","count","either","maybe","both"],"required":["zeta"]}"#);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let tree = json!({
            "$defs": {"Node": {"type": "object", "properties": {
                "left": {"$ref": "#/$defs/Node"}, "right": {"$ref": "#/$defs/Node"}
            }}},
            "$ref": "#/$defs/Node"
        });
        let text = pruned(&tree);
        assert!(text.len() < 1 << 20, "{}", text.len());
        assert!(!text.contains("$ref"));
    }

    #[test]
    fn references_cannot_multiply_a_long_text() {
        let properties: Map<String, Value> =
            (0..2_000).map(|i| (format!("p{i}"), json!({"$ref": "#/$defs/Long"}))).collect();
        let long = json!({"type": "string", "description": "x".repeat(1 << 20)});
        let tool = Json::of(&json!({"type": "object", "properties": properties, "$defs": {"Long": long}}));
        let mut room = Room::default();
        let lengths: Vec<usize> = (0..3).map(|_| to_openapi(&tool, &mut room).as_str().len()).collect();
        assert!(lengths[0] > 2 << 20, "the first references are followed: {lengths:?}");
        assert!(lengths.iter().sum::<usize>() < 2 * MOST_COPIED, "{lengths:?}");
    }

    #[test]
    fn upper_case_types_come_back_in_lower_case() {
        let schema = json!({
            "type": "OBJECT",
            "properties": {"b": {"type": "STRING", "nullable": true}, "a": {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "1"}},
            "propertyOrdering": ["a", "b"]
        });
        insta::assert_snapshot!(from_openapi(&Json::of(&schema)).as_str(), @r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"number"},"minItems":1},"b":{"type":["string","null"]}}}"#);
    }
}
