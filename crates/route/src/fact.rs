//! What a request says, as far as a route asks for it.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::bounds::MAX_SEEN;

/// A request, as a route sees it. Each is asked only when an element looks at it.
pub trait Facts {
    /// A value of the request's metadata.
    fn metadata(&self, key: &str) -> Option<Fact<'_>>;
    /// A header by its name in lower case. Credentials should not be shown.
    fn header(&self, name: &str) -> Option<&str>;
    /// The request's body; during a walk always the same one. What is no JSON object has no fields.
    fn body(&self) -> &[u8];
}

/// Headers that no route should see: they carry credentials.
pub const SECRET_HEADERS: [&str; 7] =
    ["authorization", "cf-aig-authorization", "x-api-key", "x-goog-api-key", "api-key", "xi-api-key", "cookie"];

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// A text where nothing but text can be written, as in a header: compared with a number it is read as one, and so with
    /// true and false.
    Loose(Cow<'a, str>),
    /// A list or an object: it is there, and equal to nothing.
    Other,
}

impl<'a> Fact<'a> {
    /// The value of a piece of JSON. Of a long text its first 16 KiB are seen.
    pub(crate) fn of(json: &'a [u8]) -> Option<Self> {
        match json.first()? {
            b'"' => text(json.get(1..json.len().checked_sub(1)?)?).map(Self::Text),
            b'{' | b'[' => Some(Self::Other),
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'n' => Some(Self::Null),
            _ => serde_json::from_slice(json).ok().map(Self::Number),
        }
    }

    /// The value of a member of metadata.
    #[must_use]
    pub fn of_metadata(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }

    /// The value as it tells groups apart; nothing for what is no plain value.
    pub(crate) fn into_group(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) | Self::Loose(text) => Some(text),
            Self::Bool(true) => Some(Cow::Borrowed("true")),
            Self::Bool(false) => Some(Cow::Borrowed("false")),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Null | Self::Other => None,
        }
    }
}

/// The text between two quotation marks, of which only the beginning is read where it is long.
fn text(inner: &[u8]) -> Option<Cow<'_, str>> {
    let seen = &inner[..inner.len().min(MAX_SEEN)];
    // A cut may have gone through a character or an escape, which has twelve bytes at most.
    let shortest = if seen.len() < inner.len() { seen.len().saturating_sub(12) } else { seen.len() };
    if memchr::memchr(b'\\', seen).is_none() {
        let cut = (shortest..=seen.len()).rev().find_map(|end| std::str::from_utf8(&seen[..end]).ok());
        return cut.map(Cow::Borrowed);
    }
    (shortest..=seen.len()).rev().find_map(|end| {
        let quoted = [b"\"", &seen[..end], b"\""].concat();
        serde_json::from_slice::<String>(&quoted).ok().map(Cow::Owned)
    })
}

/// A plain value that a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
}

impl Scalar {
    /// How a field's value compares with this one; nothing where the two are of different kinds.
    pub(crate) fn compared(&self, fact: &Fact<'_>) -> Option<Ordering> {
        match (fact, self) {
            (Fact::Null, Self::Null) => Some(Ordering::Equal),
            (Fact::Bool(fact), Self::Bool(bool)) => Some(fact.cmp(bool)),
            (Fact::Number(fact), Self::Number(number)) => numbers(fact, number),
            (Fact::Text(fact) | Fact::Loose(fact), Self::Text(text)) => Some((**fact).cmp(text)),
            (Fact::Loose(fact), Self::Number(number)) => numbers(&fact.trim().parse().ok()?, number),
            (Fact::Loose(fact), Self::Bool(bool)) => Some(fact.trim().parse::<bool>().ok()?.cmp(bool)),
            _ => None,
        }
    }

    pub(crate) fn equals(&self, fact: Option<&Fact<'_>>) -> bool {
        match fact {
            // As in Mongo, what is not there is equal to null.
            None => *self == Self::Null,
            Some(fact) => self.compared(fact) == Some(Ordering::Equal),
        }
    }
}

/// Whole numbers exactly, others as floats: they are sizes and temperatures, never money.
fn numbers(a: &Number, b: &Number) -> Option<Ordering> {
    let whole = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters_and_escapes() {
        for unit in ["a", "ü", "😀", r"\n", r"\u00fc", r"\ud83d\ude00"] {
            for lead in 0..14 {
                let json = format!("\"{}{}\"", "x".repeat(lead), unit.repeat(MAX_SEEN));
                let Some(Fact::Text(text)) = Fact::of(json.as_bytes()) else { panic!("{unit} behind {lead}") };
                let whole: String = serde_json::from_str(&json).expect("JSON");
                assert!(whole.starts_with(&*text) && text.len() > 2_000, "{unit} behind {lead}");
            }
        }
        assert_eq!(Fact::of(br#""a\"b""#), Some(Fact::Text("a\"b".into())));
    }

    #[test]
    fn numbers_compare_exactly_and_headers_loosely() {
        let number = |text: &str| Scalar::Number(text.parse().expect("a number"));
        let large = Fact::Number(9_007_199_254_740_993u64.into());
        assert_eq!(number("9007199254740992").compared(&large), Some(Ordering::Greater));
        assert_eq!(number("1.5").compared(&Fact::Number(1.into())), Some(Ordering::Less));
        assert_eq!(number("5").compared(&Fact::Loose("5".into())), Some(Ordering::Equal));
        assert_eq!(number("5").compared(&Fact::Text("5".into())), None);
        assert_eq!(Scalar::Bool(true).compared(&Fact::Loose("true".into())), Some(Ordering::Equal));
        assert!(Scalar::Null.equals(None) && !Scalar::Bool(false).equals(None));
    }
}
