//! Changes a few bytes of a body and leaves all others as they are: unknown fields, number formats and the prefix that
//! provider caches compare survive.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// A replacement of some bytes; an empty range inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes to replace, by their place in the unchanged body.
    pub range: Range<usize>,
    /// What to put there.
    pub text: String,
}

/// Applies `edits` in order of their place. Without edits the body is handed back without a copy.
///
/// An edit that lies outside the body or overlaps an earlier one is left out: such an edit was made for another body.
#[must_use]
pub fn splice(body: &Bytes, edits: &[Edit]) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    // An insertion comes before a replacement that begins at the same place.
    ordered.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = BytesMut::with_capacity(body.len() + added);
    let mut done = 0;
    for edit in ordered {
        let Range { start, end } = edit.range;
        if start < done || end < start || end > body.len() {
            debug_assert!(false, "an edit was made for another body");
            continue;
        }
        out.extend_from_slice(&body[done..start]);
        out.extend_from_slice(edit.text.as_bytes());
        done = end;
    }
    out.extend_from_slice(&body[done..]);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order_of_their_place_and_touch_nothing_else() {
        let body = Bytes::from_static(b"0123456789");
        let edits = [
            Edit { range: 7..9, text: "xyz".into() },
            Edit { range: 1..2, text: String::new() },
            Edit { range: 4..4, text: "+".into() },
        ];
        assert_eq!(splice(&body, &edits), "023+456xyz9");
    }

    #[test]
    fn a_body_without_edits_is_not_copied() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(splice(&body, &[]).as_ptr(), body.as_ptr());
    }
}
