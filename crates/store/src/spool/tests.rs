use std::collections::HashSet;
use std::path::{Path, PathBuf};

use domain::ledger::{AttemptRow, Outcome, Payload};
use domain::state::StateChange;
use domain::{Nanos, TeamId};
use proptest::prelude::*;

use super::*;
use crate::fixture;

const SMALL: SpoolOptions = SpoolOptions { segment_bytes: 2_000, payload_backlog_bytes: 1 << 20, sync: false };

fn open(dir: &Path, options: SpoolOptions) -> (SpoolAppender, SpoolReader) {
    Spool::open(dir, options).expect("the spool opens")
}

fn payload(bytes: Vec<u8>) -> Payload {
    Payload { request: bytes.into(), ..Payload::default() }
}

/// Attempt numbers of every record from the beginning, and the count of damaged bytes.
fn read_all(reader: &mut SpoolReader) -> (Vec<u16>, u64) {
    let (mut attempts, mut damaged) = (Vec::new(), 0);
    let mut at = reader.begin(None).expect("the directory is readable");
    loop {
        let batch = reader.read(at, 3).expect("the spool is readable");
        if batch.end == at {
            return (attempts, damaged);
        }
        assert!(batch.end > at, "reading goes forward");
        damaged += batch.damaged_bytes;
        attempts.extend(batch.entries.into_iter().filter_map(|entry| match entry.record {
            Ok(Record::Row(row, _)) => Some(row.attempt),
            _ => None,
        }));
        at = batch.end;
    }
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    paths.sort();
    paths
}

#[test]
fn rows_of_many_threads_are_read_once_each() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, mut reader) = open(dir.path(), SMALL);
    std::thread::scope(|scope| {
        for thread in 0..4u16 {
            let appender = appender.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    appender.append(&fixture::row(1, 1, thread * 100 + number), None).expect("stored");
                }
            });
        }
    });
    let (mut attempts, damaged) = read_all(&mut reader);
    attempts.sort_unstable();
    assert_eq!(attempts, (0..400).collect::<Vec<_>>());
    assert_eq!(damaged, 0);
    assert!(segments(dir.path()).len() > 10, "segments rotate");
}

#[test]
fn a_second_process_is_refused_until_the_first_lets_go() {
    let dir = tempfile::tempdir().expect("a directory");
    let halves = open(dir.path(), SMALL);
    assert!(matches!(Spool::open(dir.path(), SMALL), Err(SpoolError::InUse)));
    let id = halves.1.id();
    drop(halves);
    assert_eq!(open(dir.path(), SMALL).1.id(), id, "the spool keeps its id");
}

#[test]
fn a_damaged_id_is_refused_instead_of_counting_everything_again() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("id"), "not an id").expect("written");
    assert!(matches!(Spool::open(dir.path(), SMALL), Err(SpoolError::BadId)));
}

#[test]
fn what_is_released_is_deleted_and_off_the_backlog() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let (appender, _reader) = open(dir.path(), SMALL);
        for number in 0..50 {
            appender.append(&fixture::row(1, 1, number), None).expect("stored");
        }
    }
    let (appender, mut reader) = open(dir.path(), SMALL);
    appender.append(&fixture::row(1, 1, 50), None).expect("stored");
    assert!(appender.backlog_bytes() > 9_000);
    let head = reader.head();
    reader.release(Position::default(), head).expect("released");
    assert_eq!(appender.backlog_bytes(), 0);
    assert_eq!(segments(dir.path()).len(), 1);
    drop((appender, reader));
    let (_appender, reader) = open(dir.path(), SMALL);
    assert_eq!(reader.begin(Some(head)).expect("readable"), head);
}

#[test]
fn what_was_left_open_is_told_however_much_waits() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, _reader) = open(dir.path(), SpoolOptions { payload_backlog_bytes: 0, ..SMALL });
    appender.append(&fixture::row(1, 1, 1), None).expect("stored");
    let forget = StateChange::Forget { team_id: TeamId(1), id: "resp_1".into() };
    assert_eq!(appender.append_state(&forget).expect_err("busy").kind(), std::io::ErrorKind::ResourceBusy);
    appender.append_state(&StateChange::Interrupt { owner: appender.id(), before_ms: 1 }).expect("told");
}

