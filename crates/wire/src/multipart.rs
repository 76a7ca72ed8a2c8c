//! Finds the fields of a `multipart/form-data` body (RFC 7578) in one pass over it, without copying its files.
//!
//! Only the plain form that every client writes is accepted. Parsers differ about the rest: lone line feeds, escapes in names,
//! transfer encodings, a boundary inside of a file. Where a provider might find another `model` in a body than the gateway
//! did, a token's limits could be walked around, so what is not plain is refused.

use std::ops::Range;

use memchr::memmem;

use crate::splice::Edit;

mod disposition;
mod error;
mod outline;
#[cfg(test)]
mod tests;

use disposition::Disposition;
pub use error::{FormError, FormErrorKind};

/// Most parts of a form.
pub const MAX_PARTS: usize = 256;
/// Longest headers of one part, in bytes.
const MAX_HEADERS: usize = 4 << 10;
/// Most headers of one part; clients write three at most, and some parsers read no more than a few.
const MAX_LINES: usize = 16;
/// Longest boundary (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;
/// Longest name of a model, in bytes.
const MAX_MODEL: usize = 512;

/// The fields of a form, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form<'a> {
    body: &'a [u8],
    parts: Vec<Part<'a>>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it is a file: it has a file name.
    pub is_file: bool,
    /// Its content type, where it says one.
    pub content_type: Option<&'a str>,
    /// Where its content is in the body.
    pub span: Range<usize>,
}

/// The boundary that a content type names; none where it is no form, or names none that may be one.
#[must_use]
pub fn boundary(content_type: &str) -> Option<&str> {
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut found = None;
    for parameter in parameters.split(';').filter(|parameter| !parameter.trim().is_empty()) {
        let (name, value) = parameter.split_once('=')?;
        if !name.trim().eq_ignore_ascii_case("boundary") {
            continue;
        }
        let value = value.trim();
        let value = value.strip_prefix('"').map_or(Some(value), |rest| rest.strip_suffix('"'))?;
        if found.replace(value).is_some() {
            return None;
        }
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    found.filter(|text| !text.is_empty() && text.len() <= MAX_BOUNDARY && text.bytes().all(plain))
}

/// Reads a form.
///
/// # Errors
/// When it is not written plainly, see above, or has more parts or longer headers than is accepted.
pub fn scan<'a>(body: &'a [u8], boundary: &str) -> Result<Form<'a>, FormError> {
    let delimiter = format!("--{boundary}");
    let finder = memmem::Finder::new(&delimiter);
    let mut marks = finder.find_iter(body);
    if marks.next() != Some(0) {
        return Err(FormError { kind: FormErrorKind::Boundary, offset: 0 });
    }
    let mut parts = Vec::new();
    let mut at = delimiter.len();
    loop {
        match body.get(at..at + 2) {
            Some(b"--") if matches!(&body[at + 2..], b"" | b"\r\n") && !parts.is_empty() => break,
            Some(b"\r\n") if parts.len() == MAX_PARTS => {
                return Err(FormError { kind: FormErrorKind::TooMany, offset: at });
            }
            Some(b"\r\n") => {}
            _ => return Err(FormError { kind: FormErrorKind::Boundary, offset: at }),
        }
        let start = at + 2;
        // Every mark must be a real one: what looks like it inside of a file ends the file for some parsers only.
        let next = marks.next().ok_or(FormError { kind: FormErrorKind::Unfinished, offset: body.len() })?;
        let end = next.checked_sub(2).filter(|end| *end >= start && &body[*end..next] == b"\r\n");
        let end = end.ok_or(FormError { kind: FormErrorKind::Boundary, offset: next })?;
        parts.push(part(body, start..end)?);
        at = next + delimiter.len();
    }
    Ok(Form { body, parts })
}

