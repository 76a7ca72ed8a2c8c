//! Between limit and attempt: fetches the pictures and documents that a caller named by their addresses, for a provider that
//! fetches none, and finishes the question with them.
//!
//! The addresses are the callers', so they are judged more strictly than those of providers: never a private network (the
//! operator's leave for providers does not count here), three redirects at most, each judged again; number, size, sum and time
//! are bounded; and what comes must be a picture or a document by its own first bytes. Nothing of the caller's goes along. It
//! stands behind the limits, so that who is refused cannot have anything fetched. An address that stands several times in a
//! question is asked once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, timeout};
use url::Url;
use wire::chat::{Fetched, Remote, RemoteKind, sniff};

use crate::error::Refusal;
use crate::memory::{Buffer, Claim, Memory, Purpose};
use crate::plan::Plan;
use crate::settle::Settlement;
use crate::upstream::{Client, Incoming, SendError};

/// Most things that one question may have fetched.
pub(crate) const MOST: usize = 20;
/// How many are fetched at the same time.
const AT_ONCE: usize = 4;
/// Longest of them, in bytes.
const MAX_BYTES: usize = 20 << 20;
/// Longest sum of them, in bytes, however long the operator lets a caller's own body be.
const MAX_SUM: usize = 48 << 20;
/// How long all of them may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Most redirects to one.
const REDIRECTS: usize = 3;
/// Longest address, in bytes.
const MAX_URL: usize = 8 << 10;

/// Something to fetch, and its places among what the question names.
struct Wanted<'a> {
    url: Url,
    /// The first that names it.
    remote: &'a Remote,
    places: Vec<usize>,
}

/// How long all of them may be together, each counted as often as it stands in the question.
struct Sum {
    most: usize,
    left: AtomicUsize,
}

/// What came.
struct Brought {
    places: Vec<usize>,
    fetched: Fetched,
    /// Room for it in each of its places.
    claim: Claim,
}

impl Sum {
    /// As much as makes a body of `most` bytes in Base64, as a caller might have sent it.
    fn within(most: usize) -> Self {
        let most = (most / 4 * 3).min(MAX_SUM);
        Self { most, left: AtomicUsize::new(most) }
    }

    /// Whether `bytes` more may come.
    fn take(&self, bytes: usize) -> bool {
        self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

/// Fetches what a plan waits for, and finishes its body.
///
/// # Errors
/// `fetch_failed`, `overloaded`.
pub(crate) async fn fetch(settlement: &mut Settlement, plan: &mut Plan) -> Result<(), Refusal> {
    let Some(unfinished) = plan.unfinished.take() else { return Ok(()) };
    let shared = settlement.shared().clone();
    let begin = Instant::now();
    let sum = Sum::within(shared.options.max_body_bytes);
    // In a list first: a closure that makes them is not general enough for a future that moves between threads.
    let mut waiting = Vec::with_capacity(unfinished.remotes.len());
    for wanted in each(&unfinished.remotes)? {
        waiting.push(one(&shared.fetcher, &shared.memory, &sum, wanted));
    }
    let all = timeout(TIMEOUT, stream::iter(waiting).buffered(AT_ONCE).try_collect::<Vec<_>>()).await;
    // Others were waited for: this is not the gateway's own time.
    settlement.waited += begin.elapsed();
    let all = all.unwrap_or_else(|_| {
        let field = unfinished.remotes.first().map_or("", |remote| &remote.field);
        Err(Refusal::fetch_failed(field, &format!("it took longer than {} seconds", TIMEOUT.as_secs())))
    });
    let (fetched, claims) = spread(all?);
    plan.body = unfinished.finish(fetched, &shared.memory)?;
    drop::<Vec<Claim>>(claims);
    Ok(())
}

/// Each thing once, whatever stands behind `#` in its address.
fn each(remotes: &[Remote]) -> Result<Vec<Wanted<'_>>, Refusal> {
    let mut all: Vec<Wanted<'_>> = Vec::new();
    for (place, remote) in remotes.iter().enumerate() {
        let mut url = Url::parse(&remote.url).map_err(|_| Refusal::fetch_failed(&remote.field, "it is no address"))?;
        url.set_fragment(None);
        match all.iter_mut().find(|known| known.url == url && known.remote.kind == remote.kind) {
            Some(known) => known.places.push(place),
            None => all.push(Wanted { url, remote, places: vec![place] }),
        }
    }
    Ok(all)
}

/// What came, in the order of the places that it is for, and the room that it takes.
fn spread(all: Vec<Brought>) -> (Vec<Fetched>, Vec<Claim>) {
    let mut claims = Vec::with_capacity(all.len());
    let mut placed = Vec::new();
    for Brought { mut places, fetched, claim } in all {
        claims.push(claim);
        let last = places.pop();
        placed.extend(places.into_iter().map(|place| (place, fetched.clone())));
        placed.extend(last.map(|place| (place, fetched)));
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    (placed.into_iter().map(|(_, fetched)| fetched).collect(), claims)
}

/// One of them.
async fn one(client: &Client, memory: &Arc<Memory>, sum: &Sum, wanted: Wanted<'_>) -> Result<Brought, Refusal> {
    let Wanted { url, remote, places } = wanted;
    let failed = |reason: &str| Refusal::fetch_failed(&remote.field, reason);
    let answer = follow(client, url).await.map_err(|reason| failed(&reason))?;
    if answer.headers().get(CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(failed("it comes compressed"));
    }
    let said =
        answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(essence).unwrap_or_default();
    let bytes = read(memory, (sum, places.len()), answer.into_body()).await?.map_err(|reason| failed(&reason))?;
    let media_type = judge(remote.kind, &said, &bytes).map_err(failed)?;
    let mut claim = memory.claim(Purpose::Request);
    claim.grow(places.len() * bytes.len().div_ceil(3) * 4)?;
    let fetched = Fetched::new(media_type, &bytes);
    Ok(Brought { places, fetched, claim })
}

/// The answer behind an address and its redirects.
async fn follow(client: &Client, mut url: Url) -> Result<Response<Incoming>, String> {
    for _ in 0..=REDIRECTS {
        let request = request(&url)?;
        let answer = client.send_within(|| request.clone(), TIMEOUT).await.map_err(|error| words(&error).to_owned())?;
        let status = answer.status();
        if status.is_redirection() {
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| "it is redirected to no address".to_owned())?;
            url.set_fragment(None);
        } else if status.as_u16() == 200 {
            return Ok(answer);
        } else {
            return Err(format!("its server answers {}", status.as_u16()));
        }
    }
    Err(format!("it is redirected more than {REDIRECTS} times"))
}

fn request(url: &Url) -> Result<Request<Full<Bytes>>, String> {
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err("its address must begin with http:// or https:// and have no user name".to_owned());
    }
    let request = Request::get(url.as_str())
        .header(ACCEPT, HeaderValue::from_static("image/*, application/pdf, text/*"))
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(USER_AGENT, HeaderValue::from_static("weir"));
    let request = request.body(Full::default()).map_err(|_| "it is no address".to_owned())?;
    if url.as_str().len() > MAX_URL { Err("its address is too long".to_owned()) } else { Ok(request) }
}

