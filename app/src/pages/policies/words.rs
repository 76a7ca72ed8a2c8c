//! Policies in plain words.

use chrono::{DateTime, Utc};
use domain::policy::{Action, Condition, Hours, Limit, Policy, Rule, Unknown};

use crate::components::format;

/// What it does: `At most $50.00 a month for each token; warns from 80 %`.
pub(in crate::pages) fn does(policy: &Policy, now: DateTime<Utc>) -> String {
    match (&policy.rule, &policy.action) {
        (Rule::Allow, _) => "Allows, where only what is allowed passes".to_owned(),
        (Rule::Deny, Action::Refuse) => "Refuses".to_owned(),
        (Rule::Deny, Action::Warn) => "Warns".to_owned(),
        (Rule::Deny, Action::Fallback(model)) => format!("Lets {model} answer instead"),
        (Rule::Limit(limit), action) => {
            let mut words = match action {
                Action::Refuse => format!("At most {limit}"),
                Action::Warn => format!("Warns above {limit}"),
                Action::Fallback(model) => format!("Up to {limit}, then {model} answers"),
            };
            if let Some(percent) = limit.warn_at {
                words += &format!("; warns from {percent} %");
            }
            words + &extra(limit, now) + if policy.unknown == Unknown::Refuse { "; refuses unknown prices" } else { "" }
        }
    }
}

/// A temporary increase that has not ended.
fn extra(limit: &Limit, now: DateTime<Utc>) -> String {
    let extra = limit.extra.filter(|extra| now.timestamp_millis() < extra.until_ms);
    let until = extra.and_then(|extra| Some((extra.amount, DateTime::from_timestamp_millis(extra.until_ms)?)));
    until.map_or_else(String::new, |(amount, until)| {
        format!("; {} more until {}", limit.measure.amount(amount), format::exact(until))
    })
}

/// Which requests it is about: `every request`, `token app or ci-*, model openai/gpt-5*`.
pub(in crate::pages) fn about(condition: &Condition) -> String {
    if condition.is_empty() { "every request".to_owned() } else { parts(condition) }
}

fn parts(condition: &Condition) -> String {
    let lists = [
        ("gateway", &condition.gateway),
        ("token", &condition.token),
        ("user", &condition.user),
        ("model", &condition.model),
        ("provider", &condition.provider),
        ("endpoint", &condition.endpoint),
        ("address", &condition.ip),
        ("country", &condition.country),
    ];
    let mut words: Vec<String> = Vec::new();
    let mut list = |name: &str, values: &[String]| {
        if !values.is_empty() {
            words.push(format!("{name} {}", values.join(" or ")));
        }
    };
    lists.into_iter().for_each(|(name, values)| list(name, values));
    condition.metadata.iter().for_each(|(key, values)| list(&format!("metadata {key}"), values));
    words.extend(condition.time.as_ref().map(hours));
    words.extend(condition.all.iter().map(|part| format!("({})", about(part))));
    let any: Vec<_> = condition.any.iter().map(about).collect();
    match any.as_slice() {
        [] => {}
        [only] => words.push(only.clone()),
        several => words.push(format!("({})", several.join(") or ("))),
    }
    words.extend(condition.not.iter().map(|part| format!("not ({})", about(part))));
    words.join(", ")
}

fn hours(hours: &Hours) -> String {
    let days: Vec<_> = hours.days.iter().map(|day| format!("{day:?}")).collect();
    let mut words = if days.is_empty() { "every day".to_owned() } else { days.join(" ") };
    if hours.from.is_some() || hours.to.is_some() {
        let (from, to) = (hours.from.as_deref().unwrap_or("00:00"), hours.to.as_deref().unwrap_or("24:00"));
        words += &format!(" {from}–{to}");
    }
    format!("{words} ({})", hours.zone.as_deref().unwrap_or("UTC"))
}

/// Whether a policy names a token, written out or by a pattern.
pub(in crate::pages) fn names_token(policy: &Policy, token: &str) -> bool {
    policy.when.walk().flat_map(|part| &part.token).any(|pattern| matches(pattern, token))
}

/// Whether a pattern stands for a text; `*` is any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut middle = rest.split('*');
    let last = middle.next_back().unwrap_or_default();
    for part in middle {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        serde_json::from_str(text).expect("a policy")
    }

    #[test]
    fn policies_are_told_in_plain_words() {
        let now = DateTime::from_timestamp(1_796_000_000, 0).expect("in range");
        for (text, words) in [
            (r#"{"deny":true}"#, "Refuses"),
            (r#"{"limit":{"requests":100,"per":"minute"},"action":"warn"}"#, "Warns above 100 requests a minute"),
            (
                r#"{"limit":{"cost":50,"per":"month","warn_at":80},"group_by":["token"],"unknown":"refuse"}"#,
                "At most $50.00 a month for each token; warns from 80 %; refuses unknown prices",
            ),
            (
                r#"{"limit":{"cost":1,"per":"day","extra":{"amount":2,"until":"2026-12-24T00:00:00Z"}},"action":{"fallback":"a/b"}}"#,
                "Up to $1.00 a day, then a/b answers; $2.00 more until 2026-12-24 00:00:00 UTC",
            ),
            (
                r#"{"limit":{"cost":1,"per":"day","extra":{"amount":2,"until":"2026-11-01T00:00:00Z"}}}"#,
                "At most $1.00 a day",
            ),
        ] {
            assert_eq!(does(&policy(text), now), words);
        }
    }

    #[test]
    fn conditions_are_told_in_plain_words() {
        for (text, words) in [
            (r#"{"deny":true}"#, "every request"),
            (
                r#"{"deny":true,"when":{"token":["app","ci-*"],"model":["openai/*"]}}"#,
                "token app or ci-*, model openai/*",
            ),
            (r#"{"deny":true,"when":{"any":[{"token":["batch"]}]}}"#, "token batch"),
            (
                r#"{"deny":true,"when":{"any":[{"user":["ann"]},{}],"not":{"country":["DE"]}}}"#,
                "(user ann) or (every request), not (country DE)",
            ),
            (
                r#"{"deny":true,"when":{"time":{"days":["sat","sun"],"from":"22:00","zone":"Europe/Berlin"},"metadata":{"a":["b"]}}}"#,
                "metadata a b, Sat Sun 22:00–24:00 (Europe/Berlin)",
            ),
        ] {
            assert_eq!(about(&policy(text).when), words);
        }
    }

    #[test]
    fn a_token_is_named_by_itself_and_by_patterns() {
        let deny = |token: &str| policy(&format!(r#"{{"deny":true,"when":{{"any":[{{"token":["{token}"]}}]}}}}"#));
        for fine in ["app", "a*", "*p", "*", "a*p*p", "*a*"] {
            assert!(names_token(&deny(fine), "app"), "{fine}");
        }
        for other in ["App", "ap", "b*", "a*p*p*p", "*x*"] {
            assert!(!names_token(&deny(other), "app"), "{other}");
        }
        assert!(!names_token(&deny("ab*ba"), "aba"), "what is before the asterisk and after it may not overlap");
        assert!(!names_token(&policy(r#"{"deny":true}"#), "app"));
    }
}
