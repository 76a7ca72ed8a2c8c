//! Sums of rows, compared with the roll-ups of the same time.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, QueryResult, Statement};

use super::{Difference, Report, SumKey};
use crate::retention::DAY_MS;
use crate::rollup::{self, Counted, Key, Resolution};
use crate::usage::Edges;
use crate::{StoreError, WriteTx};

/// Sums by step, for each of some resolutions.
pub(super) struct Sums {
    from_s: i64,
    to_s: i64,
    all: Vec<(Resolution, BTreeMap<Key, rollup::Sums>)>,
}

/// Whether roll-ups of that time are there still.
pub(super) fn is_kept(resolution: Resolution, at_s: i64) -> bool {
    let now_ms = chrono::Utc::now().timestamp_millis();
    // A sweep may begin while this runs.
    let edge_ms = |days: i64| now_ms - days * DAY_MS + 3_600_000;
    resolution.kept_days().is_none_or(|days| at_s * 1_000 >= edge_ms(days))
}

impl Sums {
    /// Nothing yet, of a span that is whole steps long.
    pub(super) fn new(resolutions: &[Resolution], from_s: i64, to_s: i64) -> Self {
        let all = resolutions.iter().map(|resolution| (*resolution, BTreeMap::new())).collect();
        Self { from_s, to_s, all }
    }

    pub(super) fn add(&mut self, row: &Counted<'_>) {
        for (resolution, sums) in &mut self.all {
            if let Some(key) = Key::of(row, *resolution) {
                sums.entry(key).or_default().add(&rollup::Sums::of(row));
            }
        }
    }

    /// Reports where roll-ups and rows differ.
    pub(super) async fn compare(
        self,
        snapshot: &WriteTx,
        teams: &[i64],
        edges: &Edges,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        for (resolution, mut of_rows) in self.all {
            for team in teams {
                for row in stored(snapshot, resolution, *team, (self.from_s, self.to_s)).await? {
                    let (key, stored) = read(&row, resolution)?;
                    let from_rows = of_rows.remove(&key).unwrap_or_default();
                    if is_whole(resolution, &key, edges) {
                        report.rollups += 1;
                        note(resolution, &key, &stored, &from_rows, report);
                    } else {
                        report.rollups_without_rows += 1;
                    }
                }
            }
            // What is left has no roll-up.
            for (key, from_rows) in of_rows.iter().filter(|(key, _)| is_whole(resolution, key, edges)) {
                note(resolution, key, &rollup::Sums::default(), from_rows, report);
            }
        }
        Ok(())
    }
}

/// Whether both the rows and the roll-up are there still.
fn is_whole(resolution: Resolution, key: &Key, edges: &Edges) -> bool {
    let gateway = Some(key.gateway_id).filter(|id| *id != 0);
    is_kept(resolution, key.at_s) && key.at_s.saturating_mul(1_000) >= edges.of(gateway)
}

fn note(resolution: Resolution, key: &Key, stored: &rollup::Sums, rows: &rollup::Sums, report: &mut Report) {
    for (column, stored, rows) in stored.differences(rows, resolution) {
        let Key { team_id, at_s, gateway_id, provider, model, token_id, user } = key.clone();
        let key = SumKey { at_s, team_id, gateway_id, provider, model, token_id, user };
        report.found(Difference::Sum { table: resolution.table(), key, column, stored, rows });
    }
}

async fn stored(
    snapshot: &WriteTx,
    resolution: Resolution,
    team: i64,
    (from_s, to_s): (i64, i64),
) -> Result<Vec<QueryResult>, StoreError> {
    let sql = format!(
        "SELECT {}, {} FROM {} WHERE team_id = $1 AND at_s >= $2 AND at_s < $3",
        resolution.key_columns().collect::<Vec<_>>().join(", "),
        rollup::Sums::columns(resolution),
        resolution.table()
    );
    let values = [team.into(), from_s.into(), to_s.into()];
    let statement = Statement::from_sql_and_values(snapshot.get_database_backend(), sql, values);
    Ok(snapshot.query_all_raw(statement).await?)
}

fn read(row: &QueryResult, resolution: Resolution) -> Result<(Key, rollup::Sums), StoreError> {
    let keys = resolution.key_columns().count();
    let key = Key {
        team_id: row.try_get_by_index(0)?,
        at_s: row.try_get_by_index(1)?,
        gateway_id: row.try_get_by_index(2)?,
        provider: row.try_get_by_index(3)?,
        model: row.try_get_by_index(4)?,
        token_id: row.try_get_by_index(5)?,
        user: if keys > 6 { row.try_get_by_index(6)? } else { String::new() },
    };
    Ok((key, rollup::Sums::read_one(row, keys, resolution)?))
}
