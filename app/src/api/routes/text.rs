//! Routes as text: what is saved, and what was refused and waits to be corrected.

use control::{Actor, Control, Grant, NewRoute, NewRouteVersion, can};
use domain::validate::FieldError;
use domain::view::RouteView;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::AppError;
use crate::api::fields::{self, filled};
use crate::server;

/// A version as it was typed. Refused, it is too long for a cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub name: String,
    pub elements: String,
    pub comment: String,
    /// Why it was refused.
    pub wrong: Vec<FieldError>,
}

impl Draft {
    /// Keeps it for the person's session; answers what it is found by.
    #[must_use]
    pub fn put(&self, control: &Control, actor: &Actor) -> String {
        control.flash_put(actor, serde_json::to_string(self).unwrap_or_default())
    }

    /// Takes it out, once.
    #[must_use]
    pub fn take(control: &Control, actor: &Actor, id: &str) -> Option<Self> {
        serde_json::from_str(&control.flash_take(actor, id)?).ok()
    }
}

/// Saves a version of the route with `id`, or a new route.
pub(super) async fn save(
    grant: &Grant<can::EditGateways>,
    gateway: &str,
    id: Option<&str>,
    made_from: Option<&str>,
    draft: &Draft,
) -> Result<RouteView, AppError> {
    let control = server::control()?;
    let version =
        |made_from| NewRouteVersion { elements: draft.elements.clone(), comment: draft.comment.clone(), made_from };
    match filled(id) {
        Some(id) => {
            let id = fields::id("id", id).map_err(AppError::Invalid)?;
            let made_from = fields::id("made_from", made_from.unwrap_or_default()).map_err(AppError::Invalid)?;
            Ok(control.save_route(grant, gateway, id, version(made_from)).await?)
        }
        None => {
            let new = NewRoute { name: draft.name.clone(), first: version(0) };
            Ok(control.create_route(grant, gateway, new).await?)
        }
    }
}

/// Elements as people read them: one a line where it is short, as documentation has them.
#[must_use]
pub fn pretty(elements: &str) -> String {
    match serde_json::from_str::<Value>(elements) {
        Ok(Value::Array(list)) => lines(&list),
        Ok(Value::Object(route)) if route.get("elements").is_some_and(Value::is_array) => {
            let members = route.iter().map(|(name, value)| {
                let value =
                    value.as_array().filter(|_| name == "elements").map_or_else(|| one_line(value), |list| lines(list));
                format!("{}: {value}", Value::from(name.as_str()))
            });
            format!("{{\n{}\n}}", members.collect::<Vec<_>>().join(",\n"))
        }
        _ => elements.to_owned(),
    }
}

fn lines(list: &[Value]) -> String {
    let elements: Vec<_> = list.iter().map(|element| format!("  {}", spaced(element))).collect();
    format!("[\n{}\n]", elements.join(",\n"))
}

/// JSON on one line with spaces; an element that is long has a line for each of its members.
fn spaced(value: &Value) -> String {
    const LONGEST: usize = 110;
    let line = one_line(value);
    match value {
        Value::Object(members) if line.chars().count() > LONGEST => {
            let members =
                members.iter().map(|(name, value)| format!("    {}: {}", Value::from(name.as_str()), one_line(value)));
            format!("{{\n{}\n  }}", members.collect::<Vec<_>>().join(",\n"))
        }
        _ => line,
    }
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let members =
                members.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), one_line(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_shown_one_a_line_and_say_the_same() {
        let long = "x".repeat(100);
        let text = format!(r#"[{{"id":"a","type":"end","outputs":{{}}}},{{"id":"b","note":"{long}","list":[1,"2"]}}]"#);
        let shown = pretty(&text);
        assert_eq!(
            shown,
            format!(
                "[\n  {{ \"id\": \"a\", \"type\": \"end\", \"outputs\": {{}} }},\n  {{\n    \"id\": \"b\",\n    \"note\": \"{long}\",\n    \"list\": [1, \"2\"]\n  }}\n]"
            )
        );
        assert_eq!(
            serde_json::from_str::<Value>(&shown).expect("JSON"),
            serde_json::from_str::<Value>(&text).expect("JSON")
        );
        assert_eq!(pretty("{"), "{");
        assert_eq!(
            pretty(r#"{"name":"x","elements":[{"id":"a"}]}"#),
            "{\n\"name\": \"x\",\n\"elements\": [\n  { \"id\": \"a\" }\n]\n}"
        );
    }
}
