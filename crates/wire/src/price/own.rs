//! The price book with a team's own prices over it.

use std::collections::HashMap;
use std::sync::Arc;

use domain::price::{Multiplier, Ppm, Source, Zone};
use domain::{TeamPriceId, Usage};

use super::book::{without_date, without_prefix};
use super::{Cost, Price, PriceBook, Row, Terms};

/// All prices that a team pays. Looking one up allocates nothing.
#[derive(Clone, Debug)]
pub struct Prices {
    book: Arc<PriceBook>,
    /// By provider.
    own: HashMap<String, Own>,
}

/// A team's own prices at one provider.
#[derive(Clone, Debug, Default)]
struct Own {
    exact: HashMap<String, Vec<Entry>>,
    /// By the beginning of names, the longest first.
    patterns: Vec<(String, Vec<Entry>)>,
}

#[derive(Clone, Debug)]
struct Entry {
    id: TeamPriceId,
    row: Row,
}

/// The broker whose prices are those of who answers behind it, by its name in the price book.
pub const BROKER: &str = "huggingface";

/// What a price is looked up by.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The provider's slug, `custom-…` for a team's own: team prices go by it.
    pub provider: &'a str,
    /// The provider's name in the price book; none for a team's own.
    pub book: Option<&'a str>,
    /// The model that answered, by its provider's words.
    pub answered: Option<&'a str>,
    /// The model that was asked.
    pub asked: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// What an attempt is priced by. Behind a [`BROKER`] the model that was asked for may end in whose answer it is to be, which is
    /// no part of its name.
    #[must_use]
    pub fn of_attempt(
        provider: &'a str,
        book: Option<&'a str>,
        answered: Option<&'a str>,
        asked: Option<&'a str>,
    ) -> Self {
        let asked = asked.map(|model| match model.rsplit_once(':') {
            Some((model, _)) if book == Some(BROKER) => model,
            _ => model,
        });
        Self { provider, book, answered, asked }
    }
}

/// A price that was found, with what the team made of it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    price: &'a Price,
    /// What is known of the model beside its price.
    facts: &'a Price,
    own: Option<&'a Entry>,
    book: Option<&'a PriceBook>,
}

impl Default for Prices {
    /// The book that is part of the program, and nothing else.
    fn default() -> Self {
        Self::new(PriceBook::builtin().clone(), [])
    }
}

impl Prices {
    /// A book, and over it rows of a team's own, whose providers are slugs. Of several that hold, the one for the model itself
    /// wins, then the one for the longest beginning of its name; then the one that began last, then the newest.
    pub fn new(book: Arc<PriceBook>, rows: impl IntoIterator<Item = (TeamPriceId, Row)>) -> Self {
        let mut own: HashMap<String, Own> = HashMap::new();
        for (id, row) in rows {
            own.entry(row.provider().to_owned()).or_default().add(Entry { id, row });
        }
        own.values_mut().for_each(Own::sort);
        Self { book, own }
    }

    /// The book.
    #[must_use]
    pub fn book(&self) -> &PriceBook {
        &self.book
    }

    /// The price of a model at a moment, in milliseconds since 1970.
    #[must_use]
    pub fn find(&self, named: &Named<'_>, at_ms: i64) -> Option<Found<'_>> {
        let models = [named.answered, named.asked];
        let mut models = models.iter().flatten().copied();
        let of_book = models.clone().find_map(|model| self.book.find_or_any(named.book?, model));
        let own = self.own.get(named.provider).and_then(|own| {
            let canonical = of_book.map(|price| price.model.as_str());
            models.find_map(|model| own.find(model, at_ms)).or_else(|| own.find(canonical?, at_ms))
        });
        let own_price = own.and_then(|entry| entry.row.price());
        let price = own_price.or(of_book)?;
        let book = own_price.is_none().then(|| self.book());
        Some(Found { price, facts: of_book.unwrap_or(price), own, book })
    }

    /// What `usage` costs. None where no price is known of what was counted.
    #[must_use]
    pub fn quote(&self, named: &Named<'_>, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        self.find(named, terms.at_ms)?.cost(usage, terms)
    }
}

impl Own {
    fn add(&mut self, entry: Entry) {
        match entry.row.model().strip_suffix('*') {
            None => {
                for alias in &entry.row.price.aliases {
                    self.exact.entry(alias.clone()).or_default().push(entry.clone());
                }
                self.exact.entry(entry.row.model().to_owned()).or_default().push(entry);
            }
            Some(start) => match self.patterns.iter_mut().find(|(known, _)| known == start) {
                Some((_, entries)) => entries.push(entry),
                None => self.patterns.push((start.to_owned(), vec![entry])),
            },
        }
    }

    fn sort(&mut self) {
        self.patterns.sort_by_key(|(start, _)| std::cmp::Reverse(start.len()));
        for entries in self.exact.values_mut().chain(self.patterns.iter_mut().map(|(_, entries)| entries)) {
            entries.sort_by_key(|entry| (entry.row.from_ms, entry.id));
        }
    }

    fn find(&self, model: &str, at_ms: i64) -> Option<&Entry> {
        let model = without_prefix(model);
        let held = |entries: &[Entry]| entries.iter().rposition(|entry| entry.row.holds_at(at_ms));
        let last = |entries: &'_ Vec<Entry>| held(entries).is_some();
        let named = |model: &str| self.exact.get(model).filter(|entries| last(entries));
        let exact = named(model).or_else(|| named(without_date(model)?));
        let patterns = || {
            let mut fitting = self.patterns.iter().filter(|(start, _)| model.starts_with(start.as_str()));
            fitting.find(|(_, entries)| last(entries)).map(|(_, entries)| entries)
        };
        let entries = exact.or_else(patterns)?;
        entries.get(held(entries)?)
    }
}

impl<'a> Found<'a> {
    /// Whether nobody pays.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.price.is_free() || self.own.is_some_and(|entry| entry.row.discount == Ppm::WHOLE)
    }

    /// What is known of the model beside its price.
    #[must_use]
    pub fn facts(&self) -> &'a Price {
        self.facts
    }

    /// What `usage` costs. None where nothing that was counted has a price.
    #[must_use]
    pub fn cost(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        let mut formula = self.price.formula(usage, terms)?;
        formula.as_of = self.book.map(PriceBook::as_of);
        let mut zone = usage.zone;
        if let Some(Entry { id, row }) = self.own {
            formula.source = Source::Team(*id);
            formula.since_ms = formula.since_ms.max(row.from_ms);
            formula.discount = row.discount;
            zone = row.zone.unwrap_or(zone);
        }
        let factor = if zone == Zone::Anywhere { None } else { self.price.factor(zone) };
        formula.multiplier = factor.map(|factor| Multiplier { zone, factor });
        Some(Cost::of(formula))
    }
}

/// A price as the book has it.
impl<'a> From<&'a Price> for Found<'a> {
    fn from(price: &'a Price) -> Self {
        Self { price, facts: price, own: None, book: None }
    }
}
