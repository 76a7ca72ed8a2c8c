//! Every shape against a list of all that ever passed.

use proptest::prelude::*;

use super::{Count, START};
use crate::count::{Mark, Shape};

/// Histories of each shape: a million steps in all.
const CASES: u32 = 2_000;

/// Something that happens to a count.
#[derive(Clone, Debug)]
enum Step {
    Wait(i64),
    Take(u64),
    /// One of those that are open is settled with so many per cent of what it took.
    Settle(usize, u64),
    /// So much passed so long ago.
    Add(u64, i64),
}

/// What passed.
struct Event {
    at_ms: i64,
    amount: u64,
    open: Option<(Mark, u64)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => prop_oneof![0..3_i64, 0..400_i64, 900..1_100_i64, 0..3_000_i64].prop_map(Step::Wait),
        4 => (0..40_u64).prop_map(Step::Take),
        3 => (any::<usize>(), 0..200_u64).prop_map(|(which, percent)| Step::Settle(which, percent)),
        1 => (0..10_u64, 0..4_000_i64).prop_map(|(amount, ago)| Step::Add(amount, ago)),
    ];
    prop::collection::vec(step, 1..150)
}

/// What a count does not forget: the events, and how much of an event still counts at a moment.
struct Model<'a> {
    count: &'a Count,
    events: Vec<Event>,
    counts: fn(&Shape, i64, i64) -> bool,
}

impl Model<'_> {
    fn used(&self, now_ms: i64) -> u64 {
        let counts = |event: &&Event| (self.counts)(&self.count.shape, event.at_ms, now_ms);
        self.events.iter().filter(counts).map(|event| event.amount).sum()
    }

    fn run(mut self, steps: &[Step]) -> Result<(), TestCaseError> {
        let (limit, mut now_ms) = (self.count.limit.amount, START);
        let gauge = self.count.shape == Shape::Gauge;
        for step in steps {
            match *step {
                Step::Wait(ms) => now_ms += ms,
                Step::Take(amount) => {
                    let before = self.used(now_ms);
                    match self.count.take(amount, now_ms) {
                        Ok(taken) => {
                            prop_assert!(amount == 0 || before + amount <= limit);
                            prop_assert_eq!(taken.left, limit.saturating_sub(before + amount));
                            self.events.push(Event { at_ms: now_ms, amount, open: Some((taken.mark, amount)) });
                        }
                        Err(full) => {
                            prop_assert!(amount > 0 && before + amount > limit);
                            prop_assert_eq!(full.left, limit.saturating_sub(before));
                            // When it says there is room, and not a moment before, there is, if nobody else comes.
                            let Some(ms) = full.free_in_ms else {
                                prop_assert!(amount > limit || matches!(self.count.shape, Shape::Ever | Shape::Gauge));
                                continue;
                            };
                            prop_assert!(self.used(now_ms + ms) + amount <= limit);
                            prop_assert!(self.used(now_ms + ms - 1) + amount > limit);
                        }
                    }
                }
                Step::Settle(which, percent) => {
                    let mut open: Vec<_> = self.events.iter_mut().filter(|event| event.open.is_some()).collect();
                    if open.is_empty() {
                        continue;
                    }
                    let which = which % open.len();
                    let event = &mut *open[which];
                    let Some((mark, taken)) = event.open.take() else { continue };
                    event.amount = if gauge { 0 } else { taken * percent / 100 };
                    self.count.settle(mark, taken, event.amount);
                }
                Step::Add(amount, ago) if !gauge => {
                    self.count.add(amount, now_ms - ago, now_ms);
                    self.events.push(Event { at_ms: now_ms - ago, amount, open: None });
                }
                Step::Add(..) => {}
            }
            prop_assert_eq!(self.count.used(now_ms).used, self.used(now_ms));
        }
        Ok(())
    }
}

/// Whether what happened at a moment counts at another, by what the shape means.
fn counts(shape: &Shape, at_ms: i64, now_ms: i64) -> bool {
    match shape {
        Shape::Fixed { interval_ms } => at_ms / interval_ms == now_ms / interval_ms,
        Shape::Sliding(ticks) => {
            // To the end of its tick, and then for an interval.
            let last = at_ms - at_ms % ticks.tick_ms + ticks.tick_ms - 1;
            now_ms - last < ticks.interval_ms
        }
        // UTC; the same minute.
        Shape::Calendar { .. } => at_ms / 60_000 == now_ms / 60_000,
        Shape::Ever | Shape::Gauge => true,
        Shape::Bucket { .. } => unreachable!("it has a test of its own"),
    }
}

