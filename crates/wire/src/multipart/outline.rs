//! A form for people: what its fields say, and of files how much there is.

use std::fmt::Write;

use super::{Form, Part};

/// Longest text of a field that is shown, in bytes.
const LONGEST: usize = 4 << 10;

impl Form<'_> {
    /// One line a field, files and long texts by their size.
    #[must_use]
    pub fn outline(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            // Writing to a String cannot fail.
            let _ = match self.words(part) {
                Some(words) => writeln!(out, "{}: {words}", part.name),
                None => {
                    let kind = part.content_type.unwrap_or("no content type");
                    writeln!(out, "{}: ({} bytes, {kind})", part.name, part.span.len())
                }
            };
        }
        out
    }

    fn words(&self, part: &Part<'_>) -> Option<&str> {
        let short = !part.is_file && part.span.len() <= LONGEST;
        std::str::from_utf8(&self.body[part.span.clone()]).ok().filter(|_| short)
    }
}
