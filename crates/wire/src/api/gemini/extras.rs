//! What Gemini says of an answer and no other API has a word for: safety ratings, search queries, its own reasons to end.
//! It goes along as one opaque part, for callers who speak Gemini's API themselves.

use super::fields::Fields;
use super::members::Members;
use crate::chat::Json;

/// Most members of a candidate that are kept; Gemini has about ten.
const MOST: usize = 64;

/// Members of a candidate, and what filters thought of the prompt.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    /// The candidate's members.
    pub(super) candidate: Members,
    /// `promptFeedback`.
    pub(super) feedback: Option<Json>,
}

impl Extras {
    /// Notes a member of the candidate; a later chunk's goes before an earlier one's.
    pub(super) fn put(&mut self, name: &str, value: Json) {
        if value.as_str() != "null" && self.candidate.len() < MOST {
            self.candidate.raw(name, value);
        }
    }

    /// Whether the prompt was blocked, so that there is no candidate.
    pub(super) fn is_blocked(&self) -> bool {
        self.feedback.as_ref().is_some_and(|feedback| Fields::lenient(feedback).has("blockReason"))
    }

    /// The opaque part; none where there is nothing to say.
    pub(super) fn into_json(self) -> Option<Json> {
        let mut all = Members::default();
        if !self.candidate.is_empty() {
            all.put("candidate", &self.candidate);
        }
        all.some("promptFeedback", self.feedback.as_ref());
        (!all.is_empty()).then(|| Json::of(&all))
    }

    /// Reads the opaque part; none where it is a part of Gemini's own.
    pub(super) fn of(value: &Json) -> Option<Self> {
        let mut fields = Fields::lenient(value);
        let candidate = fields.raw("candidate");
        let feedback = fields.raw("promptFeedback");
        if candidate.is_none() && feedback.is_none() {
            return None;
        }
        let mut extras = Self { feedback, ..Self::default() };
        for (name, value) in candidate.map(|candidate| Fields::lenient(&candidate).rest()).unwrap_or_default() {
            extras.put(&name, value);
        }
        Some(extras)
    }
}
