//! What Ollama says an answer consumed.

use domain::Usage;
use serde::Deserialize;

use crate::usage::number::Count;

/// Counts, which stand among the other fields of the last line.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    /// Missing in old versions where the whole prompt was cached.
    pub(super) prompt_eval_count: Count,
    pub(super) eval_count: Count,
}

impl Counts {
    /// The counts; none where there are none.
    pub(super) fn usage(self) -> Option<Usage> {
        if self.prompt_eval_count.0.is_none() && self.eval_count.0.is_none() {
            return None;
        }
        Some(Usage { input: self.prompt_eval_count.get(), output: self.eval_count.get(), ..Usage::default() })
    }
}

/// What a whole body, or the last line of a stream, says was consumed.
pub(in crate::api) fn usage_of(body: &[u8]) -> Option<Usage> {
    serde_json::from_slice::<Counts>(body).ok()?.usage()
}
