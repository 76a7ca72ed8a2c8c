//! Conversations: what callers do with them and their items. Questions add to them in `keep.rs`.

use std::collections::HashSet;

use bytes::Bytes;
use domain::state::{Conversation, ConversationItem, StateChange};
use http::{Method, Response};
use serde_json::json;
use wire::api::openai_responses::{Described, described, id_of, list};
use wire::chat::{Json, Refused};

use super::list::page;
use super::may_see;
use super::serve::Serving;
use crate::admit::choose_gateway;
use crate::answer;
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::ingress::KeptCall;
use crate::memory::{Claim, Purpose};
use crate::plan;
use crate::scan::scan_json;

/// Longest metadata, in bytes.
const MAX_METADATA: usize = 16 << 10;
/// Most items of a conversation, and of those that come with one call.
pub(super) const MAX_ITEMS: usize = 10_000;
const MAX_ADDED: usize = 5_000;

/// Serves a call about conversations.
///
/// # Errors
/// `conversation_not_found`, `item_not_found`, `state_unavailable`, `state_disabled`, `invalid_request`, `body_too_large`,
/// `overloaded`, `rate_limited`.
pub(super) async fn serve(serving: Serving<'_>, call: KeptCall<'_>) -> Result<Response<Body>, Refusal> {
    let method = serving.parts.method.clone();
    match call {
        KeptCall::Conversations => serving.create(),
        KeptCall::Conversation(id) if method == Method::DELETE => serving.end(id).await,
        KeptCall::Conversation(id) if method == Method::POST => serving.describe(id).await,
        KeptCall::Conversation(id) => serving.conversation(id).await,
        KeptCall::Items(id) if method == Method::POST => serving.add(id).await,
        KeptCall::Items(id) => serving.items(id).await,
        KeptCall::Item(id, item) if method == Method::DELETE => serving.remove(id, item).await,
        KeptCall::Item(id, item) => serving.item(id, item).await,
        KeptCall::Response(_) | KeptCall::Cancel(_) | KeptCall::InputItems(_) => {
            Err(Refusal::unknown_route(serving.parts.uri.path()))
        }
    }
}

