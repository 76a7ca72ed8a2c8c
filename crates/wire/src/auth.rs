//! What a provider key may be. Most are a word that travels in a header. Amazon's may be an access key, with which each
//! request is signed, and Google Cloud's a service account, with which tokens are fetched.

pub mod aws;
pub mod google;
pub mod sigv4;

use std::fmt;

use domain::provider::AuthScheme;

/// A provider key, read.
pub enum Credential {
    /// A word, for a header.
    Word,
    /// Amazon's.
    Aws(aws::AccessKey),
    /// Google Cloud's.
    Google(Box<google::ServiceAccount>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word => "Word",
            Self::Aws(_) => "Aws",
            Self::Google(_) => "Google",
        })
    }
}

/// A key that is none of those that its provider takes. The text never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It looks like an access key of Amazon's and is none.
    #[error(
        "is no access key: write it as ACCESS_KEY_ID:SECRET_ACCESS_KEY, with :SESSION_TOKEN behind it where there is one, or as \
         the JSON that the AWS command line prints"
    )]
    AccessKey,
    /// It looks like a service account's key and is none.
    #[error(
        "is no key of a service account: it must be the whole JSON file, with type, project_id, client_email, private_key and \
         token_uri"
    )]
    ServiceAccount,
}

/// What a key says of an account, for the names in braces in a provider's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// Google Cloud's project.
    pub project: Option<&'a str>,
    /// Amazon's region, Google Cloud's location.
    pub region: Option<&'a str>,
}

impl Credential {
    /// What the key says of the account.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        match self {
            Self::Word => Facts::default(),
            Self::Aws(key) => Facts { project: None, region: key.region() },
            Self::Google(account) => {
                Facts { project: Some(account.project()), region: account.region().or(Some("global")) }
            }
        }
    }
}

/// Reads a key.
///
/// # Errors
/// It is neither a word nor a whole credential.
pub fn read(scheme: AuthScheme, secret: &str) -> Result<Credential, Malformed> {
    match scheme {
        AuthScheme::Aws => Ok(aws::AccessKey::read(secret)?.map_or(Credential::Word, Credential::Aws)),
        AuthScheme::Google => {
            let account = google::ServiceAccount::read(secret)?;
            Ok(account.map_or(Credential::Word, |account| Credential::Google(Box::new(account))))
        }
        _ => Ok(Credential::Word),
    }
}

/// The header in which a word travels: its name in small letters, and its value.
#[must_use]
pub fn header(scheme: AuthScheme, secret: &str) -> (&'static str, String) {
    let authorization = |word: &str| ("authorization", format!("{word} {secret}"));
    match scheme {
        AuthScheme::ApiKey if is_token(secret) => authorization("Bearer"),
        AuthScheme::Bearer | AuthScheme::Aws | AuthScheme::Google => authorization("Bearer"),
        AuthScheme::Token => authorization("Token"),
        AuthScheme::Key => authorization("Key"),
        AuthScheme::XApiKey | AuthScheme::XGoogApiKey | AuthScheme::ApiKey | AuthScheme::XiApiKey => {
            (scheme.as_str(), secret.to_owned())
        }
    }
}

/// Whether a secret is a token of Microsoft Entra (a JWT) and no key.
fn is_token(secret: &str) -> bool {
    secret.starts_with("eyJ") && secret.split('.').count() == 3
}

/// The text of a name in braces' value, so plain that it can stand in an address.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_has_its_header() {
        for (scheme, name, value) in [
            (AuthScheme::Bearer, "authorization", "Bearer k"),
            (AuthScheme::XApiKey, "x-api-key", "k"),
            (AuthScheme::XGoogApiKey, "x-goog-api-key", "k"),
            (AuthScheme::ApiKey, "api-key", "k"),
            (AuthScheme::XiApiKey, "xi-api-key", "k"),
            (AuthScheme::Token, "authorization", "Token k"),
            (AuthScheme::Key, "authorization", "Key k"),
            (AuthScheme::Aws, "authorization", "Bearer k"),
            (AuthScheme::Google, "authorization", "Bearer k"),
        ] {
            assert_eq!(header(scheme, "k"), (name, value.to_owned()));
        }
        let entra = "eyJ0eXAi.eyJhdWQi.c2ln";
        assert_eq!(header(AuthScheme::ApiKey, entra), ("authorization", format!("Bearer {entra}")));
    }
}
