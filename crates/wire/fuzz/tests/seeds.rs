//! Every seed, and spoilt ones, through the checks of its target.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use wire_fuzz::{Check, TARGETS};

/// The seeds of a target.
fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(&file).expect("a file"))).collect()
}

/// Tells which seed it was, where a check panics.
fn replay(check: Check, name: &str, bytes: &[u8]) {
    if let Err(cause) = std::panic::catch_unwind(|| check(bytes)) {
        eprintln!("in {name}: {}", String::from_utf8_lossy(bytes));
        std::panic::resume_unwind(cause);
    }
}

#[test]
fn every_seed_passes() {
    for (target, check) in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 3, "only {} seeds of {target}", seeds.len());
        for (file, bytes) in seeds {
            replay(check, &file.display().to_string(), &bytes);
        }
    }
}

/// What is done to bytes: overwritten, cut out, repeated.
fn spoil(bytes: &mut Vec<u8>, spots: &[(prop::sample::Index, u8, u8)]) {
    for (place, kind, byte) in spots {
        if bytes.is_empty() {
            return;
        }
        let begin = place.index(bytes.len());
        let end = (begin + usize::from(*byte)).min(bytes.len());
        match kind % 4 {
            0 => bytes[begin] = *byte,
            1 => drop(bytes.drain(begin..end)),
            2 => {
                let again = bytes[begin..end].to_vec();
                bytes.splice(begin..begin, again);
            }
            _ => bytes[begin] = b"{}[]\",:0\n\\"[usize::from(*byte) % 10],
        }
    }
}

fn spots() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)
}

fn few() -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() {
        config
    } else {
        ProptestConfig { cases: 8, failure_persistence: None, ..config }
    }
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn spoilt_seeds_pass(spots in spots()) {
        for (target, check) in TARGETS {
            for (file, mut bytes) in seeds(target) {
                spoil(&mut bytes, &spots);
                replay(check, &file.display().to_string(), &bytes);
            }
        }
    }
}
