//! JSON that is carried along unread, exactly as it was written.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A JSON value as text: order of keys, number formats and white space survive.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Takes a text that is JSON.
    ///
    /// # Errors
    /// When it is not.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text.into()).map(Self)
    }

    /// Writes a value down.
    ///
    /// # Panics
    /// Never for plain structs, maps with string keys, strings and numbers, which is all that is written here.
    #[must_use]
    pub fn of(value: &(impl Serialize + ?Sized)) -> Self {
        Self(serde_json::value::to_raw_value(value).expect("plain data always serialises"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The text, as a body.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        Box::<str>::from(self.0).into_string().into_bytes()
    }

    /// Reads it into something.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }

    /// What a string says; anything else as it is written. Some servers send the arguments of a call as an object, others
    /// as its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.read().unwrap_or_else(|_| self.as_str().to_owned())
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0.get() == "null"
    }

    /// The object that it is, or that it is the text of.
    #[must_use]
    pub fn object(self) -> Option<Self> {
        let inner = |text: String| Self::parse(text).ok();
        if self.is_object() { Some(self) } else { self.read().ok().and_then(inner).filter(Self::is_object) }
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.0.get().starts_with('{')
    }
}

impl PartialEq for Json {
    /// Equal as values: white space and the order of keys do not count.
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
            || matches!(
                (self.read::<serde_json::Value>(), other.read::<serde_json::Value>()),
                (Ok(a), Ok(b)) if a == b
            )
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}
