//! What is billed.

use std::fmt;

use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};

/// A kind of what an answer consumes. Names are stored and stand in price rows; a new kind goes to the end, because records
/// that wait on disk know kinds by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Input tokens that are none of the kinds below.
    Input,
    /// Input tokens read from the provider's cache.
    CachedInput,
    /// The same, from a cache that the request named.
    ExplicitCachedInput,
    /// Audio among them.
    CachedAudioInput,
    /// Pictures among them.
    CachedImageInput,
    /// Input tokens written to the cache for its shortest time.
    CacheWrite,
    /// The same for an hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// The same for twelve hours.
    #[serde(rename = "cache_write_12h")]
    CacheWrite12h,
    /// Input tokens of audio.
    AudioInput,
    /// Input tokens of pictures.
    ImageInput,
    /// Input tokens of video.
    VideoInput,
    /// Output tokens that are none of the kinds below.
    Output,
    /// Output tokens of reasoning.
    Reasoning,
    /// Tokens of citations.
    Citation,
    /// Output tokens of audio.
    AudioOutput,
    /// Output tokens of pictures.
    ImageOutput,
    /// Output tokens of video.
    VideoOutput,
    /// Seconds of speech heard.
    AudioSeconds,
    /// Characters spoken or embedded.
    Characters,
    /// Search units of a reranker.
    Searches,
    /// Pictures made.
    Images,
    /// Pages read.
    Pages,
    /// Pages annotated.
    AnnotatedPages,
    /// Searches of the web.
    WebSearches,
    /// Questions that were answered with a search of the web, however many searches there were.
    GroundedPrompts,
    /// Searches in the caller's files.
    FileSearches,
    /// Pictures looked at.
    ImagesRead,
    /// Requests.
    Requests,
    /// The charge as the provider names it.
    Charged,
    /// The cost as the request states it.
    Stated,
}

impl Kind {
    /// Every kind that is counted in tokens, those that others fall back on before them.
    pub const TOKENS: [Self; 17] = [
        Self::Input,
        Self::CachedInput,
        Self::ExplicitCachedInput,
        Self::CachedAudioInput,
        Self::CachedImageInput,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::CacheWrite12h,
        Self::AudioInput,
        Self::ImageInput,
        Self::VideoInput,
        Self::Output,
        Self::Reasoning,
        Self::Citation,
        Self::AudioOutput,
        Self::ImageOutput,
        Self::VideoOutput,
    ];

    /// Whether it is counted in tokens.
    #[must_use]
    pub fn is_token(self) -> bool {
        self <= Self::VideoOutput
    }

    /// Whether it is counted in tokens of sounds or pictures, fresh ones.
    #[must_use]
    pub fn is_modality(self) -> bool {
        matches!(
            self,
            Self::AudioInput
                | Self::ImageInput
                | Self::VideoInput
                | Self::AudioOutput
                | Self::ImageOutput
                | Self::VideoOutput
        )
    }

    /// The kind whose rate it has where it has none of its own.
    #[must_use]
    pub fn falls_back_on(self) -> Option<Self> {
        match self {
            Self::CachedInput | Self::CacheWrite | Self::AudioInput | Self::ImageInput | Self::VideoInput => {
                Some(Self::Input)
            }
            Self::ExplicitCachedInput | Self::CachedAudioInput | Self::CachedImageInput => Some(Self::CachedInput),
            Self::CacheWrite1h | Self::CacheWrite12h => Some(Self::CacheWrite),
            Self::Reasoning | Self::Citation | Self::AudioOutput | Self::ImageOutput | Self::VideoOutput => {
                Some(Self::Output)
            }
            _ => None,
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::deserialize(StrDeserializer::<Error>::new(name)).ok()
    }

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CachedInput => "cached_input",
            Self::ExplicitCachedInput => "explicit_cached_input",
            Self::CachedAudioInput => "cached_audio_input",
            Self::CachedImageInput => "cached_image_input",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWrite12h => "cache_write_12h",
            Self::AudioInput => "audio_input",
            Self::ImageInput => "image_input",
            Self::VideoInput => "video_input",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::Citation => "citation",
            Self::AudioOutput => "audio_output",
            Self::ImageOutput => "image_output",
            Self::VideoOutput => "video_output",
            Self::AudioSeconds => "audio_seconds",
            Self::Characters => "characters",
            Self::Searches => "searches",
            Self::Images => "images",
            Self::Pages => "pages",
            Self::AnnotatedPages => "annotated_pages",
            Self::WebSearches => "web_searches",
            Self::GroundedPrompts => "grounded_prompts",
            Self::FileSearches => "file_searches",
            Self::ImagesRead => "images_read",
            Self::Requests => "requests",
            Self::Charged => "charged",
            Self::Stated => "stated",
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Input => "Input tokens",
            Self::CachedInput => "Input tokens from the provider's cache",
            Self::ExplicitCachedInput => "Input tokens from a cache that the request named",
            Self::CachedAudioInput => "Audio input tokens from the provider's cache",
            Self::CachedImageInput => "Input tokens of pictures from the provider's cache",
            Self::CacheWrite => "Input tokens written to the provider's cache",
            Self::CacheWrite1h => "Input tokens written to the provider's cache for an hour",
            Self::CacheWrite12h => "Input tokens written to the provider's cache for twelve hours",
            Self::AudioInput => "Audio input tokens",
            Self::ImageInput => "Input tokens of pictures",
            Self::VideoInput => "Input tokens of video",
            Self::Output => "Output tokens",
            Self::Reasoning => "Reasoning tokens",
            Self::Citation => "Tokens of citations",
            Self::AudioOutput => "Audio output tokens",
            Self::ImageOutput => "Output tokens of pictures",
            Self::VideoOutput => "Output tokens of video",
            Self::AudioSeconds => "Seconds of speech",
            Self::Characters => "Characters",
            Self::Searches => "Search units",
            Self::Images => "Pictures",
            Self::Pages => "Pages",
            Self::AnnotatedPages => "Annotated pages",
            Self::WebSearches => "Web searches",
            Self::GroundedPrompts => "Answers with a web search",
            Self::FileSearches => "File searches",
            Self::ImagesRead => "Pictures looked at",
            Self::Requests => "Requests",
            Self::Charged => "Charge as the provider names it",
            Self::Stated => "Cost as the request states it",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
