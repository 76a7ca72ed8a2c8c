//! The form of a policy: the usual cases of the text form, field by field. What it cannot say is written as text.

use chrono::{DateTime, Timelike, Utc};
use domain::Rate;
use domain::policy::Policy;
use domain::validate::{FieldError, Problem};
use serde_json::{Map, Value, json};

use crate::AppError;
use crate::api::fields::{Fields, filled};

/// The fields as a browser sends them. Lists have a line for each value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyForm {
    /// `cost`, `requests`, `tokens`, `concurrency`, `deny` or `allow`.
    pub what: Option<String>,
    pub amount: Option<String>,
    pub per: Option<String>,
    /// Empty for what is usual.
    pub window: Option<String>,
    pub burst: Option<String>,
    pub zone: Option<String>,
    pub gateways: Option<String>,
    pub tokens: Option<String>,
    pub models: Option<String>,
    pub providers: Option<String>,
    pub users: Option<String>,
    pub group_by: Vec<String>,
    pub warn_at: Option<String>,
    /// `refuse`, `warn` or `fallback`.
    pub action: Option<String>,
    pub fallback: Option<String>,
    /// `pass` or `refuse`.
    pub unknown: Option<String>,
    pub extra: Option<String>,
    pub extra_until: Option<String>,
    pub message: Option<String>,
}

/// Limits, as the text form names them.
const MEASURES: [&str; 4] = ["cost", "requests", "tokens", "concurrency"];
/// Fields of the form by those of the text form that have other names.
const NAMES: [(&str, &str); 12] = [
    ("when.gateway", "gateways"),
    ("when.token", "tokens"),
    ("when.model", "models"),
    ("when.provider", "providers"),
    ("when.user", "users"),
    ("limit", "amount"),
    ("limit.per", "per"),
    ("limit.window", "window"),
    ("limit.burst", "burst"),
    ("limit.zone", "zone"),
    ("limit.warn_at", "warn_at"),
    ("action.fallback", "fallback"),
];
/// How a moment stands in the form.
const MINUTE: &str = "%Y-%m-%dT%H:%M";

impl PolicyForm {
    /// The policy.
    ///
    /// # Errors
    /// Every field that cannot be taken. Whether what is named exists is for `control` to say.
    pub fn read(&self) -> Result<Policy, Vec<FieldError>> {
        let mut fields = Fields::default();
        let mut text = Map::new();
        self.condition(&mut text);
        let what = self.what.as_deref().unwrap_or_default();
        match what {
            "deny" | "allow" => {
                text.insert(what.to_owned(), json!(true));
            }
            _ if MEASURES.contains(&what) => {
                if !self.group_by.is_empty() {
                    text.insert("group_by".to_owned(), json!(self.group_by));
                }
                text.insert("limit".to_owned(), Value::Object(self.limit(what, &mut fields)));
            }
            _ => fields.refuse("what", Problem::NotAChoice),
        }
        self.consequences(&mut text, &mut fields);
        fields.finish(())?;
        let policy: Policy =
            serde_json::from_value(Value::Object(text)).map_err(|error| vec![misfit(&error.to_string())])?;
        match policy.validate() {
            Ok(()) => Ok(policy),
            Err(errors) => Err(errors.into_iter().map(by_its_field).collect()),
        }
    }

    /// The form of a policy; nothing where the form cannot say all of it.
    #[must_use]
    pub fn of(policy: &Policy) -> Option<Self> {
        let text = serde_json::to_value(policy).ok()?;
        let lines = |field: &str| {
            let list = text["when"][field].as_array()?;
            Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
        };
        let limit = &text["limit"];
        let measure = MEASURES.into_iter().find(|measure| !limit[*measure].is_null());
        let rule = ["deny", "allow"].into_iter().find(|rule| text[*rule] == true);
        let (action, fallback) = match text["action"]["fallback"].as_str() {
            Some(model) => (Some("fallback".to_owned()), Some(model.to_owned())),
            None => (written(&text["action"]), None),
        };
        let until = limit["extra"]["until"].as_str().and_then(|until| until.parse::<DateTime<Utc>>().ok());
        let group_by = text["group_by"].as_array().cloned().unwrap_or_default();
        let form = Self {
            what: measure.or(rule).map(str::to_owned),
            amount: measure.and_then(|measure| written(&limit[measure])),
            per: written(&limit["per"]),
            window: written(&limit["window"]),
            burst: written(&limit["burst"]),
            zone: written(&limit["zone"]),
            gateways: lines("gateway"),
            tokens: lines("token"),
            models: lines("model"),
            providers: lines("provider"),
            users: lines("user"),
            group_by: group_by.iter().filter_map(|field| Some(field.as_str()?.to_owned())).collect(),
            warn_at: written(&limit["warn_at"]),
            action,
            fallback,
            unknown: written(&text["unknown"]),
            extra: written(&limit["extra"]["amount"]),
            extra_until: until
                .map(|until| until.format(if until.second() == 0 { MINUTE } else { "%Y-%m-%dT%H:%M:%S" }).to_string()),
            message: written(&text["message"]),
        };
        let shown = form.group_by.iter().all(|field| GROUPS.iter().any(|(known, _)| known == field));
        (shown && form.read().as_ref() == Ok(policy)).then_some(form)
    }