#[test]
fn a_segment_that_cannot_be_removed_keeps_neither_the_others_nor_the_backlog() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, mut reader) = open(dir.path(), SMALL);
    for number in 0..50 {
        appender.append(&fixture::row(1, 1, number), None).expect("stored");
    }
    let stuck = &segments(dir.path())[3];
    std::fs::remove_file(stuck).expect("removed");
    // Something of that name that is no file and goes with no unlink.
    std::fs::create_dir(stuck).expect("made");
    let (head, begin) = (reader.head(), reader.begin(None).expect("readable"));
    assert!(reader.release(begin, head).is_err(), "it is told");
    assert_eq!(segments(dir.path()).len(), 2, "the stuck one and the newest");
    assert!(appender.backlog_bytes() < 2_000, "{}", appender.backlog_bytes());
}

#[test]
fn a_directory_put_back_from_an_older_copy_is_read_from_its_beginning() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, reader) = open(dir.path(), SMALL);
    appender.append(&fixture::row(1, 1, 0), None).expect("stored");
    for beyond in [Position { segment: 99, offset: 8 }, Position { segment: 1, offset: 100 }] {
        assert_eq!(reader.begin(Some(beyond)).expect("readable"), Position { segment: 1, offset: 8 });
    }
}

#[test]
fn payloads_are_dropped_and_counted_under_a_backlog_and_rows_are_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, mut reader) = open(dir.path(), SpoolOptions { payload_backlog_bytes: 5_000, ..SMALL });
    for number in 0..10 {
        appender.append(&fixture::row(1, 1, number), Some(&payload(vec![b'x'; 2_000]))).expect("stored");
    }
    let (attempts, _) = read_all(&mut reader);
    assert_eq!(attempts.len(), 10);
    assert!((6..=8).contains(&appender.payloads_dropped()), "{}", appender.payloads_dropped());
}

#[test]
fn a_payload_too_large_for_a_frame_is_dropped_and_the_row_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, mut reader) = open(dir.path(), SpoolOptions::default());
    appender.append(&fixture::row(1, 1, 7), Some(&payload(vec![0; 9 << 20]))).expect("stored");
    assert_eq!(appender.payloads_dropped(), 1);
    assert_eq!(read_all(&mut reader).0, [7]);
}

#[test]
fn a_spool_that_cannot_write_keeps_what_comes_and_recovers_by_itself() {
    let parent = tempfile::tempdir().expect("a directory");
    let (dir, elsewhere) = (parent.path().join("spool"), parent.path().join("elsewhere"));
    // Every append needs a new segment, which cannot be made while the directory is away.
    let (appender, mut reader) = open(&dir, SpoolOptions { segment_bytes: 1, ..SMALL });
    appender.append(&fixture::row(1, 1, 0), None).expect("stored");
    std::fs::rename(&dir, &elsewhere).expect("moved");
    appender.append(&fixture::row(1, 1, 1), Some(&payload(vec![7; 100]))).expect("kept in memory, without its body");
    assert_eq!(appender.payloads_dropped(), 1);
    std::fs::rename(&elsewhere, &dir).expect("moved back");
    assert!(appender.ready(), "it looks again although nobody appends");
    std::fs::rename(&dir, &elsewhere).expect("moved");
    appender.append(&fixture::row(1, 1, 2), None).expect("kept in memory");
    assert!(!appender.ready());
    std::fs::rename(&elsewhere, &dir).expect("moved back");
    appender.append(&fixture::row(1, 1, 3), None).expect("writing works again");
    assert!(appender.ready());
    assert_eq!(read_all(&mut reader), (vec![0, 1, 2, 3], 0));
}

