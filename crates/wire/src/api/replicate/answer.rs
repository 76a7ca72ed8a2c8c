//! Reads a prediction.

use domain::Usage;
use serde::Deserialize;

use crate::api::segment;
use crate::chat::{Answer, Choice, Content, Finish, Json, Part, Refused};
use crate::usage::number::{Count, lenient};

/// Longest id that is asked for again, in bytes.
const MOST_ID: usize = 128;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Prediction {
    #[serde(deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(deserialize_with = "lenient")]
    model: Option<String>,
    #[serde(deserialize_with = "lenient")]
    status: Option<String>,
    output: Option<Json>,
    error: Option<Json>,
    #[serde(deserialize_with = "lenient")]
    metrics: Option<Metrics>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Metrics {
    input_token_count: Count,
    output_token_count: Count,
}

impl Metrics {
    fn usage(self) -> Option<Usage> {
        if self.input_token_count.0.is_none() && self.output_token_count.0.is_none() {
            return None;
        }
        let (input, output) = (self.input_token_count.get(), self.output_token_count.get());
        Some(Usage { input, output, ..Usage::default() })
    }
}

/// The segment of a path that names a prediction which is not done; none where it is done, or no prediction.
#[must_use]
pub fn pending(body: &[u8]) -> Option<String> {
    let prediction: Prediction = serde_json::from_slice(body).ok()?;
    let waits = matches!(prediction.status.as_deref(), Some("starting" | "processing" | "queued"));
    let id = prediction.id.filter(|id| waits && !id.is_empty() && id.len() <= MOST_ID)?;
    Some(segment(&id))
}

/// Reads a provider's whole answer.
pub(in crate::api) fn decode_answer(body: &[u8]) -> Result<Answer, Refused> {
    let prediction: Prediction = serde_json::from_slice(body)?;
    let status = prediction.status.unwrap_or_default();
    if status != "succeeded" {
        let error = prediction.error.filter(|error| !error.is_null()).map(|error| error.text());
        let message = error.unwrap_or_else(|| format!("The prediction is not done but {status:?}."));
        return Err(Refused { field: Some("status".to_owned()), message });
    }
    let words = prediction.output.as_ref().map(words).unwrap_or_default();
    let parts = if words.is_empty() { Vec::new() } else { vec![Part::from(Content::text(words))] };
    Ok(Answer {
        id: prediction.id.unwrap_or_default(),
        model: prediction.model.unwrap_or_default(),
        choices: vec![Choice { index: 0, parts, finish: Finish::Stop, logprobs: None }],
        usage: prediction.metrics.and_then(Metrics::usage),
        ..Answer::default()
    })
}

/// A text, or a list of its pieces. What is neither is told as the JSON that it is.
fn words(output: &Json) -> String {
    if output.is_null() {
        return String::new();
    }
    output.read::<Vec<String>>().map_or_else(|_| output.text(), |pieces| pieces.concat())
}

/// What a prediction says was consumed.
pub(in crate::api) fn usage_of(body: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<Prediction>(body).ok()?.metrics?.usage()
}
