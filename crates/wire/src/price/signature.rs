//! Signatures of price books: Ed25519 over the bytes of the file, in the files of OpenBSD's `signify`, so that its signatures
//! are taken here and ours there. A file is a line of comment and a line of base64:
//!
//! | file | what the base64 is of |
//! |---|---|
//! | public key | `Ed`, the key's number (8 bytes), the key (32) |
//! | signature | `Ed`, the key's number, the signature (64) |
//! | secret key | `Ed`, `BK`, rounds (4; 0 without a passphrase), salt (16), the beginning of the keys' SHA-512 (8), the number, both keys (64) |
//!
//! The comment is signed by nobody and believed by nobody.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA512, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[cfg(test)]
mod tests;

/// The key that the project signs its books with. Whoever makes a release holds the secret half; docs/prices.md says how it
/// signs.
const PROJECT: &str = "RWRIU2RnS29DYc0eSClNMN/+VHMZ4bibCHHEAsWx7qYm0vR8QWvwQbSo";
/// What the project's signature is shown as.
const PROJECT_NAME: &str = "weir";

const ALGORITHM: &[u8; 2] = b"Ed";
/// How a secret key is kept from others; with no rounds it is not.
const KDF: &[u8; 2] = b"BK";
const COMMENT: &str = "untrusted comment: ";
/// Longest text that is read as a key or a signature, in bytes.
const LONGEST: usize = 4_096;
/// Longest name of a key, in characters.
const LONGEST_NAME: usize = 64;

/// Why a text is no key or no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// Not of signify's form.
    #[error("must be a line of comment and a line of base64, as `signify` and `weir prices` write it")]
    Form,
    /// Another kind of file, or one that lacks something.
    #[error("is signify's file of something else")]
    Kind,
    /// A secret key that only its passphrase opens.
    #[error("is kept by a passphrase, which is not read here; sign with `signify -S`, or make a key without one")]
    Passphrase,
    /// A secret key whose sum does not fit.
    #[error("is damaged")]
    Damaged,
}

/// Why a signature counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Not a signature at all.
    #[error("the signature cannot be read: it {0}")]
    Text(BadText),
    /// By nobody who is known.
    #[error("the signature was made with key {0:016x}, which is not trusted here")]
    Untrusted(u64),
    /// It does not fit.
    #[error(
        "the signature does not fit: the price book was changed after it was signed, or the signature is another file's"
    )]
    Wrong,
}

/// Why keys cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// Not `NAME=KEY`.
    #[error("`{0}` must be NAME=KEY, with the second line of a public key's file as KEY")]
    Form(String),
    /// A name that would be taken for another's.
    #[error("the name `{0}` must be another: it is the project's or is there twice")]
    Name(String),
}

/// The public half of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey {
    number: [u8; 8],
    key: [u8; 32],
}

/// What a secret key made of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    number: [u8; 8],
    bytes: [u8; 64],
}

/// Both halves of a key.
pub struct SecretKey {
    number: [u8; 8],
    /// The seed, then the public key.
    keys: [u8; 64],
}

/// Whose signatures count: the project's, and those of whom the operator trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring(Vec<(String, PublicKey)>);

/// Who has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer<'a> {
    /// The key's name, as the operator calls it.
    pub name: &'a str,
    /// Whether it is the project itself.
    pub is_project: bool,
}

impl Default for Keyring {
    /// The project's key alone.
    fn default() -> Self {
        Self(vec![(PROJECT_NAME.to_owned(), PROJECT.parse().expect("a test reads the same key"))])
    }
}

impl Keyring {
    /// The project's key and those of the text: `NAME=KEY`, with commas between them.
    ///
    /// # Errors
    /// One of them is no key, or has a name that is taken.
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let mut ring = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let bad = || BadKeys::Form(part.to_owned());
            let (name, key) = part.split_once('=').ok_or_else(bad)?;
            let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
            let key = key.parse().ok().filter(|_| fits).ok_or_else(bad)?;
            if ring.0.iter().any(|(known, _)| known == name) {
                return Err(BadKeys::Name(name.to_owned()));
            }
            ring.0.push((name.to_owned(), key));
        }
        Ok(ring)
    }

    /// Whose signature of a file it is.
    ///
    /// # Errors
    /// Nobody's who is trusted, or not of this file.
    pub fn signer(&self, file: &[u8], signature: &str) -> Result<Signer<'_>, BadSignature> {
        let signature: Signature = signature.parse().map_err(BadSignature::Text)?;
        let mut named = self.0.iter().filter(|(_, key)| key.number == signature.number).peekable();
        if named.peek().is_none() {
            return Err(BadSignature::Untrusted(u64::from_be_bytes(signature.number)));
        }
        let (name, _) = named.find(|(_, key)| key.has_signed(file, &signature)).ok_or(BadSignature::Wrong)?;
        Ok(Signer { name, is_project: name == PROJECT_NAME })
    }
}

