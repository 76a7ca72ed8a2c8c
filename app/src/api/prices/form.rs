//! The form of a price: what most prices need, as text fields; read into a row, and made of one.

use chrono::{DateTime, SecondsFormat};
use control::{Grant, PriceChange, PriceText, TextError, can};
use domain::price::Ppm;
use domain::validate::{FieldError, Problem};
use domain::{Rate, TeamPriceId};
use serde_json::{Map, Value, json};

use crate::AppError;
use crate::api::fields::{self, Fields, filled};
use crate::server;

/// How many millionths a hundredth of a per cent's millionth is read as: `15` per cent is 15 millions of [`Ppm`].
const PER_CENT: u32 = 100;

/// The fields, as they are typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceForm {
    pub provider: Option<String>,
    pub model: Option<String>,
    /// Dollars for a million tokens.
    pub input: Option<String>,
    pub output: Option<String>,
    pub cached_input: Option<String>,
    pub cache_write: Option<String>,
    /// Per cent.
    pub discount: Option<String>,
    /// In UTC.
    pub from: Option<String>,
    pub until: Option<String>,
}

impl PriceForm {
    /// The row that the fields say.
    ///
    /// # Errors
    /// What is wrong, by field.
    pub fn read(&self) -> Result<PriceText, Vec<FieldError>> {
        let mut fields = Fields::default();
        for (name, value) in [("provider", &self.provider), ("model", &self.model)] {
            if filled(value.as_deref()).is_none() {
                fields.refuse(name, Problem::Required);
            }
        }
        let model = filled(self.model.as_deref()).unwrap_or_default();
        if model.find('*').is_some_and(|place| place + 1 < model.len()) {
            fields.refuse("model", Problem::AsteriskInside);
        }
        let rates = self.rates(&mut fields);
        let discount = discount(&mut fields, self.discount.as_deref());
        match (discount, rates.is_empty()) {
            (Some(_), false) => fields.refuse("discount", Problem::DoesNotFit),
            (None, true) if filled(self.discount.as_deref()).is_none() => fields.refuse("input", Problem::Required),
            (_, false) if !rates.contains_key("input") => fields.refuse("input", Problem::Required),
            _ => {}
        }
        let mut row = Map::new();
        row.insert("provider".to_owned(), json!(filled(self.provider.as_deref())));
        row.insert("model".to_owned(), json!(model));
        if !rates.is_empty() {
            row.insert("rates".to_owned(), Value::Object(rates));
        }
        if let Some(discount) = discount {
            row.insert("discount_ppm".to_owned(), json!(discount.0));
        }
        for (name, value) in [("from", &self.from), ("until", &self.until)] {
            if let Some(moment) = fields.moment(name, value.as_deref()) {
                row.insert(name.to_owned(), json!(moment.to_rfc3339_opts(SecondsFormat::Secs, true)));
            }
        }
        let row = fields.finish(Value::Object(row))?;
        PriceText::of(&row).map_err(|error| vec![by_its_field(&error)])
    }

    /// The rates that are filled in.
    fn rates(&self, fields: &mut Fields) -> Map<String, Value> {
        let all = [
            ("input", &self.input),
            ("output", &self.output),
            ("cached_input", &self.cached_input),
            ("cache_write", &self.cache_write),
        ];
        let mut rates = Map::new();
        for (name, value) in all {
            let Some(text) = filled(value.as_deref()) else { continue };
            if text.parse::<Rate>().is_err() {
                fields.refuse(name, Problem::NotMoney);
            }
            rates.insert(name.to_owned(), json!(text));
        }
        rates
    }

    /// The fields that say what a row says; nothing where it says more than there are fields for.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let price = PriceText::read(text).ok()?;
        let row: Value = serde_json::from_str(text).ok()?;
        let rate = |name: &str| row["rates"][name].as_str().map(str::to_owned);
        let moment = |at_ms: Option<i64>| {
            let at = DateTime::from_timestamp_millis(at_ms?)?;
            let format = if at_ms? % 60_000 == 0 { "%Y-%m-%dT%H:%M" } else { "%Y-%m-%dT%H:%M:%S" };
            Some(at.format(format).to_string())
        };
        let discount = price.row().discount;
        let form = Self {
            provider: Some(price.provider().to_owned()),
            model: Some(price.model().to_owned()),
            input: rate("input"),
            output: rate("output"),
            cached_input: rate("cached_input"),
            cache_write: rate("cache_write"),
            discount: (discount != Ppm(0)).then(|| per_cent(discount)),
            from: moment(price.row().from_ms),
            until: moment(price.row().until_ms),
        };
        form.read().is_ok_and(|read| read.row() == price.row()).then_some(form)
    }
}

/// A discount as people write it, without the sign: `12.5`.
#[must_use]
pub fn per_cent(discount: Ppm) -> String {
    Ppm(discount.0.saturating_mul(PER_CENT)).to_string()
}

/// A discount in per cent; none is no discount.
fn discount(fields: &mut Fields, text: Option<&str>) -> Option<Ppm> {
    let text = filled(text)?.trim_end_matches('%').trim_end();
    let read = text.parse::<Ppm>().ok().filter(|read| read.0 % PER_CENT == 0).map(|read| Ppm(read.0 / PER_CENT));
    let found = read.filter(|read| (1..=Ppm::WHOLE.0).contains(&read.0));
    if found.is_none() {
        fields.refuse("discount", Problem::OutOfRange { min: 0, max: 100 });
    }
    found
}