fn check(text: &str, steps: &[Step]) -> Result<(), TestCaseError> {
    let count = Count::of(text);
    Model { count: &count, events: Vec::new(), counts }.run(steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_fixed_window_agrees(limit in 0..120_u64, seconds in 1..3_u32, steps in steps()) {
        check(&format!(r#"{{"tokens":{limit},"per":"{seconds}s","window":"fixed"}}"#), &steps)?;
    }

    #[test]
    fn an_exact_sliding_window_agrees(limit in 0..120_u64, seconds in 1..3_u32, steps in steps()) {
        check(&format!(r#"{{"requests":{limit},"per":"{seconds}s"}}"#), &steps)?;
    }

    #[test]
    fn a_sliding_window_in_ticks_agrees(limit in 0..120_u64, seconds in 1..30_u32, steps in steps()) {
        check(&format!(r#"{{"tokens":{limit},"per":"{seconds}s"}}"#), &steps)?;
    }

    #[test]
    fn a_calendar_window_agrees(limit in 0..1_000_u64, steps in steps()) {
        check(&format!(r#"{{"tokens":{limit},"per":"minute","window":"calendar"}}"#), &steps)?;
    }

    #[test]
    fn all_time_agrees(limit in 0..1_000_u64, steps in steps()) {
        check(&format!(r#"{{"tokens":{limit},"per":"ever"}}"#), &steps)?;
    }

    #[test]
    fn what_is_under_way_agrees(limit in 0..200_u64, steps in steps()) {
        check(&format!(r#"{{"concurrency":{limit}}}"#), &steps)?;
    }

    /// A bucket is never fuller than if everything had been known when it was taken, and just as full where it was.
    #[test]
    fn a_bucket_agrees(limit in 1..120_u64, seconds in 1..3_i64, burst in 1..120_u64, steps in steps()) {
        let count = Count::of(&format!(r#"{{"tokens":{limit},"per":"{seconds}s","window":"bucket","burst":"{burst}"}}"#));
        let (interval_ms, mut now_ms) = (i128::from(seconds) * 1_000, START);
        let mut events: Vec<Event> = Vec::new();
        // What is owed if each event is as it turned out to be, in units times milliseconds.
        let owed = |events: &[Event], now_ms: i64| {
            let (mut owed, mut at_ms) = (0_i128, START);
            for event in events {
                owed = (owed - i128::from(event.at_ms - at_ms) * i128::from(limit)).max(0) + i128::from(event.amount) * interval_ms;
                at_ms = event.at_ms;
            }
            (owed - i128::from(now_ms - at_ms) * i128::from(limit)).max(0)
        };
        let mut exact = true;
        for step in &steps {
            match *step {
                Step::Wait(ms) => now_ms += ms,
                Step::Take(amount) => {
                    let after = owed(&events, now_ms) + i128::from(amount) * interval_ms;
                    let room = i128::from(burst) * interval_ms;
                    match count.take(amount, now_ms) {
                        Ok(taken) => {
                            prop_assert!(amount == 0 || after <= room);
                            events.push(Event { at_ms: now_ms, amount, open: Some((taken.mark, amount)) });
                        }
                        Err(_) => prop_assert!(!exact || (amount > 0 && after > room)),
                    }
                }
                Step::Settle(which, percent) => {
                    let mut open: Vec<_> = events.iter_mut().filter(|event| event.open.is_some()).collect();
                    if !open.is_empty() {
                        let which = which % open.len();
                        let event = &mut *open[which];
                        let Some((mark, taken)) = event.open.take() else { continue };
                        event.amount = taken * percent / 100;
                        exact &= event.amount == taken || event.at_ms == now_ms;
                        count.settle(mark, taken, event.amount);
                    }
                }
                Step::Add(amount, _) => {
                    count.add(amount, now_ms, now_ms);
                    events.push(Event { at_ms: now_ms, amount, open: None });
                }
            }
            let (used, ideal) = (i128::from(count.used(now_ms).used), owed(&events, now_ms));
            prop_assert!(used * interval_ms >= ideal);
            prop_assert!(!exact || used == (ideal + interval_ms - 1) / interval_ms);
        }
        // However it went, nothing is owed for ever.
        let most = events.iter().map(|event| event.amount * 3 + 40).sum::<u64>() as i64 * seconds * 1_000;
        prop_assert_eq!(count.used(now_ms + most).used, 0);
    }
}

#[test]
fn steps_are_a_million() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mean = (0..200).map(|_| steps().new_tree(&mut runner).expect("steps").current().len()).sum::<usize>() / 200;
    assert!(mean * CASES as usize * 7 > 1_000_000, "{mean}");
}
