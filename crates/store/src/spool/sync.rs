//! Waiting for the disk, in strict mode: several that wait at once share one wait.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Those who wait for one file.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Writes that were made.
    written: AtomicU64,
    /// Of these, those that are on the disk.
    synced: Mutex<u64>,
}

impl Group {
    /// Waits until what was written before the call is on the disk. `sync` is called where nobody else's call covers it.
    pub(super) fn wait(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mine = self.written.fetch_add(1, Ordering::AcqRel) + 1;
        off_the_runtime(|| {
            let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
            if *synced >= mine {
                return Ok(());
            }
            let all = self.written.load(Ordering::Acquire);
            sync()?;
            *synced = all;
            Ok(())
        })
    }
}

/// Lets other tasks of a runtime's thread go on elsewhere meanwhile, where the runtime can do that.
fn off_the_runtime<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn those_who_wait_at_once_share_a_sync_that_began_after_all_had_written() {
        const THREADS: usize = 8;
        let (group, calls, all_here) = (Group::default(), AtomicUsize::new(0), Barrier::new(THREADS));
        let sync = || {
            // The first holds the others up until all of them have written.
            if calls.fetch_add(1, Ordering::AcqRel) == 0 {
                while group.written.load(Ordering::Acquire) < THREADS as u64 {
                    std::thread::yield_now();
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    all_here.wait();
                    group.wait(sync).expect("synced");
                });
            }
        });
        assert!(calls.load(Ordering::Acquire) <= 2, "{calls:?}");
        assert_eq!(*group.synced.lock().expect("whole"), THREADS as u64);
    }

    #[test]
    fn a_failure_is_told_and_the_next_one_tries_again() {
        let group = Group::default();
        assert!(group.wait(|| Err(io::Error::other("no"))).is_err());
        let mut called = false;
        group
            .wait(|| {
                called = true;
                Ok(())
            })
            .expect("synced");
        assert!(called);
    }
}
