//! Reads the price book and finds a model in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use domain::Rate;
use domain::money::BadDecimal;
use serde::Deserialize;

use super::{Change, OffPeak, Price, Rates, Tier, Units, Window};

/// The prices of all models that are known.
#[derive(Debug, Default)]
pub struct PriceBook {
    prices: Vec<Price>,
    /// Provider → model or alias → place in `prices`.
    index: HashMap<String, HashMap<String, usize>>,
}

static BUILTIN: LazyLock<PriceBook> =
    LazyLock::new(|| PriceBook::parse(include_str!("book.json")).expect("a test reads the same file"));

/// Why a text is no price book.
#[derive(Debug, thiserror::Error)]
pub enum BadBook {
    /// Not the JSON of a price book.
    #[error("the price book cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A price is no decimal number.
    #[error("the price of {model} cannot be read: {cause}")]
    Price {
        /// Whose price it is.
        model: String,
        /// What is wrong with it.
        cause: BadDecimal,
    },
}

impl PriceBook {
    /// The book that is part of the program.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads a book in the format of `book.json`.
    ///
    /// # Errors
    /// When the text is not of that format, or a price is not a plain decimal number.
    pub fn parse(text: &str) -> Result<Self, BadBook> {
        let rows: Vec<Row> = serde_json::from_str(text)?;
        let mut book = Self::default();
        for row in rows {
            let model = row.model.clone();
            let price = row.price().map_err(|cause| BadBook::Price { model, cause })?;
            book.add(price);
        }
        Ok(book)
    }

    fn add(&mut self, price: Price) {
        let place = self.prices.len();
        let models = self.index.entry(price.provider.clone()).or_default();
        for alias in &price.aliases {
            models.entry(alias.clone()).or_insert(place);
        }
        models.insert(price.model.clone(), place);
        self.prices.push(price);
    }

    /// The price of a model: by its id, an alias, or the id without the date of a snapshot at its end.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<&Price> {
        let models = self.index.get(provider)?;
        let model = model.strip_prefix("models/").unwrap_or(model);
        let place = models.get(model).or_else(|| models.get(without_date(model)?))?;
        self.prices.get(*place)
    }

    /// The models of a provider, in the order of the book.
    pub fn models(&self, provider: &str) -> impl Iterator<Item = &Price> {
        self.prices.iter().filter(move |price| price.provider == provider)
    }
}

/// `gpt-5-2025-08-07`, `claude-x-20250929` and `claude-x@20250929` without their dates.
fn without_date(model: &str) -> Option<&str> {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    provider: String,
    model: String,
    #[serde(default)]
    aliases: Vec<String>,
    mode: String,
    context_window: Option<u64>,
    max_output_tokens: Option<u64>,
    rates: Option<RateTexts>,
    #[serde(default)]
    units: UnitTexts,
    #[serde(default)]
    tiers: Vec<TierRow>,
    off_peak: Option<OffPeakRow>,
    #[serde(default)]
    changes: Vec<ChangeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRow {
    above: u64,
    rates: RateTexts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffPeakRow {
    windows: Vec<WindowRow>,
    rates: RateTexts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowRow {
    weekdays: Vec<u8>,
    from_minute: u16,
    to_minute: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeRow {
    from_ms: i64,
    rates: RateTexts,
}

/// Decimal texts, so that no figure passes through a float.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateTexts {
    input: String,
    output: Option<String>,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    audio_input: Option<String>,
    image_input: Option<String>,
    audio_output: Option<String>,
    reasoning_output: Option<String>,
}

/// Dollars for a million units.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UnitTexts {
    audio_second: Option<String>,
    character: Option<String>,
    search: Option<String>,
    image: Option<String>,
    images: BTreeMap<String, String>,
}

impl UnitTexts {
    fn units(&self) -> Result<Units, BadDecimal> {
        let rate = |text: &Option<String>| text.as_deref().map(str::parse::<Rate>).transpose();
        let images = self.images.iter().map(|(variant, text)| Ok((variant.clone(), text.parse()?)));
        Ok(Units {
            audio_second: rate(&self.audio_second)?,
            character: rate(&self.character)?,
            search: rate(&self.search)?,
            image: rate(&self.image)?,
            images: images.collect::<Result<_, _>>()?,
        })
    }
}

impl Row {
    fn price(self) -> Result<Price, BadDecimal> {
        let tiers = self.tiers.iter().map(|tier| Ok(Tier { above: tier.above, rates: tier.rates.rates()? }));
        let changes = self.changes.iter().map(|row| Ok(Change { from_ms: row.from_ms, rates: row.rates.rates()? }));
        Ok(Price {
            rates: self.rates.as_ref().map(RateTexts::rates).transpose()?,
            units: self.units.units()?,
            tiers: tiers.collect::<Result<_, _>>()?,
            changes: changes.collect::<Result<_, _>>()?,
            off_peak: self.off_peak.map(OffPeakRow::off_peak).transpose()?,
            provider: self.provider,
            model: self.model,
            aliases: self.aliases,
            mode: self.mode,
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens,
        })
    }
}

impl OffPeakRow {
    fn off_peak(self) -> Result<OffPeak, BadDecimal> {
        let window =
            |row: WindowRow| Window { weekdays: row.weekdays, from_minute: row.from_minute, to_minute: row.to_minute };
        Ok(OffPeak { rates: self.rates.rates()?, windows: self.windows.into_iter().map(window).collect() })
    }
}

impl RateTexts {
    fn rates(&self) -> Result<Rates, BadDecimal> {
        let or = |text: &Option<String>, other: Rate| text.as_deref().map_or(Ok(other), str::parse);
        let input: Rate = self.input.parse()?;
        // What gives no output has no price for it.
        let output = or(&self.output, Rate(0))?;
        let cache_write = or(&self.cache_write, input)?;
        Ok(Rates {
            input,
            cached_input: or(&self.cached_input, input)?,
            cache_write,
            cache_write_1h: or(&self.cache_write_1h, cache_write)?,
            audio_input: or(&self.audio_input, input)?,
            image_input: or(&self.image_input, input)?,
            output,
            reasoning: or(&self.reasoning_output, output)?,
            audio_output: or(&self.audio_output, output)?,
        })
    }
}
