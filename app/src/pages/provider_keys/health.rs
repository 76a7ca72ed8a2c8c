//! How a key fares in the gateway of this process: in the list, on the key's page and, where it is not asked, on the overview.

use chrono::{DateTime, TimeDelta, Utc};
use domain::health::{AddressHealth, Cause, Circuit, KeyHealth, KeyStatus, TeamHealth};
use domain::view::{CustomProviderView, ProviderKeyView};
use leptos::prelude::*;

use super::list::alias;
use super::provider_name;
use crate::components::{Badge, Notice, Time, Tone};

/// What keeps a key from being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    tone: Tone,
    /// What it is, in a word or two.
    what: &'static str,
    why: Option<Cause>,
    /// The address, where that is at fault and not the key.
    address: Option<String>,
    /// When it is asked again; the next request tries it where there is none.
    until: Option<DateTime<Utc>>,
}

impl Trouble {
    fn of(key: &KeyHealth, address: Option<&AddressHealth>, now: DateTime<Utc>) -> Option<Self> {
        let own = |tone, what| {
            Some(Self { tone, what, why: key.cause.clone(), address: None, until: until(key.rest_ms, now) })
        };
        match key.status {
            KeyStatus::Off => return None,
            KeyStatus::Unusable => return own(Tone::Bad, "Cannot be sent"),
            KeyStatus::Parked => return own(Tone::Bad, "Parked"),
            KeyStatus::Probing => return own(Tone::Warn, "Parked, tried next"),
            KeyStatus::Resting => return own(Tone::Warn, "Resting"),
            KeyStatus::InUse => {}
        }
        let address = address.filter(|address| address.circuit != Circuit::Closed)?;
        let (tone, what) = match address.circuit {
            Circuit::Open => (Tone::Bad, "Circuit open"),
            _ => (Tone::Warn, "Circuit half-open"),
        };
        let (why, until) = (address.cause.clone(), until(address.rest_ms, now));
        Some(Self { tone, what, why, address: Some(address.address.clone()), until })
    }

    fn find(key: &ProviderKeyView, told: &TeamHealth, now: DateTime<Utc>) -> Option<Self> {
        let (key, address) = told.of(key.id)?;
        Self::of(key, address, now)
    }

    /// A sentence about it, without its end.
    fn sentence(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(", because {}", because(why))).unwrap_or_default();
        match &self.address {
            Some(address) => format!("{} at {address}{why}", self.what),
            None => format!("{}{why}", self.what),
        }
    }
}

fn until(rest_ms: u64, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let rest = i64::try_from(rest_ms.div_ceil(1_000)).ok().filter(|seconds| *seconds > 0)?;
    now.checked_add_signed(TimeDelta::seconds(rest))
}

fn because(cause: &Cause) -> String {
    match cause {
        Cause::Status(401) => "the provider does not know it (status 401)".to_owned(),
        Cause::Status(402) => "the provider wants to be paid (status 402)".to_owned(),
        Cause::Status(403) => "the provider forbids what is asked with it (status 403)".to_owned(),
        Cause::Status(429) => "it was asked too often (status 429)".to_owned(),
        Cause::Status(status) => format!("answers had status {status}"),
        Cause::NoAnswer => "no answers came, or they broke off".to_owned(),
        Cause::Limit(most) => format!("its limit of {most} requests in a minute is reached"),
        Cause::Broken(why) => why.clone(),
    }
}

/// Whether a key is used, and how it fares.
pub(super) fn state(key: &ProviderKeyView, told: &TeamHealth, now: DateTime<Utc>) -> AnyView {
    if let Some(Trouble { tone, what, until, .. }) = Trouble::find(key, told, now) {
        return match until {
            Some(at) => view! { <Badge tone>{what}", asked again "<Time at now /></Badge> }.into_any(),
            None => view! { <Badge tone>{what}</Badge> }.into_any(),
        };
    }
    match (key.enabled, key.expires_at) {
        (false, _) => view! { <Badge tone=Tone::Warn>"Off"</Badge> }.into_any(),
        (true, Some(at)) if at <= now => view! { <Badge tone=Tone::Bad>"Replaced"</Badge> }.into_any(),
        (true, Some(at)) => view! { <Badge tone=Tone::Warn>"Replaced, ends "<Time at now /></Badge> }.into_any(),
        (true, None) => view! { <Badge tone=Tone::Good>"In use"</Badge> }.into_any(),
    }
}

/// Why a key is not asked, and what to do; nothing where it is.
pub(super) fn explained(key: &ProviderKeyView, told: &TeamHealth, now: DateTime<Utc>) -> Option<AnyView> {
    let trouble = Trouble::find(key, told, now)?;
    let meanwhile = "Other keys with its alias are asked meanwhile; where there is none, it is asked all the same. ";
    let next = match (told.of(key.id).map(|(key, _)| key.status), trouble.until) {
        (Some(KeyStatus::Unusable), _) => view! { "Put another in its place." }.into_any(),
        (Some(KeyStatus::Resting), Some(at)) => view! { {meanwhile}"It is asked again "<Time at now />"." }.into_any(),
        (_, Some(at)) => view! { {meanwhile}"One request tries it "<Time at now />"." }.into_any(),
        (_, None) => view! { {meanwhile}"The next request tries it." }.into_any(),
    };
    let view = view! { <Notice tone=trouble.tone><p>{trouble.sentence()}". "{next}</p></Notice> };
    Some(view.into_any())
}

