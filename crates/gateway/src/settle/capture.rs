//! Keeps the beginning of an answer, as far as anybody needs it: the log, the cache, the reader of usage.

use std::sync::Arc;

use bytes::Bytes;

use crate::memory::{Buffer, Full, Memory, Purpose};

/// The first bytes of an answer, at most `limit`, and how many there were. Where memory is short it keeps none.
#[derive(Debug)]
pub(crate) struct Capture {
    memory: Arc<Memory>,
    purpose: Purpose,
    limit: usize,
    seen: u64,
    kept: Kept,
}

#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    /// Short answers come in one piece, which is shared and not copied.
    One(Bytes),
    /// Pieces are copied together: a small piece would otherwise hold on to the whole buffer it was read into.
    Many(Buffer),
    /// There was no room.
    GivenUp,
}

impl Capture {
    pub(crate) fn new(memory: &Arc<Memory>, purpose: Purpose, limit: usize) -> Self {
        Self { memory: Arc::clone(memory), purpose, limit, seen: 0, kept: Kept::Nothing }
    }

    /// All of an answer that is held already: it takes no more room.
    pub(crate) fn of(memory: &Arc<Memory>, whole: &Bytes) -> Self {
        let seen = whole.len() as u64;
        let kept = Kept::One(whole.clone());
        Self { memory: Arc::clone(memory), purpose: Purpose::Answer, limit: whole.len(), seen, kept }
    }

    pub(crate) fn push(&mut self, bytes: &Bytes) {
        self.seen += bytes.len() as u64;
        let room = self.limit - self.bytes().len();
        if room == 0 || bytes.is_empty() || self.gave_up() {
            return;
        }
        let piece = bytes.slice(..bytes.len().min(room));
        let kept = std::mem::take(&mut self.kept);
        self.kept = self.add(kept, piece).unwrap_or(Kept::GivenUp);
    }

    fn add(&self, kept: Kept, piece: Bytes) -> Result<Kept, Full> {
        match kept {
            Kept::Nothing => Ok(Kept::One(self.memory.hold(self.purpose, piece)?)),
            Kept::One(first) => {
                let mut many = Buffer::new(&self.memory, self.purpose, self.limit);
                many.push(&first)?;
                many.push(&piece)?;
                Ok(Kept::Many(many))
            }
            Kept::Many(mut many) => {
                many.push(&piece)?;
                Ok(Kept::Many(many))
            }
            Kept::GivenUp => Ok(Kept::GivenUp),
        }
    }

    /// Bytes that came by, kept or not.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether bytes were to be kept for which there was no room.
    pub(crate) fn gave_up(&self) -> bool {
        matches!(self.kept, Kept::GivenUp)
    }

    fn bytes(&self) -> &[u8] {
        match &self.kept {
            Kept::Nothing | Kept::GivenUp => &[],
            Kept::One(bytes) => bytes,
            Kept::Many(buffer) => buffer.as_slice(),
        }
    }

    /// Everything, unless there was more than is kept.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        let bytes = self.bytes();
        (bytes.len() as u64 == self.seen).then_some(bytes)
    }

    /// Everything, for others to send, unless there was more than is kept.
    pub(crate) fn share_whole(&mut self) -> Option<Bytes> {
        self.whole()?;
        let bytes = match std::mem::take(&mut self.kept) {
            Kept::Nothing | Kept::GivenUp => return Some(Bytes::new()),
            Kept::One(bytes) => bytes,
            Kept::Many(buffer) => buffer.freeze(),
        };
        self.kept = Kept::One(bytes.clone());
        Some(bytes)
    }

    /// At most `cap` bytes, for others to keep.
    pub(crate) fn share_head(&self, cap: usize) -> Bytes {
        match &self.kept {
            Kept::One(bytes) => bytes.slice(..bytes.len().min(cap)),
            _ => Bytes::copy_from_slice(self.head(cap)),
        }
    }

    /// How many bytes [`Capture::share_head`] copies.
    pub(crate) fn copied(&self, cap: usize) -> usize {
        if matches!(self.kept, Kept::One(_)) { 0 } else { self.head(cap).len() }
    }

    /// At most `cap` bytes.
    pub(crate) fn head(&self, cap: usize) -> &[u8] {
        let bytes = self.bytes();
        &bytes[..bytes.len().min(cap)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_held_is_kept_however_full_the_memory_is() {
        let memory = Memory::new(1_000);
        let made = memory.hold(Purpose::Answer, Bytes::from(vec![0; 900])).expect("room");
        let capture = Capture::of(&memory, &made);
        assert_eq!((capture.whole().map(<[u8]>::len), capture.seen(), memory.used()), (Some(900), 900, 900));
    }
}
