//! The rows of a request as one: its attempts are paid for together, and it is judged once.

use domain::RequestId;
use domain::ledger::Spent;
use store::spent::Row;

/// A request with all its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// What the last attempt was, with what all of them spent. The cost is unknown where no attempt has one.
    pub(super) spent: Spent,
    /// Whether the cache answered it.
    pub(super) from_cache: bool,
}

/// Puts rows together that come in the order of requests and attempts.
#[derive(Default)]
pub(super) struct Merge {
    open: Option<(RequestId, Request)>,
}

impl Merge {
    /// Takes a row; answers the request before, where the row begins another.
    pub(super) fn add(&mut self, row: Row) -> Option<Request> {
        let Row { request_id, attempt, spent } = row;
        if let Some((id, open)) = &mut self.open
            && *id == request_id
        {
            open.join(spent);
            return None;
        }
        let request = Request { spent, from_cache: attempt == 0 };
        self.open.replace((request_id, request)).map(|(_, request)| request)
    }

    /// The last request.
    pub(super) fn finish(self) -> Option<Request> {
        self.open.map(|(_, request)| request)
    }
}

impl Request {
    fn join(&mut self, next: Spent) {
        let before = std::mem::replace(&mut self.spent, next);
        let spent = &mut self.spent;
        spent.at_ms = before.at_ms;
        spent.tokens = spent.tokens.saturating_add(before.tokens);
        spent.cost = match (before.cost, spent.cost) {
            (Some(before), Some(cost)) => Some(before + cost),
            (before, cost) => before.or(cost),
        };
    }
}

#[cfg(test)]
mod tests {
    use domain::Nanos;

    use super::*;

    fn row(id: u128, attempt: u16, cost: Option<i64>) -> Row {
        let spent = Spent {
            at_ms: i64::from(attempt) * 10,
            gateway_id: None,
            token_id: None,
            surface: "chat_completions".into(),
            provider: None,
            model: Some(format!("model-{attempt}")),
            user: None,
            metadata: None,
            is_request: false,
            tokens: 5,
            cost: cost.map(Nanos),
        };
        Row { request_id: RequestId(uuid::Uuid::from_u128(id)), attempt, spent }
    }

    #[test]
    fn a_request_that_was_tried_twice_is_one_and_costs_both() {
        let mut merge = Merge::default();
        assert_eq!(merge.add(row(1, 1, Some(7))), None);
        assert_eq!(merge.add(row(1, 2, None)), None);
        let first = merge.add(row(2, 0, Some(0))).expect("the first");
        assert_eq!((first.spent.tokens, first.spent.cost, first.from_cache), (10, Some(Nanos(7)), false));
        assert_eq!((first.spent.at_ms, first.spent.model.as_deref()), (10, Some("model-2")));
        assert!(merge.finish().expect("the second").from_cache);
        assert_eq!(Merge::default().finish(), None);
    }
}
