//! What requests allocate, one after the other.

use allocation_counter::{AllocationInfo, measure, opt_out};
use bytes::Bytes;
use gateway::body::Body;
use http::{Request, Response};
use http_body_util::Full;

use crate::world::{World, read};

impl World {
    /// Counts what `times` requests allocate, one after the other; connections, caches and lazy statics are there
    /// before. `request` makes the next one, uncounted, and `check` looks at each answer.
    pub fn count(
        &self,
        times: usize,
        mut request: impl FnMut() -> Request<Full<Bytes>>,
        check: impl Fn(&Response<Body>),
    ) -> AllocationInfo {
        const BEFORE: usize = 10;
        let mut all = AllocationInfo::default();
        for number in 0..BEFORE + times {
            let request = request();
            let counted = measure(|| {
                self.runtime.block_on(async {
                    let answer = self.start(request).await;
                    opt_out(|| check(&answer));
                    read(answer).await;
                });
            });
            if number >= BEFORE {
                all += counted;
            }
        }
        all
    }
}
