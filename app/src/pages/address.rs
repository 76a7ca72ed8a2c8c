//! What the URL of a page says.

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};
use leptos_router::params::ParamsMap;

/// A part of the path, such as `team`; empty where the route has none.
#[must_use]
pub fn part(name: &str) -> String {
    use_params_map().read_untracked().get(name).unwrap_or_default()
}

/// The query, as it is now.
#[must_use]
pub fn query() -> ParamsMap {
    use_query_map().get_untracked()
}

/// A value of the query; nothing where it is missing or empty.
#[must_use]
pub fn asked(query: &ParamsMap, name: &str) -> Option<String> {
    query.get(name).filter(|value| !value.is_empty())
}
