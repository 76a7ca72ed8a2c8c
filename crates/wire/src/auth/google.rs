//! Google Cloud's service accounts. The JSON file that the console gives out holds a private key; with it a statement is signed
//! (RFC 7523, RS256) that the token endpoint exchanges for an access token of an hour.
//!
//! The file may be given as it is or in Base64, and may hold a `region` beside Google's own fields.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Secret;
use serde::Deserialize;
use serde_json::json;

use super::{Malformed, is_plain};
use crate::providers::parse_base;

/// What the token is good for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long a statement holds, in seconds: the most that Google takes.
const STATEMENT_S: i64 = 3_600;
/// Longest reason of a refusal that is repeated, in bytes.
const MAX_REASON: usize = 200;

/// A service account.
pub struct ServiceAccount {
    project: String,
    email: String,
    key_id: String,
    key: RsaKeyPair,
    token_uri: String,
    region: Option<String>,
    fingerprint: [u8; 32],
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    project_id: String,
    #[serde(default)]
    private_key_id: String,
    private_key: String,
    client_email: String,
    token_uri: String,
    region: Option<String>,
}

impl ServiceAccount {
    /// Reads a provider key. None where it is another kind of key, such as an access token.
    ///
    /// # Errors
    /// It is JSON, and no service account's.
    pub fn read(text: &str) -> Result<Option<Self>, Malformed> {
        let text = text.trim();
        let packed = STANDARD.decode(text).ok().filter(|bytes| bytes.starts_with(b"{"));
        let json = match &packed {
            Some(bytes) => bytes.as_slice(),
            None if text.starts_with('{') => text.as_bytes(),
            None => return Ok(None),
        };
        let file = serde_json::from_slice(json).map_err(|_| Malformed::ServiceAccount)?;
        Self::of(file, json).map(Some).ok_or(Malformed::ServiceAccount)
    }

    fn of(file: File, json: &[u8]) -> Option<Self> {
        let region = file.region.filter(|region| !region.is_empty());
        let plain = is_plain(&file.project_id) && region.as_deref().is_none_or(is_plain);
        if file.kind != "service_account"
            || !plain
            || file.client_email.is_empty()
            || parse_base(&file.token_uri).is_err()
        {
            return None;
        }
        let key = RsaKeyPair::from_pkcs8(&private_key(&file.private_key)?).ok()?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, json).as_ref());
        Some(Self {
            project: file.project_id,
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: file.token_uri,
            region,
            fingerprint,
        })
    }

    /// The project it belongs to.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Its name.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The location that is written beside it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Where tokens are fetched.
    #[must_use]
    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// Tells two files apart.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }

    /// The form to post to the token endpoint at `now_s`, in seconds since 1970. None where the key cannot sign.
    #[must_use]
    pub fn question(&self, now_s: i64) -> Option<String> {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_uri, "iat": now_s, "exp": now_s + STATEMENT_S,
        });
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let text = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
        let statement = format!("{text}.{}", encode(&signature));
        Some(format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={statement}"))
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceAccount")
    }
}

/// The location that one of Vertex AI's hosts is for: `us-east5-aiplatform.googleapis.com`, `aiplatform.eu.rep.googleapis.com`.
#[must_use]
pub fn location_of(host: &str) -> Option<&str> {
    let host = host.strip_suffix(".googleapis.com")?;
    if host == "aiplatform" {
        return Some("global");
    }
    let area = host.strip_prefix("aiplatform.").and_then(|rest| rest.strip_suffix(".rep"));
    area.or_else(|| host.strip_suffix("-aiplatform")).filter(|location| is_location(location))
}

/// The host for a location.
#[must_use]
pub fn host_for(location: &str) -> Option<String> {
    match location {
        _ if !is_location(location) => None,
        "global" => Some("aiplatform.googleapis.com".to_owned()),
        "us" | "eu" => Some(format!("aiplatform.{location}.rep.googleapis.com")),
        _ => Some(format!("{location}-aiplatform.googleapis.com")),
    }
}

