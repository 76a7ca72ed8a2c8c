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
        match self {
            Self::Requests => write!(f, "{amount} request{plural}"),
            Self::Tokens => write!(f, "{amount} token{plural}"),
            Self::Cost => write!(f, "{}", Limit::nanos(amount)),
            Self::Concurrency => write!(f, "{amount} request{plural} at the same time"),
        }
    }
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
