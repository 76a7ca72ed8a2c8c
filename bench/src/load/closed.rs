//! A closed loop: every connection sends its next request when the answer to the last one is complete.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Answers, Door, Questions, ask, connect};

pub(super) async fn run(
    door: &Door,
    questions: Questions,
    connections: usize,
    duration: Duration,
    at_the_end: impl FnOnce(),
) -> Result<Answers> {
    let questions = Arc::new(questions);
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let (door, questions) = (door.clone(), questions.clone());
        running.spawn(async move {
            let mut sender = connect(door.address).await?;
            let mut answers = Answers::default();
            while begin.elapsed() < duration {
                let body = questions.next();
                let sent = Instant::now();
                answers.bytes += ask(&mut sender, &door, body).await?;
                answers.latencies.add(sent.elapsed());
                answers.complete += 1;
            }
            anyhow::Ok(answers)
        });
    }
    tokio::time::sleep_until(begin + duration).await;
    at_the_end();
    let mut all = Answers::default();
    while let Some(part) = running.join_next().await {
        let part = part??;
        all.complete += part.complete;
        all.bytes += part.bytes;
        all.latencies.append(part.latencies);
    }
    all.took = begin.elapsed();
    Ok(all)
}
