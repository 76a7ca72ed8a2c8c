//! What an encoder remembers of the stream.

use super::super::extras::Extras;
use crate::chat::{BlockKind, Citation};

/// How much of what is said is kept, in bytes, in order to count the places of citations.
const MOST_SAID: usize = 256 * 1024;

/// Most citations of an answer.
const MOST_CITATIONS: usize = 1000;

/// An open block.
#[derive(Debug)]
pub(super) struct Block {
    /// Its number.
    pub(super) number: u32,
    /// The choice it belongs to.
    pub(super) choice: u32,
    /// What it is.
    pub(super) kind: BlockKind,
    /// Where it begins in all that is said.
    pub(super) begin: usize,
    /// A call's arguments so far.
    pub(super) arguments: String,
    /// A call's mark.
    pub(super) mark: Option<String>,
    /// Whether it has words.
    pub(super) has_text: bool,
    /// Whether it is complete.
    pub(super) done: bool,
}

impl Block {
    /// Whether it is a call.
    pub(super) fn is_call(&self) -> bool {
        matches!(self.kind, BlockKind::ToolCall { .. })
    }
}

/// What a choice has said.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// Its words.
    pub(super) said: String,
    /// Where they come from, each with the beginning of its block.
    pub(super) citations: Vec<(usize, Citation)>,
    /// What only Gemini says of it.
    pub(super) extras: Extras,
    /// Whether there was anything at all.
    pub(super) any: bool,
}

impl Spoken {
    /// Adds words.
    pub(super) fn say(&mut self, text: &str) {
        if self.said.len() + text.len() <= MOST_SAID {
            self.said.push_str(text);
        }
    }

    /// Adds a citation.
    pub(super) fn cite(&mut self, begin: usize, citation: Citation) {
        if self.citations.len() < MOST_CITATIONS {
            self.citations.push((begin, citation));
        }
    }
}
