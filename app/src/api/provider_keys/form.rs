//! Choices of the provider key forms, and the codes a connection test's result travels as.

use domain::validate::{FieldError, Problem};
use domain::view::ConnectionTestCode;

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
    fn a_code_survives_the_url() {
        for (code, _) in CODES {
            assert_eq!(read_test_code(test_code(code)), Some(code));
        }
        assert_eq!(read_test_code("<b>"), None);
    }
}
