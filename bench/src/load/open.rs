//! Constant arrivals: requests are due at fixed times and sent then, whatever became of those before.
//!
//! A latency counts from the moment the request was due, not from when a connection was free to take it. A generator
//! that waits for answers before it sends on leaves out the requests that would have met the slow moments (coordinated
//! omission), and shows a stalled server as one slow answer. How late the generator itself was is noted too, because
//! that much of a latency is its own fault.
//!
//! The times come from a timer of the kernel's: tokio's own are whole milliseconds.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Answers, Door, Latencies, Questions, ask, connect};

/// More requests under way wait for one of these.
const CONNECTIONS: usize = 256;

pub(super) async fn run(
    door: &Door,
    questions: Questions,
    rate: u32,
    duration: Duration,
    at_the_end: impl FnOnce(),
) -> Result<Answers> {
    let questions = Arc::new(questions);
    // Bounded by what is sent: rate × duration.
    let (due, waiting) = mpsc::unbounded_channel::<Instant>();
    let waiting = Arc::new(Mutex::new(waiting));
    let mut running = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (door, questions, waiting) = (door.clone(), questions.clone(), waiting.clone());
        let mut sender = connect(door.address).await?;
        running.spawn(async move {
            let mut answers = Answers::default();
            loop {
                let Some(due) = waiting.lock().await.recv().await else { return anyhow::Ok(answers) };
                answers.bytes += ask(&mut sender, &door, questions.next()).await?;
                answers.latencies.add(due.elapsed());
                answers.complete += 1;
            }
        });
    }
    let begin = Instant::now();
    let lateness = arrive(&due, begin, rate, duration).await?;
    drop(due);
    at_the_end();
    let mut all = Answers { lateness, ..Answers::default() };
    while let Some(part) = running.join_next().await {
        let part = part??;
        all.complete += part.complete;
        all.bytes += part.bytes;
        all.latencies.append(part.latencies);
    }
    all.took = begin.elapsed();
    Ok(all)
}

/// Lets requests be due at constant distances; returns how late each was told.
async fn arrive(
    due: &mpsc::UnboundedSender<Instant>,
    begin: Instant,
    rate: u32,
    duration: Duration,
) -> Result<Latencies> {
    let mut lateness = Latencies::default();
    let distance = Duration::from_secs(1) / rate;
    let timer = timer(distance)?;
    let all = (duration.as_secs_f64() * f64::from(rate)) as u32;
    let mut number = 0;
    while number < all {
        let mut ready = timer.readable().await?;
        let mut ticks = [0; 8];
        // Not ready after all is no error here; the loop asks again.
        let _ = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?));
        ready.clear_ready();
        while number < all && begin + distance * number <= Instant::now() {
            let at = begin + distance * number;
            lateness.add(at.elapsed());
            due.send(at).context("nobody sends")?;
            number += 1;
        }
    }
    Ok(lateness)
}

fn timer(distance: Duration) -> Result<AsyncFd<std::os::fd::OwnedFd>> {
    let timer =
        rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let distance = Timespec { tv_sec: distance.as_secs().try_into()?, tv_nsec: distance.subsec_nanos().into() };
    let often = Itimerspec { it_interval: distance, it_value: distance };
    rustix::time::timerfd_settime(&timer, TimerfdTimerFlags::empty(), &often)?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe, which is for types that change their descriptor; an OwnedFd keeps it"
    )]
    let timer = AsyncFd::new(timer)?;
    Ok(timer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_many_are_due_as_the_rate_says_and_none_before_its_time() {
        let (due, mut waiting) = mpsc::unbounded_channel();
        let begin = Instant::now();
        let lateness = arrive(&due, begin, 1_000, Duration::from_millis(20)).await.expect("a timer");
        drop(due);
        let mut number = 0;
        while let Some(at) = waiting.recv().await {
            assert_eq!(at, begin + Duration::from_millis(1) * number);
            number += 1;
        }
        assert_eq!(number, 20);
        assert!(begin.elapsed() >= Duration::from_millis(19) && !lateness.is_empty());
    }
}
