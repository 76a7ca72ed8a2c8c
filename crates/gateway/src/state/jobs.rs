//! Responses that are being made in the background: bounded in number, each with the events it has told so far, for
//! callers who come back to hear them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::TeamId;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::memory::{Claim, Memory, Purpose};

/// Most finished responses whose events are still told, and how long, in milliseconds.
const MAX_FINISHED: usize = 64;
const TOLD_FOR_MS: i64 = 600_000;
/// Most bytes of their events together: what is over must not take the room of what runs.
const MAX_FINISHED_BYTES: usize = 64 << 20;
/// Most bytes of a response's events.
const MAX_EVENTS: usize = 64 << 20;

pub(super) type Key = (TeamId, String);

/// All of this process.
pub(super) struct Jobs {
    places: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    jobs: HashMap<Key, Arc<Job>>,
    /// Finished ones that are still told, with when they finished and the bytes of their events.
    finished: VecDeque<(i64, usize, Key)>,
    finished_bytes: usize,
}

impl Jobs {
    pub(super) fn new(most: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), known: Mutex::default() }
    }

    /// A place for one more; none where there is none.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Begins one.
    pub(super) fn begin(&self, key: Key, memory: &Arc<Memory>, streams: bool) -> Arc<Job> {
        let job = Arc::new(Job {
            streams,
            cancelled: Notify::new(),
            told: watch::channel(Progress::default()).0,
            log: Mutex::new(Log {
                events: Vec::new(),
                pending: Vec::new(),
                claim: memory.claim(Purpose::Keeping),
                bytes: 0,
            }),
        });
        self.lock().jobs.insert(key, job.clone());
        job
    }

    /// The job of that response, running or just finished.
    pub(super) fn find(&self, key: &Key) -> Option<Arc<Job>> {
        self.lock().jobs.get(key).cloned()
    }

    /// Whether that response is being made here.
    pub(super) fn is_running(&self, key: &Key) -> bool {
        self.find(key).is_some_and(|job| !job.is_over())
    }

    /// Ends one. Its events are told for a while, where it has any.
    pub(super) fn end(&self, key: &Key, now_ms: i64) {
        let mut known = self.lock();
        let Some(job) = known.jobs.get(key).cloned() else { return };
        job.told.send_modify(|progress| progress.over = true);
        if job.streams {
            let bytes = job.bytes();
            known.finished_bytes += bytes;
            known.finished.push_back((now_ms, bytes, key.clone()));
        } else {
            known.jobs.remove(key);
        }
        while let Some((at_ms, bytes, oldest)) = known.finished.front().cloned() {
            let few = known.finished.len() <= MAX_FINISHED && known.finished_bytes <= MAX_FINISHED_BYTES;
            if few && now_ms - at_ms < TOLD_FOR_MS {
                break;
            }
            known.finished.pop_front();
            known.finished_bytes -= bytes;
            known.jobs.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response that is being made.
pub(super) struct Job {
    pub(super) streams: bool,
    pub(super) cancelled: Notify,
    told: watch::Sender<Progress>,
    log: Mutex<Log>,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    events: usize,
    over: bool,
    /// Whether events are missing at the end.
    cut: bool,
}

struct Log {
    events: Vec<Bytes>,
    /// The beginning of an event.
    pending: Vec<u8>,
    claim: Claim,
    bytes: usize,
}

/// What a caller is told where the rest could not be kept.
const CUT: &[u8] = b"event: error\ndata: {\"type\":\"error\",\"code\":\"overloaded\",\"message\":\"The rest of the \
    stream could not be kept. Retrieve the response without `stream`.\",\"param\":null}\n\n";

impl Job {
    /// Whether it is not being made any more.
    pub(super) fn is_over(&self) -> bool {
        self.told.borrow().over
    }

    /// Waits until it is not being made any more.
    pub(super) async fn over(&self) {
        // The sender lives as long as `self`.
        let _ = self.told.subscribe().wait_for(|progress| progress.over).await;
    }

    /// Bytes of the events told so far.
    fn bytes(&self) -> usize {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// Events told so far.
    pub(super) fn events(&self) -> usize {
        self.told.borrow().events
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.pending.extend_from_slice(bytes);
        // Our own encoder writes them: data is one line, and nothing else has an empty one.
        while let Some(end) = memchr::memmem::find(&log.pending, b"\n\n") {
            let event: Vec<u8> = log.pending.drain(..end + 2).collect();
            if event.starts_with(b":") {
                continue;
            }
            log.bytes += event.len();
            if self.told.borrow().cut || log.bytes > MAX_EVENTS || log.claim.grow(event.len()).is_err() {
                self.told.send_modify(|progress| progress.cut = true);
                continue;
            }
            log.events.push(event.into());
            self.told.send_modify(|progress| progress.events += 1);
        }
    }

    fn event(&self, number: usize) -> Option<Bytes> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).events.get(number).cloned()
    }

    /// The events from one on, those to come included.
    pub(super) fn follow(self: Arc<Self>, from: usize) -> BoxStream<'static, Bytes> {
        let told = self.told.subscribe();
        let next = |(job, mut told, at): (Arc<Self>, watch::Receiver<Progress>, usize)| async move {
            loop {
                let progress = *told.borrow_and_update();
                if let Some(event) = job.event(at) {
                    return Some((event, (job, told, at + 1)));
                }
                if progress.over || progress.cut {
                    let untold = progress.cut && at <= progress.events;
                    return untold.then(|| (Bytes::from_static(CUT), (job, told, usize::MAX)));
                }
                told.changed().await.ok()?;
            }
        };
        unfold((self, told, from), move |state| next(state).boxed()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(jobs: &Jobs, number: usize, memory: &Arc<Memory>) -> (Key, Arc<Job>) {
        let key = (TeamId(1), format!("resp_{number}"));
        let job = jobs.begin(key.clone(), memory, true);
        (key, job)
    }

    #[tokio::test]
    async fn events_are_told_from_any_one_on() {
        let (jobs, memory) = (Jobs::new(1), Memory::new(1 << 20));
        let (key, job) = begin(&jobs, 1, &memory);
        job.push(b"data: 0\n\n: keep-alive\n\ndata: 1\n");
        let mut early = job.clone().follow(0);
        assert_eq!(early.next().await.as_deref(), Some(b"data: 0\n\n".as_slice()));
        assert_eq!(early.next().now_or_never(), None, "half an event is none");
        job.push(b"\ndata: 2\n\n");
        jobs.end(&key, 0);
        assert_eq!(early.collect::<Vec<_>>().await.len(), 2);
        assert_eq!(jobs.find(&key).expect("told for a while").follow(2).collect::<Vec<_>>().await, ["data: 2\n\n"]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_told_to_be_missing() {
        let (jobs, memory) = (Jobs::new(1), Memory::new(40));
        let (_, job) = begin(&jobs, 1, &memory);
        job.push(b"data: 0123456789\n\ndata: 0123456789\n\n");
        let told: Vec<_> = job.clone().follow(0).collect().await;
        assert_eq!((told.len(), told.last().map(|last| last == CUT)), (2, Some(true)));
    }

    #[test]
    fn places_and_memory_are_bounded() {
        let (jobs, memory) = (Jobs::new(1), Memory::new(1 << 20));
        let place = jobs.place();
        assert!(place.is_some() && jobs.place().is_none());
        for number in 0..MAX_FINISHED * 2 {
            let (key, job) = begin(&jobs, number, &memory);
            job.push(b"data: 0123456789\n\n");
            jobs.end(&key, 0);
        }
        assert_eq!(jobs.lock().jobs.len(), MAX_FINISHED);
        let (key, _) = begin(&jobs, 9_999, &memory);
        jobs.end(&key, TOLD_FOR_MS);
        assert_eq!(jobs.lock().jobs.len(), 1);
    }
}
