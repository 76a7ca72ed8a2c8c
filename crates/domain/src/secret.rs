//! A text that must not leak.

use std::fmt;

/// A credential. It has no `Display` and no `Serialize`, and `Debug` prints only the type's name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a plain text.
    #[must_use]
    pub fn new(plain: String) -> Self {
        Self(plain)
    }

    /// The plain text; call it only where the credential is used.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