#[test]
fn refusals_leave_room_for_the_rows_of_calls_while_nothing_can_be_written() {
    let parent = tempfile::tempdir().expect("a directory");
    let (dir, elsewhere) = (parent.path().join("spool"), parent.path().join("elsewhere"));
    let (appender, mut reader) = open(&dir, SpoolOptions { segment_bytes: 1, ..SMALL });
    appender.append(&fixture::row(1, 1, 1), None).expect("stored");
    std::fs::rename(&dir, &elsewhere).expect("moved");
    let refusal = AttemptRow { cost: Some(Nanos::ZERO), ..fixture::row(1, 1, 0) };
    let lost = (0..20_001).filter(|_| appender.append(&refusal, None).is_err()).count();
    assert_eq!(appender.refusals_lost(), lost as u64);
    appender.append(&fixture::row(1, 1, 2), None).expect("kept in memory");
    assert_eq!((appender.waiting(), appender.rows_lost()), (20_001 - lost + 1, 0));
    std::fs::rename(&elsewhere, &dir).expect("moved back");
    assert!(appender.ready());
    let (attempts, _) = read_all(&mut reader);
    assert_eq!((&attempts[..3], attempts.len()), (&[1, 2, 0][..], 20_001 - lost + 2));
}

#[test]
fn a_frame_inside_a_body_is_never_taken_for_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let forged = {
        let (appender, _reader) = open(dir.path(), SpoolOptions::default());
        appender.append(&fixture::row(1, 1, 66), None).expect("stored");
        std::fs::read(&segments(dir.path())[0]).expect("readable")[8..].to_vec()
    };
    let (appender, reader) = open(dir.path(), SpoolOptions::default());
    appender.append(&fixture::row(1, 1, 1), Some(&payload(forged))).expect("stored");
    appender.append(&fixture::row(1, 1, 2), None).expect("stored");
    drop((appender, reader));
    let path = &segments(dir.path())[1];
    let mut bytes = std::fs::read(path).expect("readable");
    bytes[20] ^= 1;
    std::fs::write(path, bytes).expect("written");
    let (attempts, damaged) = read_all(&mut open(dir.path(), SMALL).1);
    assert_eq!(attempts, [66, 2], "the damaged frame is skipped with all that is in it");
    assert!(damaged > 0);
}

#[test]
fn a_damaged_segment_is_set_aside_once_it_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    {
        let (appender, _reader) = open(dir.path(), SpoolOptions::default());
        (0..3).for_each(|number| appender.append(&fixture::row(1, 1, number), None).expect("stored"));
    }
    let path = segments(dir.path()).remove(0);
    let mut bytes = std::fs::read(&path).expect("readable");
    bytes[40] ^= 0x10;
    std::fs::write(&path, bytes).expect("written");
    let (_appender, mut reader) = open(dir.path(), SMALL);
    assert_eq!(read_all(&mut reader).0, [1, 2]);
    let head = reader.head();
    reader.release(Position::default(), head).expect("released");
    assert!(!path.exists() && path.with_extension("damaged").exists());
}

/// Rows from the beginning: attempt, whether it is the last, and how it ended.
fn rows(reader: &mut SpoolReader) -> Vec<(u16, bool, Outcome)> {
    let mut rows = Vec::new();
    let mut at = reader.begin(None).expect("readable");
    loop {
        let batch = reader.read(at, 100).expect("readable");
        if batch.end == at {
            return rows;
        }
        at = batch.end;
        rows.extend(batch.entries.into_iter().filter_map(|entry| match entry.record {
            Ok(Record::Row(row, _)) => Some((row.attempt, row.last, row.outcome)),
            _ => None,
        }));
    }
}

#[test]
fn what_was_under_way_when_a_process_was_killed_has_a_row_at_the_next_start() {
    for sync in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        let options = SpoolOptions { sync, ..SMALL };
        let (appender, reader) = open(dir.path(), options);
        let settled = appender.begin(&fixture::row(1, 1, 1)).expect("written");
        let killed = fixture::row(1, 2, 2);
        let _killed = appender.begin(&killed).expect("written");
        appender.settle(&fixture::row(1, 1, 1), None, Some(settled)).expect("stored");
        drop((appender, reader));
        let expected = vec![(1, true, Outcome::Ok), (2, true, Outcome::Interrupted)];
        let (appender, mut reader) = open(dir.path(), options);
        assert_eq!(rows(&mut reader), expected);
        drop((appender, reader));
        assert_eq!(rows(&mut open(dir.path(), options).1), expected, "it is told once");
    }
}

