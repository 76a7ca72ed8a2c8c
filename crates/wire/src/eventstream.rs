//! Amazon's binary event stream: frames with a length, headers, a payload and two check sums.
//!
//! A frame is, all numbers big-endian: its length (4 bytes), the length of its headers (4), a CRC-32 of those 8 bytes, the
//! headers, the payload, and a CRC-32 of everything before it. Only a frame that is spread over several reads is copied.

mod headers;
#[cfg(test)]
mod tests;
mod write;

pub use write::{write_event, write_exception};

/// Longest frame that is taken, in bytes; Amazon's own limit is 16 MiB of payload.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024 + MAX_HEADER_BYTES + OVERHEAD;
/// Longest headers of a frame, in bytes.
const MAX_HEADER_BYTES: usize = 128 * 1024;
/// The two lengths and their check sum.
const PRELUDE: usize = 12;
/// Prelude and last check sum.
const OVERHEAD: usize = PRELUDE + 4;

/// Cuts a stream into frames, at whatever boundaries its bytes arrive.
#[derive(Debug, Default)]
pub struct FrameSplitter {
    /// The start of a frame whose end has not arrived.
    pending: Vec<u8>,
}

/// A frame that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The lengths contradict each other or are over the limits.
    #[error("a frame of the event stream has an impossible length")]
    Length,
    /// The bytes are not those that were sent.
    #[error("a frame of the event stream has a wrong check sum")]
    Checksum,
    /// The headers cannot be read.
    #[error("a frame of the event stream has unreadable headers")]
    Headers,
}

impl FrameSplitter {
    /// A splitter at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of a frame whose end has not arrived.
    pub(crate) fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes the next bytes and hands out the frames that end in them: a name and the payload. The name is the event's type
    /// (`contentBlockDelta`); an exception's type after `exception:` (`exception:throttlingException`); an error's code after
    /// `error:`, with `{"message":"…"}` for its payload.
    ///
    /// # Errors
    /// When a frame is too long or its check sum is wrong. The stream is over then.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8], &[u8])) -> Result<(), BadFrame> {
        let mut rest = bytes;
        while !self.pending.is_empty() && !rest.is_empty() {
            // First as much as tells the length, then as much as that.
            let wanted = length(&self.pending)?.unwrap_or(PRELUDE);
            let taken = rest.len().min(wanted - self.pending.len());
            self.pending.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if length(&self.pending)? == Some(self.pending.len()) {
                hand_out(&self.pending, &mut each)?;
                self.pending.clear();
            }
        }
        while let Some(length) = length(rest)?.filter(|length| *length <= rest.len()) {
            hand_out(&rest[..length], &mut each)?;
            rest = &rest[length..];
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }
}

/// Whether a frame begins here; none where there are not enough bytes to tell.
#[must_use]
pub fn begins(bytes: &[u8]) -> Option<bool> {
    length(bytes).map_or(Some(false), |length| length.map(|_| true))
}

/// The length of the frame that begins here; none before its prelude is complete.
fn length(bytes: &[u8]) -> Result<Option<usize>, BadFrame> {
    if bytes.len() < PRELUDE {
        return Ok(None);
    }
    if crc32fast::hash(&bytes[..8]) != number(&bytes[8..]) {
        return Err(BadFrame::Checksum);
    }
    let (length, headers) = (number(bytes) as usize, number(&bytes[4..]) as usize);
    if length > MAX_FRAME_BYTES || headers > MAX_HEADER_BYTES || length < OVERHEAD + headers {
        return Err(BadFrame::Length);
    }
    Ok(Some(length))
}

/// Hands out a whole frame; its prelude has been looked at.
fn hand_out(frame: &[u8], each: &mut impl FnMut(&[u8], &[u8])) -> Result<(), BadFrame> {
    let (content, sum) = frame.split_at(frame.len() - 4);
    if crc32fast::hash(content) != number(sum) {
        return Err(BadFrame::Checksum);
    }
    let (headers, payload) = content[PRELUDE..].split_at(number(&frame[4..]) as usize);
    let headers = headers::read(headers).ok_or(BadFrame::Headers)?;
    match headers.message_type {
        b"exception" => each(&[b"exception:", headers.exception_type].concat(), payload),
        b"error" => {
            let message = String::from_utf8_lossy(headers.error_message);
            each(
                &[b"error:", headers.error_code].concat(),
                serde_json::json!({ "message": message }).to_string().as_bytes(),
            );
        }
        _ => each(headers.event_type, payload),
    }
    Ok(())
}

/// The first four bytes; zeros stand for missing ones, which callers rule out.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_be_bytes)
}