impl Serving<'_> {
    fn create(mut self) -> Result<Response<Body>, Refusal> {
        let gateway = choose_gateway(self.access, self.ingress.place, &self.parts.headers)?;
        self.settlement.row.gateway_id = Some(gateway.id);
        self.enter(gateway.id)?;
        let ttl_ms = gateway.settings.response_ttl_ms().ok_or_else(|| Refusal::state_disabled("conversation"))?;
        let Described { items, metadata } = self.described()?;
        self.count(gateway.id)?;
        let now_ms = now_ms();
        let conversation = Conversation {
            team_id: self.access.team.id,
            gateway_id: gateway.id,
            id: format!("conv_{}", self.settlement.id().0.simple()),
            metadata: metadata.map_or_else(|| "{}".to_owned(), |metadata| metadata.as_str().to_owned()),
            created_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(ttl_ms),
        };
        self.shared.state.change(StateChange::Converse(conversation.clone()))?;
        self.put(&conversation, items)?;
        self.tell(&conversation)
    }

    async fn conversation(mut self, id: &str) -> Result<Response<Body>, Refusal> {
        let conversation = self.known(id).await?;
        self.tell(&conversation)
    }

    async fn describe(mut self, id: &str) -> Result<Response<Body>, Refusal> {
        let known = self.known(id).await?;
        let metadata = self.described()?.metadata;
        let metadata = metadata.ok_or_else(|| Refused::field("metadata", "is missing; it must be an object"));
        let metadata = metadata.map_err(Refusal::invalid_request)?.as_str().to_owned();
        self.count(known.gateway_id)?;
        let conversation = Conversation { metadata, expires_at_ms: self.expiry(&known), ..known };
        self.shared.state.change(StateChange::Describe(conversation.clone()))?;
        self.tell(&conversation)
    }

    async fn end(mut self, id: &str) -> Result<Response<Body>, Refusal> {
        let team_id = self.known(id).await?.team_id;
        self.shared.state.change(StateChange::EndConversation { team_id, id: id.to_owned() })?;
        Ok(self.say(json!({ "id": id, "object": "conversation.deleted", "deleted": true }).to_string()))
    }

    async fn add(mut self, id: &str) -> Result<Response<Body>, Refusal> {
        let conversation = self.known(id).await?;
        let items = self.described()?.items;
        if items.is_empty() {
            let refused = Refused::field("items", "is missing; it must be a list of items");
            return Err(Refusal::invalid_request(refused));
        }
        self.count(conversation.gateway_id)?;
        let (kept, _room) = self.read(&conversation).await?;
        let bytes: usize = kept.iter().map(|item| item.item.len()).sum();
        if kept.len() + items.len() > MAX_ITEMS || bytes + self.body.len() > self.shared.options.max_body_bytes {
            let refused = Refused::field("items", "would make the conversation too long; begin another");
            return Err(Refusal::invalid_request(refused));
        }
        let known: HashSet<&str> = kept.iter().map(|item| item.id.as_str()).collect();
        if let Some(double) = items.iter().filter_map(id_of).find(|id| known.contains(id.as_str())) {
            let refused = Refused::field("items", format!("has {double:?}, which the conversation has already"));
            return Err(Refusal::invalid_request(refused));
        }
        self.put(&conversation, items.clone())?;
        Ok(self.say(list(&items, false)))
    }

    async fn items(mut self, id: &str) -> Result<Response<Body>, Refusal> {
        let conversation = self.known(id).await?;
        let (items, _room) = self.read(&conversation).await?;
        let items = items.into_iter().filter_map(|item| Json::parse(item.item).ok()).collect();
        let page = self.hold(page(items, self.query)?)?;
        Ok(self.say(page))
    }

    async fn item(mut self, id: &str, item: &str) -> Result<Response<Body>, Refusal> {
        let conversation = self.known(id).await?;
        let (items, _room) = self.read(&conversation).await?;
        let found = items.into_iter().find(|known| known.id == item);
        let found = found.ok_or_else(|| Refusal::item_not_found(item))?;
        let item = self.hold(found.item)?;
        Ok(self.say(item))
    }

    async fn remove(mut self, id: &str, item: &str) -> Result<Response<Body>, Refusal> {
        let conversation = self.known(id).await?;
        let (items, room) = self.read(&conversation).await?;
        if items.iter().all(|known| known.id != item) {
            return Err(Refusal::item_not_found(item));
        }
        drop((items, room));
        self.shared.state.change(StateChange::RemoveItem {
            team_id: conversation.team_id,
            conversation_id: id.to_owned(),
            item_id: item.to_owned(),
        })?;
        self.tell(&conversation)
    }

    /// The conversation of that id, where the caller may see it.
    async fn known(&mut self, id: &str) -> Result<Conversation, Refusal> {
        let found = self.shared.state.conversation(self.access.team.id, id).await?;
        let found = found.filter(|known| may_see(self.access, self.ingress.place, known.gateway_id));
        let conversation = found.ok_or_else(|| Refusal::conversation_not_found(id, None))?;
        self.enter(conversation.gateway_id)?;
        Ok(conversation)
    }

    /// Its items, with the room that they take.
    async fn read(&self, conversation: &Conversation) -> Result<(Vec<ConversationItem>, Claim), Refusal> {
        let mut room = self.shared.memory.claim(Purpose::Request);
        let items = self.shared.state.items(conversation.team_id, &conversation.id, &mut room).await?;
        Ok((items, room))
    }

    fn described(&self) -> Result<Described, Refusal> {
        if self.body.is_empty() {
            return Ok(Described::default());
        }
        let scan = scan_json(&self.parts.headers, &self.body)?;
        let _room = plan::room_for(&self.shared.memory, &self.body, &scan)?;
        let base = self.settlement.id().0.simple().to_string();
        let found = described(&self.body, &base).map_err(Refusal::invalid_request)?;
        if found.items.len() > MAX_ADDED {
            let refused = Refused::field("items", format!("has more than {MAX_ADDED} items; send fewer at once"));
            return Err(Refusal::invalid_request(refused));
        }
        if found.metadata.as_ref().is_some_and(|metadata| metadata.as_str().len() > MAX_METADATA) {
            let refused = Refused::field("metadata", format!("is longer than {MAX_METADATA} bytes"));
            return Err(Refusal::invalid_request(refused));
        }
        Ok(found)
    }

    /// Until when a conversation is kept that changes now.
    fn expiry(&self, conversation: &Conversation) -> i64 {
        let gateway = self.access.team.gateway_by_id(conversation.gateway_id);
        let ttl_ms = gateway.and_then(|gateway| gateway.settings.response_ttl_ms());
        ttl_ms.map_or(conversation.expires_at_ms, |ttl_ms| now_ms().saturating_add(ttl_ms))
    }

    fn put(&self, conversation: &Conversation, items: Vec<Json>) -> Result<(), Refusal> {
        if items.is_empty() {
            return Ok(());
        }
        self.shared.state.change(StateChange::AddItems {
            team_id: conversation.team_id,
            conversation_id: conversation.id.clone(),
            items: self.shared.state.place(items),
            expires_at_ms: self.expiry(conversation),
        })
    }

    fn tell(self, conversation: &Conversation) -> Result<Response<Body>, Refusal> {
        let metadata: serde_json::Value = serde_json::from_str(&conversation.metadata).unwrap_or_default();
        let told = json!({
            "id": conversation.id,
            "object": "conversation",
            "created_at": conversation.created_at_ms / 1_000,
            "metadata": metadata,
        });
        Ok(self.say(told.to_string()))
    }

    fn say(self, body: impl Into<Bytes>) -> Response<Body> {
        answer::json(self.settlement, body)
    }
}
