//! What a team spent, read once more by limits that must know what passed before they were in force.
//!
//! The log is forgotten after its gateway's retention, and a budget may look further back: what is gone from it is read from
//! roll-ups, by hour where these are kept, else by day. They know neither who was asked for nor metadata nor endpoints, so a
//! limit that tells requests apart by these counts the forgotten ones as requests without.

mod log;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use domain::TeamId;
use domain::ledger::Past;

use self::sums::SumsKey;
use crate::retention::{self, DAY_MS};
use crate::rollup::Resolution;
use crate::{Store, StoreError};

/// Most rows of a page.
pub const PAGE: u64 = 5_000;

/// Some of what a team spent, and where the rest begins.
#[derive(Debug)]
pub struct Page {
    pub past: Vec<Past>,
    pub next: Option<Cursor>,
}

/// A place in what a team spent.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// Fixed at the first page, so that no later one leaves something out or counts it twice.
    edges: Edges,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    /// Behind a roll-up.
    Sums(Resolution, Option<SumsKey>),
    /// Behind a row of the log.
    Log(Option<log::Key>),
}

/// From when on the log is whole, in milliseconds since 1970: at the beginning of an hour, or of a day where there are no
/// roll-ups by hour.
#[derive(Clone, Debug)]
pub(crate) struct Edges {
    gateways: HashMap<i64, i64>,
    /// For rows of gateways that are gone, and of none.
    otherwise: i64,
    /// From when on there are roll-ups by hour, at the beginning of a day.
    hours: i64,
}

/// What a team spent from `since_ms` on, page by page, what roll-ups know before what the log knows, and either in the order of
/// time. The first page is behind no cursor.
///
/// # Errors
/// [`StoreError::Unavailable`] where the database does not answer.
pub async fn spent_since(
    store: &Store,
    team: TeamId,
    since_ms: i64,
    after: Option<Cursor>,
) -> Result<Page, StoreError> {
    let Cursor { edges, place } = match after {
        Some(cursor) => cursor,
        None => Edges::first(store, since_ms).await?,
    };
    let (past, place) = match place {
        Place::Sums(resolution, after) => sums::page(store, team, since_ms, &edges, (resolution, after)).await?,
        Place::Log(after) => log::page(store, team, since_ms, &edges, after).await?,
    };
    Ok(Page { past, next: place.map(|place| Cursor { edges, place }) })
}

impl Edges {
    /// The edges of this moment.
    pub(crate) async fn now(store: &Store) -> Result<Self, StoreError> {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let whole =
            |at_ms: i64, length_ms: i64| at_ms.div_euclid(length_ms).saturating_add(1).saturating_mul(length_ms);
        let hours = Resolution::Hour.kept_days().map_or(i64::MIN, |days| whole(now_ms - days * DAY_MS, DAY_MS));
        let edge = |days: u16| {
            let forgotten = now_ms - i64::from(days) * DAY_MS;
            whole(forgotten, if forgotten < hours { DAY_MS } else { Resolution::Hour.seconds() * 1_000 })
        };
        let mut edges = Self { gateways: HashMap::new(), otherwise: i64::MIN, hours };
        for (gateway, days) in retention::retentions(store).await? {
            match gateway {
                Some(gateway) => drop(edges.gateways.insert(gateway, edge(days))),
                None => edges.otherwise = edge(days),
            }
        }
        Ok(edges)
    }

    /// The edges of this moment, and where to begin.
    async fn first(store: &Store, since_ms: i64) -> Result<Cursor, StoreError> {
        let edges = Self::now(store).await?;
        let place = if since_ms >= edges.latest() {
            Place::Log(None)
        } else if since_ms >= edges.hours {
            Place::Sums(Resolution::Hour, None)
        } else {
            Place::Sums(Resolution::Day, None)
        };
        Ok(Cursor { edges, place })
    }

    /// From when on the log of a gateway is whole.
    pub(crate) fn of(&self, gateway: Option<i64>) -> i64 {
        gateway.and_then(|id| self.gateways.get(&id)).copied().unwrap_or(self.otherwise)
    }

    /// From when on the log is whole for all.
    fn latest(&self) -> i64 {
        self.gateways.values().copied().fold(self.otherwise, i64::max)
    }

    /// From when on the log has anything that counts.
    fn earliest(&self) -> i64 {
        self.gateways.values().copied().fold(self.otherwise, i64::min)
    }
}
