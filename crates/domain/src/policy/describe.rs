//! Policies in plain words: for lists, for refusals, for the audit log.

use std::fmt;

use super::text::per;
use super::{Limit, Measure, Unit, Window};

/// `$50.00 a month for each token`, `100 requests a minute`, `5 requests at the same time`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.measure.write(f, self.amount)?;
        if self.measure != Measure::Concurrency {
            write!(f, "{}", self.window)?;
        }
        for (index, field) in self.group_by.iter().enumerate() {
            f.write_str(if index == 0 { " for each " } else { " and " })?;
            write!(f, "{field}")?;
        }
        Ok(())
    }
}

impl Measure {
    /// An amount in words.
    #[must_use]
    pub fn amount(self, amount: u64) -> String {
        struct Words(Measure, u64);
        impl fmt::Display for Words {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(f, self.1)
            }
        }
        Words(self, amount).to_string()
    }

    fn write(self, f: &mut fmt::Formatter<'_>, amount: u64) -> fmt::Result {
        let plural = if amount == 1 { "" } else { "s" };
        let number = grouped(&amount.to_string());
        match self {
            Self::Requests => write!(f, "{number} request{plural}"),
            Self::Tokens => write!(f, "{number} token{plural}"),
            Self::Cost => f.write_str(&grouped(&Limit::nanos(amount).to_string())),
            Self::Concurrency => write!(f, "{number} request{plural} at the same time"),
        }
    }
}

/// A number with its thousands told apart: `12,345`, `$1,234.50`.
fn grouped(number: &str) -> String {
    let whole = number.split('.').next().unwrap_or_default();
    let digits = whole.bytes().filter(u8::is_ascii_digit).count();
    let mut left = digits;
    let mut text = String::with_capacity(number.len() + digits / 3);
    for (index, letter) in number.char_indices() {
        let is_whole = index < whole.len() && letter.is_ascii_digit();
        if is_whole && left < digits && left.is_multiple_of(3) {
            text.push(',');
        }
        left -= usize::from(is_whole);
        text.push(letter);
    }
    text
}

/// With a space in front: ` a month`, ` in 5h`; nothing for all time.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { seconds } | Self::Sliding { seconds } | Self::Bucket { seconds, .. } => match seconds {
                1 => f.write_str(" a second"),
                60 => f.write_str(" a minute"),
                3_600 => f.write_str(" an hour"),
                86_400 => f.write_str(" in 24 hours"),
                _ => write!(f, " in {}", per(*seconds)),
            },
            Self::Calendar { unit, zone } => {
                let article = if *unit == Unit::Hour { "an" } else { "a" };
                write!(f, " {article} {}", unit.as_str())?;
                zone.as_deref().map_or(Ok(()), |zone| write!(f, " ({zone})"))
            }
            Self::Ever => f.write_str(" in all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        for (measure, amount, words) in [
            (Measure::Requests, 1, "1 request"),
            (Measure::Requests, 999, "999 requests"),
            (Measure::Requests, 100_000, "100,000 requests"),
            (Measure::Tokens, 1_234_567, "1,234,567 tokens"),
            (Measure::Concurrency, 1_000, "1,000 requests at the same time"),
            (Measure::Cost, 1_234_567_890_000, "$1,234.56789"),
            (Measure::Cost, 999_500_000_000, "$999.50"),
            (Measure::Cost, 0, "$0.00"),
        ] {
            assert_eq!(measure.amount(amount), words);
        }
    }
}
