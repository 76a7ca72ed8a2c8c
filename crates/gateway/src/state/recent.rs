//! What this process changed or read lately, bounded by bytes.
//!
//! Of a response, the whole; of a conversation, the changes, to be laid over what the database says. Applying a change that
//! the database has already does no harm, so nobody has to know whether it has.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use domain::TeamId;
use domain::state::{Conversation, ConversationItem, KeptResponse, StateChange};
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

/// How long memory decides, in milliseconds; the database knows long before that.
const DECIDES_MS: i64 = 60_000;
/// What an entry weighs beside its texts, in bytes.
const OVERHEAD: usize = 256;
/// What the tables are sized for; they grow beyond it.
const EXPECTED_ENTRY: u64 = 16 << 10;

type Key = (TeamId, String);

#[derive(Clone)]
struct Known<T> {
    at_ms: i64,
    what: T,
}

/// Changes of a conversation, oldest first, and what they weigh.
type Changes = Arc<(Vec<(i64, StateChange)>, usize)>;

/// What is in memory.
pub(super) struct Recent {
    /// None where it is gone.
    responses: Cache<Key, Known<Option<Arc<KeptResponse>>>, Bytes>,
    conversations: Cache<Key, Known<Changes>, Bytes>,
    /// A change of a conversation is read, changed and put back.
    changing: Mutex<()>,
}

impl Recent {
    pub(super) fn new(bytes: u64) -> Self {
        Self { responses: cache(bytes / 4 * 3), conversations: cache(bytes / 4), changing: Mutex::new(()) }
    }

    /// What memory decides of a response: that it is there, or gone. None where it does not decide.
    #[expect(clippy::option_option, reason = "not to know is another thing than to know that it is gone")]
    pub(super) fn response(&self, team: TeamId, id: &str, now_ms: i64) -> Option<Option<Arc<KeptResponse>>> {
        let known = self.responses.get(&(team, id.to_owned()))?;
        (now_ms - known.at_ms < DECIDES_MS).then_some(known.what)
    }

    /// What memory knew of a response before the database decided.
    pub(super) fn stale_response(&self, team: TeamId, id: &str) -> Option<Arc<KeptResponse>> {
        self.responses.get(&(team, id.to_owned()))?.what
    }

    /// Remembers a response that the database has.
    pub(super) fn remember(&self, response: Arc<KeptResponse>, at_ms: i64) {
        self.responses.insert((response.team_id, response.id.clone()), Known { at_ms, what: Some(response) });
    }

    /// Remembers that the database has no such response any more.
    pub(super) fn forget(&self, team: TeamId, id: String, at_ms: i64) {
        self.responses.insert((team, id), Known { at_ms, what: None });
    }

    /// Whether memory knows that nothing more comes of a response: it has ended, or it is gone.
    pub(super) fn is_over(&self, team: TeamId, id: &str, now_ms: i64) -> bool {
        let known = self.response(team, id, now_ms);
        known.is_some_and(|known| known.is_none_or(|known| !known.status.is_open()))
    }

    /// Takes note of a change that was written down.
    pub(super) fn note(&self, change: StateChange, at_ms: i64) {
        match change {
            StateChange::Keep(response) => {
                let known = self.response(response.team_id, &response.id, at_ms).flatten();
                if known.is_none_or(|known| known.status.is_open()) {
                    self.remember(Arc::new(response), at_ms);
                }
            }
            StateChange::Finish(response) => {
                if !self.is_over(response.team_id, &response.id, at_ms) {
                    self.remember(Arc::new(response), at_ms);
                }
            }
            StateChange::Forget { team_id, id } => self.forget(team_id, id, at_ms),
            StateChange::Interrupt { .. } => {}
            change => self.note_conversation(change, at_ms),
        }
    }

    fn note_conversation(&self, change: StateChange, at_ms: i64) {
        let key = match &change {
            StateChange::Converse(conversation) | StateChange::Describe(conversation) => {
                (conversation.team_id, conversation.id.clone())
            }
            StateChange::EndConversation { team_id, id } => (*team_id, id.clone()),
            StateChange::AddItems { team_id, conversation_id, .. }
            | StateChange::RemoveItem { team_id, conversation_id, .. } => (*team_id, conversation_id.clone()),
            StateChange::Keep(_)
            | StateChange::Finish(_)
            | StateChange::Forget { .. }
            | StateChange::Interrupt { .. } => return,
        };
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.conversations.get(&key).map(|known| known.what);
        let old = before.iter().flat_map(|changes| &changes.0);
        let mut changes: Vec<_> = old.filter(|(noted, _)| at_ms - noted < DECIDES_MS).cloned().collect();
        changes.push((at_ms, change));
        let weight = changes.iter().map(|(_, change)| size(change)).sum();
        self.conversations.insert(key, Known { at_ms, what: Arc::new((changes, weight)) });
    }

