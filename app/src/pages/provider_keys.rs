//! Stored provider credentials: the list with the form for a new one, the page of each, and the team's own providers.

mod custom;
pub(super) mod health;
mod key;
mod list;

use domain::view::CustomProviderView;

pub use key::ProviderKeyPage;
pub use list::ProviderKeysPage;

/// A provider by its name for people; its slug where it is not known any more.
fn provider_name(slug: &str, custom: &[CustomProviderView]) -> String {
    let own = slug.strip_prefix("custom-").and_then(|slug| custom.iter().find(|provider| provider.slug == slug));
    match (own, wire::providers::find(slug)) {
        (Some(provider), _) => provider.name.clone(),
        (None, Some(provider)) => provider.name.clone(),
        (None, None) => slug.to_owned(),
    }
}
