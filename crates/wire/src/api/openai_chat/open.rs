//! Calls of tools that have no result yet. A turn may make many thousands, so each is found without looking at the others.

use std::collections::{HashMap, VecDeque};

/// The calls of the last assistant's turn.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// The id of each call that has no result; none once it has one.
    calls: Vec<Option<String>>,
    /// Places in `calls`, by id and by tool, answered ones among them.
    by_id: HashMap<String, VecDeque<usize>>,
    by_tool: HashMap<String, VecDeque<usize>>,
    /// Calls before this place are all answered.
    next: usize,
}

impl Open {
    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn add(&mut self, id: &str, tool: &str) {
        let place = self.calls.len();
        self.calls.push(Some(id.to_owned()));
        self.by_id.entry(id.to_owned()).or_default().push_back(place);
        self.by_tool.entry(tool.to_owned()).or_default().push_back(place);
    }

    /// The call with this id has its result. The result is its id, where there is such a call.
    pub(super) fn answer(&mut self, id: &str) -> Option<String> {
        first(self.by_id.get_mut(id)?, &mut self.calls)
    }

    /// The first call of a tool has its result.
    pub(super) fn answer_of(&mut self, tool: &str) -> Option<String> {
        first(self.by_tool.get_mut(tool)?, &mut self.calls)
    }

    /// The first call has its result.
    pub(super) fn answer_next(&mut self) -> Option<String> {
        let rest = self.calls.get_mut(self.next..)?;
        let found = rest.iter().position(Option::is_some);
        self.next += found.map_or(rest.len(), |place| place + 1);
        rest.get_mut(found?)?.take()
    }
}

/// Takes the first call that is open.
fn first(places: &mut VecDeque<usize>, calls: &mut [Option<String>]) -> Option<String> {
    loop {
        let place = places.pop_front()?;
        if let Some(id) = calls.get_mut(place)?.take() {
            return Some(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_one_result() {
        let mut open = Open::default();
        for (id, tool) in [("a", "f"), ("b", "g"), ("c", "f"), ("d", "g")] {
            open.add(id, tool);
        }
        assert_eq!(open.answer("c"), Some("c".into()));
        assert_eq!(open.answer("c"), None);
        assert_eq!(open.answer_of("g"), Some("b".into()));
        assert_eq!(open.answer_of("f"), Some("a".into()));
        assert_eq!(open.answer_of("f"), None);
        assert_eq!(open.answer_next(), Some("d".into()));
        assert_eq!(open.answer_next(), None);
        open.add("e", "f");
        assert_eq!(open.answer_next(), Some("e".into()));
        open.clear();
        assert_eq!(open.answer_next(), None);
    }
}
