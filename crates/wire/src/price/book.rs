//! Reads the price book and finds a model in it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;
use domain::price::Ppm;

use super::model::Price;
use super::read::{BadRow, Fields};
use super::row::Row;

/// The format that is read.
const VERSION: u64 = 1;
/// The model that stands for every other one of its provider.
const ANY: &str = "*";

/// The prices of all models that are known.
#[derive(Debug, Default)]
pub struct PriceBook {
    as_of: NaiveDate,
    prices: Vec<Price>,
    /// Provider → model or alias → place in `prices`.
    index: HashMap<String, HashMap<String, usize>>,
}

/// The text of the book that is part of the program.
const TEXT: &str = include_str!("book.json");

static BUILTIN: LazyLock<Arc<PriceBook>> =
    LazyLock::new(|| Arc::new(PriceBook::parse(TEXT).expect("a test reads the same file")));

/// Why a text is no price book.
#[derive(Debug, thiserror::Error)]
pub enum BadBook {
    /// Not JSON.
    #[error("the price book is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not a book.
    #[error("the price book cannot be read: {0}")]
    Book(BadRow),
    /// A row is none.
    #[error("row {row} of the price book ({model}) cannot be read: {bad}")]
    Row {
        /// The first is 1.
        row: usize,
        /// Whose price it is.
        model: String,
        /// What is wrong with it.
        bad: BadRow,
    },
    /// Not text.
    #[error("the price book must be text in UTF-8")]
    Text,
    /// More than is read.
    #[error("the price book is longer than {} MiB", super::LONGEST_BOOK >> 20)]
    Long,
    /// Nothing would have a price.
    #[error("the price book has no rows: nothing would have a price")]
    Empty,
}

impl PriceBook {
    /// The book that is part of the program.
    #[must_use]
    pub fn builtin() -> &'static Arc<Self> {
        &BUILTIN
    }

    /// The text of the book that is part of the program.
    #[must_use]
    pub fn builtin_text() -> &'static str {
        TEXT
    }

    /// Reads a book in the format of `book.json`.
    ///
    /// # Errors
    /// When the text is not of that format; the error names the row and the field.
    pub fn parse(text: &str) -> Result<Self, BadBook> {
        let mut fields = Fields::of("", serde_json::from_str(text)?).map_err(|_| {
            BadBook::Book(BadRow::new("book", "must be a JSON object with `version`, `as_of` and `rows`"))
        })?;
        let head = |fields: &mut Fields| {
            if fields.count("version")? != Some(VERSION) {
                return Err(BadRow::new("version", format!("must be {VERSION}: no other format is known here")));
            }
            let as_of = fields.text("as_of")?.and_then(|day| day.parse().ok());
            let as_of = as_of.ok_or_else(|| BadRow::new("as_of", "must be a day, such as `2026-11-22`"))?;
            Ok((as_of, fields.list("rows")?))
        };
        let (as_of, rows) = head(&mut fields).map_err(BadBook::Book)?;
        fields.finish().map_err(BadBook::Book)?;
        let mut book = Self { as_of, ..Self::default() };
        for (place, value) in rows.into_iter().enumerate() {
            let named = |name: &str| value.get(name).and_then(|name| name.as_str()).unwrap_or("?").to_owned();
            let model = format!("{}/{}", named("provider"), named("model"));
            let price = of_book(value).and_then(|price| book.add(price));
            price.map_err(|bad| BadBook::Row { row: place + 1, model, bad })?;
        }
        Ok(book)
    }

    fn add(&mut self, price: Price) -> Result<(), BadRow> {
        let place = self.prices.len();
        let models = self.index.entry(price.provider.clone()).or_default();
        for alias in &price.aliases {
            models.entry(alias.clone()).or_insert(place);
        }
        let other = models.insert(price.model.clone(), place).and_then(|other| self.prices.get(other));
        if other.is_some_and(|other| other.model == price.model) {
            return Err(BadRow::new("model", "has a row already: nobody could tell which one holds"));
        }
        self.prices.push(price);
        Ok(())
    }

    /// The day as of which the prices are.
    #[must_use]
    pub fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    /// The price of a model: by its id, an alias, or the id without the date of a snapshot at its end.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&Price> {
        let models = self.index.get(provider)?;
        let model = without_prefix(model);
        let place = models.get(model).or_else(|| models.get(without_date(model)?))?;
        self.prices.get(*place)
    }

    /// The same, or what holds for every other model of the provider.
    #[must_use]
    pub fn find_or_any(&self, provider: &str, model: &str) -> Option<&Price> {
        let any = || self.prices.get(*self.index.get(provider)?.get(ANY)?);
        self.find(provider, model).or_else(any)
    }

    /// Every price, in the order of the book.
    #[must_use]
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    /// The models of a provider, in the order of the book.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = &Price> {
        self.prices.iter().filter(move |price| price.provider == provider && price.model != ANY)
    }
}

/// A row of a book holds for all time and has prices.
fn of_book(value: serde_json::Value) -> Result<Price, BadRow> {
    let row = Row::read(value)?;
    if row.from_ms.is_some() || row.until_ms.is_some() || row.discount != Ppm(0) || row.zone.is_some() {
        return Err(BadRow::new(
            "from",
            "and `until`, `discount_ppm`, `zone` are for a team's own rows; use `changes`",
        ));
    }
    if !row.has_prices {
        return Err(BadRow::new("rates", "is missing: give `rates` or `units`"));
    }
    Ok(row.price)
}

/// Gemini's `models/` is not part of a name.
pub(super) fn without_prefix(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// `gpt-5-2025-08-07`, `claude-x-20250929` and `claude-x@20250929` without their dates.
pub(super) fn without_date(model: &str) -> Option<&str> {
    let dated = |tail: &str, shape: &str| {
        tail.len() == shape.len()
            && tail.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'd' { b.is_ascii_digit() } else { b == s })
    };
    ["-20dd-dd-dd", "-20dddddd", "@20dddddd"].iter().find_map(|shape| {
        let cut = model.len().checked_sub(shape.len())?;
        let tail = model.get(cut..)?;
        (cut > 0 && dated(tail, shape)).then(|| &model[..cut])
    })
}
