//! A question that waits for what its caller named by addresses. That everything else can be said is known by then.

use std::sync::Arc;

use bytes::Bytes;
use wire::api::{Api, Target};
use wire::chat::{Asked, Fetched, Remote};
use wire::translate::{Question, Translated};

use super::chat::finished;
use crate::error::Refusal;
use crate::memory::{Claim, Memory, Purpose};
use crate::snapshot::ProviderState;

/// How often what was fetched is held while it is written, beside the question's own: by the form that the provider's API has
/// for it, by the value that is being written, and in the body.
const COPIES: usize = 3;

/// A translated question without its pictures and documents.
pub(crate) struct Unfinished {
    pub question: Question,
    pub remotes: Vec<Remote>,
    pub provider: Arc<ProviderState>,
    pub api: Api,
    /// The model, as the provider names it.
    pub model: String,
    pub asked: Asked,
    /// Whether nothing may get lost.
    pub strict: bool,
    /// What the question takes of the memory while it waits.
    pub room: Claim,
}

impl Unfinished {
    /// The body, with what was fetched in the order of `remotes`.
    ///
    /// # Errors
    /// `not_expressible`, `invalid_request`, `overloaded`.
    pub(crate) fn finish(self, fetched: Vec<Fetched>, memory: &Arc<Memory>) -> Result<Bytes, Refusal> {
        let Self { mut question, provider, api, model, asked, strict, room, .. } = self;
        let mut writing = memory.claim(Purpose::Request);
        writing.grow(COPIES * fetched.iter().map(|one| one.data.len()).sum::<usize>())?;
        question.bring(fetches(&provider, api), fetched);
        let target = Target { model: &model, quirks: &provider.quirks };
        let Translated { body, losses, .. } = question.write(target, asked).map_err(Refusal::invalid_request)?;
        if let Some(loss) = losses.refused(strict) {
            return Err(Refusal::not_expressible(&provider.slug, loss));
        }
        drop((question, room));
        let body = finished(&provider, api, body);
        writing.set(body.len())?;
        Ok(writing.hold(body))
    }
}

/// Whether a provider fetches what its API has addresses for.
pub(super) fn fetches(provider: &ProviderState, api: Api) -> bool {
    !provider.is_claude_at_vertex(api)
}

/// The smallest things of the kinds that are awaited.
pub(super) fn stand_ins(remotes: &[Remote]) -> impl Iterator<Item = Fetched> {
    remotes.iter().map(|remote| Fetched::stand_in(remote.kind))
}
