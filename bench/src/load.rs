//! A closed loop: every connection sends its next request when the answer to the last one is complete.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::case::{Bodies, Case};

/// Where and how a target is asked.
#[derive(Clone, Debug)]
pub struct Door {
    pub address: SocketAddr,
    pub path: String,
    pub token: Option<String>,
    /// What the model is called there.
    pub model: &'static str,
}

/// What a turn brought.
#[derive(Debug, Default)]
pub struct Answers {
    /// Complete answers with status 200.
    pub complete: u64,
    pub took: Duration,
    /// Microseconds of each answer from its request to its last byte, sorted.
    pub latencies_us: Vec<u32>,
    /// Bytes of all bodies.
    pub bytes: u64,
}

/// Sends requests for a while. Any answer but a complete 200 ends the benchmark: its figures would mean nothing.
pub async fn run(door: &Door, case: Case, duration: Duration) -> Result<Answers> {
    /// Over all turns, so that no prompt comes twice and no cache can answer.
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let bodies = Arc::new(Bodies::new(case, door.model));
    let begin = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..case.connections {
        let (door, bodies) = (door.clone(), bodies.clone());
        connections.spawn(async move {
            let mut sender = connect(door.address).await?;
            let mut answers = Answers::default();
            while begin.elapsed() < duration {
                let body = bodies.body(NUMBER.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                answers.bytes += ask(&mut sender, &door, body).await?;
                answers.latencies_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            }
            anyhow::Ok(answers)
        });
    }
    let mut all = Answers::default();
    while let Some(part) = connections.join_next().await {
        let part = part?.with_context(|| format!("{}: {}", case.name, door.path))?;
        all.bytes += part.bytes;
        all.latencies_us.extend(part.latencies_us);
    }
    all.took = begin.elapsed();
    all.complete = all.latencies_us.len() as u64;
    all.latencies_us.sort_unstable();
    ensure!(all.complete > 0, "{}: no answer", case.name);
    Ok(all)
}

impl Answers {
    /// The latency that this part of the answers did not exceed, in microseconds.
    pub fn latency_us(&self, part: f64) -> u32 {
        let last = self.latencies_us.len().saturating_sub(1);
        self.latencies_us.get((last as f64 * part) as usize).copied().unwrap_or(0)
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("nobody listens on {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // What goes wrong here is seen by the sender too.
        let _ = connection.await;
    });
    Ok(sender)
}

/// Sends one request and reads the whole answer; returns its length.
async fn ask(sender: &mut SendRequest<Full<Bytes>>, door: &Door, body: Bytes) -> Result<u64> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = door.path.parse()?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(door.address.to_string())?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("accept", HeaderValue::from_static("application/json"));
    headers.insert("user-agent", HeaderValue::from_static("weir-bench"));
    if let Some(token) = &door.token {
        headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    }
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let mut body = response.into_body();
    let (mut length, mut first) = (0, Bytes::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len() as u64;
            if first.is_empty() {
                first = data;
            }
        }
    }
    ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&first));
    Ok(length)
}
