//! What a request for pictures says that their price depends on.

use crate::multipart::Form;
use crate::scan::Members;

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
#[must_use]
pub fn size_of_json(body: &[u8]) -> Size {
    let word = |name| text_member(body, name).filter(|word| word.len() <= LONGEST);
    Size { size: word("size"), quality: word("quality") }
}

/// What a form says.
#[must_use]
pub fn size_of_form(form: &Form<'_>) -> Size {
    let word = |name| {
        let text = form.text(name).ok().flatten();
        text.filter(|word| word.len() <= LONGEST).map(str::to_owned)
    };
    Size { size: word("size"), quality: word("quality") }
}

/// A member of the body that is a text.
pub(super) fn text_member(body: &[u8], name: &str) -> Option<String> {
    let member = Members::of(body).find(|member| member.is(body, name))?;
    serde_json::from_slice(&body[member.value]).ok()
}
