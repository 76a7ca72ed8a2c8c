//! Keeps an answer of the Responses API: reads along while it passes, and writes down what there is before its last byte
//! leaves.

use std::sync::Arc;

use bytes::Bytes;
use domain::state::{KeptResponse, ResponseStatus, StateChange};
use domain::{GatewayId, TeamId};
use wire::api::openai_responses::{head, items_of, items_to_keep, told};
use wire::chat::Json;
use wire::sse::Splitter;
use wire::task::{EndedBatch, ended_batches};
use wire::usage::Observed;

use super::State;
use crate::clock::now_ms;
use crate::counters::count;
use crate::gateway::Shared;
use crate::settle::{Run, Settlement, plausible};

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

    /// Keeps a response as far as it has come. One that is still being made is kept only where its caller comes back for it;
    /// it is returned then, to be finished.
    fn keep(&self, shared: &Shared, response: &str) -> Option<Arc<KeptResponse>> {
        let kept = self.response(response, now_ms())?;
        let is_open = kept.status.is_open();
        if is_open && !self.background {
            return None;
        }
        if !is_open {
            add_to_conversation(&shared.state, &kept);
        }
        if !self.keeps {
            return None;
        }
        let begun = is_open.then(|| Arc::new(kept.clone()));
        if shared.state.keep(kept) {
            return begun;
        }
        count(&shared.counters.responses_lost);
        None
    }
}

/// Adds the question and what was answered to the conversation that a response belongs to, where it was answered.
fn add_to_conversation(state: &State, kept: &KeptResponse) {
    let Some(id) = &kept.conversation_id else { return };
    if !matches!(kept.status, ResponseStatus::Completed | ResponseStatus::Incomplete) {
        return;
    }
    let mut items: Vec<Json> = serde_json::from_str(&kept.input).unwrap_or_default();
    items.extend(items_to_keep(kept.response.as_bytes(), base(&kept.id)));
    let ttl_ms = kept.expires_at_ms.saturating_sub(kept.created_at_ms);
    // Without them the conversation would go on as if nothing had been said; the log has the reason.
    let _ = state.change(StateChange::AddItems {
        team_id: kept.team_id,
        conversation_id: id.clone(),
        items: state.place(items),
        expires_at_ms: now_ms().saturating_add(ttl_ms),
    });
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
    /// It may tell of what was made before, or is made in the background, at a provider's own endpoint.
    Told(TeamId, GatewayId),
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
            if draft.background
                && let Some(begun) = draft.keep(shared, response.as_str())
            {
                self.after = After::Refresh(begun);
            }
        }
    }

    /// Does what is to be done, at the end of an answer: `whole` is one that was no stream. What was seen of its usage is
    /// taken out where it is billed in another place, or was.
    pub(crate) fn finish(
        mut self,
        settlement: &mut Settlement,
        observed: &mut Observed,
        status: u16,
        whole: Option<&[u8]>,
    ) {
        let shared = settlement.shared().clone();
        let last = &mut self.last;
        self.splitter.finish(|event| *last = told(&event).or_else(|| last.take()));
        let text = match (&self.last, whole) {
            (Some(response), _) => Some(response.as_str()),
            (None, Some(whole)) if status == 200 => std::str::from_utf8(whole).ok(),
            _ => None,
        };
        match (&self.after, text) {
            (After::Keep(draft), Some(text)) => drop(draft.keep(&shared, text)),
            (After::Refresh(known), Some(text)) => {
                let now = status_of(known, text);
                if known.owner.is_none() {
                    bill(settlement, known, now, observed);
                }
                refresh(&shared, known, now, text);
            }
            (After::Told(team_id, gateway_id), Some(text)) => {
                bill_told(settlement, (*team_id, *gateway_id), text, observed)
            }
            (After::Keep(_) | After::Refresh(_), None) if self.missed => count(&shared.counters.responses_lost),
            (After::Forget(team_id, id), _) if status < 300 || status == 404 => {
                let _ = shared.state.change(StateChange::Forget { team_id: *team_id, id: id.clone() });
            }
            _ => {}
        }
    }
}

