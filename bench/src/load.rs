//! Sends what a case says and notes how long answers take.

mod closed;
mod latency;
mod open;
mod paced;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::case::{Bodies, Case, Load};
pub use latency::Latencies;

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
    /// From the request to the answer's last byte; with constant arrivals from when it was due; of a paced stream, from
    /// the provider's hand to the caller's for each event.
    pub latencies: Latencies,
    /// How late requests with constant arrivals were sent: what the measuring adds itself.
    pub lateness: Latencies,
    /// Bytes of all bodies.
    pub bytes: u64,
}

/// Sends requests for a while. Any answer but a complete 200 ends the benchmark: its figures would mean nothing.
/// `at_the_end` is called while the last requests are still under way.
pub async fn run(door: &Door, case: Case, duration: Duration, at_the_end: impl FnOnce()) -> Result<Answers> {
    let questions = Questions { bodies: Bodies::new(case, door.model, duration), repeat: case.repeat };
    let answers = match case.load {
        Load::Closed { connections } => closed::run(door, questions, connections, duration, at_the_end).await,
        Load::Open { rate } => open::run(door, questions, rate, duration, at_the_end).await,
        Load::Paced { streams, .. } => paced::run(door, questions, streams, duration, at_the_end).await,
    };
    let answers = answers.with_context(|| format!("{}: {}", case.name, door.path))?;
    ensure!(answers.complete > 0, "{}: no answer", case.name);
    Ok(answers)
}

/// The bodies of a turn.
struct Questions {
    bodies: Bodies,
    repeat: bool,
}

impl Questions {
    /// The next one. Counted over all turns, so that no prompt comes twice that should not.
    fn next(&self) -> Bytes {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        self.bodies.body(if self.repeat { 0 } else { NUMBER.fetch_add(1, Ordering::Relaxed) })
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

/// Sends one request; returns the answer where it is one.
async fn send(sender: &mut SendRequest<Full<Bytes>>, door: &Door, body: Bytes) -> Result<Response<Incoming>> {
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
    if response.status() != StatusCode::OK {
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::bail!("{status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(response)
}

/// Sends one request and reads the whole answer; returns its length.
async fn ask(sender: &mut SendRequest<Full<Bytes>>, door: &Door, body: Bytes) -> Result<u64> {
    let mut body = send(sender, door, body).await?.into_body();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len() as u64;
        }
    }
    Ok(length)
}
