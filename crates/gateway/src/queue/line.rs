//! Who waits for room, and whose turn it is: one token after the other, and of a token who came first.
//!
//! Whoever lets go of room gives a turn to the next in line, and whoever has had a turn gives one to the next again: a turn is leave to try,
//! and who finds no room goes back to its place. So a turn is lost on nobody, whatever happens to who has it, and nobody who comes
//! overtakes those who wait: between two turns of a token every other that waits has one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A line. Where nobody waits it is a number that is 0.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// Those who wait, and those whose turn it is.
    waiting: AtomicUsize,
    /// How often room was let go of while somebody waited.
    let_go: AtomicU64,
    lists: Mutex<Option<Box<Lists>>>,
}

#[derive(Debug, Default)]
struct Lists {
    /// The tokens of which somebody waits, in the order of their turns.
    order: VecDeque<i64>,
    of: HashMap<i64, VecDeque<Waiter>>,
    last: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    turn: Arc<Notify>,
}

/// What has a line.
pub(crate) trait Room {
    fn line(&self) -> &Line;

    /// Somebody begins to wait: where that lets go of room, the next has a turn.
    fn begin_to_wait(&self) {}
}

/// A place in a line. Dropping it gives it up, or ends its turn.
#[derive(Debug)]
pub(crate) struct InLine<R: Room> {
    of: Arc<R>,
    token: i64,
    number: u64,
    turn: Arc<Notify>,
}

impl Line {
    /// Whether somebody waits.
    pub(crate) fn is_waited_in(&self) -> bool {
        self.waiting() > 0
    }

    /// How many wait, or have a turn.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Room was let go of: the next may try.
    pub(crate) fn give_turn(&self) {
        if self.is_waited_in() {
            // Before the lists are looked at: who is on its way back there must see it.
            self.let_go.fetch_add(1, Ordering::SeqCst);
            if let Some(waiter) = self.lists().as_deref_mut().and_then(Lists::pop) {
                waiter.turn.notify_one();
            }
        }
    }

    fn lists(&self) -> MutexGuard<'_, Option<Box<Lists>>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    /// The next, whose token goes behind the others.
    fn pop(&mut self) -> Option<Waiter> {
        let token = self.order.pop_front()?;
        let waiters = self.of.get_mut(&token)?;
        let next = waiters.pop_front();
        if waiters.is_empty() {
            self.of.remove(&token);
        } else {
            self.order.push_back(token);
        }
        next
    }

    /// Puts a waiter in: one that had a turn in vain before all others.
    fn put(&mut self, token: i64, waiter: Waiter, first: bool) {
        let waiters = self.of.entry(token).or_default();
        let is_new = waiters.is_empty();
        if first {
            waiters.push_front(waiter);
        } else {
            waiters.push_back(waiter);
        }
        if first {
            if !is_new {
                self.order.retain(|other| *other != token);
            }
            self.order.push_front(token);
        } else if is_new {
            self.order.push_back(token);
        }
    }

    /// Takes out who waits no longer; false where it was not there, because it has its turn.
    fn remove(&mut self, token: i64, number: u64) -> bool {
        let Some(waiters) = self.of.get_mut(&token) else { return false };
        let Some(place) = waiters.iter().position(|waiter| waiter.number == number) else { return false };
        waiters.remove(place);
        if waiters.is_empty() {
            self.of.remove(&token);
            self.order.retain(|other| *other != token);
        }
        true
    }
}

impl<R: Room> InLine<R> {
    /// Goes to the end of the line, or has the first turn where nobody waits.
    pub(crate) fn enter(of: Arc<R>, token: i64) -> Self {
        let line = of.line();
        let turn = Arc::new(Notify::new());
        // Counted and in the list at once: a turn that ends in between would be lost.
        let mut lists = line.lists();
        let is_alone = line.waiting.fetch_add(1, Ordering::SeqCst) == 0;
        let lists_of = lists.get_or_insert_default();
        lists_of.last += 1;
        let number = lists_of.last;
        if is_alone {
            turn.notify_one();
        } else {
            lists_of.put(token, Waiter { number, turn: turn.clone() }, false);
        }
        drop(lists);
        Self { of, token, number, turn }
    }

    /// Waits for its turn.
    pub(crate) async fn turn(&self) {
        self.turn.notified().await;
    }

    /// What [`InLine::go_back`] is to be told, taken before it is tried whether there is room.
    pub(crate) fn seen(&self) -> u64 {
        self.of.line().let_go.load(Ordering::SeqCst)
    }

    /// There was no room: it goes back to where it was, and has another turn if any was let go of since `seen`.
    pub(crate) fn go_back(&self, seen: u64) {
        let line = self.of.line();
        let waiter = Waiter { number: self.number, turn: self.turn.clone() };
        line.lists().get_or_insert_default().put(self.token, waiter, true);
        if line.let_go.load(Ordering::SeqCst) != seen {
            line.give_turn();
        }
    }

    /// What it waits for.
    pub(crate) fn of(&self) -> &Arc<R> {
        &self.of
    }
}

