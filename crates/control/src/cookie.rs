//! The session cookie: a signed JWT that names a server-side session. It proves nothing without the session's row.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Secret;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::{ControlError, SignedIn};

/// Seconds a cookie lives; it is renewed while it is used.
pub(crate) const COOKIE_LIFE_S: i64 = 12 * 3_600;

/// Signs and checks cookies.
pub(crate) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// What a cookie says.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The session's secret name; its digest is stored.
    sid: String,
    /// Seconds since 1970.
    pub(crate) exp: i64,
}

impl Claims {
    /// What the session is found by.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(self.sid.as_bytes())
    }
}

impl Signer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = 0;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A cookie for the session named `sid`, that ends after its life or with the session.
    pub(crate) fn sign(&self, sid: String, now_s: i64, session_ends_s: i64) -> Result<SignedIn, ControlError> {
        let exp = (now_s + COOKIE_LIFE_S).min(session_ends_s);
        let cookie = encode(&Header::new(Algorithm::HS256), &Claims { sid, exp }, &self.encoding)
            .map_err(|_| ControlError::Unavailable)?;
        Ok(SignedIn { cookie: Secret::new(cookie), max_age_s: exp - now_s })
    }

    pub(crate) fn check(&self, cookie: &str) -> Result<Claims, ControlError> {
        let data = decode::<Claims>(cookie, &self.decoding, &self.validation);
        Ok(data.map_err(|_| ControlError::Unauthenticated)?.claims)
    }

    /// The same session in a fresh cookie.
    pub(crate) fn renew(&self, cookie: &str, now_s: i64, session_ends_s: i64) -> Result<SignedIn, ControlError> {
        self.sign(self.check(cookie)?.sid, now_s, session_ends_s)
    }
}

/// 256 random bits, as text.
pub(crate) fn random_name() -> Result<String, ControlError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| ControlError::Unavailable)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now_s() -> i64 {
        chrono::Utc::now().timestamp()
    }

    #[test]
    fn a_cookie_names_its_session_until_it_ends() {
        let signer = Signer::new(&[1; 32]);
        let signed = signer.sign("sid".into(), now_s(), i64::MAX).expect("signed");
        assert_eq!(signed.max_age_s, COOKIE_LIFE_S);
        assert_eq!(signer.check(signed.cookie.expose()).expect("valid").digest(), sha256(b"sid"));
        let old = signer.sign("sid".into(), now_s() - COOKIE_LIFE_S - 1, i64::MAX).expect("signed");
        assert!(matches!(signer.check(old.cookie.expose()), Err(ControlError::Unauthenticated)));
    }

    #[test]
    fn a_cookie_never_outlives_its_session() {
        let signed = Signer::new(&[1; 32]).sign("sid".into(), 100, 160).expect("signed");
        assert_eq!(signed.max_age_s, 60);
    }

    #[test]
    fn a_forged_cookie_is_refused() {
        let signed = Signer::new(&[2; 32]).sign("sid".into(), now_s(), i64::MAX).expect("signed");
        let signer = Signer::new(&[1; 32]);
        assert!(signer.check(signed.cookie.expose()).is_err());
        // "alg": "none"
        let body = signed.cookie.expose().split('.').nth(1).expect("three parts");
        assert!(signer.check(&format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.")).is_err());
        for garbage in ["", "a.b.c", "x"] {
            assert!(signer.check(garbage).is_err());
        }
    }
}
