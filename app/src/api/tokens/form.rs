//! The form of an API token, from text to what the token may do.

use chrono::{DateTime, Utc};
use domain::GatewayId;
use domain::validate::{self, FieldError, Problem};

use crate::api::fields::{Fields, filled};

/// Most model patterns of a token.
const MOST_MODELS: u64 = 100;
/// Longest model pattern, in characters.
const LONGEST_MODEL: usize = 200;

/// The fields as a browser sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenForm {
    pub name: Option<String>,
    /// `all` gateways or `only` the ticked ones. Anything else is refused: a token must never get more than was asked for
    /// because a field went missing.
    pub scope: Option<String>,
    /// Ids of the ticked gateways; they count where `scope` is `only`.
    pub gateways: Vec<String>,
    /// Model patterns, separated by commas, spaces or line breaks; empty means all models.
    pub models: Option<String>,
    /// A date, in UTC; empty means never.
    pub expires_at: Option<String>,
}

/// What a token is called and may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTerms {
    pub name: String,
    pub gateways: Option<Vec<GatewayId>>,
    pub models: Option<Vec<String>>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl TokenForm {
    /// The terms. `present` is when the token expires now: the form shows only its day, and a day that was left alone
    /// must not move the moment.
    ///
    /// # Errors
    /// Every field that cannot be taken. Whether gateways exist and a moment has passed is for `control` to say.
    pub fn read(&self, present: Option<DateTime<Utc>>) -> Result<TokenTerms, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = filled(self.name.as_deref()).unwrap_or_default().to_owned();
        fields.check("name", validate::name(&name));
        let gateways = self.gateways(&mut fields);
        let models = self.models(&mut fields);
        let day = filled(self.expires_at.as_deref());
        let expires_at = match present {
            Some(at) if day == Some(date(at).as_str()) => present,
            _ => fields.moment("expires_at", day),
        };
        let terms = TokenTerms { name, gateways, models: (!models.is_empty()).then_some(models), expires_at };
        fields.finish(terms)
    }

    fn gateways(&self, fields: &mut Fields) -> Option<Vec<GatewayId>> {
        let problem = match filled(self.scope.as_deref()) {
            Some("all") => return None,
            Some("only") => {
                let ticked = self.gateways.iter().filter_map(|text| filled(Some(text)));
                match ticked.map(str::parse).collect::<Result<Vec<_>, _>>() {
                    Ok(ids) if ids.is_empty() => Problem::Required,
                    Ok(ids) => return Some(ids),
                    Err(_) => Problem::Unknown,
                }
            }
            _ => Problem::Required,
        };
        fields.refuse("gateways", problem);
        None
    }

    fn models(&self, fields: &mut Fields) -> Vec<String> {
        let text = self.models.as_deref().unwrap_or_default();
        let split = |c: char| c == ',' || c.is_whitespace();
        let models: Vec<String> = text.split(split).filter(|model| !model.is_empty()).map(str::to_owned).collect();
        if models.len() as u64 > MOST_MODELS {
            fields.refuse("models", Problem::OutOfRange { min: 0, max: MOST_MODELS });
        }
        if models.iter().any(|model| model.chars().count() > LONGEST_MODEL) {
            fields.refuse("models", Problem::TooLong { max: LONGEST_MODEL as u64 });
        }
        models
    }
}

/// The day of a moment, as the form shows it.
#[must_use]
pub fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(scope: &str, gateways: &[&str]) -> TokenForm {
        let gateways = gateways.iter().map(|id| (*id).to_owned()).collect();
        TokenForm { name: Some(" app ".into()), scope: Some(scope.into()), gateways, ..TokenForm::default() }
    }

    #[test]
    fn only_these_with_none_ticked_is_refused() {
        let required = vec![FieldError::new("gateways", Problem::Required)];
        assert_eq!(form("only", &[]).read(None), Err(required.clone()));
        assert_eq!(form("", &[]).read(None), Err(required.clone()));
        assert_eq!(TokenForm { scope: None, ..form("", &["1"]) }.read(None), Err(required));
    }

    #[test]
    fn a_day_that_was_left_alone_does_not_move_the_moment() {
        let present = DateTime::from_timestamp_millis(1_800_000_000_123).expect("a moment");
        let day = |day: &str| TokenForm { expires_at: Some(day.into()), ..form("all", &[]) };
        let read = |form: TokenForm| form.read(Some(present)).expect("valid").expires_at;
        assert_eq!(read(day(&date(present))), Some(present));
        assert_eq!(read(day("2027-01-16")).expect("a date").to_rfc3339(), "2027-01-16T23:59:59+00:00");
        assert_eq!(read(day("")), None);
    }

    #[test]
    fn all_gateways_is_said_in_so_many_words() {
        let terms = form("all", &["1"]).read(None).expect("valid");
        assert_eq!(terms, TokenTerms { name: "app".into(), gateways: None, models: None, expires_at: None });
    }

    #[test]
    fn models_come_in_any_separation() {
        let form = TokenForm {
            name: Some("app".into()),
            scope: Some("only".into()),
            gateways: vec!["1".into(), "2".into()],
            models: Some("gpt-4o, gpt-4.1*\n\nclaude-*  ".into()),
            expires_at: Some("2027-01-31".into()),
        };
        let terms = form.read(None).expect("valid");
        assert_eq!(terms.gateways, Some(vec![GatewayId(1), GatewayId(2)]));
        assert_eq!(terms.models.expect("models"), ["gpt-4o", "gpt-4.1*", "claude-*"]);
        assert_eq!(terms.expires_at.expect("a date").to_rfc3339(), "2027-01-31T23:59:59+00:00");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = TokenForm {
            name: None,
            scope: Some("only".into()),
            gateways: vec!["main".into()],
            models: Some("m".repeat(201)),
            expires_at: Some("soon".into()),
        };
        let fields: Vec<_> = form.read(None).expect_err("invalid").into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["name", "gateways", "models", "expires_at"]);
    }
}
