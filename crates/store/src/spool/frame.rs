//! Frames: how a reader knows where a record begins, how long it is, and that no bit of it has changed.

use super::{Position, SpoolId};

/// Bytes before the first frame of a segment.
pub(super) const HEADER_BYTES: u64 = HEADER.len() as u64;
/// First bytes of every segment.
pub(super) const HEADER: &[u8; 8] = b"WEIRSPL1";
/// First bytes of every frame.
const MARK: [u8; 4] = [0xF7, b'W', b'r', 0x1A];
/// Bytes of a frame before its payload.
pub(super) const PREFIX_BYTES: usize = 12;
/// Longest payload. A row takes a few kilobytes and bodies are cut long before this; kept responses are the longest.
pub(super) const MAX_PAYLOAD: usize = 16 << 20;

/// CRC-32 of a payload; costly for large ones, so it is computed before the appender's lock is taken.
pub(super) fn digest(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}

/// The 12 bytes before a payload.
pub(super) fn prefix(id: SpoolId, at: Position, len: u32, digest: u32) -> [u8; PREFIX_BYTES] {
    let mut prefix = [0; PREFIX_BYTES];
    prefix[..4].copy_from_slice(&MARK);
    prefix[4..8].copy_from_slice(&len.to_le_bytes());
    prefix[8..].copy_from_slice(&check(id, at, len, digest).to_le_bytes());
    prefix
}

fn check(id: SpoolId, at: Position, len: u32, digest: u32) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(&at.segment.to_le_bytes());
    hasher.update(&at.offset.to_le_bytes());
    hasher.update(&len.to_le_bytes());
    hasher.update(&digest.to_le_bytes());
    hasher.finalize()
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An intact frame.
    Frame(&'a [u8]),
    /// The beginning of a frame whose end is not there.
    Torn,
    /// Anything else.
    Damage,
}

/// Looks at the first bytes of `bytes`, which stand at `at`.
pub(super) fn read(id: SpoolId, at: Position, bytes: &[u8]) -> Found<'_> {
    let shown = bytes.len().min(MARK.len());
    if bytes[..shown] != MARK[..shown] {
        return Found::Damage;
    }
    let (Some(len), Some(expected)) = (number(bytes, 4), number(bytes, 8)) else { return Found::Torn };
    let size = len as usize;
    if size > MAX_PAYLOAD {
        return Found::Damage;
    }
    match bytes.get(PREFIX_BYTES..PREFIX_BYTES + size) {
        Some(payload) if check(id, at, len, digest(payload)) == expected => Found::Frame(payload),
        Some(_) => Found::Damage,
        None => Found::Torn,
    }
}

/// The offset in `bytes` of the next intact frame after the first byte; `at` is where `bytes` stands.
pub(super) fn resync(id: SpoolId, at: Position, bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).filter(|start| bytes[*start..].starts_with(&MARK)).find(|start| {
        let at = Position { segment: at.segment, offset: at.offset + *start as u64 };
        matches!(read(id, at, &bytes[*start..]), Found::Frame(_))
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