/// Reads a part: headers, an empty line, content.
fn part(body: &[u8], span: Range<usize>) -> Result<Part<'_>, FormError> {
    let offset = span.start;
    let bad = |kind| FormError { kind, offset };
    let piece = &body[span.clone()];
    let head = memmem::find(&piece[..piece.len().min(MAX_HEADERS)], b"\r\n\r\n");
    let head = head.ok_or_else(|| bad(FormErrorKind::Headers))?;
    let text = std::str::from_utf8(&piece[..head]).map_err(|_| bad(FormErrorKind::Headers))?;
    if text.split("\r\n").count() > MAX_LINES {
        return Err(bad(FormErrorKind::Headers));
    }
    let (mut disposition, mut content_type) = (None, None);
    for line in text.split("\r\n") {
        // A line that goes on in the next one begins with a space; control characters end it for some parsers.
        let header =
            line.split_once(':').filter(|_| !line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t'));
        let (name, value) = header.ok_or_else(|| bad(FormErrorKind::Headers))?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(bad(FormErrorKind::Headers));
        }
        let value = value.trim_matches([' ', '\t']);
        let twice = if name.eq_ignore_ascii_case("content-disposition") {
            let read = Disposition::read(value).ok_or_else(|| bad(FormErrorKind::Name))?;
            disposition.replace(read).is_some()
        } else if name.eq_ignore_ascii_case("content-type") {
            content_type.replace(value).is_some()
        } else {
            let coded = name.eq_ignore_ascii_case("content-transfer-encoding")
                && !["binary", "8bit", "7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
            if coded {
                return Err(bad(FormErrorKind::Encoding));
            }
            false
        };
        if twice {
            return Err(bad(FormErrorKind::Headers));
        }
    }
    let Disposition { name, is_file } = disposition.ok_or_else(|| bad(FormErrorKind::Name))?;
    Ok(Part { name, is_file, content_type, span: span.start + head + 4..span.end })
}

impl<'a> Form<'a> {
    /// All fields.
    #[must_use]
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// What a field says that may be there once, and is no file; none where it is not there.
    ///
    /// # Errors
    /// When it is there twice, is a file, or is not text.
    pub fn text(&self, name: &'static str) -> Result<Option<&'a str>, FormError> {
        let mut named = self.parts.iter().filter(|part| is_like(part.name, name));
        let Some(part) = named.next() else { return Ok(None) };
        let bad = |kind| FormError { kind, offset: part.span.start };
        if named.next().is_some() {
            return Err(bad(FormErrorKind::Duplicate(name)));
        }
        // `model[]` and `Model` are `model` to some servers.
        if part.is_file || part.name != name {
            return Err(bad(FormErrorKind::Disguised(name)));
        }
        let text = std::str::from_utf8(&self.body[part.span.clone()]);
        text.map(Some).map_err(|_| bad(FormErrorKind::NoText(name)))
    }

    /// The model, where the form names one.
    ///
    /// # Errors
    /// As [`Form::text`], and when it is no name.
    pub fn model(&self) -> Result<Option<&'a str>, FormError> {
        let model = self.text("model")?;
        let fine = |name: &&str| name.len() <= MAX_MODEL && !name.chars().any(char::is_control);
        if model.is_none_or(|name| fine(&name)) {
            return Ok(model);
        }
        let offset = self.span_of("model").map_or(0, |span| span.start);
        Err(FormError { kind: FormErrorKind::NoText("model"), offset })
    }

    /// Whether there is a field of this name, or one that a server may take for it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.parts.iter().any(|part| is_like(part.name, name))
    }

    /// The edit that puts another model in the place of the one asked for; none where the form names no model.
    #[must_use]
    pub fn replace_model(&self, model: &str) -> Option<Edit> {
        Some(Edit { range: self.span_of("model")?, text: model.to_owned() })
    }

    fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.parts.iter().find(|part| part.name == name).map(|part| part.span.clone())
    }
}

/// Whether a server may take one name for the other: case and what stands in brackets behind it aside.
fn is_like(name: &str, wanted: &str) -> bool {
    let plain = name.split(['[', '.']).next().unwrap_or_default();
    plain.eq_ignore_ascii_case(wanted)
}
