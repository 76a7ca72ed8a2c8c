use proptest::prelude::*;

use super::write::write;
use super::*;

type Frame = (String, Vec<u8>);

fn read(stream: &[u8], chunk: usize) -> Result<Vec<Frame>, BadFrame> {
    let mut frames = Vec::new();
    let mut splitter = FrameSplitter::new();
    for bytes in stream.chunks(chunk) {
        splitter.push(bytes, |name, data| {
            frames.push((String::from_utf8_lossy(name).into_owned(), data.to_vec()));
        })?;
    }
    Ok(frames)
}

fn sample() -> Vec<u8> {
    let mut stream = Vec::new();
    write_event("messageStart", br#"{"role":"assistant"}"#, &mut stream).expect("a frame");
    write_event("empty", b"", &mut stream).expect("a frame");
    write_exception("throttlingException", br#"{"message":"slow"}"#, &mut stream).expect("a frame");
    let error = [(":message-type", "error"), (":error-code", "500"), (":error-message", "say \"no\"")];
    write(&error, b"", &mut stream).expect("a frame");
    stream
}

#[test]
fn names_tell_events_exceptions_and_errors_apart() {
    let frames = read(&sample(), usize::MAX).expect("frames");
    let text: Vec<_> = frames.iter().map(|(name, data)| format!("{name} {}", String::from_utf8_lossy(data))).collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    messageStart {"role":"assistant"}
    empty 
    exception:throttlingException {"message":"slow"}
    error:500 {"message":"say \"no\""}
    "#);
}

#[test]
fn a_known_frame_is_read_and_written_bit_by_bit() {
    // From the test vectors that Amazon publishes with its SDKs: one header of each of two kinds, and a payload.
    let frame =
        b"\0\0\0=\0\0\0 \x07\xfd\x83\x96\x0ccontent-type\x07\0\x10application/json{'foo':'bar'}\x8d\x9c\x08\xb1";
    assert_eq!(read(frame, 1), Ok(vec![(String::new(), b"{'foo':'bar'}".to_vec())]));
    let mut written = Vec::new();
    write(&[("content-type", "application/json")], b"{'foo':'bar'}", &mut written).expect("a frame");
    assert_eq!(written, frame);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let stream = sample();
    for bit in 0..stream.len() * 8 {
        let mut bad = stream.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bad, usize::MAX).is_err(), "bit {bit}");
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_first_bytes() {
    let mut prelude = Vec::new();
    prelude.extend_from_slice(&u32::MAX.to_be_bytes());
    prelude.extend_from_slice(&0_u32.to_be_bytes());
    prelude.extend_from_slice(&crc32fast::hash(&prelude).to_be_bytes());
    assert_eq!(read(&prelude, 5), Err(BadFrame::Length));
}

#[test]
fn headers_of_all_types_are_stepped_over() {
    let mut headers = b"\x01a\x00\x01b\x01\x01c\x02x\x01d\x03xx\x01e\x04xxxx\x01f\x05xxxxxxxx".to_vec();
    headers.extend_from_slice(b"\x01g\x06\0\x02xx\x01h\x08xxxxxxxx\x01i\x09xxxxxxxxxxxxxxxx\x0b:event-type\x07\0\x01e");
    assert_eq!(headers::read(&headers).expect("headers").event_type, b"e");
    for length in 1..headers.len() {
        // Cut anywhere: fewer headers or none, never a panic.
        headers::read(&headers[..length]);
    }
    assert!(headers::read(b"\x01a\x0a").is_none());
}

proptest! {
    #[test]
    fn boundaries_do_not_matter(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6), chunk in 1_usize..80) {
        let mut stream = Vec::new();
        for payload in &payloads {
            write_event("chunk", payload, &mut stream).expect("a frame");
        }
        let frames: Vec<_> = payloads.into_iter().map(|payload| ("chunk".to_owned(), payload)).collect();
        prop_assert_eq!(read(&stream, chunk), Ok(frames));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), chunk in 1_usize..20) {
        let _ = read(&bytes, chunk);
    }
}
