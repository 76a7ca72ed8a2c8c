//! The endpoints beside chat, in OpenAI's shape: which there are, and what of a request and of an answer money depends on.

use std::fmt;

use domain::Usage;
use serde::Deserialize;

use crate::chat::Refused;
use crate::scan::ScanError;
use crate::usage::Observed;
use crate::{embed, rerank};

mod batch;
mod consumed;
mod size;
#[cfg(test)]
mod tests;

pub use batch::{EndedBatch, batch_endpoint, ended_batches};
pub use consumed::consumed;
pub use size::{Size, size_of_form, size_of_json};

/// An endpoint beside chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Texts become vectors.
    Embeddings,
    /// Pictures from words.
    Images,
    /// Pictures from pictures and words.
    ImageEdits,
    /// Pictures like another.
    ImageVariations,
    /// Words are spoken.
    Speech,
    /// Speech is written down.
    Transcriptions,
    /// Speech is written down in English.
    AudioTranslations,
    /// Whether something is harmful.
    Moderations,
    /// Documents by how well they answer a question.
    Rerank,
    /// Files that a provider keeps.
    Files,
    /// Many questions, answered later.
    Batches,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 11] = [
        Self::Embeddings,
        Self::Images,
        Self::ImageEdits,
        Self::ImageVariations,
        Self::Speech,
        Self::Transcriptions,
        Self::AudioTranslations,
        Self::Moderations,
        Self::Rerank,
        Self::Files,
        Self::Batches,
    ];

    /// Its path behind OpenAI's `v1/`.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Images => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::ImageVariations => "images/variations",
            Self::Speech => "audio/speech",
            Self::Transcriptions => "audio/transcriptions",
            Self::AudioTranslations => "audio/translations",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::Files => "files",
            Self::Batches => "batches",
        }
    }

    /// The task of an endpoint by its path, whatever stands before it; also below it, where something is kept there.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| {
            let name = task.path();
            let place = path.match_indices(name).find(|(place, _)| *place == 0 || path[..*place].ends_with('/'));
            let rest = place.map(|(place, _)| &path[place + name.len()..]);
            rest.is_some_and(|rest| rest.is_empty() || (task.keeps() && rest.starts_with('/')))
        })
    }

    /// Whether the provider keeps something there, so that it has more endpoints below it and takes other methods than POST.
    #[must_use]
    pub fn keeps(self) -> bool {
        matches!(self, Self::Files | Self::Batches)
    }

    /// Whether a picture or a recording comes with it, as a form.
    #[must_use]
    pub fn takes_form(self) -> bool {
        matches!(
            self,
            Self::ImageEdits | Self::ImageVariations | Self::Transcriptions | Self::AudioTranslations | Self::Files
        )
    }

    /// Whether pictures are made.
    #[must_use]
    pub fn paints(self) -> bool {
        matches!(self, Self::Images | Self::ImageEdits | Self::ImageVariations)
    }

    /// Whether speech is heard.
    #[must_use]
    pub fn hears(self) -> bool {
        matches!(self, Self::Transcriptions | Self::AudioTranslations)
    }

    /// The task that models of a mode in the price book are for; none for chat and for what has no endpoint here.
    #[must_use]
    pub fn of_mode(mode: &str) -> Option<Self> {
        match mode {
            "embedding" => Some(Self::Embeddings),
            "image" => Some(Self::Images),
            "audio_speech" => Some(Self::Speech),
            "audio_transcription" => Some(Self::Transcriptions),
            "moderation" => Some(Self::Moderations),
            "rerank" => Some(Self::Rerank),
            _ => None,
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embeddings => "embeddings",
            Self::Images => "images",
            Self::ImageEdits => "image edits",
            Self::ImageVariations => "image variations",
            Self::Speech => "speech",
            Self::Transcriptions => "transcriptions",
            Self::AudioTranslations => "audio translations",
            Self::Moderations => "moderations",
            Self::Rerank => "reranking",
            Self::Files => "files",
            Self::Batches => "batches",
        })
    }
}

/// How an answer is put into the caller's words, where the provider has its own.
#[derive(Clone, Debug)]
pub enum Retelling {
    /// Vectors.
    Embeddings(embed::Retelling),
    /// A ranking.
    Rerank(rerank::Retelling),
}

impl Retelling {
    /// The caller's answer, and what was seen in the provider's.
    ///
    /// # Errors
    /// When it is no answer of the provider's API.
    pub fn answer(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), Refused> {
        match self {
            Self::Embeddings(retelling) => retelling.answer(body),
            Self::Rerank(retelling) => retelling.answer(body),
        }
    }
}

/// What the gateway itself counts in a request, for where the provider does not say. None where nothing in it can be counted.
///
/// # Errors
/// What is to be counted is there twice, or its name is spelt with escapes: the provider might read another one.
pub fn own_count(task: Task, body: &[u8]) -> Result<Option<Usage>, ScanError> {
    Ok(match task {
        Task::Speech => size::characters(body)?.map(|characters| Usage { characters, ..Usage::default() }),
        Task::Embeddings => {
            let text = std::str::from_utf8(body).ok();
            text.map(|text| Usage { input: crate::estimate::text(text), ..Usage::default() })
        }
        _ => None,
    })
}
