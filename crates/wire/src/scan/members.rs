//! Walks over the members of an object or the elements of a list, one by one.

use std::ops::Range;

use super::reader::Reader;

/// A member: the place of its key, quotes included, and of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) key: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Member {
    /// Whether the key is `name`, written without escapes.
    pub(crate) fn is(&self, body: &[u8], name: &str) -> bool {
        &body[self.key.start + 1..self.key.end - 1] == name.as_bytes()
    }
}

/// The members of the object that `body` is. Ends early where the body is no JSON.
pub(crate) struct Members<'a> {
    reader: Reader<'a>,
    /// What stands before the next member.
    before: u8,
}

impl<'a> Members<'a> {
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self { reader: Reader { bytes: body, at: 0, values: 0 }, before: b'{' }
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let reader = &mut self.reader;
        reader.expect(std::mem::replace(&mut self.before, b',')).ok()?;
        reader.peek();
        let (key, _) = reader.string().ok()?;
        reader.expect(b':').ok()?;
        let value = reader.skip(1).ok()?;
        Some(Member { key, value })
    }
}

/// The places of the elements of the list that `body` is. Ends early where the body is no JSON.
pub(crate) struct Elements<'a> {
    reader: Reader<'a>,
    /// What stands before the next element.
    before: u8,
}

impl<'a> Elements<'a> {
    pub(crate) fn of(body: &'a [u8]) -> Self {
        Self { reader: Reader { bytes: body, at: 0, values: 0 }, before: b'[' }
    }
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.reader.expect(std::mem::replace(&mut self.before, b',')).ok()?;
        self.reader.skip(1).ok()
    }
}
