use proptest::prelude::*;

use super::*;

type Owned = (Option<Vec<u8>>, Vec<u8>, Range<u64>);

fn events(splitter: &mut Splitter, chunks: &[&[u8]]) -> Vec<Owned> {
    let mut found = Vec::new();
    let mut keep = |event: Event<'_>| found.push((event.event.map(<[u8]>::to_vec), event.data.to_vec(), event.span));
    for chunk in chunks {
        let _ = splitter.push(chunk, &mut keep);
    }
    splitter.finish(&mut keep);
    found
}

fn data(text: &str) -> Vec<String> {
    let found = events(&mut Splitter::new(), &[text.as_bytes()]);
    found.into_iter().map(|(_, data, _)| String::from_utf8(data).expect("text")).collect()
}

#[test]
fn comments_other_fields_and_empty_events_are_passed_over() {
    assert_eq!(data(": hello\n\ndata: a\nid: 3\n\n\n\nevent: x\n\ndata:b\n\ndatax: no\n\n"), ["a", "b"]);
}

#[test]
fn lines_of_data_are_joined_and_one_space_is_taken_off() {
    assert_eq!(data("data: a\r\ndata:  b\r\ndata\r\n\r\ndata: c"), ["a\n b\n", "c"]);
}

#[test]
fn every_kind_of_line_break_ends_a_line() {
    assert_eq!(data("\u{feff}data: a\r\rdata: b\n\ndata: c\r\n\r\n"), ["a", "b", "c"]);
}

#[test]
fn an_event_over_the_limit_is_left_out_and_the_next_one_is_read() {
    let mut splitter = Splitter::with_limit(16);
    let mut found = Vec::new();
    let long = "x".repeat(100);
    let mut errors = 0;
    for piece in ["data: ", &long, &long, "\n", "\ndata: ok\n\n"] {
        errors += usize::from(splitter.push(piece.as_bytes(), |event| found.push(event.data.to_vec())).is_err());
        assert!(splitter.pending.len() <= 16);
    }
    assert_eq!((found, errors), (vec![b"ok".to_vec()], 1));
}

fn stream_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just("data: {\"a\":1}".to_owned()),
        2 => Just("event: x".to_owned()),
        1 => Just(": comment".to_owned()),
        1 => "[a-z:é ]{0,6}",
        3 => Just("\n".to_owned()),
        3 => Just("\n\n".to_owned()),
        3 => Just("\r\n".to_owned()),
        3 => Just("\r\n\r\n".to_owned()),
        1 => Just("\r".to_owned()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(crate::cases(48))]

    #[test]
    fn every_chunking_gives_the_same_events(text in stream_text(), cuts in proptest::collection::vec(0usize..200, 0..20)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut start = 0;
        for cut in cuts {
            chunks.push(&text[start..cut]);
            start = cut;
        }
        chunks.push(&text[start..]);
        let whole = events(&mut Splitter::new(), &[&text]);
        prop_assert_eq!(&whole, &events(&mut Splitter::new(), &chunks));
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        prop_assert_eq!(&whole, &events(&mut Splitter::new(), &bytes));
        prop_assert!(whole.windows(2).all(|pair| pair[0].2.end <= pair[1].2.start));
    }

    #[test]
    fn memory_stays_bounded_whatever_arrives(text in stream_text(), limit in 4usize..40) {
        let mut splitter = Splitter::with_limit(limit);
        for byte in text.chunks(1) {
            let _ = splitter.push(byte, |event| assert!(event.data.len() <= limit));
            prop_assert!(splitter.pending.len() <= limit);
            prop_assert!(splitter.settled() <= splitter.seen);
        }
    }
}
