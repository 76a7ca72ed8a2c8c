//! Rules for what people type, shared by the dashboard, the management API and `weir apply`.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What is wrong with a value. Codes and numbers only: the text is made here, so that an error which travels through a
/// URL can never say something that somebody else wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Problem {
    /// The field is empty.
    Required,
    /// Fewer characters than needed.
    TooShort { min: u64 },
    /// More characters than allowed.
    TooLong { max: u64 },
    /// A number outside its bounds.
    OutOfRange { min: u64, max: u64 },
    /// Not a whole number.
    NotANumber,
    /// Not lower-case letters, digits and single hyphens.
    NotASlug,
    /// Not letters, digits, hyphens, underscores and dots behind a letter or a digit.
    NotARouteName,
    /// Not an e-mail address.
    NotAnEmail,
    /// Not an `http` or `https` address without credentials, query and fragment.
    NotAUrl,
    /// An address on a private, link-local or metadata network.
    PrivateAddress,
    /// Contains characters that show nothing or change how the rest is shown.
    HiddenCharacters,
    /// Contains characters that cannot be sent in an HTTP header.
    NotAHeaderValue,
    /// Begins like an access key of Amazon's and is none.
    NotAnAccessKey,
    /// Begins like a service account of Google Cloud's and is none.
    NotAServiceAccount,
    /// Does not say where its account is, and no address does.
    NoPlace,
    /// Somebody has it already.
    Taken,
    /// The person belongs to the team already.
    AlreadyMember,
    /// A team needs an owner, and this would take the last one.
    LastOwner,
    /// There are as many as there may be.
    TooMany { max: u64 },
    /// Somebody else changed it after it was looked at.
    Outdated,
    /// The word means something else in a path.
    Reserved,
    /// Names something that does not exist.
    Unknown,
    /// A moment that has passed.
    InThePast,
    /// Not one of the choices.
    NotAChoice,
    /// Not the expected confirmation text.
    NotConfirmed,
    /// Not an address or a network.
    NotANetwork,
    /// Not a country's two letters.
    NotACountry,
    /// Not a time of day.
    NotAnHour,
    /// Not a time zone.
    NotATimeZone,
    /// Has an asterisk, which stands for anything where names are matched.
    NoAsterisk,
    /// Is not the text of a policy.
    NotAPolicy,
    /// Not an amount of dollars.
    NotMoney,
    /// Would end a secret whose grace period is not over.
    InGrace,
    /// Is not the text of a price.
    NotAPrice,
    /// Has an asterisk elsewhere than at its end.
    AsteriskInside,
    /// Is not the JSON of a route.
    NotARoute,
    /// Is a route with errors.
    NotDeployable,
    /// Possible, but not together with what was chosen beside it.
    DoesNotFit,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("is required"),
            Self::TooShort { min } => write!(f, "needs at least {min} characters"),
            Self::TooLong { max } => write!(f, "may have at most {max} characters"),
            Self::OutOfRange { min, max } => write!(f, "must be between {min} and {max}"),
            Self::NotANumber => f.write_str("must be a whole number"),
            Self::NotARouteName => {
                f.write_str("may only use letters, digits, hyphens, underscores and dots, and begins with a letter or a digit")
            }
            Self::NotASlug => f.write_str("may only use lower-case letters, digits and single hyphens between them"),
            Self::NotAnEmail => f.write_str("must be an e-mail address"),
            Self::NotAUrl => f.write_str("must be an http:// or https:// address without user name, query or fragment"),
            Self::PrivateAddress => f.write_str(
                "points to a private, link-local or metadata address; set WEIR_ALLOW_PRIVATE_UPSTREAMS=true to allow that",
            ),
            Self::HiddenCharacters => f.write_str("contains characters that cannot be seen"),
            Self::NotAHeaderValue => f.write_str("contains spaces or characters that a key cannot have"),
            Self::NotAnAccessKey => f.write_str(
                "is no AWS access key: paste ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN behind it where there is one, or \
                 the JSON that the aws command prints",
            ),
            Self::NotAServiceAccount => f.write_str(
                "is no service account's key: paste the whole JSON file, with type, project_id, client_email, private_key and an \
                 https:// token_uri",
            ),
            Self::NoPlace => f.write_str(
                "does not say where the account is; give an address, or paste JSON with a Region (AWS) or a service account (Google)",
            ),
            Self::Taken => f.write_str("is taken already"),
            Self::AlreadyMember => f.write_str("belongs to a member of the team already"),
            Self::LastOwner => f.write_str("would leave the team without an owner; make somebody else one first"),
            Self::TooMany { max } => write!(f, "would be more than the {max} that are possible"),
            Self::Outdated => f.write_str("was changed meanwhile; look at it again and repeat what you want"),
            Self::Reserved => f.write_str("is a reserved word; choose another"),
            Self::Unknown => f.write_str("does not exist"),
            Self::InThePast => f.write_str("must be in the future"),
            Self::NotAChoice => f.write_str("is not one of the choices"),
            Self::NotConfirmed => f.write_str("does not match; type it exactly"),
            Self::NotANetwork => f.write_str("must be an address or a network, as 192.0.2.7 or 10.0.0.0/8"),
            Self::NotACountry => f.write_str("must be two capital letters, as DE"),
            Self::NotAnHour => f.write_str("must be a time of day, as 08:30"),
            Self::NotATimeZone => f.write_str("is no time zone; write one as Europe/Berlin"),
            Self::NoAsterisk => f.write_str("may not contain *, which stands for anything in policies"),
            Self::NotMoney => f.write_str("must be an amount of dollars, as 50 or 0.25"),
            Self::InGrace => f.write_str("is not possible while the secret before still works; end that one first"),
            Self::DoesNotFit => f.write_str("does not go with what is chosen beside it"),
            Self::NotARoute => f.write_str("is not the JSON of a route"),
            Self::NotDeployable => f.write_str("has errors, so it cannot be deployed"),
            Self::NotAPrice => f.write_str("is not the text of a price"),
            Self::AsteriskInside => f.write_str("may have a * at its end only, for whatever follows"),
            Self::NotAPolicy => f.write_str("is not the text of a policy"),
        }
    }
}