    /// A conversation as it is: what the database says, and what changed since.
    pub(super) fn conversation(
        &self,
        team: TeamId,
        id: &str,
        mut found: Option<Conversation>,
        now_ms: i64,
    ) -> Option<Conversation> {
        self.each_change(team, id, now_ms, |change| match change {
            StateChange::Converse(conversation) => found = Some(conversation.clone()),
            StateChange::Describe(conversation) => found = found.take().map(|_| conversation.clone()),
            StateChange::EndConversation { .. } => found = None,
            StateChange::AddItems { expires_at_ms, .. } => {
                found.iter_mut().for_each(|found| found.expires_at_ms = *expires_at_ms);
            }
            _ => {}
        });
        found
    }

    /// The items of a conversation in their order: those that the database has, and what changed since.
    pub(super) fn items(&self, team: TeamId, id: &str, found: &mut Vec<ConversationItem>, now_ms: i64) {
        let mut known: HashSet<String> = found.iter().map(|item| item.id.clone()).collect();
        self.each_change(team, id, now_ms, |change| match change {
            StateChange::AddItems { items, .. } => {
                found.extend(items.iter().filter(|item| known.insert(item.id.clone())).cloned());
            }
            StateChange::RemoveItem { item_id, .. } => {
                known.remove(item_id);
                found.retain(|item| item.id != *item_id);
            }
            _ => {}
        });
        found.sort_by_key(|item| item.position);
    }

    fn each_change(&self, team: TeamId, id: &str, now_ms: i64, mut each: impl FnMut(&StateChange)) {
        let Some(known) = self.conversations.get(&(team, id.to_owned())) else { return };
        let lately = known.what.0.iter().filter(|(at_ms, _)| now_ms - at_ms < DECIDES_MS);
        lately.for_each(|(_, change)| each(change));
    }
}

fn size(change: &StateChange) -> usize {
    let texts = match change {
        StateChange::Converse(conversation) | StateChange::Describe(conversation) => conversation.metadata.len(),
        StateChange::AddItems { items, .. } => items.iter().map(|item| OVERHEAD + item.item.len()).sum(),
        _ => 0,
    };
    OVERHEAD + texts
}

/// Weighs entries by what they hold.
#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Known<Option<Arc<KeptResponse>>>> for Bytes {
    fn weight(&self, _key: &Key, known: &Known<Option<Arc<KeptResponse>>>) -> u64 {
        (OVERHEAD + known.what.as_ref().map_or(0, |response| response.size())) as u64
    }
}

impl Weighter<Key, Known<Changes>> for Bytes {
    fn weight(&self, _key: &Key, known: &Known<Changes>) -> u64 {
        (OVERHEAD + known.what.1) as u64
    }
}

fn cache<T: Clone>(bytes: u64) -> Cache<Key, T, Bytes>
where
    Bytes: Weighter<Key, T>,
    quick_cache::sync::DefaultLifecycle<Key, T>: Lifecycle<Key, T>,
{
    let entries = usize::try_from(bytes / EXPECTED_ENTRY).unwrap_or(usize::MAX).max(4);
    // Few shards, so that each has room for the largest responses.
    let options = OptionsBuilder::new().shards(4).estimated_items_capacity(entries).weight_capacity(bytes).build();
    let options = options.expect("both required options are set");
    Cache::with_options(options, Bytes, DefaultHashBuilder::default(), quick_cache::sync::DefaultLifecycle::default())
}

#[cfg(test)]
mod tests {
    use domain::GatewayId;
    use domain::state::ResponseStatus;

    use super::*;

    const TEAM: TeamId = TeamId(1);

    fn response(status: ResponseStatus) -> KeptResponse {
        KeptResponse {
            team_id: TEAM,
            gateway_id: GatewayId(1),
            id: "resp_1".to_owned(),
            provider: "anthropic".to_owned(),
            holder: None,
            status,
            background: false,
            owner: None,
            previous_id: None,
            conversation_id: None,
            created_at_ms: 0,
            expires_at_ms: i64::MAX,
            input: "[]".to_owned(),
            response: "{}".to_owned(),
        }
    }

