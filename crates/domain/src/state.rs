//! What the gateway keeps of the Responses API between requests: responses, and conversations with their items. The data
//! plane and the database behind it exchange it in these types; JSON that came from callers and providers stays text.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{GatewayId, TeamId};

/// How far a response is. Names are stored, and are OpenAI's but for the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// Nobody works on it yet.
    Queued,
    /// It is being made.
    InProgress,
    /// It is whole.
    Completed,
    /// It stopped early, with what there is.
    Incomplete,
    /// It was not made.
    Failed,
    /// Its caller did not want it any more.
    Cancelled,
    /// The process that made it ended first.
    Interrupted,
}

impl ResponseStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::InProgress,
        Self::Completed,
        Self::Incomplete,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The stable name, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The status of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether more may come.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }
}

/// A response, as it is kept. Once its status is final it does not change any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptResponse {
    pub team_id: TeamId,
    pub gateway_id: GatewayId,
    /// Unique within its team.
    pub id: String,
    /// Canonical slug of the provider that made it.
    pub provider: String,
    /// The credential under which the provider itself holds it; none where only the gateway does.
    pub holder: Option<String>,
    pub status: ResponseStatus,
    /// Whether its caller comes back for it.
    pub background: bool,
    /// The process that makes it, while it is being made.
    pub owner: Option<Uuid>,
    /// The response it continues.
    pub previous_id: Option<String>,
    /// The conversation it belongs to.
    pub conversation_id: Option<String>,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Not given out from then on, in milliseconds since 1970.
    pub expires_at_ms: i64,
    /// The items of this turn's question: a JSON list.
    pub input: String,
    /// The response: a JSON object.
    pub response: String,
}

impl KeptResponse {
    /// Bytes it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        const REST: usize = 512;
        REST + self.input.len() + self.response.len()
    }
}

/// An item of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationItem {
    /// Unique within its conversation.
    pub id: String,
    /// Items are in the order of these.
    pub position: i64,
    /// The item, a JSON object with that id.
    pub item: String,
}

/// Some items of a conversation, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemPage {
    pub items: Vec<ConversationItem>,
    /// Position and id of the last of them, where more follow.
    pub next: Option<(i64, String)>,
}

/// A conversation without its items, of which there may be thousands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    pub team_id: TeamId,
    pub gateway_id: GatewayId,
    /// Unique within its team.
    pub id: String,
    /// A JSON object.
    pub metadata: String,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Forgotten from then on, in milliseconds since 1970; each change moves it.
    pub expires_at_ms: i64,
}

impl Conversation {
    /// Bytes it takes without its items, about.
    #[must_use]
    pub fn size(&self) -> usize {
        const REST: usize = 1024;
        REST + self.metadata.len()
    }
}

/// Something that changes in what is kept. Changes are written down one after the other; to apply one again does no harm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateChange {
    /// A response comes. One that is there with a final status is left as it is.
    Keep(KeptResponse),
    /// A response goes.
    Forget { team_id: TeamId, id: String },
    /// Responses that a process was making before this time will not be finished by it.
    Interrupt { owner: Uuid, before_ms: i64 },
    /// A conversation comes.
    Converse(Conversation),
    /// A conversation goes, with its items.
    EndConversation { team_id: TeamId, id: String },
    /// Items come to a conversation. Those whose ids it has are left as they are.
    AddItems { team_id: TeamId, conversation_id: String, items: Vec<ConversationItem>, expires_at_ms: i64 },
    /// An item goes.
    RemoveItem { team_id: TeamId, conversation_id: String, item_id: String },
    /// A response ends that was kept while it was being made. One that is gone, or has a final status, is left as it is: what
    /// was deleted stays deleted.
    Finish(KeptResponse),
    /// A conversation's metadata change. One that is gone is left so.
    Describe(Conversation),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_known_by_its_name() {
        for status in ResponseStatus::ALL {
            assert_eq!(ResponseStatus::from_name(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).expect("a name"), status.as_str());
        }
        assert_eq!(ResponseStatus::from_name("done"), None);
    }
}
