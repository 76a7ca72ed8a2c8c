//! Writes frames, as a provider does.

use super::{BadFrame, MAX_FRAME_BYTES, OVERHEAD};

/// Adds an event with a JSON payload to `out`.
///
/// # Errors
/// When the frame would be longer than readers take.
pub fn write_event(event_type: &str, payload: &[u8], out: &mut Vec<u8>) -> Result<(), BadFrame> {
    let headers = [(":event-type", event_type), (":content-type", "application/json"), (":message-type", "event")];
    write(&headers, payload, out)
}

/// Adds an exception with a JSON payload to `out`.
///
/// # Errors
/// When the frame would be longer than readers take.
pub fn write_exception(exception_type: &str, payload: &[u8], out: &mut Vec<u8>) -> Result<(), BadFrame> {
    let headers =
        [(":exception-type", exception_type), (":content-type", "application/json"), (":message-type", "exception")];
    write(&headers, payload, out)
}

/// Adds a frame with headers that are texts to `out`.
pub(super) fn write(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) -> Result<(), BadFrame> {
    const TEXT: u8 = 7;
    let mut encoded = Vec::new();
    for (name, value) in headers {
        encoded.push(u8::try_from(name.len()).map_err(|_| BadFrame::Headers)?);
        encoded.extend_from_slice(name.as_bytes());
        encoded.push(TEXT);
        encoded.extend_from_slice(&u16::try_from(value.len()).map_err(|_| BadFrame::Headers)?.to_be_bytes());
        encoded.extend_from_slice(value.as_bytes());
    }
    let length = OVERHEAD + encoded.len() + payload.len();
    if length > MAX_FRAME_BYTES {
        return Err(BadFrame::Length);
    }
    let begin = out.len();
    for number in [length, encoded.len()] {
        out.extend_from_slice(&u32::try_from(number).map_err(|_| BadFrame::Length)?.to_be_bytes());
    }
    sum(begin, out);
    out.extend_from_slice(&encoded);
    out.extend_from_slice(payload);
    sum(begin, out);
    Ok(())
}

/// Adds the check sum of what was written since `begin`.
fn sum(begin: usize, out: &mut Vec<u8>) {
    let sum = crc32fast::hash(&out[begin..]);
    out.extend_from_slice(&sum.to_be_bytes());
}
