//! What a provider answers.

use domain::Usage;

use super::{Json, Part};

/// A whole answer, in the common form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The provider's id; empty where it gives none.
    pub id: String,
    /// The model that answered, by the provider's own words; empty where it does not say.
    pub model: String,
    /// When, in seconds since 1970; none where the provider does not say.
    pub created: Option<i64>,
    /// The answers; one, unless more were asked for.
    pub choices: Vec<Choice>,
    /// What it consumed, where the provider says so.
    pub usage: Option<Usage>,
    /// The class of service it was given.
    pub service_tier: Option<String>,
}

/// One of the answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What is said.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// Probabilities of tokens, in OpenAI's shape.
    pub logprobs: Option<Json>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was complete.
    Stop,
    /// A text that the caller gave ended it.
    StopSequence(String),
    /// The most tokens were reached.
    Length,
    /// The context window was full.
    ContextFull,
    /// Tools are to be called.
    ToolCalls,
    /// A filter of the provider's held it back.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// Tools that the provider runs are not done; the turn may be sent again (Anthropic).
    Pause,
    /// Something failed at the provider: its word for it.
    Failed(String),
    /// A reason that is new to this gateway.
    Other(String),
}
