//! Slow streams: the provider writes the time into every event, and what is measured is how old that time is when the
//! event is read. Counted are events that were sent when all streams were open, that is, when the last answer's head had come:
//! opening is another matter.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Answers, Door, Questions, connect, send};
use crate::clock;
use crate::mock::SENT_AT;

/// Opens the streams one after the other, then reads them all to their end.
pub(super) async fn run(
    door: &Door,
    questions: Questions,
    streams: usize,
    duration: Duration,
    at_the_end: impl FnOnce(),
) -> Result<Answers> {
    let questions = Arc::new(questions);
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..streams {
        let mut sender = connect(door.address).await?;
        let (door, questions) = (door.clone(), questions.clone());
        running.spawn(async move {
            let answer = send(&mut sender, &door, questions.next()).await?;
            let opened = clock::nanos();
            read(answer.into_body()).await.map(|(bytes, events)| (opened, bytes, events))
        });
    }
    // Shortly before the first of them ends: all are under way.
    tokio::time::sleep(duration.mul_f64(0.8).saturating_sub(begin.elapsed())).await;
    at_the_end();
    let mut all = Answers::default();
    let mut streams = Vec::new();
    while let Some(stream) = running.join_next().await {
        let (opened, bytes, events) = stream??;
        all.complete += 1;
        all.bytes += bytes;
        streams.push((opened, events));
    }
    let all_open = streams.iter().map(|(opened, _)| *opened).max().unwrap_or_default();
    for event in streams.iter().flat_map(|(_, events)| events).filter(|event| event.sent >= all_open) {
        all.latencies.add(event.took);
    }
    ensure!(!all.latencies.is_empty(), "the first streams ended before the last one was open: give them more seconds");
    all.took = begin.elapsed();
    Ok(all)
}

/// An event that says when it was sent.
struct Event {
    /// By [`clock::nanos`].
    sent: u64,
    took: Duration,
}

/// Reads a stream; returns its length and its events.
async fn read(mut body: hyper::body::Incoming) -> Result<(u64, Vec<Event>)> {
    let mut events = Vec::new();
    let mut length = 0;
    // An event that came in parts; its end tells its time.
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let now = clock::nanos();
        length += data.len() as u64;
        rest.extend_from_slice(&data);
        while let Some(end) = rest.windows(2).position(|bytes| bytes == b"\n\n") {
            let event: Vec<u8> = rest.drain(..end + 2).collect();
            if let Some(sent) = sent_at(&event)? {
                events.push(Event { sent, took: Duration::from_nanos(now.saturating_sub(sent)) });
            }
        }
    }
    Ok((length, events))
}

/// When the provider let this event go, if it says so.
fn sent_at(event: &[u8]) -> Result<Option<u64>> {
    let event = std::str::from_utf8(event)?;
    let Some((_, rest)) = event.split_once(SENT_AT) else { return Ok(None) };
    let (digits, _) = rest.split_once('"').context("a time ends")?;
    Ok(Some(digits.parse()?))
}
