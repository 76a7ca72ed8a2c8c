//! What a provider says its answer consumed, from whole bodies and from running streams, in one shape for all.
//!
//! A running stream is watched, not parsed: an event is looked into only when its bytes hold a key that matters.

use domain::provider::Dialect;
use domain::usage::ServiceTier;
use domain::{Nanos, Usage};

pub(crate) mod anthropic;
mod charge;
mod gemini;
mod hide;
mod invoke;
pub(crate) mod number;
mod openai;
mod own;
pub(crate) mod served;
#[cfg(test)]
mod tests;
mod watch;

pub use hide::HideUsage;
pub use invoke::AmazonCounts;
pub(crate) use number::{lenient, lenient_list, scaled};
pub use own::Words;
pub use watch::StreamWatch;

/// What was seen in an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The tokens, where the provider reported any.
    pub usage: Option<Usage>,
    /// Whether `usage` is what was known when a stream began, with the output put at what came of it: the stream broke off
    /// before the provider reported. Or the gateway's own count of what was asked, where the provider never reports.
    pub estimated: bool,
    /// The charge, where the provider names it itself; that is then the true cost, whatever the price book says.
    pub charged: Option<Nanos>,
    /// How it was served, where the provider has said so; it is part of `usage` too.
    pub service_tier: Option<ServiceTier>,
    /// The model that answered, by the provider's own words.
    pub model: Option<String>,
    /// Whether the answer is complete: a whole body, or a stream that said how it ended. An OpenAI stream says so before
    /// its usage comes, so a stream may be finished and still lack it.
    pub finished: bool,
    /// Whether a stream came to its last event: `[DONE]`, `message_stop`, `response.completed`, or for Gemini, which
    /// has none, an end after a reason to finish.
    pub ended: bool,
    /// Whether the provider reported an error inside the answer.
    pub error: bool,
}

/// Reads a whole body in the shape of `dialect`. Providers serve each other's APIs too, so a body without usage in that
/// shape is tried in the others.
#[must_use]
pub fn from_body(dialect: Dialect, body: &[u8]) -> Observed {
    let own = read(dialect, body);
    if own.usage.is_some() || own.error || !own.finished {
        return own;
    }
    let others = Dialect::ALL.into_iter().filter(|other| *other != dialect);
    others.map(|other| read(other, body)).find(|observed| observed.usage.is_some()).unwrap_or(own)
}

/// The tokens that a document of OpenAI's APIs reports: a body, a chunk, an event.
pub(crate) fn of_openai(document: &[u8]) -> Option<Usage> {
    let mut observed = Observed::default();
    openai::take(document, &mut observed);
    observed.usage
}

fn read(dialect: Dialect, body: &[u8]) -> Observed {
    match dialect {
        Dialect::Openai => openai::body(body),
        Dialect::Anthropic => anthropic::body(body),
        Dialect::Gemini => gemini::body(body),
    }
}