    fn condition(&self, text: &mut Map<String, Value>) {
        let lists = [
            ("gateway", &self.gateways),
            ("token", &self.tokens),
            ("model", &self.models),
            ("provider", &self.providers),
            ("user", &self.users),
        ];
        let mut when = Map::new();
        for (name, list) in lists {
            let lines = list.as_deref().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty());
            let values: Vec<_> = lines.collect();
            if !values.is_empty() {
                when.insert(name.to_owned(), json!(values));
            }
        }
        if !when.is_empty() {
            text.insert("when".to_owned(), Value::Object(when));
        }
    }

    fn limit(&self, measure: &str, fields: &mut Fields) -> Map<String, Value> {
        let mut limit = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                limit.insert(name.to_owned(), value);
            }
        };
        put(measure, amount("amount", measure, self.amount.as_deref(), fields));
        if filled(self.amount.as_deref()).is_none() {
            fields.refuse("amount", Problem::Required);
        }
        put("warn_at", fields.number::<u8>("warn_at", self.warn_at.as_deref()).map(Value::from));
        let extra = amount("extra", measure, self.extra.as_deref(), fields);
        let until = fields.moment("extra_until", self.extra_until.as_deref());
        match (extra, until) {
            (Some(amount), Some(until)) => put("extra", Some(json!({ "amount": amount, "until": until }))),
            (Some(_), None) if filled(self.extra_until.as_deref()).is_none() => {
                fields.refuse("extra_until", Problem::Required)
            }
            (None, Some(_)) if filled(self.extra.as_deref()).is_none() => fields.refuse("extra", Problem::Required),
            _ => {}
        }
        if measure != "concurrency" {
            let text = |text: &Option<String>| filled(text.as_deref()).map(Value::from);
            put("per", text(&self.per));
            put("window", text(&self.window));
            put("zone", text(&self.zone));
            put("burst", amount("burst", measure, self.burst.as_deref(), fields));
        }
        limit
    }

    fn consequences(&self, text: &mut Map<String, Value>, fields: &mut Fields) {
        match self.action.as_deref().unwrap_or("refuse") {
            "refuse" | "" => {}
            "warn" => {
                text.insert("action".to_owned(), json!("warn"));
            }
            "fallback" => {
                text.insert(
                    "action".to_owned(),
                    json!({ "fallback": filled(self.fallback.as_deref()).unwrap_or_default() }),
                );
            }
            _ => fields.refuse("action", Problem::NotAChoice),
        }
        match self.unknown.as_deref().unwrap_or("pass") {
            "pass" | "" => {}
            "refuse" => {
                text.insert("unknown".to_owned(), json!("refuse"));
            }
            _ => fields.refuse("unknown", Problem::NotAChoice),
        }
        if let Some(message) = filled(self.message.as_deref()) {
            text.insert("message".to_owned(), json!(message));
        }
    }
}

/// What the form offers to group by: value and words.
pub const GROUPS: [(&str, &str); 5] =
    [("token", "Token"), ("user", "User"), ("gateway", "Gateway"), ("model", "Model"), ("provider", "Provider")];

/// An amount as the text form has it: dollars as text, anything else as a number.
fn amount(field: &str, measure: &str, text: Option<&str>, fields: &mut Fields) -> Option<Value> {
    let text = filled(text)?;
    if measure != "cost" {
        return fields.number::<u64>(field, Some(text)).map(Value::from);
    }
    let dollars = text.trim_start_matches('$').replace(',', "");
    if dollars.parse::<Rate>().is_ok_and(|rate| rate.0 >= 0) {
        Some(dollars.into())
    } else {
        fields.refuse(field, Problem::NotMoney);
        None
    }
}

fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The field that a message of the text form is about: it begins with its name.
fn misfit(message: &str) -> FieldError {
    let place = message.split('`').nth(1).unwrap_or_default();
    let name = place.split(':').next().unwrap_or_default();
    let known = NAMES.iter().find(|(text, _)| *text == name).map_or("amount", |(_, form)| form);
    let problem = if message.contains("is required") { Problem::Required } else { Problem::DoesNotFit };
    FieldError::new(known, problem)
}

fn by_its_field(error: FieldError) -> FieldError {
    let name = NAMES.iter().find(|(text, _)| *text == error.field).map_or(error.field.as_str(), |(_, form)| form);
    FieldError::new(name, error.problem)
}

