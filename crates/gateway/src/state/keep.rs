//! Keeps an answer of the Responses API: reads along while it passes, and writes down what there is before its last byte
//! leaves.

use std::sync::Arc;

use bytes::Bytes;
use domain::state::{KeptResponse, ResponseStatus, StateChange};
use domain::{GatewayId, TeamId};
use wire::api::openai_responses::{head, items_of, output_items, told};
use wire::chat::Json;
use wire::sse::Splitter;

use super::State;
use crate::clock::now_ms;
use crate::counters::count;
use crate::gateway::Shared;

/// What is to be kept of an answer.
pub(crate) struct Draft {
    pub team_id: TeamId,
    pub gateway_id: GatewayId,
    /// How long it is kept, in milliseconds.
    pub ttl_ms: i64,
    pub provider: String,
    pub holder: Option<String>,
    /// Whether the response is kept, or only its items in the conversation.
    pub keeps: bool,
    pub background: bool,
    /// Whether the gateway makes it in the background, and keeps it from its beginning.
    pub owned: bool,
    pub previous_id: Option<String>,
    /// The gateway's own conversation, to which the turn's items are added.
    pub conversation_id: Option<String>,
    /// The caller's question.
    pub body: Bytes,
}

impl Draft {
    /// The response as it is kept; none where it is no response.
    pub(crate) fn response(&self, response: &str, now_ms: i64) -> Option<KeptResponse> {
        let head = head(response.as_bytes())?;
        let items = items_of(&self.body, base(&head.id));
        Some(KeptResponse {
            team_id: self.team_id,
            gateway_id: self.gateway_id,
            provider: self.provider.clone(),
            holder: self.holder.clone(),
            status: ResponseStatus::from_name(&head.status).unwrap_or(ResponseStatus::Completed),
            background: self.background,
            owner: None,
            previous_id: self.previous_id.clone(),
            conversation_id: self.conversation_id.clone(),
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(self.ttl_ms),
            input: Json::of(&items).as_str().to_owned(),
            response: response.to_owned(),
            id: head.id,
        })
    }

    fn keep(&self, shared: &Shared, response: &str) {
        let Some(kept) = self.response(response, now_ms()) else { return };
        // It was cancelled while its last words came.
        if self.owned && shared.state.is_final(kept.team_id, &kept.id) {
            return;
        }
        if kept.status.is_open() {
            // What nobody goes on with is nothing to come back for.
            if !self.background || self.owned {
                return;
            }
        } else {
            self.add_to_conversation(&shared.state, &kept);
        }
        if self.keeps && !shared.state.keep(kept) {
            count(&shared.counters.responses_lost);
        }
    }

    /// Adds the question and what was answered, where it was answered.
    fn add_to_conversation(&self, state: &State, kept: &KeptResponse) {
        let Some(id) = &self.conversation_id else { return };
        if !matches!(kept.status, ResponseStatus::Completed | ResponseStatus::Incomplete) {
            return;
        }
        let mut items: Vec<Json> = serde_json::from_str(&kept.input).unwrap_or_default();
        items.extend(output_items(kept.response.as_bytes()));
        // Without them the conversation would go on as if nothing had been said; the log has the reason.
        let _ = state.change(StateChange::AddItems {
            team_id: self.team_id,
            conversation_id: id.clone(),
            items: state.place(items),
            expires_at_ms: kept.expires_at_ms,
        });
    }
}

/// The part of a response's id that its items' ids share.
fn base(id: &str) -> &str {
    id.strip_prefix("resp_").unwrap_or(id)
}

/// What is to be done with an answer.
pub(crate) enum After {
    /// It is a new response.
    Keep(Box<Draft>),
    /// It is a response that is kept already, as it is by now.
    Refresh(Arc<KeptResponse>),
    /// It says that a response was deleted.
    Forget(TeamId, String),
}

/// Reads along.
pub(crate) struct Keeper {
    after: After,
    splitter: Splitter,
    last: Option<Json>,
    begun: bool,
    /// Whether an event was too long to be looked at.
    missed: bool,
}

impl Keeper {
    pub(crate) fn new(after: After, state: &State) -> Self {
        Self { after, splitter: Splitter::with_limit(state.largest()), last: None, begun: false, missed: false }
    }

    /// Takes the next bytes of a stream, as they go to the client.
    pub(crate) fn push(&mut self, shared: &Shared, bytes: &[u8]) {
        let last = &mut self.last;
        let pushed = self.splitter.push(bytes, |event| {
            if let Some(response) = told(&event) {
                *last = Some(response);
            }
        });
        self.missed |= pushed.is_err();
        if let (After::Keep(draft), Some(response), false) = (&self.after, &self.last, self.begun) {
            self.begun = true;
            // The provider goes on with it even if this caller leaves now.
            if draft.background && !draft.owned {
                draft.keep(shared, response.as_str());
            }
        }
    }

    /// Does what is to be done, at the end of an answer: `whole` is one that was no stream. Tells whether its usage counts:
    /// that of a response which was looked at before has been counted.
    pub(crate) fn finish(mut self, shared: &Shared, status: u16, whole: Option<&[u8]>) -> bool {
        let last = &mut self.last;
        self.splitter.finish(|event| *last = told(&event).or_else(|| last.take()));
        let text = match (&self.last, whole) {
            (Some(response), _) => Some(response.as_str()),
            (None, Some(whole)) if status == 200 => std::str::from_utf8(whole).ok(),
            _ => None,
        };
        match (&self.after, text) {
            (After::Keep(draft), Some(text)) => draft.keep(shared, text),
            (After::Keep(_), None) if self.missed => count(&shared.counters.responses_lost),
            (After::Refresh(known), Some(text)) => return refresh(&shared.state, known, text),
            (After::Forget(team_id, id), _) if status < 300 || status == 404 => {
                let _ = shared.state.change(StateChange::Forget { team_id: *team_id, id: id.clone() });
            }
            _ => {}
        }
        true
    }
}

/// Keeps a response as it is by now. Tells whether this is its end, heard for the first time.
fn refresh(state: &State, known: &KeptResponse, response: &str) -> bool {
    let Some(head) = head(response.as_bytes()).filter(|head| head.id == known.id) else { return false };
    let status = ResponseStatus::from_name(&head.status).unwrap_or(ResponseStatus::Completed);
    if status.is_open() || state.is_final(known.team_id, &known.id) {
        return false;
    }
    state.keep(KeptResponse { status, response: response.to_owned(), ..known.clone() });
    true
}