/// A value that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field's name, as in the form, the API and the file.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl FieldError {
    /// Names a field and its problem.
    pub fn new(field: impl Into<String>, problem: Problem) -> Self {
        Self { field: field.into(), problem }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

/// Longest slug and name, in characters.
pub const MAX_NAME: usize = 64;
/// Shortest and longest password, in characters (NIST SP 800-63B asks for at least 8; we ask for more).
pub const PASSWORD: (usize, usize) = (12, 256);
/// Shortest API token that `weir apply` accepts as a known secret, in characters.
pub const MIN_TOKEN: usize = 16;
/// Longest provider credential, in bytes.
pub const MAX_CREDENTIAL: usize = 8_192;

/// First path segments that mean something else, under `/v1/` or in the dashboard, so no team may be called like that.
pub const RESERVED_TEAM_SLUGS: &[&str] = &[
    // endpoints below /v1/
    "audio",
    "batches",
    "chat",
    "completions",
    "conversations",
    "embeddings",
    "files",
    "fine-tuning",
    "images",
    "messages",
    "models",
    "moderations",
    "realtime",
    "rerank",
    "responses",
    "uploads",
    "vector-stores",
    "videos",
    // pages and endpoints of the server itself
    "account",
    "api",
    "assets",
    "healthz",
    "issued",
    "metrics",
    "pkg",
    "readyz",
    "setup",
    "sign-in",
    "ui",
    "v1",
    "v1beta",
];

/// A path segment: 1 to 64 lower-case letters, digits and single hyphens between them.
///
/// # Errors
/// What is wrong with it.
pub fn slug(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > MAX_NAME {
        return Err(Problem::TooLong { max: MAX_NAME as u64 });
    }
    let shape = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !shape || text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        return Err(Problem::NotASlug);
    }
    Ok(())
}

/// A team's slug: a [`slug`] that is not the name of an endpoint.
///
/// # Errors
/// What is wrong with it.
pub fn team_slug(text: &str) -> Result<(), Problem> {
    slug(text)?;
    if RESERVED_TEAM_SLUGS.contains(&text) { Err(Problem::Reserved) } else { Ok(()) }
}

/// A gateway's slug: a [`slug`] that is not the name of a page beside it.
///
/// # Errors
/// What is wrong with it.
pub fn gateway_slug(text: &str) -> Result<(), Problem> {
    slug(text)?;
    if text == "new" { Err(Problem::Reserved) } else { Ok(()) }
}

/// A dynamic route's name: 1 to 64 letters, digits, hyphens, underscores and dots, as Cloudflare's have them, and no page's.
///
/// # Errors
/// What is wrong with it.
pub fn route_name(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > MAX_NAME {
        return Err(Problem::TooLong { max: MAX_NAME as u64 });
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !text.bytes().all(fits) || !text.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Err(Problem::NotARouteName);
    }
    if text == "new" { Err(Problem::Reserved) } else { Ok(()) }
}

/// Characters that show nothing, or turn the writing direction of what follows: they make one name look like another.
fn is_hidden(c: char) -> bool {
    let shows_nothing = matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}' | '\u{FEFF}');
    c.is_control() || shows_nothing || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}

/// A display name: 1 to 64 characters, none of them hidden, not only spaces and joiners.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<(), Problem> {
    if text.chars().all(|c| c.is_whitespace() || matches!(c, '\u{200C}' | '\u{200D}')) {
        return Err(Problem::Required);
    }
    if text.chars().count() > MAX_NAME {
        return Err(Problem::TooLong { max: MAX_NAME as u64 });
    }
    if text.chars().any(is_hidden) { Err(Problem::HiddenCharacters) } else { Ok(()) }
}

/// An API token's name: a [`name`] that is not a pattern, because policies match tokens by their names.
///
/// # Errors
/// What is wrong with it.
pub fn token_name(text: &str) -> Result<(), Problem> {
    name(text)?;
    if text.contains('*') { Err(Problem::NoAsterisk) } else { Ok(()) }
}

