//! A question of the Responses API, before it is planned: what it refers to is found and put into it, unless the provider
//! holds it itself; and what will be kept of it is settled. What is found has room in the one bound on bodies while it is
//! looked for, and as a part of the question for as long as that lives.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use domain::state::KeptResponse;
use wire::api::Api;
use wire::api::openai_responses::{
    MOST_ITEM_ID, StateRefs, id_of, output_items, portable, resolve_references, response_of_item, state_refs,
    with_history,
};
use wire::chat::{Json, Refused};

use super::conversation::MAX_ITEMS;
use super::keep::Draft;
use super::{ITEM_BYTES, may_see};
use crate::error::Refusal;
use crate::gateway::Shared;
use crate::ingress::Place;
use crate::memory::{Claim, Purpose};
use crate::plan::{self, Request};
use crate::snapshot::ProviderState;

/// Most turns of a chain of responses.
const MAX_TURNS: usize = 1_000;
/// Most kept items that a question names instead of bringing them.
const MAX_REFERENCES: usize = 1_000;
/// How often a question is written while it is made: its items as one value, and the whole.
const MADE: usize = 2;

/// What comes of a question's references.
pub(crate) struct Turn {
    /// The question with its history in it; none where it goes on as it is.
    pub body: Option<Bytes>,
    /// What to keep of the answer.
    pub draft: Option<Box<Draft>>,
    /// Whether the gateway itself makes the answer in the background.
    pub background: bool,
}

/// Looks at what a question says of kept state.
///
/// # Errors
/// `previous_response_not_found`, `conversation_not_found`, `state_disabled`, `state_unavailable`, `invalid_request`,
/// `body_too_large`, `overloaded`.
pub(crate) async fn turn(
    shared: &Shared,
    request: &Request<'_>,
    place: Option<Place<'_>>,
    (provider, model): (&ProviderState, &str),
) -> Result<Turn, Refusal> {
    let refs = state_refs(request.body);
    let native = plan::speaks(request, provider, Api::OpenaiResponses, model);
    let holder = if native { plan::holder(request, provider) } else { None };
    let room = request.memory.claim(Purpose::Request);
    let mut look = Look { shared, request, provider, place, holder, native, room };
    let ttl_ms = request.gateway.settings.response_ttl_ms();
    let background = refs.background && !native;
    if !native {
        check(&refs, ttl_ms.is_some())?;
    }
    let history = look.history(&refs, ttl_ms.is_some()).await?;
    let conversation = history.as_ref().and_then(|history| history.conversation.clone());
    let keeps = refs.store != Some(false);
    let draft = ttl_ms.filter(|_| keeps || conversation.is_some()).map(|ttl_ms| Draft {
        team_id: request.access.team.id,
        gateway_id: request.gateway.id,
        ttl_ms,
        provider: provider.slug.clone(),
        holder: look.holder.clone(),
        keeps,
        background: refs.background,
        previous_id: refs.previous_response_id.clone(),
        conversation_id: conversation,
        body: request.body.clone(),
    });
    let refers = !native && !refs.item_references.is_empty();
    let history = history.or_else(|| (background || refers).then(History::default));
    let body = match history {
        Some(history) => Some(look.expand(&refs, history).await?),
        None => None,
    };
    Ok(Turn { body, draft: draft.map(Box::new), background })
}

/// Whether a question makes sense to the gateway itself; a provider of this API judges by itself.
fn check(refs: &StateRefs, keeps: bool) -> Result<(), Refusal> {
    if refs.previous_response_id.is_some() && refs.conversation.is_some() {
        return Err(invalid("previous_response_id", "cannot be combined with conversation; send one of the two"));
    }
    if refs.background && (refs.store == Some(false) || !keeps) {
        let message = "needs the response to be kept; leave store out and let the gateway keep it";
        return Err(invalid("background", message));
    }
    Ok(())
}

fn invalid(field: impl Into<String>, message: impl Into<String>) -> Refusal {
    Refusal::invalid_request(Refused::field(field, message))
}

/// What comes before a question.
#[derive(Default)]
struct History {
    items: Vec<Json>,
    /// The gateway's own conversation that the question belongs to.
    conversation: Option<String>,
}

/// Everything that is needed to look for what a question refers to.
struct Look<'a> {
    shared: &'a Shared,
    request: &'a Request<'a>,
    provider: &'a ProviderState,
    place: Option<Place<'a>>,
    /// The credential under which the provider holds what it makes now.
    holder: Option<String>,
    native: bool,
    /// Of what was found.
    room: Claim,
}

