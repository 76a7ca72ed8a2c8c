//! Rerankers: documents by how well they answer a question. Cohere and Jina share the words of a question but for a few, Voyage
//! has its own; a caller may use Cohere's or Jina's.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::chat::{Json, Losses, Refused};
use crate::estimate;
use crate::scan::{Elements, Members};
use crate::task::{Task, consumed};
use crate::usage::Observed;
use domain::Usage;
use domain::provider::Dialect;

#[cfg(test)]
mod tests;

/// Most documents of a question.
const MOST: usize = 10_000;

/// The words a provider is asked in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Jina's, and those who copy it: Together, OpenRouter, vLLM, llama.cpp.
    #[default]
    Jina,
    /// Cohere's v2.
    Cohere,
    /// Voyage's.
    Voyage,
    /// Fireworks': asked as Jina is, and answering as Voyage does.
    Fireworks,
}

/// A question in the provider's words.
#[derive(Debug)]
pub struct Translated {
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
    model: String,
    /// Names an answer that comes without an id.
    id: String,
    /// Documents that were asked about.
    asked: usize,
    /// The documents, where they are to come back.
    documents: Option<Vec<String>>,
    /// Tokens, for where the provider does not count them.
    estimate: u64,
}

#[derive(Deserialize)]
struct Question {
    query: String,
    documents: Vec<Document>,
    #[serde(alias = "top_k")]
    top_n: Option<u64>,
    return_documents: Option<bool>,
    max_tokens_per_doc: Option<u64>,
    truncation: Option<bool>,
    #[serde(rename = "model")]
    _model: Option<IgnoredAny>,
    #[serde(flatten)]
    rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Text(String),
    Object { text: String },
}

impl Document {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

impl Api {
    /// Where a question is asked, below the provider's base path; none for the place beside OpenAI's endpoints.
    #[must_use]
    pub fn path(self) -> Option<&'static str> {
        (self == Self::Cohere).then_some("v2/rerank")
    }

    /// Whether a caller's question can go on as it is, and its answer come back so.
    #[must_use]
    pub fn takes(self, body: &[u8]) -> bool {
        let has = |names: &[&str]| Members::of(body).any(|member| names.iter().any(|name| member.is(body, name)));
        match self {
            Self::Jina => !has(&["max_tokens_per_doc", "top_k", "truncation"]),
            Self::Cohere => {
                // Looked at where they stand: there is no room claimed for a list of them yet.
                let texts_only =
                    |list: &[u8]| list.starts_with(b"[") && Elements::of(list).all(|one| list[one.start] == b'"');
                !has(&["return_documents", "top_k", "truncation"])
                    && Members::of(body).all(|m| !m.is(body, "documents") || texts_only(&body[m.value]))
            }
            Self::Voyage | Self::Fireworks => false,
        }
    }
}

/// Translates a question.
///
/// # Errors
/// When it cannot be read. What merely gets lost is in [`Translated::losses`].
pub fn request(api: Api, body: &[u8], model: &str, id: &str) -> Result<Translated, Refused> {
    let question: Question = serde_json::from_slice(body).map_err(|error| {
        let message = format!("A question has `query`, a text, and `documents`, a list of texts: {error}.");
        Refused { field: None, message }
    })?;
    if question.documents.is_empty() || question.documents.len() > MOST {
        return Err(Refused::field("documents", format!("One request takes 1 to {MOST} documents.")));
    }
    let mut losses = Losses::default();
    for field in question.rest.into_keys() {
        losses.harmless(field, "the provider has no counterpart");
    }
    let documents: Vec<String> = question.documents.into_iter().map(Document::into_text).collect();
    let mut asked = Asked { model, query: &question.query, documents: &documents, ..Asked::default() };
    match api {
        Api::Voyage => (asked.top_k, asked.truncation) = (question.top_n, question.truncation),
        Api::Cohere => (asked.top_n, asked.max_tokens_per_doc) = (question.top_n, question.max_tokens_per_doc),
        Api::Jina | Api::Fireworks => asked.top_n = question.top_n,
    }
    if question.max_tokens_per_doc.is_some() && api != Api::Cohere {
        losses.harmless("max_tokens_per_doc", "the provider has no counterpart");
    }
    if question.truncation.is_some() && api != Api::Voyage {
        losses.harmless("truncation", "the provider has no counterpart");
    }
    // The documents are at hand here; not every provider sends them back.
    asked.return_documents = (api != Api::Cohere).then_some(false);
    let body = Json::of(&asked).into_bytes();
    let estimate = documents.iter().chain([&question.query]).map(|text| estimate::text(text)).sum();
    let retelling = Retelling {
        model: model.to_owned(),
        id: id.to_owned(),
        asked: documents.len(),
        documents: (question.return_documents == Some(true)).then_some(documents),
        estimate,
    };
    Ok(Translated { body, losses, retelling })
}

#[derive(Default, Serialize)]
struct Asked<'a> {
    model: &'a str,
    query: &'a str,
    documents: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    top_n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens_per_doc: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_documents: Option<bool>,
}

#[derive(Deserialize)]
struct Given {
    id: Option<String>,
    #[serde(alias = "data")]
    results: Vec<Place>,
}

#[derive(Deserialize)]
struct Place {
    index: usize,
    relevance_score: Json,
}

/// What Cohere's and Jina's callers read, at once.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    object: &'static str,
    model: &'a str,
    results: Vec<Ranked<'a>>,
    meta: Meta,
    usage: Tokens,
}

#[derive(Serialize)]
struct Ranked<'a> {
    index: usize,
    relevance_score: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Meta {
    api_version: Version,
    billed_units: Billed,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct Billed {
    #[serde(skip_serializing_if = "Option::is_none")]
    search_units: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
}

#[derive(Serialize)]
struct Tokens {
    total_tokens: u64,
}

impl Retelling {
    /// The caller's answer, and what was seen in the provider's.
    ///
    /// # Errors
    /// When it is no ranking of the documents.
    pub fn answer(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), Refused> {
        let given: Given = serde_json::from_slice(body)?;
        let known = consumed(Task::Rerank, Dialect::Openai, body);
        let usage = known.usage.unwrap_or(Usage { input: self.estimate, ..Usage::default() });
        let mut results = Vec::with_capacity(given.results.len());
        for Place { index, relevance_score } in given.results {
            if index >= self.asked {
                return Err(Refused::field("results[].index", "The answer ranks a document that was not asked about."));
            }
            let document = self.documents.as_ref().and_then(|all| all.get(index)).map(|text| Text { text });
            results.push(Ranked { index, relevance_score, document });
        }
        let count = |units: u64| (units > 0).then_some(units);
        let billed_units = Billed { search_units: count(usage.searches), input_tokens: count(usage.input) };
        let answer = Answer {
            id: given.id.as_deref().unwrap_or(&self.id),
            object: "list",
            model: &self.model,
            results,
            meta: Meta { api_version: Version { version: "2" }, billed_units },
            usage: Tokens { total_tokens: usage.input },
        };
        let estimated = known.usage.is_none();
        let observed = Observed { usage: Some(usage), estimated, finished: true, ended: true, ..known };
        Ok((Json::of(&answer).into_bytes(), observed))
    }
}
