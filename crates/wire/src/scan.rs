//! Finds what the gateway must know of a request body in one pass over its top-level object.
//!
//! Values are skipped, not parsed, and a plain body costs no allocation. The syntax is checked all the same, and a key
//! that is read here may be neither repeated nor spelt with escapes: where two parsers may disagree on the model or the
//! token limit, a budget can be walked around.

use std::borrow::Cow;
use std::ops::Range;

use crate::splice::Edit;

mod error;
mod members;
mod reader;
#[cfg(test)]
mod tests;

pub use error::{ScanError, ScanErrorKind};
pub(crate) use members::{Elements, Member, Members};
use reader::Reader;

/// Levels of nested objects and lists that are accepted, the body itself included.
pub const MAX_DEPTH: usize = 128;

/// A string of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// Its place, quotes included.
    pub span: Range<usize>,
    /// What it says, escapes resolved.
    pub value: Cow<'a, str>,
}

/// What a body says about itself. A key whose value is `null` counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan<'a> {
    /// `model`.
    pub model: Option<Text<'a>>,
    /// Whether there are `models` to choose from, as aggregators take them.
    pub models: bool,
    /// `stream`.
    pub stream: Option<bool>,
    /// Where the value of `stream_options` is, also when that is `null`.
    pub stream_options: Option<Range<usize>>,
    /// `stream_options.include_usage`.
    pub include_usage: Option<bool>,
    /// The highest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`, in tokens.
    pub max_tokens: Option<u64>,
    /// `user`, where it is a string.
    pub user: Option<Cow<'a, str>>,
    /// `metadata.user_id`, where it is a string: who is asked for, as Anthropic's API says it.
    pub metadata_user: Option<Cow<'a, str>>,
    /// `n`: how many answers are asked for.
    pub choices: Option<u64>,
    /// How many values the body has, on all levels; the texts and numbers among `model`, `stream` and the like are not
    /// counted.
    pub values: usize,
    /// Where the value of `stream_options.include_usage` is.
    include_usage_span: Option<Range<usize>>,
    /// Behind the opening bracket of the body.
    body_start: usize,
    /// Whether the body has no member.
    empty: bool,
    /// Whether `stream_options` has no member.
    options_empty: bool,
}

/// Keys that are read; their index is their bit in the set of those already seen.
const KEYS: [&str; 10] = [
    "model",
    "models",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "user",
    "n",
    "metadata",
];

/// Reads a body.
///
/// # Errors
/// When the body is not a JSON object, or a key that is read here is repeated, escaped or of the wrong type.
pub fn scan(body: &[u8]) -> Result<Scan<'_>, ScanError> {
    if let Err(error) = std::str::from_utf8(body) {
        return Err(ScanError { kind: ScanErrorKind::BadJson, offset: error.valid_up_to() });
    }
    let mut reader = Reader { bytes: body, at: 0, values: 0 };
    if reader.peek() != Some(b'{') {
        return Err(reader.error(ScanErrorKind::NotAnObject));
    }
    let mut found = Scan { body_start: reader.at + 1, ..Scan::default() };
    found.empty = members(&mut reader, &KEYS, 1, |reader, key| found.read(reader, key))?;
    if reader.peek().is_some() {
        return Err(reader.error(ScanErrorKind::BadJson));
    }
    found.values = reader.values;
    Ok(found)
}

/// The values of `keys` in the object that a body is, and nothing behind the object. None of the keys may be repeated or spelt with
/// escapes. A value may have [`MAX_DEPTH`] levels of its own, so that an answer may hold what was part of a question.
///
/// # Errors
/// One of them is; or the body is no JSON object.
pub(crate) fn values<const N: usize>(
    body: &[u8],
    keys: &'static [&'static str; N],
) -> Result<[Option<Range<usize>>; N], ScanError> {
    let mut reader = Reader { bytes: body, at: 0, values: 0 };
    let mut found = [const { None }; N];
    members(&mut reader, keys, 0, |reader, key| {
        let value = reader.skip(0)?;
        if let Some(place) = keys.iter().position(|known| *known == key) {
            found[place] = Some(value);
        }
        Ok(())
    })?;
    if reader.peek().is_some() {
        return Err(reader.error(ScanErrorKind::BadJson));
    }
    Ok(found)
}

