//! How lists are narrowed and paged.

use serde::{Deserialize, Serialize};

use crate::ledger::Outcome;
use crate::{GatewayId, RequestId, TokenId};

/// How requests ended, by status or by outcome: an answer that broke off after it had begun has the status it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    /// A complete answer below 400.
    Success,
    /// 400 to 499.
    ClientError,
    /// 500 and above.
    ServerError,
    /// Whatever counts as an error, see [`Outcome::is_error`].
    Error,
    /// Begun well and not ended, through no doing of the client's.
    Broken,
    /// The client left before the end.
    Cancelled,
    /// One status.
    Exactly(u16),
}

impl StatusFilter {
    /// Reads `success`, `error`, `4xx`, `5xx`, `broken`, `cancelled` or a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "success" | "2xx" => Some(Self::Success),
            "4xx" => Some(Self::ClientError),
            "5xx" => Some(Self::ServerError),
            "error" => Some(Self::Error),
            "broken" => Some(Self::Broken),
            "cancelled" => Some(Self::Cancelled),
            _ => text.parse().ok().filter(|status| (100..600).contains(status)).map(Self::Exactly),
        }
    }

    /// Lowest and highest status it lets through.
    #[must_use]
    pub fn statuses(self) -> (u16, u16) {
        match self {
            Self::Success | Self::Broken => (100, 399),
            Self::ClientError => (400, 499),
            Self::ServerError => (500, 599),
            Self::Error | Self::Cancelled => (0, 599),
            Self::Exactly(status) => (status, status),
        }
    }

    /// The outcomes it lets through.
    #[must_use]
    pub fn outcomes(self) -> &'static [Outcome] {
        use Outcome::{ClientGone, Interrupted, Ok, Refused, UpstreamError, UpstreamFailed};
        match self {
            Self::Success => &[Ok],
            Self::Error => &[UpstreamError, UpstreamFailed, Refused, Interrupted],
            Self::Broken => &[UpstreamFailed, Interrupted],
            Self::Cancelled => &[ClientGone],
            Self::ClientError | Self::ServerError | Self::Exactly(_) => &Outcome::ALL,
        }
    }

    /// Whether it lets a request through that ended so.
    #[must_use]
    pub fn admits(self, status: u16, outcome: Outcome) -> bool {
        let (low, high) = self.statuses();
        (low..=high).contains(&status) && self.outcomes().contains(&outcome)
    }
}

/// Which requests a list shows. Every field narrows; an empty filter shows all of the team's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestFilter {
    pub gateway: Option<GatewayId>,
    pub status: Option<StatusFilter>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub token: Option<TokenId>,
    /// Who it was asked for.
    pub user: Option<String>,
    /// First moment, inclusive, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Last moment, exclusive.
    pub to_ms: Option<i64>,
}

/// A place in a list that is ordered newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// Rows older than this one.
    Before(RequestId, u16),
    /// Rows newer than this one.
    After(RequestId, u16),
}

impl Cursor {
    /// `before-{id}-{attempt}` or `after-{id}-{attempt}`, for a URL.
    #[must_use]
    pub fn encode(self) -> String {
        match self {
            Self::Before(id, attempt) => format!("before-{}-{attempt}", id.0.simple()),
            Self::After(id, attempt) => format!("after-{}-{attempt}", id.0.simple()),
        }
    }

    /// The reverse of [`Cursor::encode`]; anything else is no cursor.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (side, id, attempt) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        match (side, parts.next()) {
            ("before", None) => Some(Self::Before(id, attempt)),
            ("after", None) => Some(Self::After(id, attempt)),
            _ => None,
        }
    }
}

/// A slice of a list with the ways onward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Newest first.
    pub rows: Vec<T>,
    pub older: Option<Cursor>,
    pub newer: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_a_url() {
        let id: RequestId = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee".parse().expect("a uuid");
        for cursor in [Cursor::Before(id, 0), Cursor::After(id, 3)] {
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        for bad in ["", "before", "before-x-1", "sideways-0190aaaabbbb7ccc8dddeeeeeeeeeeee-1"] {
            assert_eq!(Cursor::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn status_groups_are_read_from_urls() {
        assert_eq!(StatusFilter::parse("429"), Some(StatusFilter::Exactly(429)));
        assert_eq!(StatusFilter::parse("5xx").map(StatusFilter::statuses), Some((500, 599)));
        assert_eq!(StatusFilter::parse("9000"), None);
    }

    #[test]
    fn an_answer_that_broke_off_is_an_error_whatever_its_status() {
        let admits = |text, status, outcome| StatusFilter::parse(text).expect("a filter").admits(status, outcome);
        for outcome in [Outcome::UpstreamFailed, Outcome::Interrupted] {
            assert!(admits("error", 200, outcome) && admits("broken", 200, outcome) && admits("200", 200, outcome));
            assert!(!admits("success", 200, outcome) && !admits("5xx", 200, outcome));
        }
        assert!(admits("error", 502, Outcome::UpstreamFailed) && !admits("broken", 502, Outcome::UpstreamFailed));
        for outcome in Outcome::ALL {
            assert_eq!(admits("error", 200, outcome), outcome.is_error(), "{outcome:?}");
            assert!(admits("499", 499, outcome));
        }
        for status in [200, 499] {
            assert!(admits("cancelled", status, Outcome::ClientGone) && !admits("error", status, Outcome::ClientGone));
        }
    }
}
