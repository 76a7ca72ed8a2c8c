//! Cuts bytes into pieces, as a network would: any sizes, but the same for the same bytes.

/// The bytes in pieces of 1 to 64 bytes.
pub(crate) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = crc32fast::hash(bytes) | 1;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        // Xorshift: never 0, and of no pattern that input could have.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let size = (state as usize % 64 + 1).min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
