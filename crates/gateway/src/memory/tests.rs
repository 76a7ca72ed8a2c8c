use proptest::prelude::*;

use super::*;

/// A step of a random history.
#[derive(Clone, Debug)]
enum Step {
    Hold(Purpose, usize),
    /// Pieces of a buffer, and whether it is frozen in the end.
    Push(Purpose, Vec<usize>, bool),
    /// Drops one of what is held.
    Drop(prop::sample::Index),
}

fn purposes() -> impl Strategy<Value = Purpose> {
    prop_oneof![Just(Purpose::Keeping), Just(Purpose::Request), Just(Purpose::Answer)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (purposes(), 0..5_000_usize).prop_map(|(purpose, bytes)| Step::Hold(purpose, bytes)),
        (purposes(), prop::collection::vec(0..900_usize, 0..6), any::<bool>())
            .prop_map(|(purpose, pieces, freeze)| Step::Push(purpose, pieces, freeze)),
        any::<prop::sample::Index>().prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..100)
}

enum Kept {
    Bytes(Bytes),
    Buffer(Buffer),
}

impl Kept {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Buffer(buffer) => buffer.as_slice().len(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_held_is_counted_never_above_the_bound_and_given_back(steps in steps()) {
        const LIMIT: usize = 16_000;
        let memory = Memory::new(LIMIT);
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Hold(purpose, bytes) => {
                    let fits = memory.has_room(purpose, bytes);
                    let held = memory.hold(purpose, Bytes::from(vec![7; bytes]));
                    prop_assert_eq!(held.is_ok(), fits);
                    kept.extend(held.ok().map(Kept::Bytes));
                }
                Step::Push(purpose, pieces, freeze) => {
                    let mut buffer = Buffer::new(&memory, purpose, 2_000);
                    let mut pushed = Vec::new();
                    for length in pieces {
                        if buffer.push(&vec![length as u8; length]).is_ok() {
                            pushed.extend(vec![length as u8; length]);
                        }
                    }
                    prop_assert_eq!(buffer.as_slice(), &pushed);
                    prop_assert!(buffer.bytes.capacity() >= buffer.claim.bytes && buffer.claim.bytes >= pushed.len());
                    kept.push(if freeze { Kept::Bytes(buffer.freeze()) } else { Kept::Buffer(buffer) });
                }
                Step::Drop(index) if !kept.is_empty() => drop(kept.swap_remove(index.index(kept.len()))),
                Step::Drop(_) => {}
            }
            let least: usize = kept.iter().map(Kept::len).sum();
            prop_assert!((least..=LIMIT).contains(&memory.used()), "{} for {least}", memory.used());
        }
        drop(kept);
        prop_assert_eq!(memory.used(), 0);
    }
}

#[test]
fn what_can_be_done_without_gives_way_first() {
    let memory = Memory::new(100);
    let take = |purpose, bytes| {
        let mut claim = memory.claim(purpose);
        claim.grow(bytes).map(|()| claim)
    };
    let _half = take(Purpose::Keeping, 50).expect("room");
    assert!(take(Purpose::Keeping, 1).is_err());
    let _more = take(Purpose::Request, 25).expect("room");
    assert!(take(Purpose::Request, 1).is_err());
    let _rest = take(Purpose::Answer, 25).expect("room");
    assert!(take(Purpose::Answer, 1).is_err());
    assert!(!memory.has_room(Purpose::Answer, usize::MAX));
}

#[test]
fn a_part_keeps_the_whole_counted() {
    let memory = Memory::new(100);
    let bytes = memory.hold(Purpose::Request, Bytes::from_static(b"0123456789")).expect("room");
    let part = bytes.slice(2..4);
    drop(bytes);
    assert_eq!((memory.used(), &part[..]), (10, &b"23"[..]));
    drop(part);
    assert_eq!(memory.used(), 0);
}

#[test]
fn many_threads_and_a_panic_leave_nothing_behind() {
    let memory = Memory::new(1_000);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let memory = &memory;
            scope.spawn(move || {
                for step in 0..2_000 {
                    let _held = memory.hold(Purpose::Answer, Bytes::from(vec![0; (thread * 31 + step) % 400]));
                    assert!(memory.used() <= 1_000);
                }
            });
        }
    });
    let caught = std::panic::catch_unwind(|| {
        let _held = memory.hold(Purpose::Answer, Bytes::from_static(b"0123456789"));
        std::panic::resume_unwind(Box::new("by script"));
    });
    assert!(caught.is_err());
    assert_eq!(memory.used(), 0);
}

#[test]
fn what_is_made_keeps_no_room_that_it_does_not_fill() {
    for (length, capacity, left) in [(60_000, 120_000, 60_000), (60_000, 61_000, 61_000), (0, 9_000, 0)] {
        let mut made = Vec::with_capacity(capacity);
        made.resize(length, 7);
        let bytes = fitted(made);
        assert_eq!(bytes.len(), length);
        assert!(Vec::from(bytes).capacity() <= left, "{length} of {capacity}");
    }
}
