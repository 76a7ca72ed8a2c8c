//! Prices of what is not counted in tokens: seconds, characters, searches, pictures.

use domain::ledger::CostLine;
use domain::{Rate, Usage};

use super::{Cost, Sum};
use crate::task::Size;

/// Rates for a million units each; none where a unit is not billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// A second of speech heard. Prices are set by the hour, which a second divides with a remainder below a billionth of a
    /// dollar in a million seconds.
    pub audio_second: Option<Rate>,
    /// A character spoken or embedded.
    pub character: Option<Rate>,
    /// A search of a reranker.
    pub search: Option<Rate>,
    /// A picture, of any kind.
    pub image: Option<Rate>,
    /// A picture by `quality/size`, where `default` stands for what the caller leaves to the provider.
    pub images: Vec<(String, Rate)>,
}

impl Units {
    /// What `usage` costs; none where nothing in it is billed by unit.
    pub(super) fn cost(&self, usage: &Usage, pictures: &Size) -> Option<Cost> {
        let image = if usage.images > 0 { self.image_of(pictures) } else { None };
        let units = [
            ("audio_seconds", usage.audio_seconds, self.audio_second),
            ("characters", usage.characters, self.character),
            ("searches", usage.searches, self.search),
            ("images", usage.images, image),
        ];
        let mut sum = Sum::default();
        for (what, units, rate) in units {
            if let Some(rate) = rate {
                sum.line(what, units, rate);
            }
        }
        let lines: Vec<CostLine> = sum.lines;
        (!lines.is_empty()).then(|| Cost { total: domain::money::round(sum.exact), lines })
    }

    fn image_of(&self, pictures: &Size) -> Option<Rate> {
        let or = |word: &Option<String>| word.as_deref().filter(|word| *word != "auto").unwrap_or("default").to_owned();
        let wanted = format!("{}/{}", or(&pictures.quality), or(&pictures.size));
        let named = self.images.iter().find(|(variant, _)| *variant == wanted);
        named.map(|(_, rate)| *rate).or(self.image)
    }
}
