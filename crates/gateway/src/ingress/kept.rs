//! Endpoints for what is kept of the Responses API.

use domain::ledger::Surface;
use http::Method;

/// What is called of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptCall<'a> {
    /// A response.
    Response(&'a str),
    /// Ends a response that is being made.
    Cancel(&'a str),
    /// The items of a response's question.
    InputItems(&'a str),
    /// Begins a conversation.
    Conversations,
    /// A conversation.
    Conversation(&'a str),
    /// The items of a conversation.
    Items(&'a str),
    /// An item of a conversation.
    Item(&'a str, &'a str),
}

impl<'a> KeptCall<'a> {
    /// Finds it by the path behind `v1`.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let mut parts = path.split('/');
        let (kind, rest) = (parts.next()?, [parts.next(), parts.next(), parts.next()]);
        if parts.next().is_some() || rest.iter().flatten().any(|part| part.is_empty()) {
            return None;
        }
        match (kind, rest) {
            ("responses", [Some(id), None, None]) => Some(Self::Response(id)),
            ("responses", [Some(id), Some("cancel"), None]) => Some(Self::Cancel(id)),
            ("responses", [Some(id), Some("input_items"), None]) => Some(Self::InputItems(id)),
            ("conversations", [None, None, None]) => Some(Self::Conversations),
            ("conversations", [Some(id), None, None]) => Some(Self::Conversation(id)),
            ("conversations", [Some(id), Some("items"), None]) => Some(Self::Items(id)),
            ("conversations", [Some(id), Some("items"), Some(item)]) => Some(Self::Item(id, item)),
            _ => None,
        }
    }

    pub(super) fn surface(self) -> Surface {
        match self {
            Self::Response(_) | Self::Cancel(_) | Self::InputItems(_) => Surface::StoredResponses,
            _ => Surface::Conversations,
        }
    }

    /// The methods it takes, where it was called with another.
    pub(super) fn allow(self, method: &Method) -> Option<&'static str> {
        let methods = match self {
            Self::Response(_) | Self::Item(..) => "GET, DELETE",
            Self::InputItems(_) => "GET",
            Self::Cancel(_) | Self::Conversations => "POST",
            Self::Conversation(_) => "GET, POST, DELETE",
            Self::Items(_) => "GET, POST",
        };
        (!methods.split(", ").any(|allowed| allowed == method.as_str())).then_some(methods)
    }
}
