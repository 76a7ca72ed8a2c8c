//! Amazon's binary event stream: cut into pieces anywhere it is the same frames, and what is written is read again.

use wire::eventstream::{BadFrame, FrameSplitter, write_event};

use crate::pieces::pieces;

type Frame = (Vec<u8>, Vec<u8>);

/// Checks a stream of frames.
pub fn event_stream(stream: &[u8]) {
    assert_eq!(split(pieces(stream)), split(std::iter::once(stream)));
    let mut written = Vec::new();
    if write_event("chunk", stream, &mut written).is_ok() {
        assert_eq!(split(pieces(&written)), (vec![(b"chunk".to_vec(), stream.to_vec())], None));
    }
}

/// The frames up to the end, or to the first that is none.
fn split<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<BadFrame>) {
    let (mut splitter, mut found) = (FrameSplitter::new(), Vec::new());
    for piece in pieces {
        if let Err(fault) = splitter.push(piece, |name, data| found.push((name.to_vec(), data.to_vec()))) {
            return (found, Some(fault));
        }
    }
    (found, None)
}