/// What the text form calls by its place, by the field of this form.
fn by_its_field(error: &TextError) -> FieldError {
    let (field, problem) = match error.field.as_str() {
        "rates" => ("input", Problem::Required),
        "until" => ("until", Problem::DoesNotFit),
        "discount_ppm" => ("discount", Problem::DoesNotFit),
        "provider" => ("provider", Problem::DoesNotFit),
        _ => ("model", Problem::DoesNotFit),
    };
    FieldError::new(field, problem)
}

/// Saves a price; answers where to go then.
pub(super) async fn save(
    grant: &Grant<can::EditPrices>,
    team: &str,
    id: Option<&str>,
    version: Option<&str>,
    price: PriceText,
) -> Result<String, AppError> {
    let control = server::control()?;
    let word = match filled(id) {
        Some(id) => {
            let id: TeamPriceId = fields::id("id", id).map_err(AppError::Invalid)?;
            let version = fields::id("version", version.unwrap_or_default()).map_err(AppError::Invalid)?;
            control.update_price(grant, id, PriceChange { price, version }).await?;
            "changed"
        }
        None => {
            control.create_price(grant, price).await?;
            "added"
        }
    };
    Ok(format!("/{team}/prices?saved={word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> PriceForm {
        let get = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        PriceForm {
            provider: get("provider").or_else(|| Some("openai".to_owned())),
            model: get("model").or_else(|| Some("gpt-5".to_owned())),
            input: get("input"),
            output: get("output"),
            cached_input: get("cached_input"),
            cache_write: get("cache_write"),
            discount: get("discount"),
            from: get("from"),
            until: get("until"),
        }
    }

    fn wrong(pairs: &[(&str, &str)]) -> Vec<(String, Problem)> {
        let errors = form(pairs).read().expect_err("a bad form");
        errors.into_iter().map(|error| (error.field, error.problem)).collect()
    }

    #[test]
    fn what_is_typed_becomes_a_row_and_is_shown_again() {
        let rates =
            form(&[("input", "1.25"), ("output", " 10 "), ("cached_input", "0.125"), ("from", "2027-01-01T08:30")]);
        let text = r#"{"provider":"openai","model":"gpt-5","rates":{"input":"1.25","output":"10","cached_input":"0.125"},"from":"2027-01-01T08:30:00Z"}"#;
        assert_eq!(rates.read().expect("a row").text(), text);
        let shown = PriceForm::of(text).expect("a form");
        assert_eq!(shown, PriceForm { output: Some("10".to_owned()), ..rates });
        for (typed, ppm) in [("15", 150_000), ("12.5", 125_000), ("0.0001", 1), ("100", 1_000_000), ("20 %", 200_000)] {
            let price = form(&[("discount", typed)]).read().expect("a row");
            assert_eq!(price.row().discount, Ppm(ppm), "{typed}");
            assert_eq!(per_cent(Ppm(ppm)), typed.trim_end_matches(" %"));
            assert!(PriceForm::of(price.text()).is_some());
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        assert_eq!(wrong(&[]), [("input".into(), Problem::Required)]);
        assert_eq!(wrong(&[("output", "1")]), [("input".into(), Problem::Required)]);
        assert_eq!(wrong(&[("input", "a lot")]), [("input".into(), Problem::NotMoney)]);
        assert_eq!(wrong(&[("input", "1"), ("discount", "5")]), [("discount".into(), Problem::DoesNotFit)]);
        assert_eq!(wrong(&[("discount", "101")]), [("discount".into(), Problem::OutOfRange { min: 0, max: 100 })]);
        assert_eq!(wrong(&[("model", "gpt-*-mini"), ("input", "1")]), [("model".into(), Problem::AsteriskInside)]);
        assert_eq!(wrong(&[("model", " "), ("input", "1")]), [("model".into(), Problem::Required)]);
        let backwards = [("input", "1"), ("from", "2027-01-02T00:00"), ("until", "2027-01-01T00:00")];
        assert_eq!(wrong(&backwards), [("until".into(), Problem::DoesNotFit)]);
        assert_eq!(wrong(&[("provider", "custom-mine"), ("discount", "5")]), [("input".into(), Problem::Required)]);
    }

    #[test]
    fn what_says_more_than_the_form_is_left_to_the_text() {
        for more in [
            r#""rates":{"input":"1","output":"2","reasoning":"3"}"#,
            r#""rates":{"input":"1","output":"2"},"tiers":[{"above":1,"rates":{"input":"2","output":"2"}}]"#,
            r#""discount_ppm":1,"zone":"data_residency""#,
            r#""units":{"per_image":"1"}"#,
            r#""discount_ppm":1,"from":"2027-01-01T00:00:00.5Z""#,
        ] {
            let text = format!(r#"{{"provider":"openai","model":"gpt-5",{more}}}"#);
            assert!(PriceText::read(&text).is_ok() && PriceForm::of(&text).is_none(), "{text}");
        }
    }
}
