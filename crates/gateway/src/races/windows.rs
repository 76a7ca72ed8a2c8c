//! Counts around the moment when a window ends, and groups that come and go.

use std::sync::{Arc, Mutex};

use domain::policy::Policy;
use shuttle::thread;

use crate::count::{Ask, Counter, Group, Groups, Labels, Mark, Shape};
use crate::team::NOW_MS;

/// The length of the windows here, in milliseconds.
const LENGTH_MS: i64 = 60_000;

/// A count of at most one, with what it is a count of.
struct Count {
    shape: Shape,
    counter: Counter,
}

impl Count {
    fn of(limit: &str) -> Arc<Self> {
        let shape = shape(limit);
        Arc::new(Self { counter: shape.counter(), shape })
    }

    fn take(&self, now_ms: i64) -> Option<Mark> {
        let ask = Ask { limit: 1, amount: 1, now_ms, anyway: false };
        self.counter.lock().try_take(&self.shape, ask).ok().map(|taken| taken.mark)
    }

    fn give_back(&self, mark: Mark) {
        self.counter.lock().settle(&self.shape, 1, mark, 1, 0);
    }

    fn used(&self, now_ms: i64) -> u64 {
        self.counter.lock().used(&self.shape, 1, now_ms).used
    }
}

fn shape(limit: &str) -> Shape {
    let policy: Policy = serde_json::from_str(&format!(r#"{{"limit":{limit}}}"#)).expect("a policy");
    Shape::of(policy.limit().expect("a limit"))
}

/// The one place of a window was taken. Now it is given back, somebody asks a millisecond before it would be free again, and
/// somebody else when it is. Their clocks and the locks need not agree on who came first.
fn roll_over(count: &Arc<Count>, end_ms: i64) -> (Option<Mark>, Option<Mark>) {
    let first = count.take(end_ms - LENGTH_MS).expect("room");
    let gives_back = count.clone();
    let gives_back = thread::spawn(move || gives_back.give_back(first));
    let ask = |now_ms: i64| {
        let count = count.clone();
        thread::spawn(move || count.take(now_ms))
    };
    let [early, late] = [end_ms - 1, end_ms].map(ask);
    gives_back.join().expect("no panic");
    (early.join().expect("no panic"), late.join().expect("no panic"))
}

/// A window that ends now, and a bucket: one of the two passes and never both, since they are a millisecond apart. What is
/// given back late is not taken from who came in meanwhile.
pub fn a_place_is_given_once() {
    let limits = [
        r#"{"requests":1,"per":"60s"}"#,
        r#"{"tokens":1,"per":"60s"}"#,
        r#"{"requests":1,"per":"60s","window":"bucket","burst":"1"}"#,
    ];
    for limit in limits {
        let count = Count::of(limit);
        // In ticks, a place is free when the tick is over.
        let end_ms = NOW_MS + LENGTH_MS + if limit.contains("tokens") { 14 } else { 0 };
        let (early, late) = roll_over(&count, end_ms);
        assert!(early.is_some() != late.is_some(), "{limit}: {early:?} {late:?}");
        assert_eq!(count.used(end_ms), 1, "{limit}");
    }
}

/// Windows with a beginning: the new one has its place whatever happens to the old one, and it is one place.
pub fn a_new_window_has_its_own_place() {
    for limit in
        [r#"{"requests":1,"per":"60s","window":"fixed"}"#, r#"{"requests":1,"per":"minute","window":"calendar"}"#]
    {
        let count = Count::of(limit);
        let (early, late) = roll_over(&count, NOW_MS + LENGTH_MS);
        let late = late.expect("the new window is empty");
        assert_ne!(early, Some(late), "{limit}: two in one window");
        assert_eq!(count.used(NOW_MS + LENGTH_MS), 1, "{limit}");
        // Those who come with the old clock do not reopen the old window.
        assert_eq!(count.take(NOW_MS + LENGTH_MS - 1), None, "{limit}");
    }
}

/// A group, who holds it, and its count.
type Holder = (u64, i64, Arc<Group>);

/// A group's count may be dropped when it is idle, to make room for another group. While somebody holds it, all who ask for it get
/// the same one, or the one that is shared for want of room.
pub fn a_group_has_one_count() {
    let shape = Arc::new(shape(r#"{"requests":1,"per":"60s"}"#));
    // Room for one group in each part.
    let groups = Arc::new(Groups::of_at_most(16, &shape));
    let others = groups.all().pop().expect("the shared one");
    let holders: Arc<Mutex<Vec<Holder>>> = Arc::default();
    let ask = |(key, number): (u64, i64)| {
        let (groups, shape, holders, others) = (groups.clone(), shape.clone(), holders.clone(), others.clone());
        thread::spawn(move || {
            // Their clocks are so far apart that each looks for idle groups.
            let now_ms = NOW_MS + number * 2_000;
            let group = groups.find([0, key], Labels::default, &shape, 1, now_ms);
            let own = !Arc::ptr_eq(&group, &others);
            if own {
                let mut holders = holders.lock().expect("no panic");
                let same = |(of, _, held): &Holder| *of != key || Arc::ptr_eq(held, &group);
                assert!(holders.iter().all(same), "two counts of one group");
                holders.push((key, number, group.clone()));
            }
            let ask = Ask { limit: 1, amount: 1, now_ms, anyway: false };
            let taken = group.counter.lock().try_take(&shape, ask);
            if own {
                // From here on the count may go as soon as its room is given back.
                holders.lock().expect("no panic").retain(|(_, by, _)| *by != number);
            }
            if let Ok(taken) = taken {
                group.counter.lock().settle(&shape, 1, taken.mark, 1, 0);
            }
        })
    };
    for thread in [(1, 1), (2, 2), (1, 3), (1, 4)].map(ask) {
        thread.join().expect("no panic");
    }
}
