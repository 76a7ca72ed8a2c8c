//! Sealed columns: AES-256-GCM with a data key per row, wrapped by a key that is derived from the master key. Table and
//! row id are additional data, so that a sealed value cannot be moved to another row; the key version is stored beside
//! it, so that a later master key can tell which rows it has yet to take over.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use domain::Secret;

/// Version of the only master key there is so far.
const KEY_VERSION: i64 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;
/// A wrapped data key: nonce, key, tag.
const WRAPPED_LEN: usize = NONCE_LEN + KEY_LEN + TAG_LEN;

/// Which place a sealed value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the table.
    pub table: &'static str,
    /// Id of the row.
    pub row_id: i64,
}

/// A sealed value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which master key wraps its data key.
    pub key_version: i64,
    /// Wrapped data key, then nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Why a value could not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another master key, another row, or changed bytes.
    #[error("the value does not open with this master key")]
    DoesNotOpen,
    /// The system has no randomness to give.
    #[error("the system gives no randomness")]
    NoRandomness,
}

/// Seals and opens values with a master key. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    inner: Arc<Inner>,
}

struct Inner {
    wrapping: LessSafeKey,
    derivation: hmac::Key,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer for a master key of 256 random bits.
    #[must_use]
    pub fn new(master_key: [u8; 32]) -> Self {
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, &master_key);
        let wrapping = aead_key(&derive(&derivation, "weir wrap data keys v1"));
        Self { inner: Arc::new(Inner { wrapping, derivation }) }
    }

    /// A key for another purpose, which reveals nothing about the master key.
    #[must_use]
    pub fn derive_key(&self, label: &str) -> [u8; 32] {
        derive(&self.inner.derivation, label)
    }

    /// Seals a value for one place.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`].
    pub fn seal(&self, place: Place, plain: &str) -> Result<Sealed, SealError> {
        let mut data_key = [0; KEY_LEN];
        rand::fill(&mut data_key).map_err(|_| SealError::NoRandomness)?;
        let mut bytes = seal_with(&self.inner.wrapping, place, &data_key)?;
        bytes.extend(seal_with(&aead_key(&data_key), place, plain.as_bytes())?);
        Ok(Sealed { key_version: KEY_VERSION, bytes })
    }

    /// Opens a value that was sealed for the same place.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`].
    pub fn open(&self, place: Place, sealed: &Sealed) -> Result<Secret, SealError> {
        let (wrapped, body) = sealed.bytes.split_at_checked(WRAPPED_LEN).ok_or(SealError::DoesNotOpen)?;
        if sealed.key_version != KEY_VERSION {
            return Err(SealError::DoesNotOpen);
        }
        let data_key = open_with(&self.inner.wrapping, place, wrapped)?;
        let data_key: [u8; KEY_LEN] = data_key.try_into().map_err(|_| SealError::DoesNotOpen)?;
        let plain = open_with(&aead_key(&data_key), place, body)?;
        String::from_utf8(plain).map(Secret::new).map_err(|_| SealError::DoesNotOpen)
    }
}

fn derive(key: &hmac::Key, label: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    derived.copy_from_slice(hmac::sign(key, label.as_bytes()).as_ref());
    derived
}

fn aead_key(bytes: &[u8; KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes"))
}

fn additional_data(place: Place) -> Aad<String> {
    Aad::from(format!("{}:{}", place.table, place.row_id))
}

fn seal_with(key: &LessSafeKey, place: Place, plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), additional_data(place), &mut body)
        .map_err(|_| SealError::NoRandomness)?;
    Ok([&nonce[..], &body].concat())
}

fn open_with(key: &LessSafeKey, place: Place, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::DoesNotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::DoesNotOpen)?;
    let mut body = body.to_vec();
    let plain = key.open_in_place(nonce, additional_data(place), &mut body).map_err(|_| SealError::DoesNotOpen)?;
    Ok(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { table: "provider_keys", row_id: 7 };

    #[test]
    fn a_sealed_value_opens_in_its_place_only() {
        let sealer = Sealer::new([1; 32]);
        let sealed = sealer.seal(PLACE, "sk-secret").expect("sealed");
        assert_eq!(sealer.open(PLACE, &sealed).expect("opened").expose(), "sk-secret");
        let elsewhere = [Place { row_id: 8, ..PLACE }, Place { table: "meta", ..PLACE }];
        for place in elsewhere {
            assert_eq!(sealer.open(place, &sealed), Err(SealError::DoesNotOpen));
        }
    }

    #[test]
    fn another_master_key_opens_nothing() {
        let sealed = Sealer::new([1; 32]).seal(PLACE, "sk-secret").expect("sealed");
        assert_eq!(Sealer::new([2; 32]).open(PLACE, &sealed), Err(SealError::DoesNotOpen));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let sealer = Sealer::new([1; 32]);
        let sealed = sealer.seal(PLACE, "sk-secret").expect("sealed");
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(sealer.open(PLACE, &changed), Err(SealError::DoesNotOpen), "byte {at}");
            let cut = Sealed { bytes: sealed.bytes[..at].to_vec(), ..sealed.clone() };
            assert_eq!(sealer.open(PLACE, &cut), Err(SealError::DoesNotOpen), "cut at {at}");
        }
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time_and_never_in_plain() {
        let sealer = Sealer::new([1; 32]);
        let (one, two) =
            (sealer.seal(PLACE, "sk-secret").expect("sealed"), sealer.seal(PLACE, "sk-secret").expect("sealed"));
        assert_ne!(one, two);
        assert!(!one.bytes.windows(9).any(|window| window == b"sk-secret"));
        assert_eq!(format!("{sealer:?}"), "Sealer");
    }

    #[test]
    fn derived_keys_differ_by_label() {
        let sealer = Sealer::new([1; 32]);
        assert_ne!(sealer.derive_key("a"), sealer.derive_key("b"));
        assert_eq!(sealer.derive_key("a"), Sealer::new([1; 32]).derive_key("a"));
    }
}
