//! Which price book is in force: the one that is part of the program, or one that was imported. Both planes ask here, so
//! that a page shows what requests cost.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, NaiveDate, Utc};
use domain::config::ImportedBook;

use super::{BadBook, BadSignature, Keyring, PriceBook};

/// Longest text of a price book, in bytes.
pub const LONGEST_BOOK: usize = 4 << 20;

/// The price book in force, and why it is that one.
#[derive(Clone, Debug)]
pub struct InForce {
    book: Arc<PriceBook>,
    why: Why,
    /// Of which import it was judged, by its version.
    version: Option<i64>,
}

/// Why a book is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is part of the program, and no other was imported.
    Builtin,
    /// It was imported.
    Imported {
        /// The name of the key that signed it; none where the operator took it unsigned.
        signer: Option<String>,
        at: DateTime<Utc>,
    },
    /// It is part of the program, and the project's book that was imported is an older one.
    Newer {
        /// The day of the imported one.
        imported: NaiveDate,
    },
    /// It is part of the program, because what was imported cannot be used.
    Fallback(Unusable),
}

/// Why an imported book cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its text is another than was imported.
    #[error("it was changed or damaged in the database")]
    Damaged,
    /// Its signature counts for nothing any more.
    #[error("{0}")]
    Signature(BadSignature),
    /// It was written for another release.
    #[error("{0}")]
    Unreadable(String),
}

impl Default for InForce {
    /// The book that is part of the program.
    fn default() -> Self {
        Self { book: PriceBook::builtin().clone(), why: Why::Builtin, version: None }
    }
}

/// As of when it is, and whose: `as of 2026-11-22, part of this program`.
impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as of {}, ", self.book.as_of())?;
        match &self.why {
            Why::Builtin => f.write_str("part of this program"),
            Why::Imported { signer: Some(name), at } => {
                write!(f, "signed by {name}, imported {}", at.format("%Y-%m-%d %H:%M UTC"))
            }
            Why::Imported { signer: None, at } => {
                write!(f, "NOT SIGNED, imported {}", at.format("%Y-%m-%d %H:%M UTC"))
            }
            Why::Newer { imported } => {
                write!(f, "part of this program, which is newer than the imported one of {imported}")
            }
            Why::Fallback(problem) => {
                write!(f, "part of this program, because the imported one cannot be used: {problem}")
            }
        }
    }
}

impl InForce {
    /// Decides it.
    #[must_use]
    pub fn of(imported: Option<&ImportedBook>, keys: &Keyring) -> Self {
        let Some(imported) = imported else { return Self::default() };
        let builtin = PriceBook::builtin();
        let (book, why) = match checked(imported, keys) {
            Ok((book, _)) if !imported.pinned && book.as_of() < builtin.as_of() => {
                (builtin.clone(), Why::Newer { imported: book.as_of() })
            }
            Ok((book, signer)) => (Arc::new(book), Why::Imported { signer, at: imported.imported_at }),
            Err(unusable) => (builtin.clone(), Why::Fallback(unusable)),
        };
        Self { book, why, version: Some(imported.version) }
    }

    /// Whether it was decided of the import with this version, so that it need not be decided again. A book that could not be
    /// used is looked at anew.
    #[must_use]
    pub fn is_of(&self, import: Option<i64>) -> bool {
        self.version == import && !matches!(self.why, Why::Fallback(_))
    }

    /// The book.
    #[must_use]
    pub fn book(&self) -> &Arc<PriceBook> {
        &self.book
    }

    /// Why it is that one.
    #[must_use]
    pub fn why(&self) -> &Why {
        &self.why
    }

    /// What keeps an imported book out of force.
    #[must_use]
    pub fn problem(&self) -> Option<&Unusable> {
        match &self.why {
            Why::Fallback(unusable) => Some(unusable),
            Why::Builtin | Why::Imported { .. } | Why::Newer { .. } => None,
        }
    }
}

fn checked(imported: &ImportedBook, keys: &Keyring) -> Result<(PriceBook, Option<String>), Unusable> {
    if sum(&imported.text)[..] != imported.sum[..] {
        return Err(Unusable::Damaged);
    }
    let signer = imported.signature.as_deref().map(|signature| keys.signer(&imported.text, signature));
    let signer = signer.transpose().map_err(Unusable::Signature)?;
    let book = PriceBook::from_bytes(&imported.text).map_err(|bad| Unusable::Unreadable(bad.to_string()))?;
    Ok((book, signer.map(|signer| signer.name.to_owned())))
}

/// What tells a book from every other.
#[must_use]
pub fn sum(text: &[u8]) -> Vec<u8> {
    digest(&SHA256, text).as_ref().to_vec()
}

