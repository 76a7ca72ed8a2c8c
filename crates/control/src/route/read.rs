//! Reads a route's elements with the providers that a team may call.

use std::collections::HashSet;

use domain::route::{MAX_ELEMENTS_TEXT, RouteProblem};
use domain::validate::Problem;
use route::{Catalog, Reading};
use wire::price::PriceBook;

use crate::provider_key::canonical_provider;

/// The providers that a team's routes may name.
pub(crate) struct Providers {
    /// Slugs of the team's own, without `custom-`.
    custom: HashSet<String>,
}

impl Providers {
    pub(crate) fn new(custom: impl IntoIterator<Item = String>) -> Self {
        Self { custom: custom.into_iter().collect() }
    }

    fn canonical(&self, slug: &str) -> Option<String> {
        canonical_provider(slug, self.custom.iter().map(String::as_str)).ok()
    }
}

impl Catalog for Providers {
    fn has_provider(&self, slug: &str) -> bool {
        self.canonical(slug).is_some()
    }

    /// The price book is the only list of models there is; it has none of custom providers and of some others.
    fn has_model(&self, provider: &str, model: &str) -> bool {
        let (book, provider) = (PriceBook::builtin(), self.canonical(provider));
        let Some(provider) = provider.filter(|provider| book.models(provider).next().is_some()) else { return true };
        book.find_or_any(&provider, model).is_some()
    }
}

/// Reads and checks elements.
pub(crate) fn read(text: &str, providers: &Providers) -> Reading {
    route::read(text, providers)
}

/// Elements that can be saved, valid or not.
#[derive(Clone, Debug)]
pub(crate) struct RouteVersion {
    /// JSON on one line.
    pub(crate) elements: String,
    pub(crate) problems: Vec<RouteProblem>,
}

impl RouteVersion {
    /// What was read, where there is something to save.
    ///
    /// # Errors
    /// Why there is not.
    pub(crate) fn of(reading: Reading) -> Result<Self, Problem> {
        let elements = reading.elements.ok_or(Problem::NotARoute)?.to_string();
        if elements.len() > MAX_ELEMENTS_TEXT {
            return Err(Problem::TooLong { max: MAX_ELEMENTS_TEXT as u64 });
        }
        Ok(Self { elements, problems: reading.problems })
    }
}
