//! What a provider says a request consumed, in one shape for all providers.

use serde::{Deserialize, Serialize};

/// What one attempt consumed: tokens, and what providers bill instead of tokens.
///
/// `input` counts every input token, cached and written ones included; `output` counts every output token, reasoning
/// included. The other counts of tokens say how much of those two was of a special kind, so they never add to a total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All input tokens.
    pub input: u64,
    /// All output tokens.
    pub output: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cached_input: u64,
    /// Input tokens written to the provider's prompt cache with its short lifetime.
    pub cache_write: u64,
    /// Input tokens written to the provider's prompt cache with a one-hour lifetime.
    pub cache_write_1h: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
    /// Audio input tokens.
    pub audio_input: u64,
    /// Audio output tokens.
    pub audio_output: u64,
    /// Input tokens of pictures, where the provider tells them apart and bills them so.
    pub image_input: u64,
    /// Seconds of speech that were heard; what has begun counts.
    pub audio_seconds: u64,
    /// Characters that were spoken or embedded.
    pub characters: u64,
    /// Pictures that were made.
    pub images: u64,
    /// Search units of a reranker.
    pub searches: u64,
}

impl Usage {
    /// Whether something was counted that is not counted in tokens.
    #[must_use]
    pub fn has_units(&self) -> bool {
        [self.audio_seconds, self.characters, self.images, self.searches].iter().any(|count| *count > 0)
    }
}

/// Where a [`Usage`] comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider reported nothing.
    #[default]
    None,
    /// The provider reported it.
    Reported,
    /// Counted by the gateway, because the provider does not report or an answer broke off before it did.
    Estimated,
}

impl UsageSource {
    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reported => "reported",
            Self::Estimated => "estimated",
        }
    }
}