fn is_location(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The key in its armour of text.
fn private_key(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}

/// An access token, and how many seconds it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub secret: Secret,
    pub lifetime_s: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<u64>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Reads what the token endpoint answers.
///
/// # Errors
/// Why there is no token, in its words.
pub fn answer(status: u16, body: &[u8]) -> Result<Token, String> {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let visible = |token: &String| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic());
    match answer.access_token.filter(visible).filter(|_| status == 200) {
        Some(token) => Ok(Token { secret: Secret::new(token), lifetime_s: answer.expires_in.unwrap_or(3_600) }),
        None => {
            let words = [answer.error, answer.error_description];
            let mut reason = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
            reason.retain(|c| !c.is_control());
            reason.truncate(reason.floor_char_boundary(MAX_REASON));
            Err(if reason.is_empty() { format!("it answered {status} without a token") } else { reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    fn file() -> (Value, Vec<u8>) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("its form");
        let pem =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
        let file = json!({
            "type": "service_account",
            "project_id": "my-project",
            "private_key_id": "k1",
            "private_key": pem,
            "client_email": "weir@my-project.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        });
        (file, pair.public_key().as_ref().to_vec())
    }

    fn read(text: &str) -> ServiceAccount {
        ServiceAccount::read(text).expect("fine").expect("a service account")
    }

    #[test]
    fn a_statement_is_signed_by_the_accounts_key() {
        let (file, public) = file();
        let account = read(&file.to_string());
        let question = account.question(1_000).expect("signed");
        let (_, statement) = question.split_once("&assertion=").expect("a form");
        let (text, signature) = statement.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("Base64");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public)
            .verify(text.as_bytes(), &signature)
            .expect("genuine");
        let part = |text: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("Base64")).expect("JSON")
        };
        let (header, claims) = text.split_once('.').expect("two parts");
        assert_eq!(part(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
        let claims = part(claims);
        assert_eq!(claims["iss"], "weir@my-project.iam.gserviceaccount.com");
        assert_eq!((&claims["aud"], &claims["iat"]), (&json!("https://oauth2.googleapis.com/token"), &json!(1_000)));
        assert_eq!(claims["exp"], 4_600);
    }

    #[test]
    fn the_file_may_be_packed_and_may_name_a_region() {
        let (mut file, _) = file();
        file["region"] = json!("us-east5");
        let account = read(&STANDARD.encode(file.to_string()));
        assert_eq!((account.project(), account.region()), ("my-project", Some("us-east5")));
        assert_eq!(format!("{account:?}"), "ServiceAccount");
    }

    #[test]
    fn other_keys_are_not_taken_for_one_and_broken_ones_are_refused() {
        assert!(matches!(ServiceAccount::read("ya29.a0AfH6SNexample"), Ok(None)));
        let (file, _) = file();
        let spoilt = |field: &str, value: Value| {
            let mut file = file.clone();
            file[field] = value;
            ServiceAccount::read(&file.to_string()).map(|account| account.is_some())
        };
        for (field, value) in [
            ("type", json!("authorized_user")),
            ("type", json!("external_account")),
            ("project_id", json!("a/../b")),
            ("private_key", json!("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")),
            ("private_key", Value::Null),
            ("token_uri", json!("file:///etc/passwd")),
            ("token_uri", json!("https://a@b.example/token")),
            ("region", json!("a b")),
        ] {
            assert_eq!(spoilt(field, value.clone()), Err(Malformed::ServiceAccount), "{field} {value}");
        }
        assert!(matches!(ServiceAccount::read("{}"), Err(Malformed::ServiceAccount)));
    }

    #[test]
    fn a_location_and_its_host_belong_together() {
        for location in ["global", "us", "eu", "us-central1", "europe-west4"] {
            let host = host_for(location).expect("a host");
            assert_eq!(location_of(&host), Some(location), "{host}");
        }
        for other in ["example.com", "evil.example/-aiplatform.googleapis.com", "storage.googleapis.com"] {
            assert_eq!(location_of(other), None, "{other}");
        }
        assert_eq!(host_for("x.example/"), None);
    }

    #[test]
    fn answers_of_the_endpoint_are_read() {
        let token = answer(200, br#"{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}"#);
        assert_eq!(token, Ok(Token { secret: Secret::new("ya29.x".into()), lifetime_s: 3_599 }));
        let refused = br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#;
        assert_eq!(answer(400, refused), Err("invalid_grant: Invalid JWT Signature.".to_owned()));
        assert_eq!(answer(502, b"<html>"), Err("it answered 502 without a token".to_owned()));
        assert!(answer(200, br#"{"access_token":"a\nb"}"#).is_err());
    }
}