    fn conversation() -> Conversation {
        Conversation {
            team_id: TEAM,
            gateway_id: GatewayId(1),
            id: "conv_1".to_owned(),
            metadata: "{}".to_owned(),
            created_at_ms: 0,
            expires_at_ms: 10,
        }
    }

    fn add(id: &str, position: i64) -> StateChange {
        let item = ConversationItem { id: id.to_owned(), position, item: "{}".to_owned() };
        StateChange::AddItems {
            team_id: TEAM,
            conversation_id: "conv_1".to_owned(),
            items: vec![item],
            expires_at_ms: 20,
        }
    }

    #[test]
    fn memory_decides_for_a_minute_and_knows_what_is_gone() {
        let recent = Recent::new(1 << 20);
        let status = |now_ms| recent.response(TEAM, "resp_1", now_ms).map(|known| known.map(|kept| kept.status));
        assert_eq!(status(0), None);
        recent.note(StateChange::Keep(response(ResponseStatus::InProgress)), 0);
        recent.note(StateChange::Keep(response(ResponseStatus::Cancelled)), 1);
        recent.note(StateChange::Keep(response(ResponseStatus::Completed)), 2);
        assert_eq!(status(3), Some(Some(ResponseStatus::Cancelled)), "the first final status stays");
        assert!(recent.response(TeamId(2), "resp_1", 3).is_none());
        assert_eq!(status(DECIDES_MS + 1), None);
        assert!(recent.stale_response(TEAM, "resp_1").is_some());
        recent.note(StateChange::Forget { team_id: TEAM, id: "resp_1".to_owned() }, 4);
        assert_eq!(status(5), Some(None));
    }

    #[test]
    fn what_is_gone_is_not_finished() {
        let recent = Recent::new(1 << 20);
        recent.note(StateChange::Finish(response(ResponseStatus::Completed)), 0);
        assert!(recent.is_over(TEAM, "resp_1", 1), "told to whoever was there when it ended");
        recent.note(StateChange::Forget { team_id: TEAM, id: "resp_1".to_owned() }, 1);
        recent.note(StateChange::Finish(response(ResponseStatus::Completed)), 2);
        assert_eq!(recent.response(TEAM, "resp_1", 3), Some(None));
        assert!(recent.is_over(TEAM, "resp_1", 3) && !recent.is_over(TEAM, "resp_1", DECIDES_MS + 2));
    }

    #[test]
    fn changes_are_laid_over_what_the_database_says() {
        let recent = Recent::new(1 << 20);
        recent.note(StateChange::Converse(conversation()), 0);
        recent.note(add("b", 2), 1);
        recent.note(add("a", 1), 2);
        let expires = |found, now_ms| {
            recent.conversation(TEAM, "conv_1", found, now_ms).map(|conversation| conversation.expires_at_ms)
        };
        let items = |mut found: Vec<ConversationItem>, now_ms| {
            recent.items(TEAM, "conv_1", &mut found, now_ms);
            found
        };
        let ids = |found: &[ConversationItem]| found.iter().map(|item| item.id.clone()).collect::<Vec<_>>();
        assert_eq!(expires(None, 3), Some(20));
        let over_nothing = items(Vec::new(), 3);
        assert_eq!(ids(&over_nothing), ["a", "b"]);
        assert_eq!(items(over_nothing.clone(), 3), over_nothing, "what the database has already changes nothing");
        let gone =
            StateChange::RemoveItem { team_id: TEAM, conversation_id: "conv_1".to_owned(), item_id: "b".to_owned() };
        recent.note(gone, 4);
        assert_eq!(ids(&items(over_nothing.clone(), 5)), ["a"]);
        assert_eq!(ids(&items(over_nothing, DECIDES_MS + 9)), ["a", "b"], "the database decides");
        recent.note(StateChange::EndConversation { team_id: TEAM, id: "conv_1".to_owned() }, 6);
        assert_eq!(expires(Some(conversation()), 7), None);
    }

    #[test]
    fn memory_is_bounded() {
        let recent = Recent::new(1 << 20);
        for number in 0..1_000 {
            let id = format!("resp_{number}");
            let large = KeptResponse { id, response: "x".repeat(10_000), ..response(ResponseStatus::Completed) };
            recent.note(StateChange::Keep(large), 0);
        }
        assert!(recent.responses.weight() <= 1 << 20);
    }
}
