//! Where an answer is made, as far as the address that is called tells and money depends on it.

use domain::price::Zone;

/// The zone of a provider, by its name in the price book and the host that is called.
pub(super) fn of(book: Option<&str>, host: &str) -> Zone {
    match book {
        // The global host belongs to no region; `us.api.openai.com` to one.
        Some("openai") if host.strip_suffix(".api.openai.com").is_some_and(|region| !region.is_empty()) => {
            Zone::DataResidency
        }
        Some("vertex") if is_regional(host) => Zone::RegionalEndpoint,
        _ => Zone::Anywhere,
    }
}

/// `europe-west4-aiplatform.googleapis.com`, `aiplatform.eu.rep.googleapis.com`.
fn is_regional(host: &str) -> bool {
    host.strip_suffix("-aiplatform.googleapis.com").is_some_and(|region| !region.is_empty())
        || (host.starts_with("aiplatform.") && host.ends_with(".rep.googleapis.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_regions_cost_more() {
        for (book, host, zone) in [
            ("openai", "api.openai.com", Zone::Anywhere),
            ("openai", "eu.api.openai.com", Zone::DataResidency),
            ("openai", "proxy.example.com", Zone::Anywhere),
            ("azure", "eu.api.openai.com", Zone::Anywhere),
            ("vertex", "aiplatform.googleapis.com", Zone::Anywhere),
            ("vertex", "us-east5-aiplatform.googleapis.com", Zone::RegionalEndpoint),
            ("vertex", "aiplatform.us.rep.googleapis.com", Zone::RegionalEndpoint),
            ("google", "us-east5-aiplatform.googleapis.com", Zone::Anywhere),
        ] {
            assert_eq!(of(Some(book), host), zone, "{book} {host}");
        }
        assert_eq!(of(None, "eu.api.openai.com"), Zone::Anywhere);
    }
}
