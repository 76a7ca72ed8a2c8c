//! What is kept between requests of the Responses API, so that `previous_response_id` and conversations work with every
//! provider: responses with their questions, and conversations with their items, each of one team.
//!
//! # Where
//! A change goes into the spool beside the ledger's rows (before the last byte of the answer that made it leaves, so that it
//! survives the process) and from there into the database, which all replicas read. What this process changed or read within
//! the last minute is in memory as well, bounded by bytes: a client that refers to an answer the moment it has it is
//! served before the database knows of it. After that minute the database decides, so what another replica forgets is
//! forgotten everywhere within it.
//!
//! # Whose
//! The team is part of every key. Within the team, a token that is restricted to some gateways sees what came through these,
//! and a conversation's items come before a question only where the conversation may be seen. The models and providers
//! that a token is limited to are those that it may ask; what was said by others and is kept here it may read.
//!
//! # What is deleted
//! Stays deleted. A response that is made in the background is kept from its beginning, and its end is written only over a row
//! that is still there ([`StateChange::Finish`]); whoever makes it looks every few seconds whether it is still wanted.
//!
//! # What it takes
//! What is read for a question, or for a list, has its place in the one bound on bodies ([`Claim`]), page by page.
//!
//! # What a provider holds itself
//! A provider that speaks the API keeps responses too. Its bytes pass untouched; what passes is kept here as well, so that
//! another provider can go on with it, and what was left out by `store: false` is kept nowhere.

mod background;
mod conversation;
mod jobs;
mod keep;
mod list;
mod recent;
mod serve;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::state::{Conversation, ConversationItem, KeptResponse, StateChange};
use domain::{GatewayId, TeamId};
use uuid::Uuid;
use wire::api::openai_responses::{MOST_ITEM_ID, id_of};
use wire::chat::Json;

pub(crate) use background::in_background;
pub(crate) use keep::{After, Keeper};
pub(crate) use serve::{Served, serve};
pub(crate) use turn::turn;

use self::jobs::{Jobs, Key};
use self::recent::Recent;
use crate::authenticate::Access;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::ingress::Place;
use crate::memory::Claim;
use crate::options::Options;
use crate::ports::{self, Unavailable};

/// What a response is told to have failed of whose maker is gone.
const INTERRUPTED: (&str, &str) =
    ("server_error", "The gateway stopped before the response was complete. Send the question again.");
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long another replica's response may be on its way into the database, and how often it is looked for.
const ON_ITS_WAY_MS: i64 = 5_000;
const LOOKS: u32 = 8;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// How long what this process wrote down may be on its way before nobody waits for it any more.
const CATCH_UP: Duration = Duration::from_secs(1);
/// What an item takes beside its text, in bytes.
const ITEM_BYTES: usize = 128;

/// What is kept, and the memory of what was used lately.
pub(crate) struct State {
    port: Arc<dyn ports::State>,
    recent: Recent,
    jobs: Jobs,
    largest: usize,
    /// The position of the item that was added last.
    position: AtomicI64,
}

impl State {
    pub(crate) fn new(options: &Options, port: Arc<dyn ports::State>) -> Self {
        let recent = Recent::new(options.state_bytes);
        let jobs = Jobs::new(options.max_background);
        Self { port, recent, jobs, largest: options.largest_response, position: AtomicI64::new(0) }
    }

    /// Names this process in responses that it is making.
    fn owner(&self) -> Uuid {
        self.port.owner()
    }

    /// Waits until the database has everything that this process has written down; false where that takes too long.
    async fn caught_up(&self) -> bool {
        tokio::time::timeout(CATCH_UP, self.port.caught_up()).await.unwrap_or(false)
    }

    /// Whether another process has ended or deleted a response that is being made here, and whose beginning the database
    /// has. Memory knows it then too.
    async fn is_unwanted(&self, (team, id): &Key) -> bool {
        let load = self.port.load_response(*team, id.clone());
        match tokio::time::timeout(PATIENCE, load).await {
            Ok(Ok(Some(kept))) if kept.status.is_open() => false,
            Ok(Ok(Some(kept))) => {
                self.recent.remember(Arc::new(kept), now_ms());
                true
            }
            Ok(Ok(None)) => {
                self.recent.forget(*team, id.clone(), now_ms());
                true
            }
            Ok(Err(Unavailable)) | Err(_) => false,
        }
    }

    /// The longest response that is kept, in bytes.
    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    /// Keeps a response, here and for everybody. Tells whether it is kept.
    pub(crate) fn keep(&self, response: KeptResponse) -> bool {
        self.fits(&response) && self.change(StateChange::Keep(response)).is_ok()
    }

    /// Keeps the end of a response that was kept as it began, unless it is over by now. Tells whether it is over.
    fn finish(&self, response: KeptResponse) -> bool {
        self.is_over(response.team_id, &response.id)
            || (self.fits(&response) && self.change(StateChange::Finish(response)).is_ok())
    }

    /// A provider's id may be longer than a database takes for a key.
    fn fits(&self, response: &KeptResponse) -> bool {
        response.size() <= self.largest && response.id.len() <= MOST_ITEM_ID
    }

    /// Whether memory knows that a response has ended, or is gone.
    fn is_over(&self, team: TeamId, id: &str) -> bool {
        self.recent.is_over(team, id, now_ms())
    }

