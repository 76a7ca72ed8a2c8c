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
    /// The least distance between two ticks that are written differently: one thing, one nano-dollar.
    #[must_use]
    pub fn least_step(self) -> f64 {
        if self == Self::Dollars { 1e-9 } else { 1.0 }
    }

    /// A tick of an axis whose ticks are `step` apart: money with as many decimals as its neighbours, and none where
    /// the axis has none.
    #[must_use]
    pub fn tick(self, value: f64, step: f64) -> String {
        match self {
            Self::Dollars if step >= 1.0 => format!("${}", format::short_count(value.round() as u64)),
            Self::Dollars => {
                let decimals = (-(step * 1.000_001).log10().floor()).clamp(2.0, 9.0) as usize;
                format!("${value:.decimals$}")
            }
            Self::Count | Self::Milliseconds => self.show(value),
        }
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
    fn the_ticks_of_an_axis_have_the_same_decimals() {
        let ticks = |step: f64| [0.0, 1.0, 2.0].map(|count| Unit::Dollars.tick(count * step, step));
        assert_eq!(ticks(0.000_05), ["$0.00000", "$0.00005", "$0.00010"]);
        assert_eq!(ticks(0.2), ["$0.00", "$0.20", "$0.40"]);
        assert_eq!(ticks(1e-9), ["$0.000000000", "$0.000000001", "$0.000000002"]);
        assert_eq!(ticks(500.0), ["$0", "$500", "$1,000"]);
        assert_eq!(ticks(2e6), ["$0", "$2M", "$4M"]);
        assert_eq!(Unit::Milliseconds.tick(500.0, 500.0), "500 ms");
    }

    #[test]
    fn values_have_their_unit() {
        assert_eq!(Unit::Count.show(12_345.0), "12.3k");
        assert_eq!(Unit::Dollars.show(0.000_42), "$0.00042");
        assert_eq!(Unit::Milliseconds.show(1_250.0), "1.25 s");
        assert_eq!(Unit::Milliseconds.show(0.0), "0 ms");
    }
}
