//! Choices of the provider key forms, and the codes a connection test's result travels as.

use domain::provider::Pooling;
use domain::validate::{FieldError, Problem};
use domain::view::ConnectionTestCode;

use crate::api::fields::{Fields, filled};

/// How long a replaced key goes on working: value of the field and words.
pub const OVERLAPS: [(&str, &str); 4] = [
    ("0", "Stops now"),
    ("3600", "Works 1 hour more"),
    ("86400", "Works 24 hours more"),
    ("604800", "Works 7 days more"),
];

/// The chosen overlap in seconds; a day where the field is missing.
///
/// # Errors
/// [`Problem::NotAChoice`].
pub(super) fn overlap(text: Option<&str>) -> Result<u32, Vec<FieldError>> {
    let Some(text) = text else { return Ok(86_400) };
    let known = OVERLAPS.iter().any(|(value, _)| *value == text);
    known.then(|| text.parse().ok()).flatten().ok_or_else(|| vec![FieldError::new("overlap", Problem::NotAChoice)])
}

/// How a key stands among others: a weight of 1 where nothing is said.
///
/// # Errors
/// Every field that is no number or out of bounds.
pub(super) fn pooling(
    name: Option<String>,
    weight: Option<&str>,
    region: Option<String>,
    requests_per_minute: Option<&str>,
) -> Result<Pooling, Vec<FieldError>> {
    let mut fields = Fields::default();
    let text = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let pooling = Pooling {
        name: text(name).unwrap_or_default(),
        weight: fields.number("weight", filled(weight)).unwrap_or(1),
        region: text(region),
        requests_per_minute: fields.number("requests_per_minute", filled(requests_per_minute)),
    };
    if let Err(errors) = pooling.validate() {
        fields.extend(errors);
    }
    fields.finish(pooling)
}

/// The codes, as they stand in a URL.
const CODES: [(ConnectionTestCode, &str); 7] = [
    (ConnectionTestCode::Accepted, "accepted"),
    (ConnectionTestCode::Rejected, "rejected"),
    (ConnectionTestCode::PrivateAddress, "private_address"),
    (ConnectionTestCode::Unreachable, "unreachable"),
    (ConnectionTestCode::TimedOut, "timed_out"),
    (ConnectionTestCode::Unexpected, "unexpected"),
    (ConnectionTestCode::Public, "public"),
];

/// The code for the URL.
pub(super) fn test_code(code: ConnectionTestCode) -> &'static str {
    CODES.iter().find(|(known, _)| *known == code).map_or("unexpected", |(_, text)| text)
}

/// The code from the URL.
#[must_use]
pub fn read_test_code(text: &str) -> Option<ConnectionTestCode> {
    CODES.iter().find(|(_, known)| *known == text).map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_one_of_the_choices() {
        assert_eq!(overlap(Some("3600")), Ok(3_600));
        assert_eq!(overlap(None), Ok(86_400));
        assert!(overlap(Some("12")).is_err());
        assert!(overlap(Some("")).is_err());
    }

    #[test]
    fn what_is_left_empty_is_as_for_an_only_key() {
        assert_eq!(pooling(None, Some(""), Some(" ".into()), None), Ok(Pooling::default()));
        let full = pooling(Some("b".into()), Some("0"), Some("eu".into()), Some("60"));
        let wanted = Pooling { name: "b".into(), weight: 0, region: Some("eu".into()), requests_per_minute: Some(60) };
        assert_eq!(full, Ok(wanted));
        let bad = pooling(Some("B".into()), Some("x"), Some("EU".into()), Some("0")).expect_err("bad");
        let fields: Vec<_> = bad.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["weight", "name", "region", "requests_per_minute"]);
    }

    #[test]
    fn a_code_survives_the_url() {
        for (code, _) in CODES {
            assert_eq!(read_test_code(test_code(code)), Some(code));
        }
        assert_eq!(read_test_code("<b>"), None);
    }
}
