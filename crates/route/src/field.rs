//! What a condition, a limit and a split look at: a field of the request.

use std::fmt;
use std::str::FromStr;

use crate::bounds::{MAX_FIELD, MAX_FIELD_PARTS};

/// A field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `metadata.KEY`: a value of `cf-aig-metadata`. All that follows the first dot is the key.
    Metadata(Box<str>),
    /// `headers.NAME`, in lower case.
    Header(Box<str>),
    /// `body.a.b.0`: a member of the request's JSON; a number is a place in a list. Without `body.` it is the same.
    Body(Box<[Box<str>]>),
}

impl FromStr for Field {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; name a field, as metadata.plan".to_owned());
        }
        if text.len() > MAX_FIELD {
            return Err(format!("may have at most {MAX_FIELD} bytes"));
        }
        if text.chars().any(char::is_control) {
            return Err("contains characters that cannot be seen".to_owned());
        }
        let (beginning, rest) = text.split_once('.').unwrap_or((text, ""));
        match beginning {
            "metadata" | "headers" | "body" if rest.is_empty() => {
                Err(format!("needs a name behind {beginning}, as {beginning}.name"))
            }
            "metadata" => Ok(Self::Metadata(rest.into())),
            "headers" => header(rest),
            "body" => body(rest),
            _ => body(text),
        }
    }
}

fn header(name: &str) -> Result<Field, String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.bytes().all(token) {
        Ok(Field::Header(name.to_ascii_lowercase().into()))
    } else {
        Err("is not the name of a header".to_owned())
    }
}

fn body(path: &str) -> Result<Field, String> {
    let parts: Box<[Box<str>]> = path.split('.').map(Into::into).collect();
    if parts.len() > MAX_FIELD_PARTS {
        Err(format!("may have at most {MAX_FIELD_PARTS} parts"))
    } else if parts.iter().any(|part| part.is_empty()) {
        Err("has an empty part between its dots".to_owned())
    } else {
        Ok(Field::Body(parts))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metadata(key) => write!(f, "metadata.{key}"),
            Self::Header(name) => write!(f, "headers.{name}"),
            Self::Body(parts) => {
                f.write_str("body")?;
                parts.iter().try_for_each(|part| write!(f, ".{part}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_written() {
        for (text, written) in [
            ("metadata.a.b", "metadata.a.b"),
            ("headers.X-Tier", "headers.x-tier"),
            ("body.messages.0.role", "body.messages.0.role"),
            ("model", "body.model"),
            ("body.body", "body.body"),
        ] {
            assert_eq!(text.parse::<Field>().map(|field| field.to_string()).as_deref(), Ok(written));
            assert_eq!(written.parse::<Field>(), text.parse::<Field>());
        }
        for bad in
            ["", "metadata", "metadata.", "headers.a b", "body..a", "a.", "x\n", &"a.".repeat(20), &"a".repeat(300)]
        {
            assert!(bad.parse::<Field>().is_err(), "{bad}");
        }
    }
}
