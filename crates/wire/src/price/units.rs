//! Prices of what is not counted in tokens.

use domain::price::{CostLine, Formula, Kind, Per};
use domain::usage::SearchContext;
use domain::{Rate, Usage};

use super::bill::line;
use crate::task::Size;

/// Rates of what is billed instead of tokens or beside them; none where it is not billed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// An hour of speech heard.
    pub audio_hour: Option<Rate>,
    /// Fewer seconds of speech are billed as if they were as many.
    pub minimum_audio_seconds: u64,
    /// A million characters spoken or embedded.
    pub characters: Option<Rate>,
    /// A thousand searches of a reranker.
    pub searches: Option<Rate>,
    /// A picture, of any kind.
    pub image: Option<Rate>,
    /// A picture by `quality/size`, where `default` stands for what the caller leaves to the provider.
    pub images: Vec<(String, Rate)>,
    /// A thousand pages read.
    pub pages: Option<Rate>,
    /// A thousand pages annotated, beside those read.
    pub annotated_pages: Option<Rate>,
    /// A thousand searches of the web.
    pub web_searches: Option<Rate>,
    /// A thousand answers with a search of the web.
    pub grounded_prompts: Option<Rate>,
    /// A thousand searches in files.
    pub file_searches: Option<Rate>,
    /// A picture looked at.
    pub image_read: Option<Rate>,
    /// A request.
    pub request: Option<Rate>,
    /// A thousand requests by how much is searched for them: little, more, much.
    pub requests_by_context: Option<[Rate; 3]>,
}

impl Units {
    /// Whether nothing has a price.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether there are prices of what is billed instead of tokens.
    pub(super) fn has_instead(&self) -> bool {
        let Self { audio_hour, characters, searches, image, images, pages, .. } = self;
        [audio_hour, characters, searches, image, pages].iter().any(|rate| rate.is_some()) || !images.is_empty()
    }

    /// With the prices of `other` where these have none.
    pub(super) fn or(self, other: &Self) -> Self {
        let images = if self.images.is_empty() { other.images.clone() } else { self.images };
        Self {
            audio_hour: self.audio_hour.or(other.audio_hour),
            minimum_audio_seconds: self.minimum_audio_seconds.max(other.minimum_audio_seconds),
            characters: self.characters.or(other.characters),
            searches: self.searches.or(other.searches),
            image: self.image.or(other.image),
            images,
            pages: self.pages.or(other.pages),
            annotated_pages: self.annotated_pages.or(other.annotated_pages),
            web_searches: self.web_searches.or(other.web_searches),
            grounded_prompts: self.grounded_prompts.or(other.grounded_prompts),
            file_searches: self.file_searches.or(other.file_searches),
            image_read: self.image_read.or(other.image_read),
            request: self.request.or(other.request),
            requests_by_context: self.requests_by_context.or(other.requests_by_context),
        }
    }

    /// Adds the lines of what is billed instead of tokens.
    pub(super) fn instead(&self, usage: &Usage, pictures: &Size, formula: &mut Formula) {
        let seconds = match usage.audio_seconds {
            0 => 0,
            seconds => seconds.max(self.minimum_audio_seconds),
        };
        let image = if usage.images > 0 { self.image_of(pictures, formula) } else { None };
        add(
            [
                (Kind::AudioSeconds, seconds, self.audio_hour, Per::Hour),
                (Kind::Characters, usage.characters, self.characters, Per::Million),
                (Kind::Searches, usage.searches, self.searches, Per::Thousand),
                (Kind::Images, usage.images, image, Per::One),
                (Kind::Pages, usage.pages.into(), self.pages, Per::Thousand),
            ],
            &mut formula.lines,
        );
    }

    /// Adds the lines of what is billed beside whatever else is.
    pub(super) fn beside(&self, usage: &Usage, lines: &mut Vec<CostLine>) {
        let grounded = u64::from(usage.web_searches > 0);
        let by_context = self.requests_by_context.map(|[low, medium, high]| match usage.search_context {
            SearchContext::Untold | SearchContext::Low => low,
            SearchContext::Medium => medium,
            SearchContext::High => high,
        });
        add(
            [
                (Kind::AnnotatedPages, usage.annotated_pages.into(), self.annotated_pages, Per::Thousand),
                (Kind::WebSearches, usage.web_searches.into(), self.web_searches, Per::Thousand),
                (Kind::GroundedPrompts, grounded, self.grounded_prompts, Per::Thousand),
                (Kind::FileSearches, usage.file_searches.into(), self.file_searches, Per::Thousand),
                (Kind::ImagesRead, usage.images_read.into(), self.image_read, Per::One),
                (Kind::Requests, 1, by_context, Per::Thousand),
                (Kind::Requests, 1, self.request, Per::One),
            ],
            lines,
        );
    }

    fn image_of(&self, pictures: &Size, formula: &mut Formula) -> Option<Rate> {
        let or = |word: &Option<String>| word.as_deref().filter(|word| *word != "auto").unwrap_or("default").to_owned();
        if !self.images.is_empty() {
            let wanted = format!("{}/{}", or(&pictures.quality), or(&pictures.size));
            if let Some((_, rate)) = self.images.iter().find(|(variant, _)| *variant == wanted) {
                formula.variant = Some(wanted);
                return Some(*rate);
            }
        }
        self.image
    }
}

fn add<const N: usize>(all: [(Kind, u64, Option<Rate>, Per); N], lines: &mut Vec<CostLine>) {
    for (what, units, rate, per) in all {
        if let Some(rate) = rate {
            line(what, units, rate, per, lines);
        }
    }
}
