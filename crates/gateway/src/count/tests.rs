use std::sync::Barrier;
use std::thread;

use domain::policy::Policy;

use super::*;

mod model;

const START: i64 = 1_800_000_000_000;

pub(super) fn limit(text: &str) -> Limit {
    let policy: Policy = serde_json::from_str(&format!(r#"{{"limit":{text}}}"#)).expect("a policy");
    policy.limit().expect("a limit").clone()
}

/// A count, with what it is a count of.
pub(super) struct Count {
    pub limit: Limit,
    pub shape: Shape,
    pub counter: Counter,
}

impl Count {
    pub(super) fn of(text: &str) -> Self {
        let limit = limit(text);
        let shape = Shape::of(&limit);
        Self { counter: shape.counter(), limit, shape }
    }

    pub(super) fn take(&self, amount: u64, now_ms: i64) -> Result<Taken, Full> {
        let ask = Ask { limit: self.limit.amount_at(now_ms), amount, now_ms, anyway: false };
        self.counter.lock().try_take(&self.shape, ask)
    }

    pub(super) fn settle(&self, mark: Mark, taken: u64, actual: u64) {
        self.counter.lock().settle(&self.shape, self.limit.amount, mark, taken, actual);
    }

    pub(super) fn add(&self, amount: u64, at_ms: i64, now_ms: i64) {
        self.counter.lock().add(&self.shape, self.limit.amount_at(now_ms), amount, at_ms, now_ms);
    }

    pub(super) fn used(&self, now_ms: i64) -> Used {
        self.counter.lock().used(&self.shape, self.limit.amount_at(now_ms), now_ms)
    }
}

/// Every shape of a limit of `requests` in ten seconds, where it has a length.
fn all(requests: u64) -> Vec<Count> {
    [
        format!(r#"{{"requests":{requests},"per":"10s","window":"fixed"}}"#),
        format!(r#"{{"requests":{requests},"per":"10s","window":"sliding"}}"#),
        format!(r#"{{"tokens":{requests},"per":"10s","window":"sliding"}}"#),
        format!(r#"{{"requests":{requests},"per":"10s","window":"bucket"}}"#),
        format!(r#"{{"requests":{requests},"per":"minute","window":"calendar"}}"#),
        format!(r#"{{"requests":{requests},"per":"ever"}}"#),
        format!(r#"{{"concurrency":{requests}}}"#),
    ]
    .iter()
    .map(|text| Count::of(text))
    .collect()
}

#[test]
fn a_fixed_window_starts_anew_at_multiples_of_the_interval() {
    let count = Count::of(r#"{"requests":2,"per":"10s","window":"fixed"}"#);
    let first = count.take(1, START + 9_000).expect("room");
    assert_eq!((first.left, first.reset_ms), (1, Some(1_000)));
    count.take(1, START + 9_999).expect("room");
    assert_eq!(count.take(1, START + 9_999), Err(Full { left: 0, free_in_ms: Some(1) }));
    assert_eq!(count.take(1, START + 10_000).expect("a new window").left, 1);
}

#[test]
fn a_sliding_window_frees_each_amount_an_interval_after_it_passed() {
    let count = Count::of(r#"{"requests":2,"per":"10s"}"#);
    count.take(1, START).expect("room");
    let second = count.take(1, START + 4_000).expect("room");
    assert_eq!((second.left, second.reset_ms), (0, Some(6_000)));
    assert_eq!(count.take(1, START + 9_999), Err(Full { left: 0, free_in_ms: Some(1) }));
    count.take(1, START + 10_000).expect("the first has left");
    assert_eq!(count.take(1, START + 10_001), Err(Full { left: 0, free_in_ms: Some(3_999) }));
    // Two are free only once both have left.
    assert_eq!(count.take(2, START + 10_001), Err(Full { left: 0, free_in_ms: Some(9_999) }));
}

#[test]
fn a_bucket_fills_evenly_up_to_its_burst() {
    let count = Count::of(r#"{"requests":10,"per":"10s","window":"bucket","burst":"3"}"#);
    assert_eq!((0..5).filter(|_| count.take(1, START).is_ok()).count(), 3);
    assert_eq!(count.take(1, START + 999), Err(Full { left: 0, free_in_ms: Some(1) }));
    assert_eq!(count.take(1, START + 1_000).expect("one has flowed in").left, 0);
    assert_eq!(count.take(4, START + 60_000), Err(Full { left: 3, free_in_ms: None }));
    assert_eq!(count.take(3, START + 60_000).expect("full").left, 0);
}

#[test]
fn what_was_taken_too_much_from_a_bucket_comes_back_only_as_far_as_it_is_still_there() {
    let count = Count::of(r#"{"tokens":1000,"per":"10s","window":"bucket"}"#);
    let first = count.take(1_000, START).expect("room");
    // Half of it has flowed in again and is somebody else's.
    count.take(500, START + 5_000).expect("room");
    count.settle(first.mark, 1_000, 0);
    assert_eq!(count.used(START + 5_000).used, 500);
    let again = count.take(500, START + 5_000).expect("room");
    count.settle(again.mark, 500, 700);
    assert_eq!(count.used(START + 5_000).used, 1_200);
}

#[test]
fn calendar_windows_are_those_of_their_zone() {
    let month = Count::of(r#"{"requests":1,"per":"month","zone":"Europe/Berlin"}"#);
    // Half an hour before and at the beginning of July 2026 in Berlin, which is ahead of UTC by two hours.
    let july = 1_782_856_800_000;
    assert_eq!(month.take(1, july - 1_800_000).expect("room").reset_ms, Some(1_800_000));
    month.take(1, july - 1).expect_err("still June");
    assert_eq!(month.take(1, july).expect("July").reset_ms, Some(31 * 86_400_000));
    // The clocks go back on 25 October: that day has 25 hours.
    let day = Count::of(r#"{"requests":1,"per":"day","zone":"Europe/Berlin"}"#);
    assert_eq!(day.take(1, 1_792_879_200_000).expect("room").reset_ms, Some(25 * 3_600_000));
    let week = Count::of(r#"{"requests":1,"per":"week"}"#);
    // Thursday, 1 January 2026; the week began on Monday.
    assert_eq!(week.take(1, 1_767_225_600_000).expect("room").reset_ms, Some(4 * 86_400_000));
    // In Chatham time is ahead of UTC by a number of quarters of an hour.
    let hour = Count::of(r#"{"requests":1,"per":"hour","window":"calendar","zone":"Pacific/Chatham"}"#);
    assert_eq!(hour.take(1, 1_767_225_600_000).expect("room").reset_ms, Some(900_000));
}

#[test]
fn a_zone_that_skips_midnight_has_that_day_begin_with_its_first_moment() {
    // In Cairo the clocks went from 24 April 2026, 23:59:59, to 01:00.
    let day = Count::of(r#"{"requests":1,"per":"day","zone":"Africa/Cairo"}"#);
    let first = 1_776_981_600_000;
    let before = day.shape.bounds(first - 1);
    assert_eq!((before.1, day.shape.bounds(first).0), (first, first));
    // That day has 23 hours.
    assert_eq!(day.take(1, first).expect("room").reset_ms, Some(23 * 3_600_000));
}

#[test]
fn a_clock_set_back_by_an_hour_does_not_block_for_an_hour() {
    for count in all(1).iter().filter(|count| !matches!(count.shape, Shape::Ever | Shape::Gauge)) {
        count.take(1, START).expect("room");
        if matches!(count.shape, Shape::Bucket { .. }) {
            count.take(1, START - 3_600_000).expect_err("it melts from here on");
            count.take(1, START - 3_590_000).expect("it has melted");
            continue;
        }
        count.take(1, START - 3_600_000).expect("the count starts anew");
        count.take(1, START - 3_600_000).expect_err("full");
    }
}

#[test]
fn a_late_thread_does_not_reopen_a_window() {
    for count in all(1) {
        count.take(1, START).expect("room");
        count.take(1, START - 1).expect_err("counts as the latest moment");
    }
}

#[test]
fn a_limit_of_none_lets_only_nothing_pass() {
    for count in all(0) {
        assert_eq!(count.take(1, START).expect_err("never").free_in_ms, None, "{:?}", count.shape);
        count.take(0, START).expect("nothing always passes");
    }
}

#[test]
fn what_is_taken_anyway_counts() {
    for count in all(1) {
        let ask = Ask { limit: 1, amount: 3, now_ms: START, anyway: true };
        assert_eq!(count.counter.lock().try_take(&count.shape, ask).expect("anyway").left, 0);
        assert_eq!(count.used(START).used, 3, "{:?}", count.shape);
    }
}

#[test]
fn the_truth_is_put_right_in_the_window_where_room_was_taken() {
    for count in all(100) {
        let taken = count.take(90, START).expect("room");
        count.take(20, START).expect_err("no room");
        count.settle(taken.mark, 90, 10);
        assert_eq!(count.used(START).used, 10, "{:?}", count.shape);
        count.take(90, START).expect("room");
    }
    for text in [r#"{"tokens":100,"per":"10s","window":"fixed"}"#, r#"{"tokens":100,"per":"10s"}"#] {
        let count = Count::of(text);
        let taken = count.take(90, START).expect("room");
        count.take(5, START + 20_000).expect("room");
        count.settle(taken.mark, 90, 10);
        assert_eq!(count.used(START + 20_000).used, 5, "its window is over: {text}");
    }
    // What took nothing may have used something.
    for count in all(100) {
        let taken = count.take(0, START).expect("room");
        count.settle(taken.mark, 0, 7);
        assert_eq!(count.used(START).used, 7, "{:?}", count.shape);
    }
}

#[test]
fn an_increase_for_a_while_leaves_the_count_as_it_is() {
    let until = r#""extra":{"amount":"1","until":"2027-01-15T08:00:01Z"}"#;
    for window in ["fixed", "sliding", "bucket"] {
        let count = Count::of(&format!(r#"{{"requests":1,"per":"60s","window":"{window}",{until}}}"#));
        count.take(1, START).expect("room");
        count.take(1, START).expect("more for a while");
        count.take(1, START).expect_err("full");
        assert_eq!(count.used(START + 1_000).used, 2, "{window}");
        count.take(1, START + 1_000).expect_err("back to the usual");
    }
}

#[test]
fn more_history_than_the_limit_takes_no_more_room() {
    let count = Count::of(r#"{"requests":100,"per":"hour"}"#);
    for at in 0..20_000 {
        count.add(1, START + at, START + 20_000);
    }
    let runs = match &*count.counter.lock().0 {
        State::Sliding(sliding) => sliding.runs(),
        other => panic!("{other:?}"),
    };
    assert_eq!((count.used(START + 20_000).used, runs), (20_000, 4_098));
    // Those that were put together leave with the latest of them, not before.
    assert_eq!(count.used(START + 3_600_000 + 15_901).used, 20_000);
    assert_eq!(count.used(START + 3_600_000 + 20_000).used, 0);
}

#[test]
fn many_threads_get_exactly_the_limit() {
    const THREADS: usize = 8;
    for limit in [1, 100, 5_000] {
        let mut counts = all(limit);
        counts.retain(|count| !matches!(count.shape, Shape::Bucket { .. }));
        for count in counts {
            let barrier = Barrier::new(THREADS);
            let passed: usize = thread::scope(|scope| {
                let run = || {
                    barrier.wait();
                    (0..1_000).filter(|step| count.take(1, START + step).is_ok()).count()
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
            });
            assert_eq!(passed as u64, limit, "{:?}", count.shape);
        }
    }
}

#[test]
fn groups_are_bounded_and_idle_ones_make_room() {
    let shape = Shape::of(&limit(r#"{"requests":1,"per":"10s"}"#));
    let groups = Groups::new(&shape);
    let find = |number: u64, now_ms| groups.find([number, 0], Labels::default, &shape, 1, now_ms);
    let take = |group: &Group, now_ms| {
        group.counter.lock().try_take(&shape, Ask { limit: 1, amount: 1, now_ms, anyway: false }).is_ok()
    };
    let passed = (0..60_000).filter(|number| take(&find(*number, START), START)).count();
    // All that came late share one count.
    assert_eq!((passed, groups.all().len()), (50_001, 50_001));
    assert!(!take(&find(60_000, START), START));
    // One is held by a request, the others are idle by now.
    let held = find(0, START + 10_000);
    assert!(take(&find(60_000, START + 10_000), START + 10_000));
    assert!(std::sync::Arc::ptr_eq(&held, &find(0, START + 10_000)));
}
