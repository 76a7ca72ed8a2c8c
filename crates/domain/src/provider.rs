//! What the gateway must know of a provider before it talks to one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::validate::{self, FieldError, Problem};

/// The greatest weight of a key among those with its alias.
pub const MAX_WEIGHT: u32 = 1_000;
/// The greatest limit of a key, in requests in a minute.
pub const MAX_REQUESTS_PER_MINUTE: u32 = 10_000_000;
/// Longest name of a region, in bytes.
const MAX_REGION: usize = 64;

/// Whether a text can name the region of a key: the operator's own word, such as `eu` or `eu-central-1`.
///
/// # Errors
/// What is wrong with it.
pub fn check_region(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Required);
    }
    if text.len() > MAX_REGION {
        return Err(Problem::TooLong { max: MAX_REGION as u64 });
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.bytes().all(plain) { Ok(()) } else { Err(Problem::NotASlug) }
}

/// How a key stands among those of its provider with the same alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pooling {
    /// Tells it from the others; empty for the only one.
    pub name: String,
    /// Its share of the requests beside theirs; with 0 it stands by for when no other can be asked.
    pub weight: u32,
    /// Where what is sent with it is worked on, in the operator's own words.
    pub region: Option<String>,
    /// Most requests in a minute.
    pub requests_per_minute: Option<u32>,
}

impl Default for Pooling {
    fn default() -> Self {
        Self { name: String::new(), weight: 1, region: None, requests_per_minute: None }
    }
}

impl Pooling {
    /// Every field that is out of bounds.
    ///
    /// # Errors
    /// `name`, `weight`, `region` and `requests_per_minute`, in this order.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let name = if self.name.is_empty() { Ok(()) } else { validate::slug(&self.name) };
        let within = |value: u32, min: u32, max: u32| {
            let problem = Problem::OutOfRange { min: min.into(), max: max.into() };
            if (min..=max).contains(&value) { Ok(()) } else { Err(problem) }
        };
        let limit = self.requests_per_minute.map_or(Ok(()), |most| within(most, 1, MAX_REQUESTS_PER_MINUTE));
        let checks = [
            ("name", name),
            ("weight", within(self.weight, 0, MAX_WEIGHT)),
            ("region", self.region.as_deref().map_or(Ok(()), check_region)),
            ("requests_per_minute", limit),
        ];
        let errors: Vec<_> =
            checks.into_iter().filter_map(|(field, check)| Some(FieldError::new(field, check.err()?))).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// The API shape that a surface or a provider speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI Chat Completions and its neighbours.
    #[default]
    Openai,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::Openai, Self::Anthropic, Self::Gemini];

    /// The stable name, as stored and configured.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == text).ok_or(())
    }
}

/// How a provider takes its key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthScheme {
    /// `Authorization: Bearer KEY`
    #[default]
    Bearer,
    /// `x-api-key: KEY`
    XApiKey,
    /// `x-goog-api-key: KEY`
    XGoogApiKey,
    /// `api-key: KEY`; a token of Microsoft Entra as `Authorization: Bearer TOKEN`
    ApiKey,
    /// `xi-api-key: KEY`
    XiApiKey,
    /// `Authorization: Token KEY`
    Token,
    /// `Authorization: Key KEY`
    Key,
    /// Amazon's: requests are signed with an access key, or carry `Authorization: Bearer KEY`
    Aws,
    /// Google Cloud's: tokens are fetched with a service account, or the key is one: `Authorization: Bearer TOKEN`
    Google,
}

impl AuthScheme {
    /// Those that are a header and nothing else, which any provider may want.
    pub const HEADERS: [Self; 7] =
        [Self::Bearer, Self::XApiKey, Self::XGoogApiKey, Self::ApiKey, Self::XiApiKey, Self::Token, Self::Key];

    /// The stable name, as stored and configured.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::ApiKey => "api-key",
            Self::XiApiKey => "xi-api-key",
            Self::Token => "token",
            Self::Key => "key",
            Self::Aws => "aws",
            Self::Google => "google",
        }
    }

    /// The header of a stable name, out of [`AuthScheme::HEADERS`].
    #[must_use]
    pub fn header(name: &str) -> Option<Self> {
        Self::HEADERS.into_iter().find(|scheme| scheme.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_stored_form() {
        for scheme in AuthScheme::HEADERS.into_iter().chain([AuthScheme::Aws, AuthScheme::Google]) {
            assert_eq!(serde_json::to_value(scheme).expect("JSON"), scheme.as_str());
        }
        assert_eq!(AuthScheme::header("token"), Some(AuthScheme::Token));
        assert_eq!(AuthScheme::header("aws"), None);
    }
}