/// Walks over the members of an object that is so deep; `read` is called before the value of each of `keys` and must leave it
/// behind. Tells whether the object is empty.
fn members<'a>(
    reader: &mut Reader<'a>,
    keys: &'static [&'static str],
    depth: usize,
    mut read: impl FnMut(&mut Reader<'a>, &'static str) -> Result<(), ScanError>,
) -> Result<bool, ScanError> {
    let mut seen = 0_u32;
    reader.expect(b'{')?;
    if reader.peek() == Some(b'}') {
        reader.at += 1;
        return Ok(true);
    }
    loop {
        reader.peek();
        let offset = reader.at;
        let (span, escaped) = reader.string()?;
        let index = known_key(reader, span, escaped, keys).map_err(|kind| ScanError { kind, offset })?;
        reader.expect(b':')?;
        match index {
            Some(index) if seen & 1 << index != 0 => {
                return Err(ScanError { kind: ScanErrorKind::Duplicate(keys[index]), offset });
            }
            Some(index) => {
                seen |= 1 << index;
                read(reader, keys[index])?;
            }
            None => {
                reader.skip(depth)?;
            }
        }
        match reader.peek() {
            Some(b',') => reader.at += 1,
            _ => {
                reader.expect(b'}')?;
                return Ok(false);
            }
        }
    }
}

/// Which of `keys` the string at `span` is.
fn known_key(
    reader: &Reader<'_>,
    span: Range<usize>,
    escaped: bool,
    keys: &[&'static str],
) -> Result<Option<usize>, ScanErrorKind> {
    if !escaped {
        let key = &reader.bytes[span.start + 1..span.end - 1];
        return Ok(keys.iter().position(|known| known.as_bytes() == key));
    }
    let key = decode(&reader.bytes[span]).ok_or(ScanErrorKind::BadJson)?;
    match keys.iter().find(|known| **known == key) {
        Some(known) => Err(ScanErrorKind::EscapedKey(known)),
        None => Ok(None),
    }
}

/// Resolves the escapes of a quoted string. Nothing where they are half a surrogate pair.
fn decode(quoted: &[u8]) -> Option<String> {
    serde_json::from_slice(quoted).ok()
}

impl<'a> Scan<'a> {
    fn read(&mut self, reader: &mut Reader<'a>, key: &'static str) -> Result<(), ScanError> {
        match key {
            "model" => self.model = string_value(reader, key)?,
            "models" => {
                self.models = !null(reader)?;
                if self.models {
                    reader.skip(1)?;
                }
            }
            "stream" => self.stream = bool_value(reader, key)?.map(|(value, _)| value),
            "stream_options" => self.read_options(reader)?,
            "user" => self.user = user(reader, 1)?,
            "metadata" => self.read_metadata(reader)?,
            "n" => self.choices = count_value(reader, key)?,
            _ => self.max_tokens = self.max_tokens.max(count_value(reader, key)?),
        }
        Ok(())
    }

    /// Other APIs keep other things there.
    fn read_metadata(&mut self, reader: &mut Reader<'a>) -> Result<(), ScanError> {
        if reader.peek() != Some(b'{') {
            reader.skip(1)?;
            return Ok(());
        }
        members(reader, &["user_id"], 2, |reader, _| {
            self.metadata_user = user(reader, 2)?;
            Ok(())
        })?;
        Ok(())
    }

    fn read_options(&mut self, reader: &mut Reader<'a>) -> Result<(), ScanError> {
        let first = reader.peek();
        let start = reader.at;
        if first == Some(b'{') {
            self.options_empty = members(reader, &["include_usage"], 2, |reader, _| {
                if let Some((value, span)) = bool_value(reader, "stream_options.include_usage")? {
                    self.include_usage = Some(value);
                    self.include_usage_span = Some(span);
                } else {
                    self.include_usage_span = Some(reader.at - 4..reader.at);
                }
                Ok(())
            })?;
        } else if !null(reader)? {
            return Err(reader.error(ScanErrorKind::WrongType("stream_options")));
        }
        self.stream_options = Some(start..reader.at);
        Ok(())
    }

    /// The edit that puts another model in the place of the one asked for; none where the body names no model.
    #[must_use]
    pub fn replace_model(&self, model: &str) -> Option<Edit> {
        let span = self.model.as_ref()?.span.clone();
        Some(Edit { range: span, text: serde_json::Value::from(model).to_string() })
    }

    /// The edit that puts `members` in the place of the member that names the model, and that member behind them where there is
    /// to be one; none where the body names no model. `body` is the one scanned.
    #[must_use]
    pub fn write_model(&self, body: &[u8], model: Option<&str>, members: &str) -> Option<Edit> {
        let span = self.model.as_ref()?.span.clone();
        // The scanner takes the key in no other spelling.
        let key = memchr::memmem::rfind(body.get(..span.start)?, b"\"model\"")?;
        let named = model.map(|model| format!(",\"model\":{}", serde_json::Value::from(model)));
        Some(Edit { range: key..span.end, text: format!("{members}{}", named.unwrap_or_default()) })
    }

    /// The edit that sets `stream_options.include_usage`; none where it is set already. `body` is the one scanned.
    #[must_use]
    pub fn ask_for_usage(&self, body: &[u8]) -> Option<Edit> {
        const MEMBER: &str = "\"include_usage\":true";
        if self.include_usage == Some(true) {
            return None;
        }
        if let Some(span) = self.include_usage_span.clone() {
            return Some(Edit { range: span, text: "true".into() });
        }
        match self.stream_options.clone() {
            Some(span) if body.get(span.start) == Some(&b'{') => {
                let comma = if self.options_empty { "" } else { "," };
                Some(Edit { range: span.start + 1..span.start + 1, text: format!("{MEMBER}{comma}") })
            }
            Some(null) => Some(Edit { range: null, text: format!("{{{MEMBER}}}") }),
            None => {
                let comma = if self.empty { "" } else { "," };
                let text = format!("\"stream_options\":{{{MEMBER}}}{comma}");
                Some(Edit { range: self.body_start..self.body_start, text })
            }
        }
    }
}

/// Reads `null` if it is there.
fn null(reader: &mut Reader<'_>) -> Result<bool, ScanError> {
    if reader.peek() != Some(b'n') {
        return Ok(false);
    }
    reader.skip(1)?;
    Ok(true)
}

fn string_value<'a>(reader: &mut Reader<'a>, key: &'static str) -> Result<Option<Text<'a>>, ScanError> {
    if null(reader)? {
        return Ok(None);
    }
    if reader.peek() != Some(b'"') {
        return Err(reader.error(ScanErrorKind::WrongType(key)));
    }
    let start = reader.at;
    let (span, escaped) = reader.string()?;
    let bytes = reader.bytes;
    let value = if escaped {
        decode(&bytes[span.clone()]).map(Cow::Owned)
    } else {
        std::str::from_utf8(&bytes[span.start + 1..span.end - 1]).ok().map(Cow::Borrowed)
    };
    let value = value.ok_or(ScanError { kind: ScanErrorKind::BadJson, offset: start })?;
    Ok(Some(Text { span, value }))
}

/// Other APIs give `user` another type; it decides nothing, so that is no reason to refuse.
fn user<'a>(reader: &mut Reader<'a>, depth: usize) -> Result<Option<Cow<'a, str>>, ScanError> {
    if reader.peek() == Some(b'"') {
        return Ok(string_value(reader, "user")?.map(|text| text.value));
    }
    reader.skip(depth)?;
    Ok(None)
}