/// The keys that are not asked at the moment, for the overview; nothing where all are.
pub(in crate::pages) fn notice(
    keys: &[ProviderKeyView],
    custom: &[CustomProviderView],
    told: &TeamHealth,
    (team, now): (&str, DateTime<Utc>),
) -> Option<impl IntoView + use<>> {
    let rows = keys.iter().filter_map(|key| {
        let trouble = Trouble::find(key, told, now)?;
        let name = format!("{} · {}", provider_name(&key.provider, custom), alias(key));
        let again = trouble.until.map(|at| view! { ", asked again "<Time at now /> });
        let href = format!("/{team}/keys/{}", key.id);
        Some(view! { <li><a href=href>{name}</a>": "{trouble.sentence()}{again}</li> })
    });
    let rows = rows.collect_view();
    (!rows.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>"Provider keys that this server leaves alone at the moment, where there is another:"</p>
                <ul>{rows}</ul>
            </Notice>
        }
    })
}

/// Whether a key may be among those that are not asked.
pub(in crate::pages) fn is_any_wrong(told: &TeamHealth) -> bool {
    let is_fine = |key: &KeyHealth| matches!(key.status, KeyStatus::InUse | KeyStatus::Off);
    !told.keys.iter().all(is_fine) || told.addresses.iter().any(|address| address.circuit != Circuit::Closed)
}

#[cfg(test)]
mod tests {
    use domain::ProviderKeyId;

    use super::*;

    fn told(status: KeyStatus, cause: Option<Cause>, circuit: Circuit, rest_ms: u64) -> TeamHealth {
        let key = KeyHealth {
            id: ProviderKeyId(1),
            provider: "openai".to_owned(),
            alias: "default".to_owned(),
            status,
            cause,
            rest_ms: if status == KeyStatus::InUse { 0 } else { rest_ms },
            in_flight: 0,
            address: Some(0),
        };
        let address = AddressHealth {
            provider: "openai".to_owned(),
            address: "api.openai.com/v1".to_owned(),
            circuit,
            cause: (circuit != Circuit::Closed).then_some(Cause::NoAnswer),
            rest_ms,
            in_flight: 0,
            retries_left: 100,
        };
        TeamHealth { keys: vec![key], addresses: vec![address] }
    }

    #[test]
    fn a_key_that_is_not_asked_says_why_and_how_long() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("in range");
        let of = |told: &TeamHealth| {
            let (key, address) = told.of(ProviderKeyId(1)).expect("known");
            let trouble = Trouble::of(key, address, now)?;
            Some((trouble.sentence(), trouble.until.map(|at| (at - now).num_seconds())))
        };
        let well = told(KeyStatus::InUse, None, Circuit::Closed, 0);
        assert_eq!((of(&well), is_any_wrong(&well)), (None, false));
        let off = told(KeyStatus::Off, None, Circuit::Closed, 0);
        assert_eq!((of(&off), is_any_wrong(&off)), (None, false));
        for (status, cause, circuit, rest_ms, sentence, seconds) in [
            (
                KeyStatus::Parked,
                Some(Cause::Status(401)),
                Circuit::Closed,
                59_001,
                "Parked, because the provider does not know it (status 401)",
                Some(60),
            ),
            (
                KeyStatus::Probing,
                Some(Cause::Status(402)),
                Circuit::Closed,
                0,
                "Parked, tried next, because the provider wants to be paid (status 402)",
                None,
            ),
            (
                KeyStatus::Resting,
                Some(Cause::Limit(7)),
                Circuit::Closed,
                10,
                "Resting, because its limit of 7 requests in a minute is reached",
                Some(1),
            ),
            (
                KeyStatus::InUse,
                None,
                Circuit::Open,
                4_000,
                "Circuit open at api.openai.com/v1, because no answers came, or they broke off",
                Some(4),
            ),
            (
                KeyStatus::InUse,
                None,
                Circuit::HalfOpen,
                0,
                "Circuit half-open at api.openai.com/v1, because no answers came, or they broke off",
                None,
            ),
            (
                KeyStatus::Unusable,
                Some(Cause::Broken("its base URL is none".to_owned())),
                Circuit::Closed,
                0,
                "Cannot be sent, because its base URL is none",
                None,
            ),
        ] {
            let told = told(status, cause, circuit, rest_ms);
            assert_eq!((of(&told), is_any_wrong(&told)), (Some((sentence.to_owned(), seconds)), true));
        }
    }
}
