//! What an answer says was consumed: the tokens that [`crate::usage`] finds, and what is not counted in tokens.

use domain::Usage;
use domain::provider::Dialect;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Task;
use crate::usage::number::Count;
use crate::usage::{Observed, from_body, lenient};

/// Members of answers that are counted in other units than tokens.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    /// Pictures; vectors and rankings have a list of this name too.
    #[serde(deserialize_with = "lenient")]
    data: Option<Vec<IgnoredAny>>,
    /// Seconds of speech, with fractions.
    #[serde(deserialize_with = "lenient")]
    duration: Option<Box<RawValue>>,
    /// Cohere.
    #[serde(deserialize_with = "lenient")]
    meta: Option<Meta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(deserialize_with = "lenient")]
    billed_units: Option<Billed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Billed {
    input_tokens: Count,
    search_units: Count,
}

/// Reads the whole answer of a task. What is kept at a provider has its price elsewhere: a batch repeats what it consumed each
/// time it is looked at, so nothing is read here ([`super::ended_batches`] does).
#[must_use]
pub fn consumed(task: Task, dialect: Dialect, body: &[u8]) -> Observed {
    let mut observed = from_body(dialect, body);
    if task.keeps() {
        return Observed { usage: None, charged: None, ..observed };
    }
    if !(task.paints() || task.hears() || task == Task::Rerank) || observed.error {
        return observed;
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else { return observed };
    let mut usage = observed.usage.unwrap_or_default();
    if task.paints() {
        usage.images = answer.data.map_or(0, |pictures| pictures.len() as u64);
    }
    if task.hears() && usage.audio_seconds == 0 {
        usage.audio_seconds = answer.duration.and_then(|text| seconds(text.get())).unwrap_or(0);
    }
    if let Some(billed) = answer.meta.and_then(|meta| meta.billed_units).filter(|_| task == Task::Rerank) {
        usage.searches = billed.search_units.get();
        usage.input = usage.input.max(billed.input_tokens.get());
    }
    observed.usage = observed.usage.map(|_| usage).or(Some(usage).filter(|usage| *usage != Usage::default()));
    observed
}

/// Whole seconds; what has begun counts, as OpenAI counts it.
fn seconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    // The cast saturates.
    (seconds.is_finite() && seconds > 0.0).then(|| seconds.ceil() as u64)
}
