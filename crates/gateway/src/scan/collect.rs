//! Takes a request's body into memory, within bounds of size and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;

use crate::error::Refusal;
use crate::memory::{Buffer, Memory, Purpose};
use crate::options::Options;

/// Whatever went wrong outside.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A request's body, whoever serves the connection.
pub(crate) type ClientBody<'a> = &'a mut (dyn Body<Data = Bytes, Error = BoxError> + Send + Unpin);

/// What is allocated on a client's word about the length of its body; the rest as it comes.
const TRUSTED: usize = 256 << 10;

/// A body up to this length is copied out of the buffer that it was read into: that takes 8 KiB, which the connection then has for its
/// next request instead of making another one.
const SHORT: usize = 4 << 10;

/// The whole body.
///
/// # Errors
/// `body_too_large`, `request_timeout`, `invalid_body`, `overloaded`.
pub(crate) async fn collect(body: ClientBody<'_>, options: &Options, memory: &Arc<Memory>) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let most = options.max_body_bytes;
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::body_too_large(most));
    }
    // A promise claims no room, or a few clients could take all of it by promising; but it is refused before it is kept.
    if !memory.has_room(Purpose::Request, promised(body)) {
        return Err(Refusal::overloaded());
    }
    let all = tokio::time::timeout(options.body_timeout, read(body, most, memory)).await;
    all.unwrap_or_else(|_| Err(Refusal::request_timeout(options.body_timeout.as_secs())))
}

async fn read(body: ClientBody<'_>, most: usize, memory: &Arc<Memory>) -> Result<Bytes, Refusal> {
    let Some(first) = data(&mut *body).await? else { return Ok(Bytes::new()) };
    bounded(first.len(), most)?;
    let first = if first.len() <= SHORT { Bytes::copy_from_slice(&first) } else { first };
    let first = memory.hold(Purpose::Request, first)?;
    let Some(second) = data(&mut *body).await? else { return Ok(first) };
    let mut all = Buffer::new(memory, Purpose::Request, most);
    all.reserve(first.len() + second.len() + promised(body).min(TRUSTED))?;
    all.push(&first)?;
    drop(first);
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        bounded(all.as_slice().len() + bytes.len(), most)?;
        all.push(&bytes)?;
        piece = data(&mut *body).await?;
    }
    Ok(all.freeze())
}

/// Bytes that are still to come, as far as the client said.
fn promised(body: ClientBody<'_>) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

fn bounded(length: usize, most: usize) -> Result<(), Refusal> {
    if length > most { Err(Refusal::body_too_large(most)) } else { Ok(()) }
}

/// The next bytes; trailers are passed over.
async fn data(body: ClientBody<'_>) -> Result<Option<Bytes>, Refusal> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Refusal::invalid_body()),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}