    /// Makes a change, here and for everybody.
    ///
    /// # Errors
    /// `state_unavailable`: it could not be written down.
    pub(crate) fn change(&self, change: StateChange) -> Result<(), Refusal> {
        if let Err(error) = self.port.record(&change) {
            tracing::warn!(%error, "a change of kept state could not be written down");
            return Err(Refusal::state_unavailable());
        }
        self.recent.note(change, now_ms());
        Ok(())
    }

    /// A team's response.
    ///
    /// # Errors
    /// `state_unavailable`.
    pub(crate) async fn response(&self, team: TeamId, id: &str) -> Result<Option<Arc<KeptResponse>>, Refusal> {
        let mut looks = 1;
        loop {
            let now_ms = now_ms();
            if let Some(known) = self.recent.response(team, id, now_ms) {
                return Ok(known.filter(|kept| kept.expires_at_ms > now_ms));
            }
            let load = self.port.load_response(team, id.to_owned());
            let Ok(Ok(found)) = tokio::time::timeout(PATIENCE, load).await else {
                // Better what was true a while ago than nothing.
                let stale = self.recent.stale_response(team, id).filter(|kept| kept.expires_at_ms > now_ms);
                return stale.map(Some).ok_or_else(Refusal::state_unavailable);
            };
            if let Some(kept) = found.filter(|kept| kept.expires_at_ms > now_ms) {
                let kept = Arc::new(kept);
                if !kept.status.is_open() {
                    self.recent.remember(kept.clone(), now_ms);
                }
                return Ok(Some(kept));
            }
            if looks == LOOKS || !may_be_on_its_way(id, now_ms) {
                return Ok(None);
            }
            looks += 1;
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// A team's conversation without its items.
    ///
    /// # Errors
    /// `state_unavailable`.
    pub(crate) async fn conversation(&self, team: TeamId, id: &str) -> Result<Option<Conversation>, Refusal> {
        let found = loaded(self.port.load_conversation(team, id.to_owned())).await?;
        let now_ms = now_ms();
        let found = self.recent.conversation(team, id, found, now_ms);
        Ok(found.filter(|conversation| conversation.expires_at_ms > now_ms))
    }

    /// The items of a team's conversation, in their order, with room for them added to a claim.
    ///
    /// # Errors
    /// `state_unavailable`; `overloaded` where there is no room.
    pub(crate) async fn items(
        &self,
        team: TeamId,
        id: &str,
        room: &mut Claim,
    ) -> Result<Vec<ConversationItem>, Refusal> {
        let (mut items, mut next) = (Vec::new(), None);
        loop {
            let page = loaded(self.port.load_items(team, id.to_owned(), next)).await?;
            room.grow(page.items.iter().map(weight).sum())?;
            items.extend(page.items);
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        let loaded: usize = items.iter().map(weight).sum();
        self.recent.items(team, id, &mut items, now_ms());
        room.grow(items.iter().map(weight).sum::<usize>().saturating_sub(loaded))?;
        Ok(items)
    }

    /// Items with places behind all that this process has given out.
    pub(crate) fn place(&self, items: impl IntoIterator<Item = Json>) -> Vec<ConversationItem> {
        /// A millisecond has this many places, as a power of two.
        const PLACES: u32 = 20;
        let first = now_ms() << PLACES;
        let next = |last: i64| Some(last.max(first) + 1);
        let place = |item: Json| {
            let id = id_of(&item)?;
            // The closure never declines.
            let last = self.position.try_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or(first);
            let position = last.max(first) + 1;
            Some(ConversationItem { id, position, item: item.as_str().to_owned() })
        };
        items.into_iter().filter_map(place).collect()
    }
}

/// What a look into the database brings.
async fn loaded<T>(load: ports::Loaded<T>) -> Result<T, Refusal> {
    let found = tokio::time::timeout(PATIENCE, load).await.unwrap_or(Err(Unavailable));
    found.map_err(|Unavailable| Refusal::state_unavailable())
}

/// What an item takes of the memory.
fn weight(item: &ConversationItem) -> usize {
    ITEM_BYTES + item.item.len()
}

/// Whether an id was given out so lately, by another replica perhaps, that the database need not know it yet.
fn may_be_on_its_way(id: &str, now_ms: i64) -> bool {
    let made = id.strip_prefix("resp_").and_then(|base| Uuid::try_parse(base).ok());
    let seconds = made.and_then(|made| made.get_timestamp()).map(|at| at.to_unix());
    let Some((seconds, nanos)) = seconds else { return false };
    let made_ms = i64::try_from(seconds).unwrap_or_default() * 1_000 + i64::from(nanos / 1_000_000);
    (0..ON_ITS_WAY_MS).contains(&(now_ms - made_ms))
}

/// Whether a caller may see what came through a gateway of its team.
fn may_see(access: &Access, place: Option<Place<'_>>, gateway: GatewayId) -> bool {
    match &access.token {
        Some(token) => token.allows_gateway(gateway),
        // Nobody's token, on a gateway that asks for none.
        None => place.and_then(|place| access.team.gateway(place.gateway)).is_some_and(|own| own.id == gateway),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_that_was_just_made_is_waited_for() {
        let id = |uuid: Uuid| format!("resp_{}", uuid.simple());
        assert!(may_be_on_its_way(&id(Uuid::now_v7()), now_ms()));
        assert!(!may_be_on_its_way(&id(Uuid::now_v7()), now_ms() + ON_ITS_WAY_MS + 1));
        for other in ["resp_1", "", "resp_67cb61fa3a448190bcf2c42d96f0d1a8", "conv_1"] {
            assert!(!may_be_on_its_way(other, now_ms()), "{other}");
        }
    }
}
