//! What people paste as a provider's key: a word for a header, or a whole credential of Amazon's or Google Cloud's.

use domain::provider::AuthScheme;
use domain::validate::{self, Problem};
use wire::auth::{self, Credential, Malformed};
use wire::providers;

use crate::address::check_base_url;

/// Shortest credential whose ends may be shown, in characters.
const HINTED: usize = 16;
/// Longest name of an account that is shown, in bytes.
const MAX_ACCOUNT: usize = 64;

/// How a provider takes its key; the headers of a team's own are all words.
fn scheme(provider: &str) -> AuthScheme {
    providers::find(provider).map_or(AuthScheme::Bearer, |known| known.auth)
}

/// Reads a key for a provider, by its canonical slug.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(provider: &str, secret: &str, allow_private: bool) -> Result<Credential, Problem> {
    let credential = auth::read(scheme(provider), secret).map_err(|malformed| match malformed {
        Malformed::AccessKey => Problem::NotAnAccessKey,
        Malformed::ServiceAccount => Problem::NotAServiceAccount,
    })?;
    match &credential {
        Credential::Word => validate::credential(secret)?,
        _ if secret.len() > validate::MAX_CREDENTIAL => {
            return Err(Problem::TooLong { max: validate::MAX_CREDENTIAL as u64 });
        }
        Credential::Aws(_) => {}
        Credential::Google(account) => {
            check_base_url(account.token_uri(), allow_private)?;
            if !account.token_uri().starts_with("https://") && !allow_private {
                return Err(Problem::NotAServiceAccount);
            }
        }
    }
    Ok(credential)
}

/// Whether a provider's address depends on the account, and the key does not say it, so that an address must.
pub(crate) fn needs_address(provider: &str, credential: &Credential) -> bool {
    providers::find(provider)
        .is_some_and(|known| known.needs_address() && providers::resolve_base(known, None, credential.facts()).is_err())
}

/// How people recognise a key: the name of an account, else first and last characters of a long word, nothing of a short one.
pub(crate) fn hint(provider: &str, secret: &str) -> String {
    match auth::read(scheme(provider), secret) {
        Ok(Credential::Google(account)) => {
            let email = account.email();
            email[..email.floor_char_boundary(MAX_ACCOUNT)].to_owned()
        }
        Ok(Credential::Aws(key)) => ends(key.id()),
        _ => ends(secret),
    }
}

fn ends(word: &str) -> String {
    if word.len() < HINTED || !word.is_ascii() {
        return "…".to_owned();
    }
    format!("{}…{}", &word[..4], &word[word.len() - 4..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_shows_little_of_a_long_credential_and_nothing_of_a_short_one() {
        assert_eq!(hint("openai", "sk-proj-abcdefghijk9f3a"), "sk-p…9f3a");
        assert_eq!(hint("openai", "short-secret"), "…");
        assert_eq!(hint("openai", "ääääääääääääääääääää"), "…");
        let pair = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        assert_eq!(hint("aws-bedrock", pair), "AKIA…MPLE");
    }

    #[test]
    fn each_kind_of_key_is_judged_by_its_own_rule() {
        let problem = |provider, secret| check(provider, secret, false).err();
        assert_eq!(problem("openai", "sk a"), Some(Problem::NotAHeaderValue));
        assert_eq!(problem("aws-bedrock", "ABSKQmVkcm9jaw=="), None);
        assert_eq!(problem("aws-bedrock", "AKIAIOSFODNN7EXAMPLE:short"), Some(Problem::NotAnAccessKey));
        assert_eq!(problem("aws-bedrock", "{\"Credentials\":{}}"), Some(Problem::NotAnAccessKey));
        assert_eq!(problem("google-vertex-ai", "ya29.token"), None);
        assert_eq!(problem("google-vertex-ai", "{\"type\":\"authorized_user\"}"), Some(Problem::NotAServiceAccount));
        let long = format!("{{{}}}", " ".repeat(9_000));
        assert_eq!(problem("google-vertex-ai", &long), Some(Problem::NotAServiceAccount));
    }

    #[test]
    fn a_key_that_names_a_region_needs_no_address() {
        let aws = |region: &str| {
            let json = format!(
                r#"{{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE","SecretAccessKey":"wJalrXUtnFEMI/K7MDENG+bPxRfi"{region}}}"#
            );
            needs_address("aws-bedrock", &check("aws-bedrock", &json, false).expect("fine"))
        };
        assert!(aws(""));
        assert!(!aws(r#","Region":"us-east-1""#));
        assert!(!needs_address("openai", &Credential::Word));
        assert!(needs_address("azure-openai", &Credential::Word));
    }
}