fn bool_value(reader: &mut Reader<'_>, key: &'static str) -> Result<Option<(bool, Range<usize>)>, ScanError> {
    if null(reader)? {
        return Ok(None);
    }
    match reader.peek() {
        Some(byte @ (b't' | b'f')) => Ok(Some((byte == b't', reader.skip(1)?))),
        _ => Err(reader.error(ScanErrorKind::WrongType(key))),
    }
}

/// A number of tokens. Fractions and exponents are what some parsers accept, so they are rounded up, not refused.
fn count_value(reader: &mut Reader<'_>, key: &'static str) -> Result<Option<u64>, ScanError> {
    if null(reader)? {
        return Ok(None);
    }
    if !matches!(reader.peek(), Some(b'-' | b'0'..=b'9')) {
        return Err(reader.error(ScanErrorKind::WrongType(key)));
    }
    let start = reader.at;
    let span = reader.skip(1)?;
    let text = std::str::from_utf8(&reader.bytes[span]).unwrap_or_default();
    let count = text.parse::<u64>().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // The cast saturates: an absurdly high limit is no lower one.
        (number >= 0.0).then(|| number.ceil() as u64)
    });
    // A negative limit means "no limit" to some servers.
    count.map(Some).ok_or(ScanError { kind: ScanErrorKind::WrongType(key), offset: start })
}
