//! The text of a price, once it has been read.

use serde_json::Value;
use wire::price::Row;

use crate::TextError;

/// A row of a price book that can be read. Whether its provider exists is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceText {
    row: Row,
    value: Value,
    text: String,
}

impl PriceText {
    /// Reads JSON text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, TextError> {
        let row = Row::parse(text).map_err(|bad| {
            let field = if bad.field == "row" { String::new() } else { bad.field };
            TextError { field, message: bad.problem }
        })?;
        let whole = |fault: serde_json::Error| TextError { field: String::new(), message: fault.to_string() };
        let value: Value = serde_json::from_str(text).map_err(whole)?;
        Ok(Self { row, text: value.to_string(), value })
    }

    /// Reads a JSON value.
    ///
    /// # Errors
    /// As [`PriceText::read`].
    pub fn of(value: &Value) -> Result<Self, TextError> {
        Self::read(&value.to_string())
    }

    /// The provider, as the row names it.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.row.provider()
    }

    /// The model's id, or the beginning of ids and `*`.
    #[must_use]
    pub fn model(&self) -> &str {
        self.row.model()
    }

    /// The row.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// Its JSON, on one line.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same for a provider by its own slug.
    pub(crate) fn of_provider(mut self, slug: String) -> Self {
        if self.provider() != slug {
            self.value["provider"] = Value::String(slug.clone());
            self.text = self.value.to_string();
            self.row = self.row.of_provider(slug);
        }
        self
    }

    /// Whether a stored text says the same.
    pub(crate) fn is_same_as(&self, stored: &str) -> bool {
        serde_json::from_str::<Value>(stored).is_ok_and(|stored| stored == self.value)
    }

    /// Whether a stored row of the same model begins at the same moment. One that cannot be read holds never.
    pub(crate) fn begins_with(&self, stored: &str) -> bool {
        Row::parse(stored).is_ok_and(|stored| stored.from_ms == self.row.from_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let wrong = |text: &str| PriceText::read(text).map_err(|error| error.field).expect_err(text);
        assert_eq!(wrong("[]"), "");
        assert_eq!(wrong("{"), "");
        assert_eq!(wrong(r#"{"provider":"openai","model":"x","rates":{"input":1,"output":"2"}}"#), "rates.input");
        assert_eq!(wrong(r#"{"provider":"openai","model":"x","rate":{}}"#), "rate");
        assert_eq!(wrong(r#"{"model":"x","discount_ppm":1}"#), "provider");
    }

    #[test]
    fn a_row_keeps_what_it_says_under_its_providers_own_name() {
        let text = r#"{ "provider": "google", "model": "gemini-x", "rates": { "input": "1.50", "output": "2" } }"#;
        let price = PriceText::read(text).expect("a row").of_provider("google-ai-studio".to_owned());
        assert_eq!((price.provider(), price.model()), ("google-ai-studio", "gemini-x"));
        assert!(
            price.text().contains(r#""provider":"google-ai-studio""#) && price.text().contains(r#""input":"1.50""#)
        );
        assert_eq!(PriceText::read(price.text()).expect("a row"), price);
        assert!(price.is_same_as(&text.replace("google", "google-ai-studio")) && !price.is_same_as(text));
    }
}
