//! What is kept of the Responses API, in memory.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::TeamId;
use domain::state::{Conversation, ConversationItem, ItemPage, KeptResponse, ResponseStatus, StateChange};
use futures_util::future::BoxFuture;
use gateway::ports::{Loaded, State, Unavailable};
use tokio::sync::watch;
use uuid::Uuid;

/// Items on a page.
const PAGE: usize = 1_000;

#[derive(Default)]
struct Data {
    responses: HashMap<(TeamId, String), KeptResponse>,
    conversations: HashMap<(TeamId, String), (Conversation, Vec<ConversationItem>)>,
}

/// Applies changes as the database does.
#[derive(Default)]
pub struct Kept {
    data: Arc<Mutex<Data>>,
    pub owner: Uuid,
    /// Whether neither reading nor writing works.
    pub broken: AtomicBool,
    /// Pages of items that were read.
    pub pages: AtomicUsize,
    /// Changes that are on their way into the database, where it is behind.
    behind: Mutex<Option<Vec<StateChange>>>,
    /// Whether what a look has found is held back.
    held: watch::Sender<bool>,
}

impl Kept {
    /// The same data, for another process, which is as far behind.
    pub fn replica(&self) -> Self {
        let behind = self.behind.lock().expect("no test panics with it").as_ref().map(|_| Vec::new());
        Self { data: self.data.clone(), owner: Uuid::now_v7(), behind: Mutex::new(behind), ..Self::default() }
    }

    pub fn responses(&self) -> Vec<KeptResponse> {
        let data = self.data.lock().expect("no test panics with it");
        let mut all: Vec<_> = data.responses.values().cloned().collect();
        all.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        all
    }

    /// The only response there is.
    pub fn response(&self) -> KeptResponse {
        let all = self.responses();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.into_iter().next().expect("one response")
    }

    /// Changes every response, as time or another process would.
    pub fn change(&self, change: impl Fn(&mut KeptResponse)) {
        self.data.lock().expect("no test panics with it").responses.values_mut().for_each(change);
    }

    /// From now on changes stay on their way into the database.
    pub fn fall_behind(&self) {
        self.behind.lock().expect("no test panics with it").get_or_insert_default();
    }

    /// What was on its way arrives.
    pub fn catch_up(&self) {
        let arrived = self.behind.lock().expect("no test panics with it").take().unwrap_or_default();
        let mut data = self.data.lock().expect("no test panics with it");
        arrived.into_iter().for_each(|change| data.apply(change));
    }

    /// Whether looks have to wait with what they have found.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    fn look<T: Clone + Send + 'static>(&self, find: impl FnOnce(&Data) -> T) -> Loaded<T> {
        let broken = self.broken.load(Ordering::Acquire);
        let found = find(&self.data.lock().expect("no test panics with it"));
        let mut held = self.held.subscribe();
        Box::pin(async move {
            let _ = held.wait_for(|held| !held).await;
            if broken { Err(Unavailable) } else { Ok(found) }
        })
    }
}

impl State for Kept {
    fn owner(&self) -> Uuid {
        self.owner
    }

    fn record(&self, change: &StateChange) -> io::Result<()> {
        if self.broken.load(Ordering::Acquire) {
            return Err(io::Error::other("broken by script"));
        }
        match &mut *self.behind.lock().expect("no test panics with it") {
            Some(behind) => behind.push(change.clone()),
            None => self.data.lock().expect("no test panics with it").apply(change.clone()),
        }
        Ok(())
    }

    fn caught_up(&self) -> BoxFuture<'static, bool> {
        let caught_up = self.behind.lock().expect("no test panics with it").is_none();
        Box::pin(async move { caught_up })
    }

    fn load_response(&self, team: TeamId, id: String) -> Loaded<Option<KeptResponse>> {
        self.look(|data| data.responses.get(&(team, id)).cloned())
    }

    fn load_conversation(&self, team: TeamId, id: String) -> Loaded<Option<Conversation>> {
        self.look(|data| data.conversations.get(&(team, id)).map(|(conversation, _)| conversation.clone()))
    }

    fn load_items(&self, team: TeamId, conversation: String, after: Option<(i64, String)>) -> Loaded<ItemPage> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.look(|data| {
            let Some((_, items)) = data.conversations.get(&(team, conversation)) else { return ItemPage::default() };
            let place = |item: &ConversationItem| Some((item.position, item.id.clone()));
            let mut items: Vec<_> = items.iter().filter(|item| place(item) > after).cloned().collect();
            items.sort_by_key(place);
            let more = items.len() > PAGE;
            items.truncate(PAGE);
            let next = items.last().filter(|_| more).and_then(place);
            ItemPage { items, next }
        })
    }
}

impl Data {
    fn apply(&mut self, change: StateChange) {
        match change {
            StateChange::Keep(response) => {
                let key = (response.team_id, response.id.clone());
                if self.responses.get(&key).is_none_or(|known| known.status.is_open()) {
                    self.responses.insert(key, response);
                }
            }
            StateChange::Finish(response) => {
                let known = self.responses.get_mut(&(response.team_id, response.id.clone()));
                if let Some(known) = known.filter(|known| known.status.is_open()) {
                    *known = response;
                }
            }
            StateChange::Forget { team_id, id } => drop(self.responses.remove(&(team_id, id))),
            StateChange::Interrupt { owner, before_ms } => {
                for response in self.responses.values_mut() {
                    let its = response.owner == Some(owner) && response.created_at_ms < before_ms;
                    if its && response.status.is_open() {
                        response.status = ResponseStatus::Interrupted;
                    }
                }
            }
            StateChange::Converse(conversation) => {
                let key = (conversation.team_id, conversation.id.clone());
                let items = self.conversations.remove(&key).map(|(_, items)| items).unwrap_or_default();
                self.conversations.insert(key, (conversation, items));
            }
            StateChange::Describe(conversation) => {
                let known = self.conversations.get_mut(&(conversation.team_id, conversation.id.clone()));
                known.into_iter().for_each(|(known, _)| *known = conversation.clone());
            }
            StateChange::EndConversation { team_id, id } => drop(self.conversations.remove(&(team_id, id))),
            StateChange::AddItems { team_id, conversation_id, items: new, .. } => {
                let Some((_, items)) = self.conversations.get_mut(&(team_id, conversation_id)) else { return };
                let new: Vec<_> = new.into_iter().filter(|new| items.iter().all(|item| item.id != new.id)).collect();
                items.extend(new);
            }
            StateChange::RemoveItem { team_id, conversation_id, item_id } => {
                if let Some((_, items)) = self.conversations.get_mut(&(team_id, conversation_id)) {
                    items.retain(|item| item.id != item_id);
                }
            }
        }
    }
}
