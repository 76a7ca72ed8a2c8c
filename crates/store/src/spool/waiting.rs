//! Rows that are in memory only, because the spool cannot be written: a full disk, as a rule.
//!
//! Rows of calls that cost money and rows of requests that called nobody wait apart. While the spool fails every request is
//! refused and leaves a row, so refusals come as fast as anybody asks; they must not take the room of what has to be paid.

use std::collections::VecDeque;

use domain::Nanos;
use domain::ledger::AttemptRow;

use super::frame::MAX_PAYLOAD;
use super::intents::Intent;

/// What a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A call of a provider.
    Call,
    /// A request that was refused, or answered without a call.
    Free,
}

impl Kind {
    pub(super) fn of(row: &AttemptRow) -> Self {
        if row.attempt == 0 && row.cost == Some(Nanos::ZERO) { Self::Free } else { Self::Call }
    }
}

/// A row that waits.
#[derive(Debug)]
pub(super) struct Held {
    /// Its record, behind room for its frame's prefix.
    pub(super) row: Box<[u8]>,
    /// What it began with, to be ended once the row is written.
    pub(super) intent: Option<Intent>,
}

/// The rows, those of calls first.
#[derive(Debug)]
pub(super) struct Waiting {
    calls: Queue,
    free: Queue,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { calls: Queue::new(20_000, 64 << 20), free: Queue::new(2_000, 4 << 20) }
    }
}

impl Waiting {
    /// Keeps a row. False where it is lost, because there is no room for more of its kind.
    pub(super) fn push(&mut self, kind: Kind, row: Held) -> bool {
        self.queue(kind).push(row)
    }

    /// The row that is to be written next.
    pub(super) fn pop(&mut self) -> Option<(Kind, Held)> {
        let call = self.calls.pop().map(|row| (Kind::Call, row));
        call.or_else(|| self.free.pop().map(|row| (Kind::Free, row)))
    }

    /// Gives a row its place back, which could not be written after all.
    pub(super) fn put_back(&mut self, (kind, row): (Kind, Held)) {
        self.queue(kind).put_back(row);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.calls.rows.len() + self.free.rows.len()
    }

    fn queue(&mut self, kind: Kind) -> &mut Queue {
        match kind {
            Kind::Call => &mut self.calls,
            Kind::Free => &mut self.free,
        }
    }
}

/// Rows in the order of their coming, bounded.
#[derive(Debug)]
struct Queue {
    rows: VecDeque<Held>,
    bytes: usize,
    most_rows: usize,
    most_bytes: usize,
}

impl Queue {
    fn new(most_rows: usize, most_bytes: usize) -> Self {
        Self { rows: VecDeque::new(), bytes: 0, most_rows, most_bytes }
    }

    fn push(&mut self, held: Held) -> bool {
        let bytes = held.row.len();
        // One that no frame can hold would keep all behind it waiting for ever.
        let has_room = bytes <= MAX_PAYLOAD
            && self.rows.len() < self.most_rows
            && self.bytes.saturating_add(bytes) <= self.most_bytes;
        if has_room {
            self.bytes += bytes;
            self.rows.push_back(held);
        }
        has_room
    }

    fn pop(&mut self) -> Option<Held> {
        let held = self.rows.pop_front()?;
        self.bytes -= held.row.len();
        Some(held)
    }

    fn put_back(&mut self, held: Held) {
        self.bytes += held.row.len();
        self.rows.push_front(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn rows_without_a_call_and_without_a_cost_are_free() {
        let row = |attempt, cost| AttemptRow { cost, ..fixture::row(1, 1, attempt) };
        assert_eq!(Kind::of(&row(0, Some(Nanos::ZERO))), Kind::Free);
        for (attempt, cost) in [(0, Some(Nanos(1))), (0, None), (1, Some(Nanos::ZERO)), (1, None)] {
            assert_eq!(Kind::of(&row(attempt, cost)), Kind::Call, "{attempt} {cost:?}");
        }
    }

    fn held(bytes: Vec<u8>) -> Held {
        Held { row: bytes.into_boxed_slice(), intent: None }
    }

    #[test]
    fn both_kinds_are_bounded_by_rows_and_by_bytes_and_lose_nothing_to_each_other() {
        let mut waiting = Waiting { calls: Queue::new(3, 100), free: Queue::new(2, 100) };
        let taken = [1, 1, 1].map(|size| waiting.push(Kind::Free, held(vec![0; size])));
        assert_eq!(taken, [true, true, false]);
        let taken = [60, 50, 40, 1].map(|size| waiting.push(Kind::Call, held(vec![1; size])));
        assert_eq!(taken, [true, false, true, false]);
        assert_eq!(waiting.len(), 4);
    }

    #[test]
    fn calls_come_first_and_what_is_put_back_is_next_again() {
        let mut waiting = Waiting::default();
        for (kind, row) in [(Kind::Free, 0), (Kind::Call, 1), (Kind::Call, 2)] {
            assert!(waiting.push(kind, held(vec![row])));
        }
        let first = waiting.pop().expect("a row");
        waiting.put_back(first);
        let order: Vec<_> = std::iter::from_fn(|| waiting.pop()).map(|(_, held)| held.row[0]).collect();
        assert_eq!((order, waiting.calls.bytes, waiting.free.bytes), (vec![1, 2, 0], 0, 0));
    }
}
