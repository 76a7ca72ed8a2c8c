//! What the gateway must know of a provider before it talks to one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::validate::Problem;

/// The greatest weight of a key among those with its alias.
pub const MAX_WEIGHT: u32 = 1_000;
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
