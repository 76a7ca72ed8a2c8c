//! How a team's keys and their addresses fare, for people.

use std::sync::Arc;
use std::time::Duration;

use domain::health::{AddressHealth, Cause, KeyHealth, KeyStatus, TeamHealth};
use tokio::time::Instant;

use super::key::{KeyFault, KeyState, Target};
use super::team::TeamState;
use crate::health::{Health, Told};

impl TeamState {
    /// How its keys fare now, in the order of their ids. Takes each health's lock for an instant.
    #[must_use]
    pub fn health(&self, now_ms: i64) -> TeamHealth {
        let now = Instant::now();
        let mut keys: Vec<_> = self.all_keys().collect();
        keys.sort_unstable_by_key(|key| key.id);
        let mut known: Vec<&Arc<Health>> = Vec::new();
        let mut told = TeamHealth::default();
        for key in keys {
            let mut health = key.told(now, now_ms);
            if let Ok(target) = &key.target {
                let place = known.iter().position(|known| Arc::ptr_eq(known, &key.address)).unwrap_or(known.len());
                if place == known.len() {
                    known.push(&key.address);
                    told.addresses.push(address(target, &key.address, now));
                }
                health.address = Some(place);
            }
            told.keys.push(health);
        }
        told
    }
}

impl KeyState {
    fn told(&self, now: Instant, now_ms: i64) -> KeyHealth {
        let used_up = || self.requests_per_minute.and_then(|most| Some((most, self.health.is_used_up(most, now)?)));
        let (status, cause, left) = match self.target(now_ms) {
            Err(KeyFault::Unusable(why)) => (KeyStatus::Unusable, Some(Cause::Broken(why.to_string())), Duration::ZERO),
            Err(_) => (KeyStatus::Off, None, Duration::ZERO),
            Ok(_) => match (self.health.told(now), used_up()) {
                (Told::Open(left), _) => (KeyStatus::Parked, Some(self.health.cause()), left),
                (Told::HalfOpen, _) => (KeyStatus::Probing, Some(self.health.cause()), Duration::ZERO),
                (Told::TooOften(left), _) => (KeyStatus::Resting, Some(self.health.cause()), left),
                (Told::Well, Some((most, until))) => {
                    (KeyStatus::Resting, Some(Cause::Limit(most)), until.saturating_duration_since(now))
                }
                (Told::Well, None) => (KeyStatus::InUse, None, Duration::ZERO),
            },
        };
        KeyHealth {
            id: self.id,
            provider: self.target.as_ref().map(|target| target.provider.slug.clone()).unwrap_or_default(),
            alias: self.alias.clone(),
            status,
            cause,
            rest_ms: millis(left),
            in_flight: self.health.busy(),
            address: None,
        }
    }
}

fn address(target: &Target, health: &Health, now: Instant) -> AddressHealth {
    let told = health.told(now);
    let (circuit, left) = told.circuit();
    AddressHealth {
        provider: target.provider.slug.clone(),
        address: format!("{}{}", target.upstream.authority(), target.upstream.base_path()),
        circuit,
        cause: (told != Told::Well).then(|| health.cause()),
        rest_ms: millis(left),
        in_flight: health.busy(),
        retries_left: health.retries_left(now),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
