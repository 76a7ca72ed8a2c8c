//! What the log keeps of a body: what people can read. A recording or a picture would be noise there, and large.

use bytes::Bytes;
use http::HeaderMap;

use crate::scan::{form_boundary, is_json};

/// Whether a body is text, by what it says of itself, else by its beginning.
pub(super) fn is_text(content_type: Option<&str>, head: &[u8]) -> bool {
    let kind = content_type.unwrap_or_default();
    kind.starts_with("text/") || is_json(kind) || reads_as_text(head)
}

fn reads_as_text(head: &[u8]) -> bool {
    // Where the beginning ends within a character, that is no fault.
    let utf8 = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    utf8 && !head.contains(&0)
}

/// A request's body, as far as it can be read: of a form its fields, with files by their size.
pub(super) fn of_request(headers: &HeaderMap, content_type: Option<&str>, body: &Bytes) -> Bytes {
    let boundary = form_boundary(headers).ok().flatten();
    if let Some(form) = boundary.and_then(|boundary| wire::multipart::scan(body, boundary).ok()) {
        return form.outline().into();
    }
    if is_text(content_type, &body[..body.len().min(HEAD)]) { body.clone() } else { Bytes::new() }
}

/// As much of a long body is looked at.
const HEAD: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_pictures_are_no_text() {
        for (wanted, content_type, head) in [
            (true, Some("application/json"), &b"\xff\0"[..]),
            (true, Some("text/plain; charset=latin1"), b"\xe9"),
            (true, Some("application/octet-stream"), b"{\"a\":1}\n"),
            (true, None, "caf\u{e9}".as_bytes()),
            (true, None, b"caf\xc3"),
            (true, None, b""),
            (false, Some("audio/mpeg"), b"\xff\xf3\xc4"),
            (false, Some("audio/wav"), b"RIFF\x24\0\0\0WAVE"),
            (false, None, b"\x89PNG\r\n"),
        ] {
            assert_eq!(is_text(content_type, head), wanted, "{content_type:?} {head:?}");
        }
    }
}