#[test]
fn a_row_that_waits_in_memory_when_its_process_is_killed_is_told_of() {
    let parent = tempfile::tempdir().expect("a directory");
    let (dir, elsewhere) = (parent.path().join("spool"), parent.path().join("elsewhere"));
    let options = SpoolOptions { segment_bytes: 1, ..SMALL };
    let (appender, reader) = open(&dir, options);
    appender.append(&fixture::row(1, 1, 1), None).expect("stored");
    let intents =
        [2, 3].map(|attempt| (attempt, appender.begin(&fixture::row(1, attempt.into(), attempt)).expect("written")));
    std::fs::rename(&dir, &elsewhere).expect("moved");
    for (attempt, intent) in intents {
        appender.settle(&fixture::row(1, attempt.into(), attempt), None, Some(intent)).expect("kept in memory");
    }
    std::fs::rename(&elsewhere, &dir).expect("moved back");
    drop((appender, reader));
    let (appender, mut reader) = open(&dir, options);
    assert_eq!(
        rows(&mut reader).iter().map(|row| row.2).collect::<Vec<_>>(),
        [Outcome::Ok, Outcome::Interrupted, Outcome::Interrupted]
    );
    drop((appender, reader));
    // Once they are written they end as if nothing had been.
    let (appender, reader) = open(&dir, options);
    appender.append(&fixture::row(1, 8, 8), None).expect("stored");
    let intent = appender.begin(&fixture::row(1, 9, 9)).expect("written");
    std::fs::rename(&dir, &elsewhere).expect("moved");
    appender.settle(&fixture::row(1, 9, 9), None, Some(intent)).expect("kept in memory");
    std::fs::rename(&elsewhere, &dir).expect("moved back");
    assert!(appender.ready());
    drop((appender, reader));
    let last = rows(&mut open(&dir, options).1).pop();
    assert_eq!(last, Some((9, true, Outcome::Ok)));
}

#[test]
fn a_segment_that_has_lost_its_end_is_kept_and_what_stood_there_is_told_of() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, reader) = open(dir.path(), SpoolOptions::default());
    let intents = [1, 2, 3].map(|number| (number, appender.begin(&fixture::row(1, number, 1)).expect("written")));
    let mut ends = Vec::new();
    for (number, intent) in intents {
        appender.settle(&fixture::row(1, number, 1), None, Some(intent)).expect("stored");
        ends.push(appender.head().offset);
    }
    drop((appender, reader));
    let path = segments(dir.path()).remove(0);
    // Between two frames: nothing in what is left looks wrong.
    std::fs::OpenOptions::new().write(true).open(&path).expect("there").set_len(ends[1]).expect("cut");
    let (appender, mut reader) = open(dir.path(), SpoolOptions::default());
    assert_eq!(rows(&mut reader), [(1, true, Outcome::Ok), (1, true, Outcome::Ok), (1, true, Outcome::Interrupted)]);
    let name = path.with_extension("damaged").file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(appender.damaged_segments().expect("readable"), [name]);
    // Killed before the segment was let go: the next start finds it kept.
    drop((appender, reader));
    let (appender, mut reader) = open(dir.path(), SpoolOptions::default());
    let head = reader.head();
    reader.release(Position::default(), head).expect("released");
    assert!(!path.exists());
    assert_eq!(appender.damaged_segments().expect("readable").len(), 1);
}

