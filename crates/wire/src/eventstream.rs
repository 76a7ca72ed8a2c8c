//! Amazon's binary event stream: frames with a length, headers, a payload and two check sums.

/// Cuts a stream into frames, at whatever boundaries its bytes arrive.
#[derive(Debug, Default)]
pub struct FrameSplitter {}

/// A frame that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event stream")]
pub struct BadFrame;

impl FrameSplitter {
    /// A splitter at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and hands out the frames that end in them: the event's or exception's type, and the payload.
    ///
    /// # Errors
    /// When a frame is too long or its check sum is wrong. The stream is over then.
    pub fn push(&mut self, _bytes: &[u8], _each: impl FnMut(&[u8], &[u8])) -> Result<(), BadFrame> {
        Err(BadFrame)
    }
}