/// The same error by the names of the form's fields.
pub(super) fn by_its_fields(error: AppError) -> AppError {
    match error {
        AppError::Invalid(errors) => AppError::Invalid(errors.into_iter().map(by_its_field).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn budget() -> PolicyForm {
        PolicyForm { what: some("cost"), amount: some("$1,250.50"), per: some("month"), ..PolicyForm::default() }
    }

    fn wrong(form: &PolicyForm) -> Vec<(String, Problem)> {
        form.read().expect_err("wrong").into_iter().map(|error| (error.field, error.problem)).collect()
    }

    fn policy(text: &str) -> Policy {
        serde_json::from_str(text).expect("a policy")
    }

    #[test]
    fn a_full_form_is_the_policy_it_says() {
        let form = PolicyForm {
            zone: some("Europe/Berlin"),
            gateways: some("main\n\n staging "),
            tokens: some("Web app"),
            models: some("openai/gpt-5*"),
            group_by: vec!["token".into(), "user".into()],
            warn_at: some("80"),
            action: some("fallback"),
            fallback: some("openai/gpt-5-nano"),
            unknown: some("refuse"),
            extra: some("10"),
            extra_until: some("2026-12-24T18:00"),
            message: some("Ask Ann."),
            ..budget()
        };
        let expected = policy(
            r#"{"when":{"gateway":["main","staging"],"token":["Web app"],"model":["openai/gpt-5*"]},"group_by":["token","user"],
            "limit":{"cost":"1250.50","per":"month","zone":"Europe/Berlin","warn_at":80,
            "extra":{"amount":"10","until":"2026-12-24T18:00:00Z"}},"action":{"fallback":"openai/gpt-5-nano"},
            "unknown":"refuse","message":"Ask Ann."}"#,
        );
        assert_eq!(form.read(), Ok(expected.clone()));
        let again = PolicyForm::of(&expected).expect("the form can say it");
        assert_eq!(
            (again.amount.as_deref(), again.extra_until.as_deref()),
            (Some("1250.50"), Some("2026-12-24T18:00"))
        );
        assert_eq!(again.gateways.as_deref(), Some("main\nstaging"));
    }

    #[test]
    fn what_the_form_cannot_say_is_left_to_the_text() {
        for text in [
            r#"{"deny":true}"#,
            r#"{"allow":true,"when":{"user":["ann"]}}"#,
            r#"{"limit":{"requests":5,"per":"5h","window":"fixed"}}"#,
            r#"{"limit":{"tokens":5,"per":"day","window":"bucket","burst":"2"}}"#,
            r#"{"limit":{"concurrency":5},"group_by":["provider"],"action":"warn"}"#,
        ] {
            assert!(PolicyForm::of(&policy(text)).is_some(), "{text}");
        }
        for text in [
            r#"{"deny":true,"when":{"not":{"token":["app"]}}}"#,
            r#"{"deny":true,"when":{"metadata":{"team":["a"]}}}"#,
            r#"{"limit":{"requests":5,"per":"day"},"group_by":["metadata.team"]}"#,
            r#"{"deny":true,"when":{"user":["two\nlines"]}}"#,
        ] {
            assert_eq!(PolicyForm::of(&policy(text)), None, "{text}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let form = PolicyForm {
            amount: some("much"),
            warn_at: some("few"),
            action: some("shout"),
            extra: some("1"),
            ..budget()
        };
        let fields: Vec<_> = wrong(&form).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["amount", "warn_at", "extra_until", "action"]);
        assert_eq!(wrong(&PolicyForm { amount: None, ..budget() }), [("amount".into(), Problem::Required)]);
        assert_eq!(wrong(&PolicyForm { what: some("gold"), ..budget() }), [("what".into(), Problem::NotAChoice)]);
        assert_eq!(wrong(&PolicyForm { per: None, ..budget() }), [("per".into(), Problem::Required)]);
        let bounds = PolicyForm { warn_at: some("101"), action: some("fallback"), ..budget() };
        assert_eq!(wrong(&bounds)[0], ("warn_at".into(), Problem::OutOfRange { min: 1, max: 100 }));
        assert_eq!(wrong(&bounds)[1], ("fallback".into(), Problem::Required));
    }

    #[test]
    fn what_does_not_go_together_is_told_at_its_field() {
        let sliding = PolicyForm { window: some("sliding"), ..budget() };
        assert_eq!(wrong(&sliding), [("window".into(), Problem::DoesNotFit)]);
        let zone = PolicyForm { per: some("5h"), zone: some("UTC"), ..budget() };
        assert_eq!(wrong(&zone), [("zone".into(), Problem::DoesNotFit)]);
        let burst = PolicyForm { burst: some("5"), ..budget() };
        assert_eq!(wrong(&burst), [("burst".into(), Problem::DoesNotFit)]);
        let grouped = PolicyForm { group_by: vec!["token".into(), "token".into()], ..budget() };
        assert_eq!(wrong(&grouped), [("group_by".into(), Problem::Taken)]);
    }

    #[test]
    fn errors_of_the_text_form_find_their_field() {
        let error = AppError::Invalid(vec![
            FieldError::new("when.token", Problem::Unknown),
            FieldError::new("limit.zone", Problem::NotATimeZone),
            FieldError::new("name", Problem::Taken),
        ]);
        let renamed = by_its_fields(error);
        for (field, problem) in
            [("tokens", Problem::Unknown), ("zone", Problem::NotATimeZone), ("name", Problem::Taken)]
        {
            assert_eq!(renamed.problem(field), Some(problem), "{field}");
        }
    }
}
