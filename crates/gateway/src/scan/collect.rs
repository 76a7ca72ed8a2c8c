//! Takes a request's body into memory, within bounds of size and time.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;

use crate::error::Refusal;
use crate::options::Options;

/// Whatever went wrong outside.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A request's body, whoever serves the connection.
pub(crate) type ClientBody<'a> = &'a mut (dyn Body<Data = Bytes, Error = BoxError> + Send + Unpin);

/// What is allocated on a client's word about the length of its body; the rest as it comes.
const TRUSTED: usize = 256 << 10;

/// The whole body.
///
/// # Errors
/// `body_too_large`, `request_timeout`, `invalid_body`.
pub(crate) async fn collect(body: ClientBody<'_>, options: &Options) -> Result<Bytes, Refusal> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let most = options.max_body_bytes;
    if body.size_hint().lower() > most as u64 {
        return Err(Refusal::body_too_large(most));
    }
    let all = tokio::time::timeout(options.body_timeout, read(body, most)).await;
    all.unwrap_or_else(|_| Err(Refusal::request_timeout(options.body_timeout.as_secs())))
}

async fn read(body: ClientBody<'_>, most: usize) -> Result<Bytes, Refusal> {
    let Some(first) = data(&mut *body).await? else { return Ok(Bytes::new()) };
    let Some(second) = data(&mut *body).await? else { return bounded(first.len(), most).map(|()| first) };
    let promised = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX).min(TRUSTED);
    let mut all = BytesMut::with_capacity(first.len() + second.len() + promised);
    all.extend_from_slice(&first);
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        bounded(all.len() + bytes.len(), most)?;
        all.extend_from_slice(&bytes);
        piece = data(&mut *body).await?;
    }
    Ok(all.freeze())
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
