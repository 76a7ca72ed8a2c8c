//! What an answer costs, by its tokens and by what else its provider bills. The figures are in `price/book.json` (made by
//! `price/generate.py`), and in rows of a team's own that win over it. All maths is integer and a cost is rounded once, at
//! its end; `docs/prices.md` has the rules.
//!
//! [`InForce`] says which book is in force: that one, or one that was imported, whose signature a [`Keyring`] checks.
//!
//! A [`PriceBook`] finds a [`Price`] by provider and model. [`Prices`] is the book with a team's own [`Row`]s; what it finds
//! is [`Found`], which bills a [`domain::Usage`].

use domain::Nanos;
use domain::price::Formula;

use crate::task::Size;

mod bill;
mod book;
mod custom;
mod hours;
mod in_force;
mod list;
mod model;
mod own;
mod rates;
mod read;
mod row;
mod signature;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod write;

pub use book::{BadBook, PriceBook};
pub use custom::CustomCost;
pub use in_force::{InForce, LONGEST_BOOK, Unusable, Why, sum};
pub use list::{List, Tier};
pub use model::Price;
pub use own::{BROKER, Found, Named, Prices};
pub use rates::Rates;
pub use read::BadRow;
pub use row::Row;
pub use signature::{BadKeys, BadSignature, BadText, Keyring, PublicKey, SecretKey, Signature, Signer};
pub use units::Units;

/// What an answer cost, and how that came about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The sum, rounded once: what the formula gives.
    pub total: Nanos,
    /// Kinds without units are left out, and those billed like the kind they fall back on are counted there.
    pub formula: Formula,
}

/// What a price depends on beside what was used.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// When the request was made, in milliseconds since 1970.
    pub at_ms: i64,
    /// The pictures that were asked for.
    pub pictures: &'a Size,
    /// Who answered behind a broker.
    pub backend: Option<&'a str>,
}

impl Cost {
    fn of(formula: Formula) -> Self {
        Self { total: formula.total(), formula }
    }
}

impl Terms<'static> {
    /// Of a request made at a moment, for nothing special.
    #[must_use]
    pub fn at(at_ms: i64) -> Self {
        const NO_SIZE: &Size = &Size { quality: None, size: None };
        Self { at_ms, pictures: NO_SIZE, backend: None }
    }
}
