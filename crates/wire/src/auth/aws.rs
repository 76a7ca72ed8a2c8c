//! Amazon's access keys, in the forms in which people have them: `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`, or the JSON
//! that `aws configure export-credentials`, `aws sts …` and `aws iam create-access-key` print. A `Region` may stand in it.

use std::fmt;

use domain::Secret;
use serde::Deserialize;

use super::sigv4::Credentials;
use super::{Malformed, is_plain};

/// An access key.
pub struct AccessKey {
    id: String,
    secret: Secret,
    session_token: Option<Secret>,
    region: Option<String>,
}

/// The JSON, in the spellings of Amazon's programs.
#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "AccessKeyId", alias = "accessKeyId", alias = "aws_access_key_id")]
    id: Option<String>,
    #[serde(rename = "SecretAccessKey", alias = "secretAccessKey", alias = "aws_secret_access_key")]
    secret: Option<String>,
    #[serde(rename = "SessionToken", alias = "sessionToken", alias = "aws_session_token")]
    session_token: Option<String>,
    #[serde(rename = "Region", alias = "region")]
    region: Option<String>,
    #[serde(rename = "Credentials")]
    lent: Option<Box<Printed>>,
    #[serde(rename = "AccessKey")]
    made: Option<Box<Printed>>,
}

impl AccessKey {
    /// Reads a provider key. None where it is another kind of key, such as Bedrock's API keys.
    ///
    /// # Errors
    /// It begins like an access key and is none.
    pub fn read(text: &str) -> Result<Option<Self>, Malformed> {
        let text = text.trim();
        let key = if text.starts_with('{') {
            Self::of(serde_json::from_str(text).map_err(|_| Malformed::AccessKey)?, 1)
        } else {
            let mut parts = text.splitn(3, ':').map(str::to_owned);
            let (id, Some(secret)) = (parts.next(), parts.next()) else { return Ok(None) };
            Self::new(id, Some(secret), parts.next(), None)
        };
        key.map(Some).ok_or(Malformed::AccessKey)
    }

    fn of(printed: Printed, depth: u8) -> Option<Self> {
        let region = printed.region.clone();
        match printed.lent.or(printed.made).filter(|_| depth > 0) {
            Some(inner) => {
                let key = Self::of(*inner, depth - 1)?;
                Some(Self { region: key.region.clone().or(region), ..key })
            }
            None => Self::new(printed.id, printed.secret, printed.session_token, printed.region),
        }
    }

    fn new(
        id: Option<String>,
        secret: Option<String>,
        session_token: Option<String>,
        region: Option<String>,
    ) -> Option<Self> {
        let id = id.filter(|id| (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()))?;
        let is_secret = |text: &String| text.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let secret = secret.filter(|secret| secret.len() >= 16 && is_secret(secret))?;
        let session_token = session_token.filter(|token| !token.is_empty());
        let region = region.filter(|region| !region.is_empty());
        if session_token.as_ref().is_some_and(|token| !is_secret(token))
            || region.as_deref().is_some_and(|r| !is_plain(r))
        {
            return None;
        }
        Some(Self { id, secret: Secret::new(secret), session_token: session_token.map(Secret::new), region })
    }

    /// Its public half.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region that is written beside it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// For signing.
    #[must_use]
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: &self.id,
            secret_access_key: self.secret.expose(),
            session_token: self.session_token.as_ref().map(Secret::expose),
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey")
    }
}

/// The region in the name of one of Amazon's hosts: `bedrock-runtime.us-east-1.amazonaws.com`, the same with `-fips`, below
/// `vpce`, `.com.cn`, or `api.aws`.
#[must_use]
pub fn region_of(host: &str) -> Option<&str> {
    host.split('.').find(|label| is_region(label))
}

/// Whether a text has the shape of a region: `us-east-1`, `us-gov-west-1`.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (2..=3).contains(&words.len()) && words.iter().all(is_word) && is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AKIAIOSFODNN7EXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// Id, secret, session token and region.
    type Parts = (String, String, Option<String>, Option<String>);

    fn read(text: &str) -> Result<Option<Parts>, Malformed> {
        let key = AccessKey::read(text)?;
        Ok(key.map(|key| {
            let Credentials { access_key_id, secret_access_key, session_token } = key.credentials();
            let own = |text: &str| text.to_owned();
            (own(access_key_id), own(secret_access_key), session_token.map(own), key.region().map(own))
        }))
    }

    #[test]
    fn every_form_in_which_people_have_it_is_read() {
        let plain = Some((ID.to_owned(), SECRET.to_owned(), None, None));
        let lent = Some((ID.to_owned(), SECRET.to_owned(), Some("FwoGZXIvYXdzEJr//w==".to_owned()), None));
        assert_eq!(read(&format!("{ID}:{SECRET}")), Ok(plain.clone()));
        assert_eq!(read(&format!(" {ID}:{SECRET}:FwoGZXIvYXdzEJr//w==\n")), Ok(lent.clone()));
        let exported = format!(
            r#"{{"Version":1,"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"FwoGZXIvYXdzEJr//w==","Expiration":"2026-01-01T00:00:00Z"}}"#
        );
        assert_eq!(read(&exported), Ok(lent.clone()));
        assert_eq!(read(&format!(r#"{{"Credentials":{exported},"AssumedRoleUser":{{}}}}"#)), Ok(lent));
        let made = format!(
            r#"{{ "AccessKey": {{ "UserName": "u", "AccessKeyId": "{ID}", "SecretAccessKey": "{SECRET}" }} }}"#
        );
        assert_eq!(read(&made), Ok(plain));
        let placed = format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Region":"eu-west-1"}}"#);
        assert_eq!(read(&placed).map(|key| key.and_then(|key| key.3)), Ok(Some("eu-west-1".to_owned())));
    }

    #[test]
    fn other_keys_are_not_taken_for_one_and_broken_ones_are_refused() {
        for other in ["ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", ""] {
            assert_eq!(read(other), Ok(None), "{other}");
        }
        for broken in [
            "{",
            "{}",
            "AKIA:short",
            &format!("{ID}:{SECRET}:"),
            &format!("{ID}:{SECRET}: x"),
            &format!(r#"{{"AccessKeyId":"{ID}"}}"#),
            &format!(r#"{{"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","Region":"a/../b"}}"#),
        ] {
            let expected = if broken.ends_with(':') { Ok(true) } else { Err(Malformed::AccessKey) };
            assert_eq!(read(broken).map(|key| key.is_some()), expected, "{broken}");
        }
    }

    #[test]
    fn a_region_is_found_in_a_hosts_name() {
        for (host, region) in [
            ("bedrock-runtime.us-east-1.amazonaws.com", Some("us-east-1")),
            ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("vpce-0a1-b2.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", Some("ap-southeast-2")),
            ("bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("bedrock-mantle.eu-central-1.api.aws", Some("eu-central-1")),
            ("127.0.0.1", None),
            ("proxy.example.com", None),
        ] {
            assert_eq!(region_of(host), region, "{host}");
        }
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let key = AccessKey::read(&format!("{ID}:{SECRET}")).expect("an access key");
        assert_eq!(format!("{key:?}"), "Some(AccessKey)");
    }
}