#[test]
fn a_segment_whose_lost_end_the_database_has_is_no_loss() {
    let dir = tempfile::tempdir().expect("a directory");
    let (appender, reader) = open(dir.path(), SpoolOptions::default());
    let intent = appender.begin(&fixture::row(1, 1, 1)).expect("written");
    appender.settle(&fixture::row(1, 1, 1), None, Some(intent)).expect("stored");
    let read = appender.head();
    drop((appender, reader));
    let path = segments(dir.path()).remove(0);
    std::fs::OpenOptions::new().write(true).open(&path).expect("there").set_len(20).expect("cut");
    let (appender, mut reader) = open(dir.path(), SpoolOptions::default());
    let at = reader.begin(Some(read)).expect("readable");
    let batch = reader.read(at, 10).expect("readable");
    assert_eq!((batch.damaged_bytes, appender.damaged_segments().expect("readable").len()), (0, 0));
}

/// What is done to a segment.
#[derive(Clone, Debug)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Damage::Cut),
        (any::<prop::sample::Index>(), 0u8..8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_frame_that_damage_did_not_touch_is_read_once(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..12),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut ends = Vec::new();
        {
            let (appender, _reader) = open(dir.path(), SpoolOptions::default());
            for (number, body) in (0..).zip(bodies) {
                appender.append(&fixture::row(1, 1, number), Some(&payload(body))).expect("stored");
                ends.push(appender.head().offset as usize);
            }
        }
        let path = segments(dir.path()).remove(0);
        let mut bytes = std::fs::read(&path).expect("readable");
        let (mut cut, mut flipped) = (bytes.len(), HashSet::new());
        for damage in &damages {
            match damage {
                Damage::Cut(at) => cut = cut.min(at.index(bytes.len())),
                Damage::Flip(at, bit) => {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                    // Twice the same bit is no damage, but to say it is costs the test nothing.
                    flipped.insert(at);
                }
            }
        }
        bytes.truncate(cut);
        std::fs::write(&path, &bytes).expect("written");

        let (_appender, mut reader) = open(dir.path(), SpoolOptions::default());
        let (attempts, _) = read_all(&mut reader);
        prop_assert!(attempts.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice: {attempts:?}");
        let mut start = 8;
        for (number, end) in (0u16..).zip(ends) {
            if end <= cut && !(start..end).any(|at| flipped.contains(&at)) {
                prop_assert!(attempts.contains(&number), "{number} is missing from {attempts:?}");
            }
            start = end;
        }
    }
}

#[test]
fn a_batch_goes_on_over_windows_and_segments_and_tells_whether_there_is_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = SpoolOptions { segment_bytes: 2_500_000, ..SpoolOptions::default() };
    let (appender, mut reader) = open(dir.path(), options);
    for number in 0..600 {
        // One in a hundred is longer than a window, one in ten ends in the middle of one.
        let bytes = [(100, 3_000_000), (10, 300_000)].into_iter().find(|(each, _)| number % each == 50 % each);
        appender
            .append(&fixture::row(1, 1, number), bytes.map(|(_, bytes)| payload(vec![7; bytes])).as_ref())
            .expect("stored");
    }
    let (mut at, mut attempts, mut full) = (reader.begin(None).expect("readable"), Vec::new(), true);
    while full {
        let batch = reader.read(at, 500).expect("readable");
        let parts = |entry: &super::reader::Entry| match &entry.record {
            Ok(Record::Row(row, payload)) => (row.attempt, payload.as_ref().map_or(0, |payload| payload.request.len())),
            other => panic!("{other:?}"),
        };
        let read: Vec<_> = batch.entries.iter().map(parts).collect();
        assert!(read.iter().map(|(_, bytes)| bytes).sum::<usize>() < 20_000_000, "large payloads do not pile up");
        assert!(read.len() <= 500 && batch.damaged_bytes == 0);
        attempts.extend(read.into_iter().map(|(attempt, _)| attempt));
        reader.release(at, batch.end).expect("released");
        (at, full) = (batch.end, batch.full);
    }
    assert_eq!(at, reader.head());
    assert_eq!(attempts, (0..600).collect::<Vec<_>>());
    assert_eq!((appender.backlog_bytes(), segments(dir.path()).len()), (0, 1));
}
