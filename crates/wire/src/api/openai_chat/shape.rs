//! The shape of answers, as far as it is read. Any field may be missing, `null` or of another type.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::reasoning::Detail;
use crate::chat::Json;
use crate::usage::{lenient, lenient_list};

/// A whole answer, or a piece of one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) created: Option<f64>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) choices: Option<Vec<Choice>>,
    pub(super) usage: Option<IgnoredAny>,
    pub(super) x_groq: Option<IgnoredAny>,
    pub(super) error: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    pub(super) service_tier: Option<String>,
    /// Perplexity's sources.
    #[serde(deserialize_with = "lenient_list")]
    pub(super) search_results: Option<Vec<Source>>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) citations: Option<Vec<String>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    #[serde(deserialize_with = "lenient")]
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) title: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Choice {
    #[serde(deserialize_with = "lenient")]
    pub(super) index: Option<u32>,
    #[serde(deserialize_with = "lenient")]
    pub(super) delta: Option<Message>,
    /// The whole message; beside `delta` it repeats what was said before (Perplexity).
    #[serde(deserialize_with = "lenient")]
    pub(super) message: Option<Message>,
    #[serde(deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) finish_reason: Option<String>,
    /// vLLM: the text that ended the answer, or the number of a token.
    #[serde(deserialize_with = "lenient")]
    pub(super) stop_reason: Option<String>,
    pub(super) logprobs: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    pub(super) content: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    pub(super) refusal: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) reasoning_content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) reasoning: Option<String>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) reasoning_details: Option<Vec<Detail>>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) tool_calls: Option<Vec<Call>>,
    #[serde(deserialize_with = "lenient")]
    pub(super) function_call: Option<Function>,
    #[serde(deserialize_with = "lenient_list")]
    pub(super) annotations: Option<Vec<Annotation>>,
    pub(super) extra_content: Option<Json>,
    pub(super) audio: Option<Json>,
    pub(super) images: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call {
    #[serde(deserialize_with = "lenient")]
    pub(super) index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) function: Option<Function>,
    #[serde(deserialize_with = "lenient")]
    pub(super) custom: Option<Function>,
    pub(super) extra_content: Option<Json>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    #[serde(deserialize_with = "lenient")]
    pub(super) name: Option<String>,
    /// A string; some servers write the object itself.
    #[serde(alias = "input")]
    pub(super) arguments: Option<Json>,
}

/// A source of words. Of those that are none, nothing is known but that they came.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    #[serde(deserialize_with = "lenient")]
    pub(super) url_citation: Option<UrlCitation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UrlCitation {
    #[serde(deserialize_with = "lenient")]
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) title: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) content: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) start_index: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(super) end_index: Option<u64>,
}

/// A part of a content that is a list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ContentPart {
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "lenient")]
    pub(super) refusal: Option<String>,
    pub(super) thinking: Option<Json>,
}
