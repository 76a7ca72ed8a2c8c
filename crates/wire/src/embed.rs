//! Embeddings: texts become vectors. A question comes in OpenAI's or Gemini's words and goes out in the provider's; the vectors
//! come back in the order of the texts, their numbers as they were written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Usage;
use domain::provider::Dialect;
use serde::Deserialize;

use crate::api::{Target, adapt, gemini, segment};
use crate::chat::{Json, Losses, Refused};
use crate::estimate;
use crate::splice::splice;
use crate::usage::{Observed, from_body};

mod bedrock;
mod cohere;
mod ollama;
mod openai;
#[cfg(test)]
mod tests;
mod vertex;

/// Most texts of a question: what OpenAI takes.
const MOST: usize = 2_048;

/// The words a caller asks in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// `/v1/embeddings`.
    Openai,
    /// `:embedContent`, or `:batchEmbedContents`.
    Gemini {
        /// Whether it is the latter.
        batch: bool,
    },
}

/// The words a provider is asked in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// OpenAI's.
    #[default]
    Openai,
    /// Gemini's `:batchEmbedContents`.
    Gemini,
    /// Vertex AI's `:predict`, and `:embedContent` for newer models.
    Vertex,
    /// Cohere's v2.
    Cohere,
    /// Ollama's own.
    Ollama,
    /// Bedrock's, which differ by model.
    Bedrock,
}

/// What vectors are for, where a model makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Query,
    Document,
    Classification,
    Clustering,
    Similarity,
}

/// A question, whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) texts: Vec<String>,
    /// Numbers of each vector.
    pub(crate) dimensions: Option<u64>,
    /// Whether the caller wants vectors as Base64 of little-endian 32-bit floats.
    pub(crate) base64: bool,
    pub(crate) purpose: Option<Purpose>,
}

/// An answer, whoever gives it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vectors {
    /// Lists of numbers, in the order of the texts.
    pub(crate) list: Vec<Json>,
    pub(crate) usage: Option<Usage>,
    pub(crate) model: Option<String>,
}

/// A question in the provider's words.
#[derive(Debug)]
pub struct Translated {
    /// Where it is asked, below the provider's base path; none for the place of OpenAI's embeddings.
    pub path: Option<String>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// What could not be said.
    pub losses: Losses,
    /// The way back.
    pub retelling: Retelling,
}

/// How the answer is put into the caller's words.
#[derive(Clone, Debug)]
pub struct Retelling {
    front: Front,
    api: Api,
    model: String,
    base64: bool,
    /// Texts, and so vectors.
    texts: usize,
    /// Tokens, for where the provider does not count them.
    estimate: u64,
}

impl Api {
    /// Whether a caller's words are the provider's.
    #[must_use]
    pub fn is(self, front: Front) -> bool {
        matches!((self, front), (Self::Openai, Front::Openai) | (Self::Gemini, Front::Gemini { .. }))
    }
}

/// Where a provider of Gemini's API is asked in its own words.
#[must_use]
pub fn gemini_path(model: &str, batch: bool) -> String {
    let verb = if batch { "batchEmbedContents" } else { "embedContent" };
    format!("v1beta/models/{}:{verb}", segment(model))
}

/// Translates a question.
///
/// # Errors
/// When it cannot be read, or cannot be asked of the model at all. What merely gets lost is in [`Translated::losses`].
pub fn request(front: Front, api: Api, body: &[u8], target: Target<'_>) -> Result<Translated, Refused> {
    let model = target.model;
    let (question, mut losses) = match front {
        Front::Openai => openai::read_question(body)?,
        Front::Gemini { .. } => gemini::embed::read_question(body)?,
    };
    if question.texts.is_empty() || question.texts.len() > MOST {
        return Err(Refused::field(front.input(), format!("One request takes 1 to {MOST} texts.")));
    }
    let (path, body) = match api {
        Api::Openai => (None, openai::write_question(&question, model, &mut losses)),
        Api::Gemini => (Some(gemini_path(model, true)), gemini::embed::write_question(&question, model)),
        Api::Vertex => vertex::write_question(&question, model, front)?,
        Api::Cohere => (Some("v2/embed".to_owned()), cohere::write_question(&question, Some(model))),
        Api::Ollama => (Some("api/embed".to_owned()), ollama::write_question(&question, model, &mut losses)),
        Api::Bedrock => bedrock::write_question(&question, model, front, &mut losses)?,
    };
    let adapted = adapt(&body, target);
    losses.append(adapted.losses);
    let body = if adapted.edits.is_empty() { body } else { splice(&body.into(), &adapted.edits).to_vec() };
    let retelling = Retelling {
        front,
        api,
        model: model.to_owned(),
        base64: question.base64,
        texts: question.texts.len(),
        estimate: question.texts.iter().map(|text| estimate::text(text)).sum(),
    };
    Ok(Translated { path, body, losses, retelling })
}

impl Front {
    /// The field that holds the texts.
    fn input(self) -> &'static str {
        match self {
            Self::Openai => "input",
            Self::Gemini { batch: true } => "requests",
            Self::Gemini { batch: false } => "content",
        }
    }

    /// The error for a model that takes one text at a time.
    fn one_at_a_time(self, model: &str) -> Refused {
        Refused::field(self.input(), format!("{model} takes one text in a request: send them one by one."))
    }
}

impl Retelling {
    /// The caller's answer, and what was seen in the provider's.
    ///
    /// # Errors
    /// When it is no answer of the provider's API, or not one vector for each text.
    pub fn answer(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), Refused> {
        let vectors = match self.api {
            Api::Openai => openai::read_answer(body)?,
            Api::Gemini => gemini::embed::read_answer(body)?,
            Api::Vertex => vertex::read_answer(body)?,
            Api::Cohere => cohere::read_answer(body)?,
            Api::Ollama => ollama::read_answer(body)?,
            Api::Bedrock => bedrock::read_answer(body)?,
        };
        if vectors.list.len() != self.texts {
            let message = format!("The answer has {} vectors for {} texts.", vectors.list.len(), self.texts);
            return Err(Refused { field: None, message });
        }
        let observed = self.observe(&vectors, body);
        let input = observed.usage.map_or(self.estimate, |usage| usage.input);
        let answer = match self.front {
            Front::Openai => openai::write_answer(&vectors, &self.model, self.base64, input)?,
            Front::Gemini { batch } => {
                gemini::embed::write_answer(vectors.list, batch, (!observed.estimated).then_some(input))
            }
        };
        Ok((answer, observed))
    }

    fn observe(&self, vectors: &Vectors, body: &[u8]) -> Observed {
        let known = match self.api {
            // OpenAI's own reader knows more: charges, and the habits of those who copy it.
            Api::Openai => from_body(Dialect::Openai, body),
            _ => Observed { usage: vectors.usage, model: vectors.model.clone(), ..Observed::default() },
        };
        let estimated = known.usage.is_none();
        let usage = known.usage.unwrap_or(Usage { input: self.estimate, ..Usage::default() });
        Observed { usage: Some(usage), estimated, finished: true, ended: true, ..known }
    }
}

/// A list of numbers as Base64 of little-endian 32-bit floats.
fn base64_of(values: &Json) -> Result<Json, Refused> {
    let values: Vec<f32> = values.read()?;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(Json::of(&STANDARD.encode(bytes)))
}