/// An e-mail address, loosely: something, an `@`, something with a dot or `localhost`.
///
/// # Errors
/// What is wrong with it.
pub fn email(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > 254 {
        return Err(Problem::TooLong { max: 254 });
    }
    let fine = text.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty() && !host.is_empty() && !host.contains('@') && !host.starts_with('.') && !host.ends_with('.')
    });
    if fine && !text.chars().any(|c| c.is_whitespace() || c.is_control()) { Ok(()) } else { Err(Problem::NotAnEmail) }
}

/// A password's length; everything else is the person's choice.
///
/// # Errors
/// What is wrong with it.
pub fn password(text: &str) -> Result<(), Problem> {
    let length = text.chars().count();
    match length {
        0 => Err(Problem::Required),
        _ if length < PASSWORD.0 => Err(Problem::TooShort { min: PASSWORD.0 as u64 }),
        _ if length > PASSWORD.1 => Err(Problem::TooLong { max: PASSWORD.1 as u64 }),
        _ => Ok(()),
    }
}

/// An address, or a network as an address with the number of its leading bits.
///
/// # Errors
/// What is wrong with it.
pub fn network(text: &str) -> Result<(), Problem> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<IpAddr>() else { return Err(Problem::NotANetwork) };
    let most: u8 = if address.is_ipv4() { 32 } else { 128 };
    // Written in the one way that every parser reads alike.
    let fine = bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|n| n <= most && n.to_string() == bits));
    if fine { Ok(()) } else { Err(Problem::NotANetwork) }
}

/// A credential that will travel in an HTTP header: visible ASCII without spaces.
///
/// # Errors
/// What is wrong with it.
pub fn credential(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > MAX_CREDENTIAL {
        return Err(Problem::TooLong { max: MAX_CREDENTIAL as u64 });
    }
    if text.bytes().all(|b| b.is_ascii_graphic()) { Ok(()) } else { Err(Problem::NotAHeaderValue) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_may_be_called_as_elsewhere() {
        for fine in ["support", "My_Route.v2", "7", "A-b--c"] {
            assert_eq!(route_name(fine), Ok(()), "{fine}");
        }
        for bad in ["-a", "_a", ".", "..", "a/b", "a b", "ä", "a%20"] {
            assert_eq!(route_name(bad), Err(Problem::NotARouteName), "{bad}");
        }
        let long = "a".repeat(65);
        for (bad, problem) in
            [("", Problem::Required), ("new", Problem::Reserved), (&long, Problem::TooLong { max: 64 })]
        {
            assert_eq!(route_name(bad), Err(problem), "{bad}");
        }
    }

    #[test]
    fn slugs_are_plain_path_segments() {
        for fine in ["a", "acme", "my-team-2", &"a".repeat(64)] {
            assert_eq!(slug(fine), Ok(()), "{fine}");
        }
        for bad in ["Acme", "-a", "a-", "a--b", "a_b", "a/b", "ä", "a b"] {
            assert_eq!(slug(bad), Err(Problem::NotASlug), "{bad}");
        }
        assert_eq!(slug(&"a".repeat(65)), Err(Problem::TooLong { max: 64 }));
        assert_eq!(team_slug("chat"), Err(Problem::Reserved));
    }

    #[test]
    fn a_name_cannot_hide_what_it_is() {
        assert_eq!(name("Ann Müller 日本"), Ok(()));
        for hidden in ["acme\u{200B}", "\u{202E}emca", "a\nb"] {
            assert_eq!(name(hidden), Err(Problem::HiddenCharacters), "{hidden:?}");
        }
        for empty in ["", "  ", "\u{200D}"] {
            assert_eq!(name(empty), Err(Problem::Required), "{empty:?}");
        }
        assert_eq!(gateway_slug("new"), Err(Problem::Reserved));
        assert_eq!((token_name("app"), token_name("app*")), (Ok(()), Err(Problem::NoAsterisk)));
    }

    #[test]
    fn emails_need_two_sides() {
        assert_eq!(email("ann@example.com"), Ok(()));
        for bad in ["ann", "@example.com", "ann@", "a b@example.com", "a@b@c"] {
            assert_eq!(email(bad), Err(Problem::NotAnEmail), "{bad}");
        }
    }

    #[test]
    fn networks_are_addresses_with_a_number_of_bits() {
        for fine in ["10.1.2.3", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "::1", "::ffff:10.0.0.0/104"] {
            assert_eq!(network(fine), Ok(()), "{fine}");
        }
        for bad in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/", "2001:db8::/129", "home"] {
            assert_eq!(network(bad), Err(Problem::NotANetwork), "{bad}");
        }
    }

    #[test]
    fn a_credential_with_a_line_break_is_refused() {
        assert_eq!(credential("sk-abc"), Ok(()));
        assert_eq!(credential("sk-abc\r\nx: y"), Err(Problem::NotAHeaderValue));
    }
}
