//! JSON schemas in the form that Claude takes them.

use serde_json::{Map, Value, json};

use crate::chat::Json;

/// Limits that a grammar cannot hold; they go into the description, where the model still reads them.
const LIMITS: [&str; 12] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contains",
];

/// Parts that cannot be said with a grammar at all.
const IMPOSSIBLE: [&str; 6] =
    ["patternProperties", "not", "if", "dependentSchemas", "unevaluatedProperties", "prefixItems"];

/// The schema of a tool's input: an object, also where the caller did not say so.
pub(super) fn input(parameters: Option<&Json>) -> Json {
    let empty = || Json::of(&json!({ "type": "object", "properties": {} }));
    let Some(parameters) = parameters else { return empty() };
    let Ok(Value::Object(mut schema)) = parameters.read::<Value>() else { return empty() };
    let combined = ["anyOf", "oneOf", "allOf"].iter().any(|name| schema.contains_key(*name));
    if schema.get("type").is_some_and(|kind| kind == "object") && !combined {
        return parameters.clone();
    }
    if combined {
        fold_alternatives(&mut schema);
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    Json::of(&schema)
}

/// Claude takes no alternatives at the top of an input: all their properties are allowed, none is required.
fn fold_alternatives(schema: &mut Map<String, Value>) {
    let mut properties = match schema.remove("properties") {
        Some(Value::Object(properties)) => properties,
        _ => Map::new(),
    };
    for name in ["anyOf", "oneOf", "allOf"] {
        let Some(Value::Array(branches)) = schema.remove(name) else { continue };
        for branch in branches {
            let Some(Value::Object(more)) = branch.get("properties").cloned() else { continue };
            for (name, property) in more {
                properties.entry(name).or_insert(property);
            }
        }
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
}

/// The schema as Claude's grammar takes it: objects closed, limits told in words. None where the grammar cannot say it:
/// open maps, recursion.
pub(super) fn strict(schema: &Json) -> Option<Json> {
    let mut value: Value = schema.read().ok()?;
    close(&mut value)?;
    Some(Json::of(&value))
}

fn close(schema: &mut Value) -> Option<()> {
    let Value::Object(schema) = schema else {
        // `true` allows anything.
        return None;
    };
    if IMPOSSIBLE.iter().any(|name| schema.contains_key(*name)) || recurs(schema) {
        return None;
    }
    if let Some(alternatives) = schema.remove("oneOf") {
        schema.insert("anyOf".to_owned(), alternatives);
    }
    tell_limits(schema);
    for list in ["anyOf", "allOf"] {
        if let Some(Value::Array(branches)) = schema.get_mut(list) {
            branches.iter_mut().try_for_each(close)?;
        }
    }
    for map in ["properties", "$defs", "definitions"] {
        if let Some(Value::Object(members)) = schema.get_mut(map) {
            members.values_mut().try_for_each(close)?;
        }
    }
    if let Some(items) = schema.get_mut("items") {
        close(items)?;
    }
    let kind = schema.get("type");
    let is_object =
        kind.is_some_and(|kind| kind == "object" || kind.as_array().is_some_and(|k| k.contains(&json!("object"))));
    if is_object || schema.contains_key("properties") {
        let open = schema.get("additionalProperties").is_some_and(Value::is_object);
        if open || !schema.contains_key("properties") {
            return None;
        }
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Some(())
}

/// Whether the schema refers to the whole, or a definition to itself. Longer circles are left to the provider to judge.
fn recurs(schema: &Map<String, Value>) -> bool {
    let definitions = ["$defs", "definitions"].into_iter().filter_map(|map| Some((map, schema.get(map)?.as_object()?)));
    let mut members =
        definitions.flat_map(|(map, members)| members.iter().map(move |(name, member)| (map, name, member)));
    schema.get("$ref").is_some_and(|target| target == "#")
        || members.any(|(map, name, member)| member.to_string().contains(&format!("\"#/{map}/{name}\"")))
}

fn tell_limits(schema: &mut Map<String, Value>) {
    let mut told = Vec::new();
    let few_items = schema.get("minItems").is_some_and(|least| least == 0 || least == 1);
    let more = (!few_items).then_some("minItems");
    for name in LIMITS.into_iter().chain(more) {
        // A property may be named like a limit; a limit's value is never an object.
        if schema.get(name).is_some_and(|limit| !limit.is_object())
            && let Some(limit) = schema.remove(name)
        {
            told.push(format!("{name}: {limit}"));
        }
    }
    if told.is_empty() {
        return;
    }
    let told = format!("{{{}}}", told.join(", "));
    let text = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description}\n\n{told}"),
        None => told,
    };
    schema.insert("description".to_owned(), Value::String(text));
}
