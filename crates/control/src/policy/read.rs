//! Reads a policy's text part by part, so that what is wrong is told with its place.

use domain::policy::Policy;
use serde_json::{Map, Value, json};

/// The parts of the text form.
pub(crate) const PARTS: [&str; 8] = ["when", "group_by", "allow", "deny", "limit", "action", "unknown", "message"];

/// What is wrong with a policy's text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// `limit`, `when.any[0].ip`, …; empty where the whole is meant.
    pub field: String,
    pub message: String,
}

/// Reads JSON text.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_text(text: &str) -> Result<Policy, Vec<TextError>> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(parts)) => read_parts(&parts),
        Ok(_) => Err(vec![error("", "must be an object: { … }")]),
        Err(fault) => Err(vec![error("", fault.to_string())]),
    }
}

/// Reads the members of the text form. Whether what is named exists is not looked at.
///
/// # Errors
/// Everything that is wrong with them.
pub fn read_parts(parts: &Map<String, Value>) -> Result<Policy, Vec<TextError>> {
    let wrong: Vec<_> = parts.iter().filter_map(|(name, value)| Some(error(name, wrong_part(name, value)?))).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let policy: Policy =
        serde_json::from_value(Value::Object(parts.clone())).map_err(|fault| vec![error("", fault.to_string())])?;
    match policy.validate() {
        Ok(()) => Ok(policy),
        Err(errors) => Err(errors.into_iter().map(|fault| error(&fault.field, fault.problem.to_string())).collect()),
    }
}

/// What is wrong with a part, read beside others that are fine.
fn wrong_part(name: &str, value: &Value) -> Option<String> {
    let policy = match name {
        "allow" | "deny" => return (!value.is_boolean()).then(|| "must be true or false".to_owned()),
        "limit" => json!({ "limit": value }),
        "group_by" => json!({ "limit": { "requests": 1, "per": "day" }, "group_by": value }),
        _ if PARTS.contains(&name) => json!({ "deny": true, name: value }),
        _ => return Some(format!("is no part of a policy, which are {}", PARTS.join(", "))),
    };
    serde_json::from_value::<Policy>(policy).err().map(|fault| fault.to_string())
}

fn error(field: &str, message: impl Into<String>) -> TextError {
    TextError { field: field.to_owned(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<String> {
        let errors = read_text(text).expect_err(text);
        errors.into_iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
    }

    #[test]
    fn each_part_is_told_with_what_is_wrong_with_it() {
        let bad = r#"{"when":{"tokn":[]},"group_by":["colour"],"limit":{"cost":0.5,"per":"day"},"action":"shout","unknown":"maybe",
            "message":7,"deny":"yes","wen":{}}"#;
        let fields: Vec<_> = read_text(bad).expect_err("wrong").into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["when", "group_by", "limit", "action", "unknown", "message", "deny", "wen"]);
        let told = refused(bad).join("\n");
        for words in [
            "unknown field `tokn`",
            "`colour` is none of",
            "in quotes",
            "`shout`",
            "`maybe`",
            "true or false",
            "no part",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn what_concerns_the_whole_has_no_place() {
        assert!(refused("{}")[0].starts_with(": exactly one of"));
        assert!(refused("[]")[0].contains("must be an object"));
        assert!(refused("{")[0].contains("EOF"));
    }

    #[test]
    fn what_is_out_of_bounds_is_told_by_its_place() {
        let told = refused(r#"{"when":{"any":[{"country":["de"]}]},"limit":{"requests":1,"per":"day","warn_at":0}}"#);
        assert_eq!(
            told,
            ["when.any[0].country: must be two capital letters, as DE", "limit.warn_at: must be between 1 and 100"]
        );
    }

    #[test]
    fn a_policy_is_read() {
        assert!(read_text(r#"{"deny":true,"when":{"model":["openai/gpt-5*"]}}"#).is_ok());
    }
}