/// Why nothing came, without a word of what names lead to: callers must not learn the shape of a network from it, nor which
/// names there are inside of it.
fn words(error: &SendError) -> &'static str {
    match error {
        SendError::Resolve { .. } | SendError::Forbidden { .. } => {
            "its address leads to no server on the public internet"
        }
        SendError::Timeout { .. } | SendError::ConnectTimeout { .. } => "its server does not answer in time",
        SendError::Tls { .. } => "no encrypted connection to its server comes about",
        SendError::InvalidRequest { .. } => "it is no address",
        SendError::Connect { .. } | SendError::Reset | SendError::InvalidResponse { .. } => {
            "its server cannot be reached"
        }
    }
}

/// The bytes, counted against the memory as they come, and as often as they are wanted against the sum.
async fn read(
    memory: &Arc<Memory>,
    (sum, places): (&Sum, usize),
    mut body: Incoming,
) -> Result<Result<Bytes, String>, Refusal> {
    let mut buffer = Buffer::new(memory, Purpose::Request, MAX_BYTES);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Ok(Err("its server broke off".to_owned())) };
        if let Some(piece) = frame.data_ref() {
            if buffer.as_slice().len() + piece.len() > MAX_BYTES {
                return Ok(Err("it is longer than 20 MiB".to_owned()));
            }
            if !sum.take(piece.len() * places) {
                let most = sum.most;
                return Ok(Err(format!("what the request names by addresses is longer than {most} bytes together")));
            }
            buffer.push(piece)?;
        }
    }
    Ok(Ok(buffer.freeze()))
}

/// The media type, by the bytes themselves; for words, which have no beginning of their own, by what the server says.
fn judge<'a>(kind: RemoteKind, said: &'a str, bytes: &[u8]) -> Result<&'a str, &'static str> {
    const WORDS: [&str; 4] = ["text/plain", "text/markdown", "text/csv", "text/html"];
    match (kind, sniff(bytes)) {
        (RemoteKind::Picture, Some(found)) if found.starts_with("image/") => Ok(found),
        (RemoteKind::Picture, _) => Err("it is no PNG, JPEG, GIF or WebP picture"),
        (RemoteKind::Document, Some("application/pdf")) => Ok("application/pdf"),
        (RemoteKind::Document, None) if WORDS.contains(&said) && std::str::from_utf8(bytes).is_ok() => Ok(said),
        (RemoteKind::Document, _) => Err("it is neither PDF nor text"),
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_judged_by_its_own_bytes() {
        let picture = |said, bytes| judge(RemoteKind::Picture, said, bytes);
        assert_eq!(picture("text/html", b"\xff\xd8\xff\xe0"), Ok("image/jpeg"));
        assert!(picture("image/png", b"<html>").is_err());
        assert!(picture("image/png", b"%PDF-1.4").is_err());
        let document = |said, bytes| judge(RemoteKind::Document, said, bytes);
        assert_eq!(document("application/octet-stream", b"%PDF-1.4"), Ok("application/pdf"));
        assert_eq!(document("text/csv", b"a,b"), Ok("text/csv"));
        assert!(document("text/plain", b"\xff\xfe").is_err());
        assert!(document("application/json", b"{}").is_err());
    }
}
