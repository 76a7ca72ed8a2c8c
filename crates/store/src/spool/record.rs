//! What a frame carries: a version byte, then in postcard encoding either a ledger row and perhaps its payload, or a change
//! of kept state.
//!
//! Postcard does not describe itself. When a field of [`AttemptRow`], [`Payload`] or [`StateChange`] changes, take the next
//! version for it, keep the old struct here and convert it: spools written by the previous release are read by the next one.
//! A test holds the bytes of each version.
//!
//! A new last value of an enum needs no new version: older records never have it. A binary from before it sets such a record
//! aside in `dead_letters`. `Outcome::Interrupted` came into version 1 so, `StateChange::Finish` and `Describe` into version 2.

use bytes::Bytes;
use domain::ledger::{AttemptRow, Payload};
use domain::state::StateChange;
use serde::{Deserialize, Serialize, Serializer};

mod v5;

/// Version of rows that is written today. Version 5 had neither causes nor ways nor called models; what came before it is in no
/// release.
const VERSION: u8 = 6;
/// Version of changes of kept state that is written today.
const STATE: u8 = 2;

/// A decoded record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// A row of the ledger and what was said.
    Row(Box<AttemptRow>, Option<Payload>),
    /// A change of kept state.
    State(Box<StateChange>),
}

/// Why a record whose bytes are intact cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("record version {0} is unknown")]
    Version(u8),
    #[error("record does not decode: {0}")]
    Encoding(#[from] postcard::Error),
    #[error("record is empty")]
    Empty,
}

/// A [`Payload`] whose bodies are copied as blocks; a `Vec<u8>` goes through serde byte by byte. The encoding is the same.
#[derive(Serialize, Deserialize)]
struct Bodies<'a> {
    #[serde(borrow, serialize_with = "block")]
    request: &'a [u8],
    #[serde(borrow, serialize_with = "block")]
    response: &'a [u8],
    request_content_type: Option<&'a str>,
    response_content_type: Option<&'a str>,
    request_cut: bool,
    response_cut: bool,
}

fn block<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl<'a> From<&'a Payload> for Bodies<'a> {
    fn from(payload: &'a Payload) -> Self {
        Self {
            request: &payload.request,
            response: &payload.response,
            request_content_type: payload.request_content_type.as_deref(),
            response_content_type: payload.response_content_type.as_deref(),
            request_cut: payload.request_cut,
            response_cut: payload.response_cut,
        }
    }
}

impl From<Bodies<'_>> for Payload {
    fn from(bodies: Bodies<'_>) -> Self {
        Self {
            request: Bytes::copy_from_slice(bodies.request),
            response: Bytes::copy_from_slice(bodies.response),
            request_content_type: bodies.request_content_type.map(str::to_owned),
            response_content_type: bodies.response_content_type.map(str::to_owned),
            request_cut: bodies.request_cut,
            response_cut: bodies.response_cut,
        }
    }
}

/// Appends the encoding to `buffer`.
pub(super) fn encode(row: &AttemptRow, payload: Option<&Payload>, mut buffer: Vec<u8>) -> postcard::Result<Vec<u8>> {
    buffer.push(VERSION);
    postcard::to_extend(&(row, payload.map(Bodies::from)), buffer)
}

