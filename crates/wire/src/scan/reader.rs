//! Walks over JSON without building anything. The whole syntax is checked, so that what passes means the same to every
//! parser behind us; strings are crossed with `memchr`.

use std::ops::Range;

use memchr::memchr2;

use super::{MAX_DEPTH, ScanError, ScanErrorKind};

/// A place in a body. Every method starts there and leaves it behind what it has read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Values that were skipped, those inside of others included.
    pub(super) values: usize,
}

impl Reader<'_> {
    pub(super) fn error(&self, kind: ScanErrorKind) -> ScanError {
        ScanError { kind, offset: self.at }
    }

    fn bad<T>(&self) -> Result<T, ScanError> {
        Err(self.error(ScanErrorKind::BadJson))
    }

    /// The next byte that is not white space, still unread.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    /// Reads `wanted` after white space.
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), ScanError> {
        if self.peek() == Some(wanted) {
            self.at += 1;
            Ok(())
        } else {
            self.bad()
        }
    }

    /// Reads a string; the result is its place, quotes included, and whether it has escapes.
    pub(super) fn string(&mut self) -> Result<(Range<usize>, bool), ScanError> {
        self.expect(b'"')?;
        let start = self.at - 1;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            let Some(length) = memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return self.bad();
            };
            // One pass without an early exit: the compiler turns it into vector instructions.
            if rest[..length].iter().fold(false, |found, byte| found | (*byte < 0x20)) {
                return self.bad();
            }
            self.at += length + 1;
            if rest[length] == b'"' {
                return Ok((start..self.at, escaped));
            }
            escaped = true;
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        match self.bytes.get(self.at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5);
                if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
                    return self.bad();
                }
                self.at += 5;
            }
            _ => return self.bad(),
        }
        Ok(())
    }

    /// Reads a value of any kind; `depth` is how many levels it lies below the top.
    pub(super) fn skip(&mut self, depth: usize) -> Result<Range<usize>, ScanError> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.nested(depth)?,
            Some(byte) => {
                self.values += 1;
                self.scalar(byte)?;
            }
            None => return self.bad(),
        }
        Ok(start..self.at)
    }

    /// Reads a list or an object without recursion: `objects` holds one bit per open level.
    fn nested(&mut self, depth: usize) -> Result<(), ScanError> {
        let mut objects: u128 = 0;
        let mut open = 0;
        // Whether the next byte opens a value, a member or the rest of a container.
        loop {
            self.values += 1;
            match self.peek() {
                Some(byte @ (b'{' | b'[')) => {
                    if depth + open >= MAX_DEPTH {
                        return Err(self.error(ScanErrorKind::TooDeep));
                    }
                    self.at += 1;
                    open += 1;
                    objects = objects << 1 | u128::from(byte == b'{');
                    if self.peek() == Some(if byte == b'{' { b'}' } else { b']' }) {
                        self.at += 1;
                        objects >>= 1;
                        open -= 1;
                    } else {
                        self.key_of(objects)?;
                        continue;
                    }
                }
                Some(byte) => self.scalar(byte)?,
                None => return self.bad(),
            }
            if !self.close(&mut objects, &mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: crosses closing brackets and the comma before the next value. False when all levels are closed.
    fn close(&mut self, objects: &mut u128, open: &mut usize) -> Result<bool, ScanError> {
        while *open > 0 {
            let closing = if *objects & 1 == 1 { b'}' } else { b']' };
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.key_of(*objects)?;
                    return Ok(true);
                }
                Some(byte) if byte == closing => {
                    self.at += 1;
                    *objects >>= 1;
                    *open -= 1;
                }
                _ => return self.bad(),
            }
        }
        Ok(false)
    }

    /// Inside an object, reads the key and the colon of the next member.
    fn key_of(&mut self, objects: u128) -> Result<(), ScanError> {
        if objects & 1 == 1 {
            self.string()?;
            self.expect(b':')?;
        }
        Ok(())
    }

    fn scalar(&mut self, first: u8) -> Result<(), ScanError> {
        match first {
            b'"' => self.string().map(|_| ()),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.bad(),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), ScanError> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            self.bad()
        }
    }

    fn number(&mut self) -> Result<(), ScanError> {
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let count = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return self.bad();
        }
        self.at += count;
        Ok(())
    }
}
