//! Where an answer is made, as far as its price depends on it, and factors in millionths.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an answer was made, where that has a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Zone {
    /// Anywhere, or nobody says.
    #[default]
    #[serde(rename = "anywhere")]
    Anywhere,
    /// Anthropic: inference in the United States.
    #[serde(rename = "inference_geo:us")]
    InferenceUs,
    /// OpenAI: one of its regional addresses.
    #[serde(rename = "data_residency")]
    DataResidency,
    /// Vertex AI: an endpoint of a region, not the global one.
    #[serde(rename = "regional_endpoint")]
    RegionalEndpoint,
    /// Azure: a deployment in the data zone of the United States.
    #[serde(rename = "data_zone:us")]
    DataZoneUs,
    /// Azure: in the European Union's.
    #[serde(rename = "data_zone:eu")]
    DataZoneEu,
    /// Azure: in that of Asia and the Pacific.
    #[serde(rename = "data_zone:apac")]
    DataZoneApac,
}

impl Zone {
    /// Every zone that may have a price.
    pub const ALL: [Self; 6] = [
        Self::InferenceUs,
        Self::DataResidency,
        Self::RegionalEndpoint,
        Self::DataZoneUs,
        Self::DataZoneEu,
        Self::DataZoneApac,
    ];

    /// The stable name, as stored and as the price book has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::InferenceUs => "inference_geo:us",
            Self::DataResidency => "data_residency",
            Self::RegionalEndpoint => "regional_endpoint",
            Self::DataZoneUs => "data_zone:us",
            Self::DataZoneEu => "data_zone:eu",
            Self::DataZoneApac => "data_zone:apac",
        }
    }

    /// The zone of that name, if it may have a price.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|zone| zone.as_str() == name)
    }
}

/// Millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ppm(pub u32);

impl Ppm {
    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);
}

/// As a decimal number: `1.1`.
impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / Self::WHOLE.0, self.0 % Self::WHOLE.0);
        write!(f, "{whole}")?;
        if part > 0 {
            let digits = format!("{part:06}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// Why a text is no [`Ppm`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a plain decimal number below 4,294 with at most 6 decimals")]
pub struct BadFactor;

impl FromStr for Ppm {
    type Err = BadFactor;

    fn from_str(text: &str) -> Result<Self, BadFactor> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 {
            return Err(BadFactor);
        }
        let whole: u32 = whole.parse().map_err(|_| BadFactor)?;
        let part: u32 = format!("{part:0<6}").parse().map_err(|_| BadFactor)?;
        let millionths = whole.checked_mul(Self::WHOLE.0).and_then(|whole| whole.checked_add(part));
        millionths.map(Self).ok_or(BadFactor)
    }
}
