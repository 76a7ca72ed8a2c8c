//! Compression of what is long: zstd frames.

use std::cell::RefCell;
use std::io::{self, Read};
use std::sync::LazyLock;

use zstd::bulk::Compressor;
use zstd::dict::DecoderDictionary;
use zstd::stream::read::Decoder;
use zstd::zstd_safe::get_dict_id_from_frame;

/// Fast: the writer must keep up, and most bodies are short.
const LEVEL: i32 = 1;
/// What short bodies have in common: they take a third less time and a sixth less room with it. Frames name it by its number, and
/// one without a number needs none. Never changed, as frames need it that were written; `script/body-dictionary` makes another.
const DICTIONARY: &[u8] = include_bytes!("pack/bodies-1.zdict");
/// Longest body that is compressed with it: in a longer one, what it says itself is the better example, and is found faster.
const SHORT: usize = 4 << 10;

static UNPACKING: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    /// Their tables are made once for a thread: to make them takes three times as long as to compress a body of 1 KB with them.
    static FOR_SHORT: RefCell<Option<Compressor<'static>>> =
        RefCell::new(Compressor::with_dictionary(LEVEL, DICTIONARY).ok());
    static FOR_LONG: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL).ok());
}

/// A zstd frame. Compression into memory does not fail; if it ever did, the row would matter more than the body.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let compressor = if bytes.len() <= SHORT { &FOR_SHORT } else { &FOR_LONG };
    compressor.with_borrow_mut(|compressor| {
        compressor.as_mut().and_then(|compressor| compressor.compress(bytes).ok()).unwrap_or_default()
    })
}

/// What is in a zstd frame, at most so many bytes.
///
/// # Errors
/// When it is read: the frame is damaged.
pub(crate) fn unpack(frame: &[u8], most: u64) -> io::Result<impl Read> {
    let decoder = match get_dict_id_from_frame(frame) {
        Some(_) => Decoder::with_prepared_dictionary(frame, &UNPACKING),
        None => Decoder::with_buffer(frame),
    };
    Ok(decoder?.take(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(frame: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        unpack(frame, 1 << 20).expect("a decoder").read_to_end(&mut bytes).expect("a frame");
        bytes
    }

    #[test]
    fn each_frame_is_whole_in_itself() {
        let texts = ["", "short", &"a longer one ".repeat(5_000), "short"];
        let frames: Vec<_> = texts.iter().map(|text| pack(text.as_bytes())).collect();
        assert_eq!(frames[1], frames[3], "nothing of what came before is in it");
        for (text, frame) in texts.iter().zip(frames).rev() {
            assert_eq!(unpacked(&frame), text.as_bytes());
        }
    }

    #[test]
    fn every_length_comes_back_on_both_sides_of_what_is_short() {
        let text: Vec<u8> =
            (0..2 * SHORT).map(|index| b"{\"role\":\"user\"}"[index % 15] ^ (index / 97) as u8).collect();
        for length in (0..64).chain(SHORT - 2..SHORT + 3) {
            assert_eq!(unpacked(&pack(&text[..length])), &text[..length], "{length}");
        }
    }

    #[test]
    fn frames_that_were_written_without_the_dictionary_are_still_read() {
        let text = br#"{"role":"user","content":"hello"}"#;
        let older = zstd::bulk::compress(text, LEVEL).expect("compressed");
        assert_eq!(unpacked(&older), text);
        assert!(pack(text).len() < older.len());
    }

    #[test]
    fn the_dictionary_of_frames_that_were_written_stays() {
        let written = [
            0x28, 0xb5, 0x2f, 0xfd, 0x02, 0x48, 0x41, 0x9c, 0x35, 0x01, 0x00, 0xd3, 0x41, 0x05, 0x27, 0x4d, 0x81, 0xb6,
            0xb9, 0xda, 0xf0, 0x6b, 0x3d, 0x3f, 0xb8, 0xeb, 0x97, 0x1e, 0x65, 0x12, 0xbb, 0x5c, 0x1c, 0x42, 0x03, 0x04,
            0xfc, 0x73, 0x05, 0x74, 0x6b, 0x41, 0xd7, 0x12, 0x9c, 0xa6, 0xe4, 0x00, 0x29,
        ];
        assert_eq!(unpacked(&written), br#"{"role":"user","content":"Bonjour, how is the weather in Paris?"}"#);
    }

    #[test]
    fn a_damaged_frame_gives_what_can_be_read_or_an_error_and_no_more_than_was_asked_for() {
        let frame = pack(&b"the same ".repeat(10_000));
        let mut some = Vec::new();
        let cut = unpack(&frame[..frame.len() / 2], 1 << 20).expect("a decoder").read_to_end(&mut some);
        assert!(cut.is_err());
        some.clear();
        unpack(&frame, 100).expect("a decoder").read_to_end(&mut some).expect("a frame");
        assert_eq!(some.len(), 100);
    }
}
