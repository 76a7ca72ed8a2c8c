//! What policies allocate for a request, without the gateway around them: judged, counted and settled.

use std::hint::black_box;

use allocation_counter::measure;
use gateway::trial::Tried;

use crate::budget::hold_allocations;
use crate::policies::{Asking, CASES};

/// A moment: 15 January 2027.
const NOW_MS: i64 = 1_800_000_000_000;

#[test]
fn policies_stay_within_their_allocations() {
    const TIMES: u64 = 100;
    for (name, texts) in CASES {
        let mut asking = Asking::under(texts);
        // The first makes the token's group.
        assert_eq!(asking.judge(NOW_MS), Tried::Passed);
        let counted = measure(|| {
            for _ in 0..TIMES {
                black_box(asking.judge(NOW_MS));
            }
        });
        hold_allocations(&format!("judge.{}", name.replace(' ', "-")), &counted, TIMES);
    }
}
