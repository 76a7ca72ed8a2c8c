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
    /// Ids of the ticked gateways; none ticked means all gateways.
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
    /// The terms.
    ///
    /// # Errors
    /// Every field that cannot be taken. Whether gateways exist and a moment has passed is for `control` to say.
    pub fn read(&self) -> Result<TokenTerms, Vec<FieldError>> {
        let mut fields = Fields::default();
        let name = filled(self.name.as_deref()).unwrap_or_default().to_owned();
        fields.check("name", validate::name(&name));
        let gateways = self.gateways.iter().filter_map(|text| filled(Some(text))).map(str::parse).collect();
        let gateways: Vec<GatewayId> = Result::unwrap_or_else(gateways, |_| {
            fields.refuse("gateways", Problem::Unknown);
            Vec::new()
        });
        let models = self.models(&mut fields);
        let expires_at = fields.moment("expires_at", self.expires_at.as_deref());
        let terms = TokenTerms {
            name,
            gateways: (!gateways.is_empty()).then_some(gateways),
            models: (!models.is_empty()).then_some(models),
            expires_at,
        };
        fields.finish(terms)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ticked_means_everything_allowed() {
        let form = TokenForm { name: Some(" app ".into()), ..TokenForm::default() };
        let terms = form.read().expect("valid");
        assert_eq!(terms, TokenTerms { name: "app".into(), gateways: None, models: None, expires_at: None });
    }

    #[test]
    fn models_come_in_any_separation() {
        let form = TokenForm {
            name: Some("app".into()),
            gateways: vec!["1".into(), "2".into()],
            models: Some("gpt-4o, gpt-4.1*\n\nclaude-*  ".into()),
            expires_at: Some("2027-01-31".into()),
        };
        let terms = form.read().expect("valid");
        assert_eq!(terms.gateways, Some(vec![GatewayId(1), GatewayId(2)]));
        assert_eq!(terms.models.expect("models"), ["gpt-4o", "gpt-4.1*", "claude-*"]);
        assert_eq!(terms.expires_at.expect("a date").to_rfc3339(), "2027-01-31T23:59:59+00:00");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = TokenForm {
            name: None,
            gateways: vec!["main".into()],
            models: Some("m".repeat(201)),
            expires_at: Some("soon".into()),
        };
        let fields: Vec<_> = form.read().expect_err("invalid").into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["name", "gateways", "models", "expires_at"]);
    }
}
