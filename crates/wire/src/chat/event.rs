//! What a stream is made of. A decoder makes these from a provider's stream, an encoder makes the caller's stream of them.
//!
//! # Order
//! `Start`, then for each block `BlockStart`, its deltas, `BlockStop`, then one `Finish` for each choice, then `Usage`, then
//! `End`. A decoder keeps to it with these liberties, which an encoder must bear: blocks of different choices, and tool calls
//! of one choice, may be open at the same time (OpenAI's parallel calls); `Usage` may come several times, the last one
//! counts, also before a `Finish`; `Error` may come at any time and is the last event. Numbers of blocks rise from 0
//! over the whole stream and are never used again.

use domain::Usage;

use super::{Citation, Finish, Json, Signature};
use crate::api::Api;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id; may be empty.
        id: String,
        /// The model that answers; may be empty.
        model: String,
        /// When, in seconds since 1970.
        created: Option<i64>,
    },
    /// A block begins.
    BlockStart {
        /// Its number.
        block: u32,
        /// The choice it belongs to.
        choice: u32,
        /// What it is.
        kind: BlockKind,
    },
    /// More words of a text, a refusal or of reasoning.
    Text {
        /// The block.
        block: u32,
        /// The words.
        text: String,
    },
    /// More of a tool call's arguments: a piece of JSON text.
    Arguments {
        /// The block.
        block: u32,
        /// The piece.
        json: String,
    },
    /// The provider's mark on a block of reasoning, or on a tool call (Gemini). Once per block.
    Signature {
        /// The block.
        block: u32,
        /// The mark.
        signature: Signature,
    },
    /// Where the words of a block come from.
    Citation {
        /// The block.
        block: u32,
        /// The source.
        citation: Citation,
    },
    /// Probabilities of the tokens just sent, in OpenAI's shape.
    Logprobs {
        /// The choice.
        choice: u32,
        /// The value of `logprobs`.
        logprobs: Json,
    },
    /// A block is complete.
    BlockStop {
        /// The block.
        block: u32,
    },
    /// A choice is complete.
    Finish {
        /// The choice.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// What was consumed up to now. Counts of the whole answer, not additions.
    Usage(Usage),
    /// The provider is still there.
    KeepAlive,
    /// The answer failed after it began. Nothing follows.
    Error(StreamError),
    /// The answer is complete. Nothing follows.
    End,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockKind {
    /// Words.
    Text,
    /// Words that decline.
    Refusal,
    /// Reasoning.
    Thinking,
    /// Reasoning that is encrypted; complete with its start.
    Redacted {
        /// The secret.
        data: Signature,
    },
    /// A call of a tool.
    ToolCall {
        /// Names the call; never empty.
        id: String,
        /// The tool.
        name: String,
    },
    /// What only one API knows; complete with its start.
    Opaque {
        /// Whose it is.
        api: Api,
        /// The block, as it came.
        value: Json,
    },
}

/// A failure inside a stream whose head said 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    /// The HTTP status it would have had.
    pub status: u16,
    /// The provider's code or type, or the gateway's own; short and stable.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl StreamError {
    /// A stream that ended before it said that it was complete.
    #[must_use]
    pub fn truncated() -> Self {
        Self {
            status: 502,
            code: "upstream_reset".to_owned(),
            message: "The provider's stream ended before the answer was complete.".to_owned(),
        }
    }
}
