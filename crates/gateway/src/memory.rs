//! One bound on what bodies take of the process's memory, all requests together: request bodies and their changed
//! copies, answers that are held or read for their usage, and what is kept for log and cache.
//!
//! What can be done without gives way first: the log's bodies at half of the bound, new requests at three quarters, so
//! that answers that are paid for already still find room. A claim is given back when its owner is dropped, whoever
//! drops it: the end of a request, a client that leaves, a panic. It costs two atomic operations and never waits.
//!
//! Read buffers of connections are not counted; their number and size have bounds of their own.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};

/// Bytes in use, and how many may be.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    used: AtomicUsize,
}

/// What room is wanted for: the later, the more of the bound it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// A body that log or cache would keep.
    Keeping,
    /// A request that can still be refused.
    Request,
    /// An answer that has been paid for.
    Answer,
}

/// There is no room now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Memory {
    /// A bound of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether there would be room for `bytes` now.
    pub(crate) fn has_room(&self, purpose: Purpose, bytes: usize) -> bool {
        self.used().checked_add(bytes).is_some_and(|sum| sum <= self.share(purpose))
    }

    /// A claim on nothing yet.
    pub(crate) fn claim(self: &Arc<Self>, purpose: Purpose) -> Claim {
        Claim { memory: Arc::clone(self), purpose, bytes: 0 }
    }

    /// The same bytes, counted for as long as any part of them is referred to.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn hold(self: &Arc<Self>, purpose: Purpose, bytes: Bytes) -> Result<Bytes, Full> {
        let mut claim = self.claim(purpose);
        claim.grow(bytes.len())?;
        Ok(claim.hold(bytes))
    }

    /// Bytes that were written piece by piece, without the room that they were written into and do not fill.
    ///
    /// # Errors
    /// There is no room for them.
    pub(crate) fn hold_made(self: &Arc<Self>, purpose: Purpose, made: Vec<u8>) -> Result<Bytes, Full> {
        self.hold(purpose, fitted(made))
    }

    fn share(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Keeping => self.limit / 2,
            Purpose::Request => self.limit / 4 * 3,
            Purpose::Answer => self.limit,
        }
    }
}

/// The bytes in about as much memory as they take: a text that is written piece by piece may hold twice that.
pub(crate) fn fitted(mut made: Vec<u8>) -> Bytes {
    /// What is not worth a copy.
    const SPARE: usize = 4 * 1024;
    if made.capacity() - made.len() > SPARE {
        made.shrink_to_fit();
    }
    Bytes::from(made)
}

/// Some bytes of the bound, given back on drop.
#[derive(Debug)]
pub(crate) struct Claim {
    memory: Arc<Memory>,
    purpose: Purpose,
    bytes: usize,
}

impl Claim {
    /// Claims `more` bytes.
    ///
    /// # Errors
    /// There is no room for them; the claim is as before.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Full> {
        let most = self.memory.share(self.purpose);
        let sum = |used: usize| used.checked_add(more).filter(|sum| *sum <= most);
        self.memory.used.try_update(Ordering::Relaxed, Ordering::Relaxed, sum).map_err(|_| Full)?;
        self.bytes += more;
        Ok(())
    }

    /// Makes it a claim on `bytes` in all: claims more, or gives some back.
    ///
    /// # Errors
    /// There is no room for them; the claim is as before.
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Full> {
        match bytes.checked_sub(self.bytes) {
            Some(0) => Ok(()),
            Some(more) => self.grow(more),
            None => {
                self.memory.used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
                self.bytes = bytes;
                Ok(())
            }
        }
    }

    /// Bytes whose last reference gives the claim back.
    pub(crate) fn hold(self, bytes: Bytes) -> Bytes {
        if bytes.is_empty() { bytes } else { Bytes::from_owner(Held { bytes, _claim: self }) }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Bytes and what they take of the bound.
struct Held {
    bytes: Bytes,
    _claim: Claim,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that grow as they come; the room for them is claimed before it is allocated.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: BytesMut,
    /// As many as are claimed are allocated, by powers of two up to this many.
    most: usize,
    claim: Claim,
}

impl Buffer {
    /// A buffer that is meant for at most `most` bytes.
    pub(crate) fn new(memory: &Arc<Memory>, purpose: Purpose, most: usize) -> Self {
        Self { bytes: BytesMut::new(), most, claim: memory.claim(purpose) }
    }

    /// Makes room for `capacity` bytes in all.
    ///
    /// # Errors
    /// There is none; the buffer is as before.
    pub(crate) fn reserve(&mut self, capacity: usize) -> Result<(), Full> {
        let more = capacity.saturating_sub(self.claim.bytes);
        if more > 0 {
            self.claim.grow(more)?;
            self.bytes.reserve(capacity - self.bytes.len());
        }
        Ok(())
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// There is no room for them; the buffer is as before.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Full> {
        let length = self.bytes.len() + piece.len();
        if length > self.claim.bytes {
            self.reserve(length.next_power_of_two().min(self.most).max(length))?;
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// What is in it; its room stays claimed for as long as any part of it is referred to.
    pub(crate) fn freeze(self) -> Bytes {
        self.claim.hold(self.bytes.freeze())
    }
}
