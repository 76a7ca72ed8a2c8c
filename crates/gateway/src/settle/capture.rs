//! Keeps the beginning of an answer, as far as anybody needs it: the log, the cache, the reader of usage.

use bytes::{Bytes, BytesMut};

/// The first bytes of an answer, at most `limit`, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct Capture {
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
    Many(BytesMut),
}

impl Capture {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, seen: 0, kept: Kept::Nothing }
    }

    pub(crate) fn push(&mut self, bytes: &Bytes) {
        self.seen += bytes.len() as u64;
        let room = self.limit - self.bytes().len();
        if room == 0 || bytes.is_empty() {
            return;
        }
        let piece = bytes.slice(..bytes.len().min(room));
        self.kept = match std::mem::take(&mut self.kept) {
            Kept::Nothing => Kept::One(piece),
            Kept::One(first) => {
                let mut many = BytesMut::with_capacity((first.len() + piece.len()).next_power_of_two().min(self.limit));
                many.extend_from_slice(&first);
                many.extend_from_slice(&piece);
                Kept::Many(many)
            }
            Kept::Many(mut many) => {
                many.extend_from_slice(&piece);
                Kept::Many(many)
            }
        };
    }

    /// Bytes that came by, kept or not.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    fn bytes(&self) -> &[u8] {
        match &self.kept {
            Kept::Nothing => &[],
            Kept::One(bytes) => bytes,
            Kept::Many(bytes) => bytes,
        }
    }

    /// Everything, unless there was more than is kept.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        let bytes = self.bytes();
        (bytes.len() as u64 == self.seen).then_some(bytes)
    }

    /// Everything, for others to keep, unless there was more than is kept.
    pub(crate) fn to_whole(&self) -> Option<Bytes> {
        self.whole()?;
        Some(match &self.kept {
            Kept::Nothing => Bytes::new(),
            Kept::One(bytes) => bytes.clone(),
            Kept::Many(bytes) => Bytes::copy_from_slice(bytes),
        })
    }

    /// At most `cap` bytes, and whether there was more.
    pub(crate) fn head(&self, cap: usize) -> (Vec<u8>, bool) {
        let bytes = self.bytes();
        let head = &bytes[..bytes.len().min(cap)];
        (head.to_vec(), (head.len() as u64) < self.seen)
    }
}
