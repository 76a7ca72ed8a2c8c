//! Reading what people type into forms: text comes in, a value or a named problem comes out.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use domain::validate::{FieldError, Problem};

/// Collects the problems of a form while its fields are read.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// Notes a problem.
    pub fn refuse(&mut self, field: &str, problem: Problem) {
        self.errors.push(FieldError::new(field, problem));
    }

    /// Notes the problem of a check, if it found one.
    pub fn check(&mut self, field: &str, result: Result<(), Problem>) {
        if let Err(problem) = result {
            self.refuse(field, problem);
        }
    }

    /// A whole number; nothing where the field is empty. Numbers too large for `T` become its largest value, which the
    /// check of bounds then refuses with the bounds that really count.
    pub fn number<T: TryFrom<u64> + Bounded>(&mut self, field: &str, text: Option<&str>) -> Option<T> {
        let text = filled(text)?;
        match text.parse::<u64>() {
            Ok(number) => Some(T::try_from(number).unwrap_or(T::LARGEST)),
            Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(T::LARGEST),
            Err(_) => {
                self.refuse(field, Problem::NotANumber);
                None
            }
        }
    }

    /// One of several choices; the default where the field is missing.
    pub fn choice<T: Default>(&mut self, field: &str, text: Option<&str>, read: impl Fn(&str) -> Option<T>) -> T {
        let Some(text) = filled(text) else { return T::default() };
        read(text).unwrap_or_else(|| {
            self.refuse(field, Problem::NotAChoice);
            T::default()
        })
    }

    /// A moment as `<input type="datetime-local">` or `type="date"` sends it, in UTC; a date means its last second.
    pub fn moment(&mut self, field: &str, text: Option<&str>) -> Option<DateTime<Utc>> {
        let text = filled(text)?;
        let moment = moment(text);
        if moment.is_none() {
            self.refuse(field, Problem::NotAChoice);
        }
        moment
    }

    /// The problems, and those another check found.
    pub fn extend(&mut self, more: Vec<FieldError>) {
        self.errors.extend(more);
    }

    /// The value, if no field had a problem.
    ///
    /// # Errors
    /// Every problem, in the order it was found.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }
}

/// Types with a largest value.
pub trait Bounded {
    /// It.
    const LARGEST: Self;
}

impl Bounded for u8 {
    const LARGEST: Self = Self::MAX;
}

impl Bounded for u16 {
    const LARGEST: Self = Self::MAX;
}

impl Bounded for u32 {
    const LARGEST: Self = Self::MAX;
}

impl Bounded for u64 {
    const LARGEST: Self = Self::MAX;
}

/// The text without surrounding spaces; nothing where that leaves nothing.
#[must_use]
pub fn filled(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Whether a checkbox was ticked: browsers send it only then.
#[must_use]
pub fn ticked(text: Option<&str>) -> bool {
    filled(text).is_some()
}

/// An id in a form, such as a hidden field.
///
/// # Errors
/// [`Problem::Unknown`] for anything that is no id.
pub fn id<T: FromStr>(field: &str, text: &str) -> Result<T, Vec<FieldError>> {
    text.trim().parse().map_err(|_| vec![FieldError::new(field, Problem::Unknown)])
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let end_of_day = || {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_time(NaiveTime::from_hms_opt(23, 59, 59)?))
    };
    local.or_else(end_of_day).map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_number_is_none_and_a_word_is_a_problem() {
        let mut fields = Fields::default();
        assert_eq!(fields.number::<u32>("a", Some("  ")), None);
        assert_eq!(fields.number::<u32>("a", Some(" 60 ")), Some(60));
        assert_eq!(fields.number::<u8>("a", Some("99999999999999999999999")), Some(u8::MAX));
        assert_eq!(fields.number::<u32>("b", Some("soon")), None);
        assert_eq!(fields.number::<u32>("c", Some("-1")), None);
        let errors = fields.finish(()).expect_err("two problems");
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn a_date_lasts_to_its_end() {
        let mut fields = Fields::default();
        let day = fields.moment("at", Some("2026-11-22")).expect("a date");
        assert_eq!(day.to_rfc3339(), "2026-11-22T23:59:59+00:00");
        let minute = fields.moment("at", Some("2026-11-22T14:05")).expect("a minute");
        assert_eq!(minute.to_rfc3339(), "2026-11-22T14:05:00+00:00");
        assert_eq!(fields.moment("at", Some("tomorrow")), None);
        assert!(fields.finish(()).is_err());
    }

    #[test]
    fn ids_are_numbers() {
        assert_eq!(id::<domain::TokenId>("id", "7"), Ok(domain::TokenId(7)));
        assert!(id::<domain::TokenId>("id", "x").is_err());
    }
}
