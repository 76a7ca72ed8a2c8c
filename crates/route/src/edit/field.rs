//! Properties as the fields of a form show them: texts. What is typed is taken as it is, in the place that the JSON has for it;
//! whether it can be there is for [`crate::read`] to say.

use serde_json::{Map, Value, json};

use super::{Editor, type_of};
use crate::json;

/// The comparisons of a condition that has one, and what they say.
pub const OPERATORS: [(&str, &str); 10] = [
    ("$eq", "is"),
    ("$ne", "is not"),
    ("$gt", "is greater than"),
    ("$gte", "is at least"),
    ("$lt", "is less than"),
    ("$lte", "is at most"),
    ("$in", "is one of"),
    ("$nin", "is none of"),
    ("$regex", "matches"),
    ("$exists", "is there"),
];

/// A field of an element as a text; empty where it is not there. `subject`, `operator` and `value` are those of a condition that is
/// one comparison; other names are those of properties, in the spelling of Weir.
#[must_use]
pub fn field(element: &Value, name: &str) -> String {
    let simple = || element.get("properties").and_then(|properties| simple(conditions(properties)?));
    match name {
        "subject" => simple().map_or_else(String::new, |(subject, _, _)| subject.to_owned()),
        "operator" => simple().map_or("$eq", |(_, operator, _)| operator).to_owned(),
        "value" => simple().map_or_else(String::new, |(_, operator, value)| shown(operator, value)),
        _ => {
            let properties = element.get("properties").and_then(Value::as_object);
            let value = properties.and_then(|properties| properties.get(spelling(properties, name)));
            value.map_or_else(String::new, |value| match value {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            })
        }
    }
}

/// Whether an element's condition is one comparison, or there is none yet.
#[must_use]
pub fn is_simple(element: &Value) -> bool {
    let condition = element.get("properties").and_then(conditions);
    condition.is_none_or(|condition| simple(condition).is_some())
}

impl Editor {
    /// Takes what was typed into a [`field()`] of an element. An empty text removes the property.
    pub fn set_field(&mut self, id: &str, name: &str, text: &str) -> bool {
        let Some(element) = self.element(id) else { return false };
        let (kind, before) = (type_of(element), field);
        let text = text.trim();
        match name {
            "subject" | "operator" | "value" => {
                let said = |part: &str| if part == name { text.to_owned() } else { before(element, part) };
                let (subject, operator, value) = (said("subject"), said("operator"), said("value"));
                self.set_condition(id, &subject, &operator, &value)
            }
            "limitType" => false,
            _ => {
                let value = match name {
                    "window" | "timeout" | "retries" => whole(text),
                    "limit" if kind == "rate" => whole(text),
                    "conditions" => json::read(text).unwrap_or_else(|_| json!(text)),
                    _ => json!(text),
                };
                let Some(properties) = self.properties_mut(id) else { return false };
                let name = spelling(properties, name).to_owned();
                if text.is_empty() {
                    properties.shift_remove(&name);
                } else {
                    properties.insert(name, value);
                }
                true
            }
        }
    }

    /// Makes an element's condition one comparison.
    pub fn set_condition(&mut self, id: &str, subject: &str, operator: &str, value: &str) -> bool {
        let operator = OPERATORS.into_iter().find(|(known, _)| *known == operator).map_or("$eq", |(known, _)| known);
        let Some(properties) = self.properties_mut(id) else { return false };
        let name = spelling(properties, "conditions").to_owned();
        let (subject, value) = (subject.trim(), typed(operator, value.trim()));
        let member =
            properties.get_mut(&name).filter(|condition| simple(condition).is_some_and(|(old, _, _)| old == subject));
        match member.and_then(|condition| condition.get_mut(subject)) {
            // `$options` of a pattern stays.
            Some(Value::Object(test)) if test.len() > 1 && test.contains_key(operator) => {
                test.insert(operator.to_owned(), value);
            }
            _ => {
                properties.insert(name, json!({ subject: { operator: value } }));
            }
        }
        true
    }

    /// The weight of a balance's output; an empty text removes it.
    pub fn set_weight(&mut self, id: &str, output: &str, text: &str) {
        let text = text.trim();
        let has = self.element(id).is_some_and(|element| element.pointer("/properties/weights").is_some());
        if text.is_empty() && !has {
            return;
        }
        let Some(properties) = self.properties_mut(id) else { return };
        let weights = properties.entry("weights").or_insert_with(|| json!({}));
        let Some(weights) = weights.as_object_mut() else { return };
        if text.is_empty() {
            weights.shift_remove(output);
        } else {
            weights.insert(output.to_owned(), whole(text));
        }
        if weights.is_empty() {
            properties.shift_remove("weights");
        }
    }

    /// The weight of a balance's output as a text; empty where it has none.
    #[must_use]
    pub fn weight(&self, id: &str, output: &str) -> String {
        let weight = self.element(id).and_then(|element| element.pointer("/properties/weights")?.get(output));
        weight.map_or_else(String::new, |weight| weight.as_str().map_or_else(|| weight.to_string(), str::to_owned))
    }
}

/// The name that a property has here: Cloudflare's documentation and its API differ.
fn spelling<'a>(properties: &Map<String, Value>, name: &'a str) -> &'a str {
    match name {
        "conditions" if properties.contains_key("condition") => "condition",
        "window" if properties.contains_key("interval") => "interval",
        _ => name,
    }
}

fn conditions(properties: &Value) -> Option<&Value> {
    properties.get("condition").or_else(|| properties.get("conditions"))
}

/// A condition that is one comparison: the field, the operator, the value.
fn simple(condition: &Value) -> Option<(&str, &'static str, &Value)> {
    let members = condition.as_object().filter(|members| members.len() == 1)?;
    let (subject, test) = members.iter().next()?;
    if subject.starts_with('$') {
        return None;
    }
    let Value::Object(test) = test else { return (!test.is_array()).then_some((subject, "$eq", test)) };
    // A pattern's options are no comparison of their own.
    let mut tests = test.iter().filter(|(name, _)| *name != "$options");
    let (name, value) = tests.next().filter(|_| tests.clone().next().is_none())?;
    let operator = OPERATORS.into_iter().find(|(known, _)| known == name)?.0;
    Some((subject, operator, value))
}

/// A whole number where it is one, else what was typed.
fn whole(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), Value::from)
}

/// What a typed value means: a number, true, false and null where it is one, else a text; several with commas between.
fn typed(operator: &str, text: &str) -> Value {
    match operator {
        "$in" | "$nin" => match json::read(text) {
            Ok(list @ Value::Array(_)) => list,
            _ if text.is_empty() => json!([]),
            _ => text.split(',').map(|part| scalar(part.trim())).collect(),
        },
        "$regex" => json!(text),
        "$exists" => json!(!["false", "no"].contains(&text)),
        _ => scalar(text),
    }
}

fn scalar(text: &str) -> Value {
    json::read(text).ok().filter(|value| !value.is_array() && !value.is_object()).unwrap_or_else(|| json!(text))
}

/// A value as it is typed: without quotation marks where it is read as the same without them.
fn shown(operator: &str, value: &Value) -> String {
    let plain = match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(|one| shown("$eq", one)).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    if typed(operator, &plain) == *value { plain } else { value.to_string() }
}
