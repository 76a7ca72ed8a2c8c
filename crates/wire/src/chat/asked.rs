//! What an answer repeats of its question.

use bytes::Bytes;

/// What the writer of an answer must know of the question. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// An id for an answer that came without one: letters and digits, without a prefix. Encoders put their API's prefix
    /// before it (`chatcmpl-`, `resp_`, `msg_`).
    pub id: String,
    /// Whether that id stands even where an answer came with one.
    pub own_id: bool,
    /// When the question came, in seconds since 1970.
    pub created: i64,
    /// The model, as the caller named it; named in answers that came without one.
    pub model: String,
    /// Whether a stream of chat completions reports usage.
    pub include_usage: bool,
    /// Whether a Gemini stream is to come as one long list instead of as events.
    pub list: bool,
    /// The caller's body, for APIs that repeat its settings in the answer (Responses).
    pub body: Bytes,
}