/// Writes a row alone to the beginning of `buffer`; answers how many bytes it took.
pub(super) fn encode_into(row: &AttemptRow, buffer: &mut [u8]) -> postcard::Result<usize> {
    let (version, rest) = buffer.split_first_mut().ok_or(postcard::Error::SerializeBufferFull)?;
    *version = VERSION;
    Ok(1 + postcard::to_slice(&(row, None::<Bodies<'_>>), rest)?.len())
}

/// A row alone, as a record without its payload.
pub(crate) fn encode_row(row: &AttemptRow) -> postcard::Result<Vec<u8>> {
    encode(row, None, Vec::new())
}

/// A change of kept state, appended to `buffer`.
pub(crate) fn encode_state(change: &StateChange, mut buffer: Vec<u8>) -> postcard::Result<Vec<u8>> {
    buffer.push(STATE);
    postcard::to_extend(change, buffer)
}

pub(super) fn decode(bytes: &[u8]) -> Result<Record, RecordError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let (row, bodies) = postcard::from_bytes::<(AttemptRow, Option<Bodies<'_>>)>(rest)?;
            Ok(Record::Row(Box::new(row), bodies.map(Payload::from)))
        }
        Some((&STATE, rest)) => Ok(Record::State(Box::new(postcard::from_bytes(rest)?))),
        Some((&v5::VERSION, rest)) => older::<v5::Row>(rest),
        Some((version, _)) => Err(RecordError::Version(*version)),
        None => Err(RecordError::Empty),
    }
}

/// A row of a version before.
fn older<'a, R: Deserialize<'a> + Into<AttemptRow>>(bytes: &'a [u8]) -> Result<Record, RecordError> {
    let (row, bodies) = postcard::from_bytes::<(R, Option<Bodies<'_>>)>(bytes)?;
    Ok(Record::Row(Box::new(row.into()), bodies.map(Payload::from)))
}

#[cfg(test)]
mod tests {
    use domain::ledger::Cause;

    use super::*;
    use crate::fixture;

    fn payload() -> Payload {
        Payload { request: Bytes::from_static(b"{}"), response: vec![0, 255].into(), ..Payload::default() }
    }

    /// A row with something in each of its figures.
    fn full_row() -> AttemptRow {
        let mut row = AttemptRow { user: Some("ada".to_owned()), ..fixture::row(1_763_800_000_000, 7, 1) };
        (row.usage.image_input, row.usage.audio_seconds, row.usage.characters) = (1, 90, 300);
        (row.usage.images, row.usage.searches) = (4, 5);
        row.backend = Some("novita".to_owned());
        row.usage = fixture::more(row.usage);
        row.cost_formula = fixture::formula();
        row
    }

    #[test]
    fn a_record_of_version_6_is_read_as_it_was_written() {
        let row = AttemptRow {
            cause: Cause::OtherTarget,
            called: Some("gpt-5-mini".to_owned()),
            way: Some("chat@3 start > if.true > big".to_owned()),
            ..full_row()
        };
        let bytes = encode(&row, Some(&payload()), Vec::new()).expect("encodes");
        assert_eq!(decode(&bytes).expect("decodes"), Record::Row(Box::new(row), Some(payload())));
        // Raise VERSION before changing this figure: it stands for every byte of the encoding.
        assert_eq!(crc32fast::hash(&bytes), 972_647_730, "{} bytes", bytes.len());
    }

    #[test]
    fn a_record_of_version_5_is_read_still() {
        let row = full_row();
        let mut bytes = vec![v5::VERSION];
        bytes = postcard::to_extend(&(v5::Row::of(&row), Some(Bodies::from(&payload()))), bytes).expect("encodes");
        // The bytes that the release before wrote.
        assert_eq!(crc32fast::hash(&bytes), 2_386_820_317, "{} bytes", bytes.len());
        assert_eq!(decode(&bytes).expect("decodes"), Record::Row(Box::new(row), Some(payload())));
    }

    #[test]
    fn a_record_of_version_2_is_read_as_it_was_written() {
        let changes = fixture::state_changes();
        let all: Vec<Vec<u8>> =
            changes.iter().map(|change| encode_state(change, Vec::new()).expect("encodes")).collect();
        for (bytes, change) in all.iter().zip(changes) {
            assert_eq!(decode(bytes).expect("decodes"), Record::State(Box::new(change)));
        }
        // Take a new version before changing these figures: they stand for every byte of the encoding. What came into the
        // version as new last kinds of changes has a figure of its own.
        let (first, later) = all.split_at(7);
        let (first, later) = (first.concat(), later.concat());
        assert_eq!(crc32fast::hash(&first), 2_092_660_490, "{} bytes", first.len());
        assert_eq!(crc32fast::hash(&later), 1_484_568_328, "{} bytes", later.len());
    }

    #[test]
    fn an_unknown_version_is_named() {
        assert!(matches!(decode(&[9, 1, 2]), Err(RecordError::Version(9))));
        assert!(matches!(decode(&[]), Err(RecordError::Empty)));
        assert!(matches!(decode(&[VERSION, 1, 2]), Err(RecordError::Encoding(_))));
    }
}