impl PublicKey {
    fn has_signed(&self, file: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(file, &signature.bytes).is_ok()
    }

    /// The file that tells it to others.
    #[must_use]
    pub fn to_file(&self, comment: &str) -> String {
        written(comment, &self.to_string())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode([&ALGORITHM[..], &self.number, &self.key].concat()))
    }
}

impl FromStr for PublicKey {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let [number, key] = parts(&decoded(text)?, [8, 32])?;
        Ok(Self { number: sized(&number)?, key: sized(&key)? })
    }
}

impl Signature {
    /// The file that goes beside the signed one.
    #[must_use]
    pub fn to_file(&self, comment: &str) -> String {
        written(comment, &STANDARD.encode([&ALGORITHM[..], &self.number, &self.bytes].concat()))
    }
}

impl FromStr for Signature {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let [number, bytes] = parts(&decoded(text)?, [8, 64])?;
        Ok(Self { number: sized(&number)?, bytes: sized(&bytes)? })
    }
}

impl SecretKey {
    /// A key of random bytes: its number, which only tells keys apart, and its seed.
    ///
    /// # Errors
    /// No seed of a key; random bytes always are one.
    pub fn new(number: [u8; 8], seed: [u8; 32]) -> Result<Self, BadText> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| BadText::Damaged)?;
        let mut keys = [0; 64];
        keys[..32].copy_from_slice(&seed);
        keys[32..].copy_from_slice(pair.public_key().as_ref());
        Ok(Self { number, keys })
    }

    /// The half that others may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        key.copy_from_slice(&self.keys[32..]);
        PublicKey { number: self.number, key }
    }

    /// Signs a file.
    ///
    /// # Errors
    /// The two halves do not belong together.
    pub fn sign(&self, file: &[u8]) -> Result<Signature, BadText> {
        let pair = Ed25519KeyPair::from_seed_and_public_key(&self.keys[..32], &self.keys[32..]);
        let made = pair.map_err(|_| BadText::Damaged)?.sign(file);
        Ok(Signature { number: self.number, bytes: sized(made.as_ref())? })
    }

    /// The file that nobody else may read: no passphrase is on it.
    #[must_use]
    pub fn to_file(&self, comment: &str) -> String {
        let sum = sum(&self.keys);
        let all = [&ALGORITHM[..], KDF, &[0; 4], &[0; 16], &sum, &self.number, &self.keys].concat();
        written(comment, &STANDARD.encode(all))
    }
}

impl FromStr for SecretKey {
    type Err = BadText;

    fn from_str(text: &str) -> Result<Self, BadText> {
        let [kdf, rounds, _salt, expected, number, keys] = parts(&decoded(text)?, [2, 4, 16, 8, 8, 64])?;
        if kdf != KDF {
            return Err(BadText::Kind);
        }
        if rounds != [0; 4] {
            return Err(BadText::Passphrase);
        }
        let keys = sized(&keys)?;
        if sum(&keys)[..] != expected[..] {
            return Err(BadText::Damaged);
        }
        Ok(Self { number: sized(&number)?, keys })
    }
}

/// Shows no secret.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// The beginning of the keys' SHA-512.
fn sum(keys: &[u8; 64]) -> [u8; 8] {
    let mut sum = [0; 8];
    sum.copy_from_slice(&digest(&SHA512, keys).as_ref()[..8]);
    sum
}

fn written(comment: &str, base64: &str) -> String {
    format!("{COMMENT}{}\n{base64}\n", comment.replace(['\n', '\r'], " "))
}

/// The bytes of a whole file, or of its second line alone.
fn decoded(text: &str) -> Result<Vec<u8>, BadText> {
    if text.len() > LONGEST {
        return Err(BadText::Form);
    }
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let line = if first.starts_with(COMMENT) { lines.next().unwrap_or_default() } else { first };
    if lines.next().is_some() {
        return Err(BadText::Form);
    }
    STANDARD.decode(line.trim()).map_err(|_| BadText::Form)
}

/// What follows the algorithm, cut into parts of these lengths.
fn parts<const N: usize>(bytes: &[u8], lengths: [usize; N]) -> Result<[Vec<u8>; N], BadText> {
    let mut rest = bytes.strip_prefix(ALGORITHM).ok_or(BadText::Kind)?;
    if rest.len() != lengths.iter().sum::<usize>() {
        return Err(BadText::Kind);
    }
    Ok(lengths.map(|length| {
        let (part, after) = rest.split_at(length);
        rest = after;
        part.to_vec()
    }))
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], BadText> {
    bytes.try_into().map_err(|_| BadText::Kind)
}
