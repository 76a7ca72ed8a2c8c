//! How the values of a chart are written, on the axis and in the readout: as everywhere else in the product.

use domain::Nanos;

use crate::components::format;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things: `12.3k`.
    Count,
    /// US dollars: `$0.00042`.
    Dollars,
    /// Milliseconds: `850 ms`, `1.2 s`.
    Milliseconds,
}

impl Unit {
    /// Whether no tick should lie between two whole numbers.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self != Self::Dollars
    }

    /// The value with its unit, as short as it can be read. Casts saturate.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Count => format::short_count(value.round() as u64),
            Self::Dollars => format::money(Nanos((value * 1e9).round() as i64)),
            Self::Milliseconds if value <= 0.0 => "0 ms".to_owned(),
            Self::Milliseconds => format::duration((value * 1e3).round() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_unit() {
        assert_eq!(Unit::Count.show(12_345.0), "12.3k");
        assert_eq!(Unit::Dollars.show(0.000_42), "$0.00042");
        assert_eq!(Unit::Milliseconds.show(1_250.0), "1.25 s");
        assert_eq!(Unit::Milliseconds.show(0.0), "0 ms");
    }
}