impl PriceBook {
    /// Reads a book from the bytes of its file.
    ///
    /// # Errors
    /// As [`PriceBook::parse`]; it is longer than [`LONGEST_BOOK`] or has no row.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBook> {
        if bytes.len() > LONGEST_BOOK {
            return Err(BadBook::Long);
        }
        let text = str::from_utf8(bytes).map_err(|_| BadBook::Text)?;
        let book = Self::parse(text)?;
        if book.prices().is_empty() { Err(BadBook::Empty) } else { Ok(book) }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::super::SecretKey;
    use super::*;

    fn text(as_of: NaiveDate, rows: &str) -> Vec<u8> {
        format!(r#"{{"version":1,"as_of":"{as_of}","rows":[{rows}]}}"#).into_bytes()
    }

    const ROW: &str = r#"{"provider":"openai","model":"gpt-5","rates":{"input":"9","output":"9"}}"#;

    fn day(of_builtin: i64) -> NaiveDate {
        let day = PriceBook::builtin().as_of();
        let days = Days::new(of_builtin.unsigned_abs());
        if of_builtin < 0 { day - days } else { day + days }
    }

    fn imported(text: Vec<u8>, pinned: bool) -> ImportedBook {
        let sum = sum(&text);
        ImportedBook { version: 7, text, sum, signature: None, pinned, imported_at: DateTime::default() }
    }

    fn own() -> (SecretKey, Keyring) {
        let key = SecretKey::new([3; 8], [4; 32]).expect("a key");
        let ring = Keyring::parse(&format!("acme={}", key.public())).expect("keys");
        (key, ring)
    }

    #[test]
    fn without_an_import_the_programs_book_is_in_force() {
        let in_force = InForce::of(None, &Keyring::default());
        assert!(Arc::ptr_eq(in_force.book(), PriceBook::builtin()));
        assert!(in_force.is_of(None) && in_force.why() == &Why::Builtin);
    }

    #[test]
    fn a_signed_book_is_in_force_as_long_as_its_key_is_trusted() {
        let (key, ring) = own();
        let text = text(day(1), ROW);
        let signature = Some(key.sign(&text).expect("signed").to_file(""));
        let book = ImportedBook { signature, ..imported(text, true) };
        let in_force = InForce::of(Some(&book), &ring);
        assert_eq!(in_force.book().as_of(), day(1));
        assert_eq!(in_force.why(), &Why::Imported { signer: Some("acme".to_owned()), at: DateTime::default() });
        assert!(in_force.is_of(Some(7)) && !in_force.is_of(None) && !in_force.is_of(Some(8)));
        let without = InForce::of(Some(&book), &Keyring::default());
        assert_eq!(without.problem(), Some(&Unusable::Signature(BadSignature::Untrusted(0x0303_0303_0303_0303))));
        assert!(Arc::ptr_eq(without.book(), PriceBook::builtin()));
        assert!(!without.is_of(Some(7)), "it is looked at again");
    }

    #[test]
    fn of_two_editions_the_newer_is_in_force_unless_the_other_is_to_stay() {
        let keys = Keyring::default();
        for (of_builtin, pinned, kept) in
            [(-1, false, false), (-1, true, true), (0, false, true), (1, false, true), (1, true, true)]
        {
            let in_force = InForce::of(Some(&imported(text(day(of_builtin), ROW), pinned)), &keys);
            let expected = if kept {
                Why::Imported { signer: None, at: DateTime::default() }
            } else {
                Why::Newer { imported: day(of_builtin) }
            };
            assert_eq!(in_force.why(), &expected, "{of_builtin} {pinned}");
        }
    }

    #[test]
    fn what_is_damaged_or_cannot_be_read_gives_way_to_the_programs_book() {
        let keys = Keyring::default();
        let good = imported(text(day(1), ROW), true);
        for at in [0, good.text.len() / 2, good.text.len() - 1] {
            let mut bad = good.clone();
            bad.text[at] ^= 0x80;
            let in_force = InForce::of(Some(&bad), &keys);
            assert_eq!(in_force.problem(), Some(&Unusable::Damaged));
            assert!(Arc::ptr_eq(in_force.book(), PriceBook::builtin()));
        }
        let cut = ImportedBook { text: Vec::new(), ..good.clone() };
        assert_eq!(InForce::of(Some(&cut), &keys).problem(), Some(&Unusable::Damaged));
        for (text, part) in [
            (br#"{"version":2,"as_of":"2027-01-01","rows":[]}"#.to_vec(), "`version` must be 1"),
            (text(day(1), ""), "no rows"),
            (vec![0xff], "UTF-8"),
            (vec![b' '; LONGEST_BOOK + 1], "longer"),
            (text(day(1), &format!("{ROW},{ROW}")), "row 2 of the price book (openai/gpt-5)"),
        ] {
            let in_force = InForce::of(Some(&imported(text, true)), &keys);
            let said = in_force.problem().expect("unusable").to_string();
            assert!(said.contains(part), "{said}");
        }
    }
}