impl<R: Room> Drop for InLine<R> {
    fn drop(&mut self) {
        let line = self.of.line();
        let mut lists = line.lists();
        let waited = lists.as_deref_mut().is_some_and(|lists| lists.remove(self.token, self.number));
        line.waiting.fetch_sub(1, Ordering::SeqCst);
        drop(lists);
        if !waited {
            line.give_turn();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Default)]
    struct Door(Line);

    impl Room for Door {
        fn line(&self) -> &Line {
            &self.0
        }
    }

    fn enter(door: &Arc<Door>, token: i64) -> InLine<Door> {
        InLine::enter(door.clone(), token)
    }

    fn has_turn(place: &InLine<Door>) -> bool {
        place.turn().now_or_never().is_some()
    }

    /// The token whose turn it is; its place is taken out of `places`.
    fn next(places: &mut Vec<InLine<Door>>) -> Option<InLine<Door>> {
        let place = places.iter().position(has_turn)?;
        Some(places.remove(place))
    }

    #[test]
    fn who_is_alone_has_its_turn_at_once_and_others_one_after_the_other() {
        let door = Arc::new(Door::default());
        let first = enter(&door, 1);
        assert!(has_turn(&first));
        let second = enter(&door, 1);
        assert!(!has_turn(&second));
        drop(first);
        assert!(has_turn(&second), "who had a turn gives one to the next");
        drop(second);
        assert!(!door.0.is_waited_in());
    }

    #[test]
    fn tokens_have_turns_one_after_the_other_however_many_of_each_wait() {
        let door = Arc::new(Door::default());
        let busy = enter(&door, 9);
        let mut places: Vec<_> = [1, 1, 1, 2, 1, 3, 2].map(|token| enter(&door, token)).into();
        drop(busy);
        let mut seen = Vec::new();
        while let Some(place) = next(&mut places) {
            seen.push((place.token, place.number));
        }
        assert_eq!(seen, [(1, 2), (2, 5), (3, 7), (1, 3), (2, 8), (1, 4), (1, 6)]);
        assert_eq!(door.0.waiting(), 0);
    }

    #[test]
    fn who_finds_no_room_keeps_its_place() {
        let door = Arc::new(Door::default());
        let first = enter(&door, 1);
        let (second, other) = (enter(&door, 1), enter(&door, 2));
        assert!(has_turn(&first));
        first.go_back(first.seen());
        assert!(![&first, &second, &other].into_iter().any(has_turn));
        door.0.give_turn();
        assert!(has_turn(&first) && !has_turn(&second) && !has_turn(&other));
    }

    #[test]
    fn what_is_let_go_of_while_it_is_tried_is_not_lost() {
        let door = Arc::new(Door::default());
        let first = enter(&door, 1);
        assert!(has_turn(&first));
        let seen = first.seen();
        door.0.give_turn();
        first.go_back(seen);
        assert!(has_turn(&first));
    }

    #[test]
    fn who_leaves_frees_its_place_and_passes_its_turn_on() {
        let door = Arc::new(Door::default());
        let busy = enter(&door, 1);
        let (second, third, fourth) = (enter(&door, 2), enter(&door, 3), enter(&door, 4));
        drop(third);
        drop(busy);
        // It leaves before it heard of its turn.
        drop(second);
        assert!(has_turn(&fourth));
        assert_eq!(door.0.waiting(), 1);
        drop(fourth);
        let lists = door.0.lists();
        let lists = lists.as_ref().expect("lists");
        assert!(lists.order.is_empty() && lists.of.is_empty());
    }

    proptest! {
        /// With tokens that wait, between two turns of one every other that waits all the time has one, and of a token who came
        /// first goes first; whoever leaves.
        #[test]
        fn turns_are_shared_fairly(
            tokens in prop::collection::vec(0_i64..6, 1..80),
            steps in prop::collection::vec((0_u8..10, any::<prop::sample::Index>(), 0_i64..6), 0..60),
        ) {
            let door = Arc::new(Door::default());
            let mut busy = Some(enter(&door, 99));
            let mut places: Vec<_> = tokens.iter().map(|token| enter(&door, *token)).collect();
            // The tokens that have waited since the last turn of each.
            let mut owed: HashMap<i64, Vec<i64>> = HashMap::new();
            let mut steps = steps.into_iter();
            loop {
                match steps.next() {
                    Some((0..2, index, _)) if !places.is_empty() => drop(places.remove(index.index(places.len()))),
                    Some((2..5, _, token)) => places.push(enter(&door, token)),
                    _ => {}
                }
                let there: Vec<i64> = places.iter().map(|place| place.token).collect();
                owed.values_mut().for_each(|owed| owed.retain(|token| there.contains(token)));
                // Whoever had its turn is done; it passes on to the next.
                drop(busy.take());
                let Some(place) = next(&mut places) else { break };
                let token = place.token;
                prop_assert!(owed.get(&token).is_none_or(|owed| owed.iter().all(|other| *other == token)), "{token} before {owed:?}");
                prop_assert!(places.iter().all(|other| other.token != token || other.number > place.number));
                owed.values_mut().for_each(|owed| owed.retain(|other| *other != token));
                owed.insert(token, places.iter().map(|place| place.token).filter(|other| *other != token).collect());
                busy = Some(place);
            }
            prop_assert!(places.is_empty(), "nobody is forgotten");
            prop_assert_eq!(door.0.waiting(), 0);
        }
    }
}
