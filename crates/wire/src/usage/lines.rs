//! Watches a running stream of lines.

use super::Observed;
use crate::api::{Api, usage_of};

/// Longest line that is looked at, in bytes: the one with the counts is short.
const MOST: usize = 64 << 10;

/// Keeps a stream's last line, which tells what was consumed.
#[derive(Debug)]
pub struct LineWatch {
    api: Api,
    last: Vec<u8>,
    /// The line that is not complete.
    line: Vec<u8>,
}

impl LineWatch {
    /// A watch over a stream of `api`.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self { api, last: Vec::new(), line: Vec::new() }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        for (number, piece) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                self.end_line();
            }
            if self.line.len() + piece.len() <= MOST {
                self.line.extend_from_slice(piece);
            } else {
                self.line.clear();
            }
        }
    }

    fn end_line(&mut self) {
        if !self.line.trim_ascii().is_empty() {
            std::mem::swap(&mut self.last, &mut self.line);
        }
        self.line.clear();
    }

    /// What the stream said, at its end or where it broke off.
    #[must_use]
    pub fn finish(mut self) -> Observed {
        self.end_line();
        let usage = usage_of(self.api, &self.last);
        Observed { usage, finished: true, ended: usage.is_some(), ..Observed::default() }
    }
}
