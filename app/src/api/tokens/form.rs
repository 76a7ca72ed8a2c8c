//! The form of an API token, from text to what the token may do.

use chrono::{DateTime, Utc};
use control::TokenTerms;
use domain::Rate;
use domain::ledger::Surface;
use domain::policy::{Measure, OwnLimit, OwnLimits};
use domain::token::Restrictions;
use domain::validate::{self, FieldError, Problem};

use crate::api::fields::{Fields, filled};

/// Most entries of a list.
const MOST: u64 = 100;
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
    /// Slugs of providers, separated likewise; empty means all.
    pub providers: Option<String>,
    /// As `scope`, of endpoints.
    pub endpoint_scope: Option<String>,
    /// Names of the ticked endpoints.
    pub endpoints: Vec<String>,
    /// Addresses and networks, separated likewise; empty means anywhere.
    pub ip_ranges: Option<String>,
    /// A date, in UTC; empty means never.
    pub expires_at: Option<String>,
    /// The amounts of its own limits, in the order of [`OwnLimit::ALL`]; dollars where money is counted. Empty means none.
    pub limits: [Option<String>; 4],
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
        let gateways = only(&mut fields, "gateways", (&self.scope, &self.gateways), |text| text.parse().ok());
        let models = self.models(&mut fields);
        let providers = list(&mut fields, "providers", self.providers.as_deref());
        let endpoints = only(&mut fields, "endpoints", (&self.endpoint_scope, &self.endpoints), Surface::parse);
        let ip_ranges = list(&mut fields, "ip_ranges", self.ip_ranges.as_deref());
        let day = filled(self.expires_at.as_deref());
        let expires_at = match present {
            Some(at) if day == Some(date(at).as_str()) => present,
            _ => fields.moment("expires_at", day),
        };
        let limits = Some(self.limits(&mut fields));
        let restrictions = Restrictions { gateways, models, providers, endpoints, ip_ranges };
        fields.finish(TokenTerms { name, restrictions, expires_at, limits })
    }

    fn limits(&self, fields: &mut Fields) -> OwnLimits {
        let mut limits = OwnLimits::default();
        for (kind, text) in OwnLimit::ALL.into_iter().zip(&self.limits) {
            let amount = match (kind.measure(), filled(text.as_deref())) {
                (_, None) => None,
                (Measure::Cost, Some(text)) => dollars(fields, kind.as_str(), text),
                (_, text) => fields.number(kind.as_str(), text),
            };
            limits.set(kind, amount);
        }
        limits
    }

    fn models(&self, fields: &mut Fields) -> Option<Vec<String>> {
        let models = list(fields, "models", self.models.as_deref())?;
        if models.iter().any(|model| model.chars().count() > LONGEST_MODEL) {
            fields.refuse("models", Problem::TooLong { max: LONGEST_MODEL as u64 });
        }
        Some(models)
    }
}

/// Dollars as nano-dollars.
fn dollars(fields: &mut Fields, field: &str, text: &str) -> Option<u64> {
    let amount = text.parse::<Rate>().ok().and_then(|dollars| u64::try_from(dollars.0).ok());
    if amount.is_none() {
        fields.refuse(field, Problem::NotMoney);
    }
    amount
}

/// What is separated by commas, spaces or line breaks; none where the text is empty.
fn list(fields: &mut Fields, field: &str, text: Option<&str>) -> Option<Vec<String>> {
    let split = |c: char| c == ',' || c.is_whitespace();
    let all: Vec<String> = filled(text)?.split(split).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if all.len() as u64 > MOST {
        fields.refuse(field, Problem::OutOfRange { min: 0, max: MOST });
    }
    (!all.is_empty()).then_some(all)
}

/// None for `all`, what is ticked for `only`.
fn only<T>(
    fields: &mut Fields,
    field: &str,
    (scope, ticked): (&Option<String>, &[String]),
    read: impl Fn(&str) -> Option<T>,
) -> Option<Vec<T>> {
    let problem = match filled(scope.as_deref()) {
        Some("all") => return None,
        Some("only") => {
            let ticked = ticked.iter().filter_map(|text| filled(Some(text)));
            match ticked.map(read).collect::<Option<Vec<_>>>() {
                Some(all) if all.is_empty() => Problem::Required,
                Some(all) => return Some(all),
                None => Problem::Unknown,
            }
        }
        _ => Problem::Required,
    };
    fields.refuse(field, problem);
    None
}

/// The day of a moment, as the form shows it.
#[must_use]
pub fn date(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use domain::GatewayId;

    use super::*;

    fn form(scope: &str, gateways: &[&str]) -> TokenForm {
        let gateways = gateways.iter().map(|id| (*id).to_owned()).collect();
        let endpoint_scope = Some("all".into());
        TokenForm {
            name: Some(" app ".into()),
            scope: Some(scope.into()),
            gateways,
            endpoint_scope,
            ..TokenForm::default()
        }
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
        let no_limits = Some(OwnLimits::default());
        assert_eq!(terms, TokenTerms { name: "app".into(), limits: no_limits, ..TokenTerms::default() });
    }

    #[test]
    fn models_come_in_any_separation() {
        let form = TokenForm {
            name: Some("app".into()),
            scope: Some("only".into()),
            gateways: vec!["1".into(), "2".into()],
            models: Some("gpt-4o, gpt-4.1*\n\nclaude-*  ".into()),
            providers: Some("openai\nanthropic".into()),
            endpoint_scope: Some("only".into()),
            endpoints: vec!["native".into(), "chat_completions".into()],
            ip_ranges: Some("10.0.0.0/8,::1".into()),
            expires_at: Some("2027-01-31".into()),
            limits: [Some(" 60 ".into()), None, Some("".into()), Some("12.50".into())],
        };
        let terms = form.read(None).expect("valid");
        let limits = terms.limits.expect("said");
        let amounts = OwnLimit::ALL.map(|kind| limits.get(kind));
        assert_eq!(amounts, [Some(60), None, None, Some(12_500_000_000)]);
        let held = terms.restrictions;
        assert_eq!(held.gateways, Some(vec![GatewayId(1), GatewayId(2)]));
        assert_eq!(held.models.expect("models"), ["gpt-4o", "gpt-4.1*", "claude-*"]);
        assert_eq!(held.providers.expect("providers"), ["openai", "anthropic"]);
        assert_eq!(held.endpoints, Some(vec![Surface::Native, Surface::ChatCompletions]));
        assert_eq!(held.ip_ranges.expect("ranges"), ["10.0.0.0/8", "::1"]);
        assert_eq!(terms.expires_at.expect("a date").to_rfc3339(), "2027-01-31T23:59:59+00:00");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let form = TokenForm {
            name: None,
            scope: Some("only".into()),
            gateways: vec!["main".into()],
            models: Some("m".repeat(201)),
            endpoint_scope: Some("only".into()),
            endpoints: vec!["nowhere".into()],
            expires_at: Some("soon".into()),
            limits: [Some("many".into()), None, Some("-1".into()), None],
            ..TokenForm::default()
        };
        let fields: Vec<_> = form.read(None).expect_err("invalid").into_iter().map(|error| error.field).collect();
        assert_eq!(
            fields,
            ["name", "gateways", "models", "endpoints", "expires_at", "requests_per_minute", "cost_per_day"]
        );
    }
}