/// How far a known response is by now; none where it is another.
fn status_of(known: &KeptResponse, response: &str) -> Option<ResponseStatus> {
    let head = head(response.as_bytes()).filter(|head| head.id == known.id)?;
    Some(ResponseStatus::from_name(&head.status).unwrap_or(ResponseStatus::Completed))
}

/// Bills what a provider makes in the background, when its end is heard, and before the end is written down: whoever does not
/// find the end asks again, and bills the same once more. However often it is told, it is billed nowhere else.
fn bill(settlement: &mut Settlement, known: &KeptResponse, now: Option<ResponseStatus>, observed: &mut Observed) {
    let (usage, charged) = (observed.usage.take(), observed.charged.take());
    let ends = known.status.is_open() && now.is_some_and(|now| !now.is_open());
    if ends && (usage.is_some() || charged.is_some()) {
        settlement.bill_run(&Run::of_kept(known), &Observed { usage, charged, ..observed.clone() });
    }
}

/// Bills what a provider's own endpoint tells of. A look generates nothing: what it tells the usage of was billed where it was
/// asked for, unless it was made in the background; that is billed once, whoever hears of its end and however often.
fn bill_told(
    settlement: &mut Settlement,
    (team_id, gateway_id): (TeamId, GatewayId),
    text: &str,
    observed: &mut Observed,
) {
    bill_batches(settlement, (team_id, gateway_id), text);
    // What is told elsewhere, in a file that a caller has written, is no response.
    let head = head(text.as_bytes()).filter(|_| settlement.row.path.contains("/responses"));
    let is_look = settlement.row.method == "GET";
    let Some(head) = head.filter(|head| head.background) else {
        if is_look {
            (observed.usage, observed.charged) = (None, None);
        }
        return;
    };
    // Without its time a run has no key; then the one that hears of it pays for it.
    let Some(began_at_ms) = plausible(head.created_at) else { return };
    let (usage, charged) = (observed.usage.take(), observed.charged.take());
    let is_open = ResponseStatus::from_name(&head.status).is_some_and(ResponseStatus::is_open);
    if is_open || (usage.is_none() && charged.is_none()) {
        return;
    }
    let provider = settlement.row.provider.clone().unwrap_or_default();
    let run = Run { team_id, gateway_id, provider, id: head.id, key_ms: began_at_ms, began_at_ms };
    settlement.bill_run(&run, &Observed { usage, charged, ..observed.clone() });
}

/// Bills the batches that have ended in what a provider tells of them, each once, whoever hears of it and however often.
fn bill_batches(settlement: &mut Settlement, (team_id, gateway_id): (TeamId, GatewayId), text: &str) {
    /// Tells batches from responses, whose ids are of another kind too.
    const BATCH: &str = "batch ";
    // What is told elsewhere, in a file that a caller has written, is no batch.
    let Some((_, about)) = settlement.row.path.rsplit_once("/batches") else { return };
    let about = about.trim_start_matches('/').trim_end_matches("/cancel").to_owned();
    if about.contains('/') {
        return;
    }
    for EndedBatch { id, created_at, observed } in ended_batches(text.as_bytes()) {
        let Some(began_at_ms) = plausible(created_at).filter(|_| about.is_empty() || about == id) else { continue };
        let provider = settlement.row.provider.clone().unwrap_or_default();
        let run = Run { team_id, gateway_id, provider, id: format!("{BATCH}{id}"), key_ms: began_at_ms, began_at_ms };
        settlement.bill_run(&run, &observed);
    }
}

/// Keeps the end of a response that was kept as it began.
fn refresh(shared: &Shared, known: &KeptResponse, now: Option<ResponseStatus>, response: &str) {
    let Some(status) = now.filter(|now| !now.is_open()) else { return };
    if shared.state.is_over(known.team_id, &known.id) {
        return;
    }
    let ended = KeptResponse { status, owner: None, response: response.to_owned(), ..known.clone() };
    add_to_conversation(&shared.state, &ended);
    if !shared.state.finish(ended) {
        count(&shared.counters.responses_lost);
    }
}
