//! Words that are cut into pieces with no regard to characters: the halves of a `\ud83d\ude00` may come one by one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};

use crate::chat::Json;

/// The first half of a character whose second half has not come.
#[derive(Debug, Default)]
pub(super) struct Half(Option<[u8; 3]>);

/// A half is three bytes in serde's reading: `ED A0..BF xx`, where `A0..AF` are first halves.
const MARK: u8 = 0xED;

impl Half {
    /// Reads the next piece; none where it is no string. A half that finds no other becomes `U+FFFD`.
    pub(super) fn read(&mut self, piece: &Json) -> Option<String> {
        if self.0.is_none()
            && let Ok(text) = piece.read::<String>()
        {
            return Some(text);
        }
        let Bytes(mut bytes) = piece.read().ok()?;
        if let (Some(first), false) = (self.0, bytes.is_empty()) {
            self.0 = None;
            match bytes.first_chunk().copied().and_then(|second| joined(first, second)) {
                Some(whole) => drop(bytes.splice(..3, whole.to_string().into_bytes())),
                None => drop(bytes.splice(..0, "\u{FFFD}".bytes())),
            }
        }
        if let Some([rest @ .., MARK, b @ 0xA0..=0xAF, c]) = bytes.get(..) {
            let kept = rest.len();
            self.0 = Some([MARK, *b, *c]);
            bytes.truncate(kept);
        }
        Some(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

fn joined(first: [u8; 3], second: [u8; 3]) -> Option<char> {
    let bits = |[mark, b, c]: [u8; 3]| (mark == MARK).then(|| u32::from(b & 0x3F) << 6 | u32::from(c & 0x3F));
    let (high, low) = (bits(first)?, bits(second)?);
    (low >= 0xC00).then(|| char::from_u32(0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF)))?
}

/// A string's bytes, halves of characters included.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(BytesVisitor)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_find_each_other() {
        let read = |pieces: &[&str]| {
            let mut half = Half::default();
            pieces.iter().filter_map(|piece| half.read(&Json::parse(*piece).expect("JSON"))).collect::<String>()
        };
        assert_eq!(read(&[r#""a\ud83d""#, r#""\ude00b""#]), "a😀b");
        assert_eq!(read(&[r#""a\ud83d""#, r#""""#, r#""\ude00""#]), "a😀");
        assert_eq!(read(&[r#""\ud83d""#, r#""x""#]), "\u{FFFD}x");
        assert!(read(&[r#""\ude00x""#]).ends_with('x'));
        assert_eq!(read(&[r#""é""#, "7", "null", r#""ü""#]), "éü");
    }
}
