//! What is kept of the Responses API, in memory.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::TeamId;
use domain::state::{KeptConversation, KeptResponse, ResponseStatus, StateChange};
use gateway::ports::{Loaded, State, Unavailable};
use uuid::Uuid;

#[derive(Default)]
struct Data {
    responses: HashMap<(TeamId, String), KeptResponse>,
    conversations: HashMap<(TeamId, String), KeptConversation>,
}

/// Applies changes as the database does.
#[derive(Default)]
pub struct Kept {
    data: Arc<Mutex<Data>>,
    pub owner: Uuid,
    /// Whether neither reading nor writing works.
    pub broken: AtomicBool,
}

impl Kept {
    /// The same data, for another process.
    pub fn replica(&self) -> Self {
        Self { data: self.data.clone(), owner: Uuid::now_v7(), broken: AtomicBool::new(false) }
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

    fn look<T: Clone + Send + 'static>(&self, find: impl FnOnce(&Data) -> Option<T>) -> Loaded<T> {
        let broken = self.broken.load(Ordering::Acquire);
        let found = find(&self.data.lock().expect("no test panics with it"));
        Box::pin(async move { if broken { Err(Unavailable) } else { Ok(found) } })
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
        self.data.lock().expect("no test panics with it").apply(change.clone());
        Ok(())
    }

    fn load_response(&self, team: TeamId, id: String) -> Loaded<KeptResponse> {
        self.look(|data| data.responses.get(&(team, id)).cloned())
    }

    fn load_conversation(&self, team: TeamId, id: String) -> Loaded<KeptConversation> {
        self.look(|data| data.conversations.get(&(team, id)).cloned())
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
                let items = self.conversations.remove(&key).map(|kept| kept.items).unwrap_or_default();
                self.conversations.insert(key, KeptConversation { conversation, items });
            }
            StateChange::EndConversation { team_id, id } => drop(self.conversations.remove(&(team_id, id))),
            StateChange::AddItems { team_id, conversation_id, items, .. } => {
                let Some(kept) = self.conversations.get_mut(&(team_id, conversation_id)) else { return };
                let new: Vec<_> =
                    items.into_iter().filter(|new| kept.items.iter().all(|item| item.id != new.id)).collect();
                kept.items.extend(new);
            }
            StateChange::RemoveItem { team_id, conversation_id, item_id } => {
                if let Some(kept) = self.conversations.get_mut(&(team_id, conversation_id)) {
                    kept.items.retain(|item| item.id != item_id);
                }
            }
        }
    }
}
