//! Compression of what is long: zstd frames.

use std::cell::RefCell;

use zstd::bulk::Compressor;

/// Fast: the writer must keep up, and most bodies are short.
const LEVEL: i32 = 1;

thread_local! {
    /// Its tables are made once for a thread: to make them takes three times as long as to compress a body of 1 KB with them.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
}

/// A zstd frame. Compression into memory does not fail; if it ever did, the row would matter more than the body.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.as_mut().and_then(|compressor| compressor.compress(bytes).ok()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_whole_in_itself() {
        let texts = ["", "short", &"a longer one ".repeat(5_000), "short"];
        let frames: Vec<_> = texts.iter().map(|text| pack(text.as_bytes())).collect();
        assert_eq!(frames[1], frames[3], "nothing of what came before is in it");
        for (text, frame) in texts.iter().zip(frames).rev() {
            assert_eq!(zstd::bulk::decompress(&frame, 100_000).expect("a frame"), text.as_bytes());
        }
    }
}
