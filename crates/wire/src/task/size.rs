//! What a request for pictures or speech says that its price depends on.

use std::ops::Range;

use crate::multipart::{Form, FormError};
use crate::scan::{ScanError, values};

/// Size and quality of the pictures asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// `1024x1024`; none where the provider chooses.
    pub size: Option<String>,
    /// `low`, `hd`, …; none where the provider chooses.
    pub quality: Option<String>,
}

/// Longest of the words, in bytes.
const LONGEST: usize = 32;

/// What a JSON body says.
///
/// # Errors
/// It says size or quality twice or with escapes in their names: the provider might read another one.
pub fn size_of_json(body: &[u8]) -> Result<Size, ScanError> {
    let [size, quality] = values(body, &["size", "quality"])?;
    let word = |span| text(body, span).filter(|word| word.len() <= LONGEST);
    Ok(Size { size: word(size), quality: word(quality) })
}

/// What a form says.
///
/// # Errors
/// As [`size_of_json`]; or it is no text.
pub fn size_of_form(form: &Form<'_>) -> Result<Size, FormError> {
    let word = |text: Option<&str>| text.filter(|word| word.len() <= LONGEST).map(str::to_owned);
    Ok(Size { size: word(form.text("size")?), quality: word(form.text("quality")?) })
}

/// How many characters are to be spoken.
pub(super) fn characters(body: &[u8]) -> Result<Option<u64>, ScanError> {
    let [input] = values(body, &["input"])?;
    Ok(text(body, input).map(|text| text.chars().count() as u64))
}

/// What a value says that is a text.
fn text(body: &[u8], span: Option<Range<usize>>) -> Option<String> {
    serde_json::from_slice(&body[span?]).ok()
}
