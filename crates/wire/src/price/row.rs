//! A row of prices: of the book, or of a team's own.

use domain::price::{Ppm, Zone};
use serde_json::Value;

use super::model::Price;
use super::read::{BadRow, Fields};
use super::text;

/// Longest text of a row, in bytes.
const LONGEST: usize = 16 << 10;

/// A row of prices. A team's own may hold for a while only, for all models whose names begin the same, and may say, instead of
/// prices, how what the book says is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Provider and model are in it, whatever the row says; the model may end with `*`.
    pub(super) price: Price,
    /// Whether it has prices of its own.
    pub(super) has_prices: bool,
    /// From when on it holds, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// From when on it does not hold.
    pub until_ms: Option<i64>,
    /// What is taken off what the book says.
    pub discount: Ppm,
    /// The zone whose factor is paid, wherever the answer is made.
    pub zone: Option<Zone>,
}

impl Row {
    /// Reads a team's own row.
    ///
    /// # Errors
    /// It is no row; the error names the field and what it should be.
    pub fn parse(text: &str) -> Result<Self, BadRow> {
        if text.len() > LONGEST {
            return Err(BadRow::new("row", format!("must not be longer than {LONGEST} bytes")));
        }
        let value = serde_json::from_str(text).map_err(|error| BadRow::new("row", format!("must be JSON: {error}")))?;
        let row = Self::read(value)?;
        let model = &row.price.model;
        if model.find('*').is_some_and(|place| place + 1 < model.len()) {
            return Err(BadRow::new("model", "may have a `*` at its end only, for whatever follows"));
        }
        if row.has_prices && row.discount != Ppm(0) {
            return Err(BadRow::new(
                "discount_ppm",
                "is off what the price book says; leave it out beside `rates` and `units`",
            ));
        }
        if !row.has_prices && row.discount == Ppm(0) && row.zone.is_none() {
            return Err(BadRow::new("rates", "is missing: give `rates`, `units`, `discount_ppm` or `zone`"));
        }
        if !row.has_prices && row.price.provider.starts_with("custom-") {
            return Err(BadRow::new("rates", "is missing: the price book has no price of a provider of your own"));
        }
        Ok(row)
    }

    /// Reads a row.
    pub(super) fn read(value: Value) -> Result<Self, BadRow> {
        let mut fields = Fields::of("", value).map_err(|bad| BadRow::new("row", bad.problem))?;
        let provider = fields.text("provider")?;
        let model = fields.text("model")?;
        let missing = |name, what: &str| BadRow::new(name, format!("is missing: {what}"));
        let mut price = Price {
            provider: provider.ok_or_else(|| missing("provider", "whose price it is, as `openai`"))?,
            model: model.ok_or_else(|| missing("model", "its id, or the beginning of ids and `*`"))?,
            aliases: fields.texts("aliases")?,
            mode: fields.text("mode")?.unwrap_or_else(|| "chat".to_owned()),
            context_window: fields.count("context_window")?,
            max_output_tokens: fields.count("max_output_tokens")?,
            ..Price::default()
        };
        price.lists = text::lists(&mut fields)?;
        price.off_peak = text::off_peak(&mut fields)?;
        price.changes = text::changes(&mut fields)?;
        price.multipliers = text::multipliers(&mut fields)?;
        price.backends = text::backends(&mut fields)?;
        let (from_ms, until_ms) = (fields.moment("from")?, fields.moment("until")?);
        if from_ms.zip(until_ms).is_some_and(|(from, until)| until <= from) {
            return Err(BadRow::new("until", "must be later than `from`"));
        }
        let discount = match fields.count("discount_ppm")? {
            None => Ppm(0),
            Some(ppm) => {
                u32::try_from(ppm).ok().filter(|ppm| (1..=Ppm::WHOLE.0).contains(ppm)).map(Ppm).ok_or_else(|| {
                    BadRow::new("discount_ppm", "must be parts of a million from 1 to 1000000; 150000 are 15 per cent")
                })?
            }
        };
        let zone = fields.text("zone")?.map(|name| text::zone("zone", &name)).transpose()?;
        fields.finish()?;
        let usual = &price.lists.usual;
        let has_prices = usual.rates.is_some() || !usual.units.is_empty() || !price.changes.is_empty();
        let incomplete = [
            ("tiers", !usual.tiers.is_empty()),
            ("batch", !price.lists.services.is_empty()),
            ("off_peak", price.off_peak.is_some()),
            ("backends", !price.backends.is_empty()),
        ];
        if let Some((name, _)) = incomplete.into_iter().find(|(_, is_there)| *is_there && !has_prices) {
            return Err(BadRow::new(name, "needs `rates` beside it: what usually holds"));
        }
        Ok(Self { price, has_prices, from_ms, until_ms, discount, zone })
    }

    /// Whose price it is.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.price.provider
    }

    /// The same row for a provider by another name.
    #[must_use]
    pub fn of_provider(mut self, name: String) -> Self {
        self.price.provider = name;
        self
    }

    /// The model's id, or the beginning of ids and `*`.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.price.model
    }

    /// The prices, where it has its own.
    #[must_use]
    pub fn price(&self) -> Option<&Price> {
        self.has_prices.then_some(&self.price)
    }

    /// Whether it holds at a moment, in milliseconds since 1970.
    #[must_use]
    pub fn holds_at(&self, at_ms: i64) -> bool {
        self.from_ms.is_none_or(|from| from <= at_ms) && self.until_ms.is_none_or(|until| at_ms < until)
    }
}
