//! The headers of a frame: a name, a type and a value each.

/// Those that say what a frame is. Empty where they are missing or no text.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// `event`, `exception` or `error`.
    pub(super) message_type: &'a [u8],
    pub(super) event_type: &'a [u8],
    pub(super) exception_type: &'a [u8],
    pub(super) error_code: &'a [u8],
    pub(super) error_message: &'a [u8],
}

/// Reads the headers; none where they are cut short or of an unknown type.
pub(super) fn read(mut bytes: &[u8]) -> Option<Headers<'_>> {
    let mut headers = Headers::default();
    while !bytes.is_empty() {
        let length = usize::from(byte(&mut bytes)?);
        let name = take(&mut bytes, length)?;
        let value = value(&mut bytes)?;
        match name {
            b":message-type" => headers.message_type = value,
            b":event-type" => headers.event_type = value,
            b":exception-type" => headers.exception_type = value,
            b":error-code" => headers.error_code = value,
            b":error-message" => headers.error_message = value,
            _ => {}
        }
    }
    Some(headers)
}

/// Takes a value off; empty where it is no text.
fn value<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let kind = byte(bytes)?;
    let length = match kind {
        // True, false; 1, 2, 4 and 8 bytes of a number; bytes and text with their length; a time; a UUID.
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        6 | 7 => usize::from(u16::from_be_bytes([byte(bytes)?, byte(bytes)?])),
        9 => 16,
        _ => return None,
    };
    let value = take(bytes, length)?;
    Some(if kind == 7 { value } else { &[] })
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes, 1).map(|byte| byte[0])
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
