//! Why a form was refused.

use std::fmt;

/// What is wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormErrorKind {
    /// A boundary is not where it belongs, or stands inside of a field.
    Boundary,
    /// The last boundary is missing.
    Unfinished,
    /// There are more than [`super::MAX_PARTS`] fields.
    TooMany,
    /// The headers of a field are not what they should be.
    Headers,
    /// A field has no plain name.
    Name,
    /// A field is encoded for transfer.
    Encoding,
    /// A field the gateway reads is there twice, and the provider might read the other one.
    Duplicate(&'static str),
    /// A field the gateway reads is a file, or its name is spelt in another way.
    Disguised(&'static str),
    /// A field the gateway reads is not a plain text.
    NoText(&'static str),
}

/// A form that cannot be passed on, and where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FormError {
    /// What is wrong.
    pub kind: FormErrorKind,
    /// Bytes from the start of the body.
    pub offset: usize,
}

impl FormError {
    /// The field the error is about, where it is about one.
    #[must_use]
    pub fn param(&self) -> Option<&'static str> {
        match self.kind {
            FormErrorKind::Duplicate(name) | FormErrorKind::Disguised(name) | FormErrorKind::NoText(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FormErrorKind::Boundary => {
                f.write_str("The form's boundary is missing, is misplaced or stands inside of a field")?;
            }
            FormErrorKind::Unfinished => f.write_str("The form ends without its last boundary")?,
            FormErrorKind::TooMany => write!(f, "The form has more than {} fields", super::MAX_PARTS)?,
            FormErrorKind::Headers => f.write_str("A field's headers cannot be read")?,
            FormErrorKind::Name => f.write_str("A field has no plain name: write `form-data; name=\"…\"`")?,
            FormErrorKind::Encoding => f.write_str("A field has a `Content-Transfer-Encoding`: send it as it is")?,
            FormErrorKind::Duplicate(name) => write!(f, "The field `{name}` is there twice")?,
            FormErrorKind::Disguised(name) => {
                write!(f, "The field `{name}` must be a plain text of exactly this name")?
            }
            FormErrorKind::NoText(name) => write!(f, "The field `{name}` is not a plain text")?,
        }
        write!(f, " (at byte {}).", self.offset)
    }
}
