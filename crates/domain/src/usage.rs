//! What a provider says a request consumed, in one shape for all providers.

use serde::{Deserialize, Serialize};

use crate::price::Zone;

/// What one attempt consumed: tokens, and what providers bill instead of tokens or beside them.
///
/// `input` counts every input token, cached and written ones included; `output` counts every output token, reasoning
/// included. The other counts of tokens say how much of those two was of a special kind, so they never add to a total.
///
/// Records that wait on disk hold the fields in this order: see `spool/record.rs` of the store before adding one.
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
    /// Audio input tokens, cached ones included.
    pub audio_input: u64,
    /// Audio output tokens.
    pub audio_output: u64,
    /// Input tokens of pictures, cached ones included, where the provider tells them apart and bills them so.
    pub image_input: u64,
    /// Seconds of speech that were heard; what has begun counts.
    pub audio_seconds: u64,
    /// Characters that were spoken or embedded.
    pub characters: u64,
    /// Pictures that were made.
    pub images: u64,
    /// Search units of a reranker.
    pub searches: u64,
    /// Input tokens written to the provider's prompt cache with a lifetime of twelve hours.
    pub cache_write_12h: u32,
    /// Of `cached_input`: from a cache that the request named.
    pub explicit_cached: u32,
    /// Of `cached_input`: audio.
    pub cached_audio: u32,
    /// Of `cached_input`: pictures.
    pub cached_image: u32,
    /// Input tokens of video.
    pub video_input: u32,
    /// Of `output`: citations.
    pub citation: u32,
    /// Output tokens of pictures.
    pub image_output: u32,
    /// Output tokens of video.
    pub video_output: u32,
    /// Searches of the web that the provider made.
    pub web_searches: u32,
    /// Searches in files that the provider made.
    pub file_searches: u32,
    /// Pages that were read.
    pub pages: u32,
    /// Pages that were annotated.
    pub annotated_pages: u32,
    /// Pictures that were looked at, where they are counted and not their tokens.
    pub images_read: u32,
    /// How the provider served it.
    pub service_tier: ServiceTier,
    /// Where it was made.
    pub zone: Zone,
    /// How much the provider searched for it.
    pub search_context: SearchContext,
}

impl Usage {
    /// Input tokens written to the provider's prompt cache, for however long.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.cache_write.saturating_add(self.cache_write_1h).saturating_add(self.cache_write_12h.into())
    }

    /// Whether something was counted that is billed instead of tokens.
    #[must_use]
    pub fn has_units(&self) -> bool {
        [self.audio_seconds, self.characters, self.images, self.searches, self.pages.into()].iter().any(|n| *n > 0)
    }
}

/// How a provider serves, where that has a price. Names are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    /// As it does for everybody, or in a way without a price of its own.
    #[default]
    Standard,
    /// When there is room.
    Flex,
    /// Before others.
    Priority,
    /// Within a day.
    Batch,
    /// Faster.
    Fast,
}

impl ServiceTier {
    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Batch => "batch",
            Self::Fast => "fast",
        }
    }
}

/// How much a provider puts before the model of what it found, where a request's price depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchContext {
    /// Nobody says.
    #[default]
    Untold,
    Low,
    Medium,
    High,
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