impl Look<'_> {
    /// Asks with the key under which the provider holds a response, where there are several.
    fn keep_to_holder(&mut self, kept: &KeptResponse) -> bool {
        let holder = kept.holder.as_deref().filter(|_| self.native && kept.provider == self.provider.slug);
        let is_kept = holder.is_some_and(|holder| plan::keep_to(self.request, self.provider, holder));
        if is_kept {
            self.holder.clone_from(&kept.holder);
        }
        is_kept
    }

    /// What comes before the question; none where nothing does, or the provider knows it.
    async fn history(&mut self, refs: &StateRefs, keeps: bool) -> Result<Option<History>, Refusal> {
        if let Some(id) = &refs.conversation {
            return self.conversation(refs, id, keeps).await;
        }
        let Some(id) = &refs.previous_response_id else { return Ok(None) };
        let found = if keeps { self.response(id).await? } else { Found::Nothing };
        match found {
            Found::Mine(kept) if kept.holder.is_some() && kept.holder == self.holder => Ok(None),
            Found::Mine(kept) if self.keep_to_holder(&kept) => Ok(None),
            Found::Mine(kept) => {
                let items = self.chain(kept).await?;
                Ok(Some(History { items, conversation: None }))
            }
            // It may be the provider's, made before or beside the gateway; the provider will say.
            Found::Nothing if self.native => Ok(None),
            _ if !keeps => Err(Refusal::state_disabled("previous_response_id")),
            _ => Err(Refusal::previous_response_not_found(id)),
        }
    }

    async fn conversation(&mut self, refs: &StateRefs, id: &str, keeps: bool) -> Result<Option<History>, Refusal> {
        let team = self.request.access.team.id;
        let found = if keeps { self.shared.state.conversation(team, id).await? } else { None };
        match found {
            Some(known) if may_see(self.request.access, self.place, known.gateway_id) => {
                if let Some(i) = refs.overlong_id {
                    let message = format!("is longer than {MOST_ITEM_ID} bytes; send a shorter one, or none");
                    return Err(invalid(format!("input[{i}].id"), message));
                }
                let items = self.shared.state.items(team, id, &mut self.room).await?;
                if items.len() + refs.items > MAX_ITEMS {
                    let message = format!(
                        "has {} items, and has no place for more than {MAX_ITEMS}; delete some, or begin another",
                        items.len()
                    );
                    return Err(invalid("conversation", message));
                }
                let most = self.shared.options.max_body_bytes;
                if items.iter().map(|item| item.item.len()).sum::<usize>() > most {
                    let message = format!("has grown longer than {most} bytes; delete items, or begin another");
                    return Err(invalid("conversation", message));
                }
                let items = items.into_iter().filter_map(|item| Json::parse(item.item).ok()).collect();
                Ok(Some(History { items, conversation: Some(id.to_owned()) }))
            }
            None if self.native => Ok(None),
            _ if !keeps => Err(Refusal::state_disabled("conversation")),
            _ => Err(Refusal::conversation_not_found(id, Some("conversation"))),
        }
    }

    async fn response(&self, id: &str) -> Result<Found, Refusal> {
        Ok(match self.shared.state.response(self.request.access.team.id, id).await? {
            Some(kept) if may_see(self.request.access, self.place, kept.gateway_id) => Found::Mine(kept),
            Some(_) => Found::Hidden,
            None => Found::Nothing,
        })
    }

    /// The items of a response and of all it continues, oldest first.
    async fn chain(&mut self, last: Arc<KeptResponse>) -> Result<Vec<Json>, Refusal> {
        if last.status.is_open() {
            let message = "names a response that is still being made; wait until it is completed";
            return Err(invalid("previous_response_id", message));
        }
        let most = self.shared.options.max_body_bytes;
        let (mut turns, mut bytes, mut turn) = (Vec::new(), 0, last);
        loop {
            bytes += turn.size();
            if turns.len() == MAX_TURNS || bytes > most {
                return Err(invalid("previous_response_id", "continues a conversation that has grown too long"));
            }
            let own = items_of_turn(&turn);
            self.room.grow(weight(&own))?;
            let mut items = match &turn.conversation_id {
                Some(conversation) => self.before(conversation, &turn, &own).await?,
                None => Vec::new(),
            };
            items.extend(own);
            turns.push(items);
            let Some(id) = turn.previous_id.clone() else { break };
            match self.response(&id).await? {
                Found::Mine(kept) => turn = kept,
                _ => return Err(Refusal::previous_response_not_found(&id)),
            }
        }
        Ok(turns.into_iter().rev().flatten().collect())
    }

    /// The items of a conversation before those of a response that belongs to it. Of one that is gone there are none; where this
    /// caller may not see it, the response cannot be continued: without what came before, it would be another conversation.
    async fn before(&mut self, conversation: &str, turn: &KeptResponse, own: &[Json]) -> Result<Vec<Json>, Refusal> {
        let found = self.shared.state.conversation(turn.team_id, conversation).await?;
        let Some(known) = found else { return Ok(Vec::new()) };
        if !may_see(self.request.access, self.place, known.gateway_id) {
            return Err(Refusal::previous_response_not_found(&turn.id));
        }
        let items = self.shared.state.items(turn.team_id, conversation, &mut self.room).await?;
        let own: HashSet<String> = own.iter().filter_map(id_of).collect();
        let before = items.into_iter().take_while(|item| !own.contains(&item.id));
        Ok(before.filter_map(|item| Json::parse(item.item).ok()).collect())
    }

    /// The question with what comes before it, and with kept items in the places of references to them.
    async fn expand(mut self, refs: &StateRefs, history: History) -> Result<Bytes, Refusal> {
        let most = self.shared.options.max_body_bytes;
        let mut body = self.request.body.clone();
        if !refs.item_references.is_empty() {
            let known = self.referred(refs, &history.items).await?;
            // One item may be named again and again.
            let named = refs.item_references.iter().filter_map(|id| known.get(id)).map(|item| item.as_str().len());
            let named = named.sum::<usize>();
            if named > most {
                return Err(Refusal::body_too_large(most));
            }
            self.room.grow(MADE * (body.len() + named))?;
            let resolved = resolve_references(&body, |id| known.get(id).cloned());
            body = Bytes::from(resolved.map_err(Refusal::invalid_request)?);
        }
        let items = if self.native { portable(&history.items) } else { history.items };
        self.room.grow(MADE * (body.len() + weight(&items)))?;
        let body = Bytes::from(with_history(&body, &items, self.native));
        if body.len() > most {
            return Err(Refusal::body_too_large(most));
        }
        // What it was made of goes.
        self.room.set(body.len())?;
        Ok(self.room.hold(body))
    }

    /// The items that the question names, as far as they are known, by their ids.
    async fn referred(&mut self, refs: &StateRefs, history: &[Json]) -> Result<HashMap<String, Json>, Refusal> {
        if refs.item_references.len() > MAX_REFERENCES {
            return Err(invalid("input", "names more than 1,000 kept items; send the items themselves"));
        }
        let most = self.shared.options.max_body_bytes;
        let wanted: HashSet<&str> = refs.item_references.iter().map(String::as_str).collect();
        let mut known = HashMap::new();
        add_wanted(&mut known, &wanted, history);
        let (mut responses, mut bytes) = (HashSet::new(), 0);
        for item in &refs.item_references {
            let unknown = !known.contains_key(item);
            let Some(response) = response_of_item(item).filter(|_| unknown) else { continue };
            if responses.insert(response.clone())
                && let Found::Mine(kept) = self.response(&response).await?
            {
                bytes += kept.size();
                if bytes > most {
                    return Err(invalid(
                        "input",
                        "names items of more responses than can be looked through; name fewer",
                    ));
                }
                self.room.grow(kept.size())?;
                add_wanted(&mut known, &wanted, &items_of_turn(&kept));
            }
        }
        Ok(known)
    }
}

/// Adds the items that are wanted; of several with one id the first counts.
fn add_wanted(known: &mut HashMap<String, Json>, wanted: &HashSet<&str>, items: &[Json]) {
    for item in items {
        if let Some(id) = id_of(item).filter(|id| wanted.contains(id.as_str())) {
            known.entry(id).or_insert_with(|| item.clone());
        }
    }
}

/// What a look for a response brings.
enum Found {
    Mine(Arc<KeptResponse>),
    /// It is not for this caller.
    Hidden,
    Nothing,
}

/// The items that a turn adds: its question, then its answer.
fn items_of_turn(turn: &KeptResponse) -> Vec<Json> {
    let mut items: Vec<Json> = serde_json::from_str(&turn.input).unwrap_or_default();
    items.extend(output_items(turn.response.as_bytes()));
    items
}

/// What items take of the memory.
fn weight(items: &[Json]) -> usize {
    items.iter().map(|item| ITEM_BYTES + item.as_str().len()).sum()
}
