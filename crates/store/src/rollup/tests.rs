mod breakdown;

use std::collections::BTreeMap;

use domain::ledger::{AttemptRow, CacheStatus, Outcome};
use domain::usage::UsageSource;
use domain::view::Totals;
use domain::{GatewayId, Nanos, TeamId, TokenId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sea_orm::{ConnectionTrait, Statement};

use super::overview::Span;
use super::tally::{SUM_COLUMNS, Sums};
use super::*;
use crate::fixture::{self, write};
use crate::testing::db_test;

const DAY_S: i64 = 86_400;
/// What a sum reaches before it is full, and one that has no room for another hundred rows.
const FULL: i64 = 7_000_000_000_000_000_000;
const NEAR_THE_END: i64 = 9_200_000_000_000_000_000;
/// How attempts of each kind end in [`any_row`].
const OUTCOMES: [Outcome; 8] = [
    Outcome::Ok,
    Outcome::Ok,
    Outcome::ClientGone,
    Outcome::UpstreamError,
    Outcome::Refused,
    Outcome::Interrupted,
    Outcome::UpstreamFailed,
    Outcome::Ok,
];

/// A row somewhere within three days of `from_ms`, of few dimensions, so that many meet in one roll-up.
fn any_row(from_ms: i64) -> impl Strategy<Value = AttemptRow> {
    (0..3 * DAY_S * 1_000, any::<u64>(), 0u16..3, any::<bool>(), 0u64..400_000_000, (0u8..5, 0u8..8, 0i64..3, 0i64..3))
        .prop_map(move |(at, number, attempt, last, duration_us, (model, kind, gateway, token))| AttemptRow {
            last,
            duration_us,
            team_id: (kind != 7).then_some(TeamId(1 + i64::from(kind % 2))),
            gateway_id: (gateway > 0).then_some(GatewayId(gateway)),
            token_id: (token > 0).then_some(TokenId(token)),
            model: (model > 0).then(|| format!("model-{model}")),
            status: [200, 200, 200, 404, 429, 200, 503, 200][usize::from(kind)],
            outcome: OUTCOMES[usize::from(kind)],
            cache: if kind == 1 { CacheStatus::Hit } else { CacheStatus::Miss },
            cost: (kind != 2).then_some(Nanos(at)),
            first_byte_us: (kind != 5).then_some(duration_us / 2),
            user: ["", "ada", "bob"].get(usize::from(kind % 4)).map(|name| (*name).to_owned()),
            ..fixture::row(from_ms + at, number, attempt)
        })
}

fn sample<T>(strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(&mut TestRunner::deterministic()).expect("a sample").current()
}

/// Sums by (team, start) as one would add them up by hand.
fn naive(rows: &[AttemptRow], resolution: Resolution) -> BTreeMap<(i64, i64), Vec<i64>> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let Some(team) = row.team_id else { continue };
        let answered = row.cache == CacheStatus::Hit
            || (row.attempt > 0 && (row.status < 400 || row.usage_source != UsageSource::None));
        let is_told = answered && row.user.as_ref().is_some_and(|user| !user.is_empty());
        if resolution == Resolution::UserDay && !is_told {
            continue;
        }
        let at_s = row.at_ms / 1_000;
        let key = (team.0, at_s - at_s % resolution.seconds());
        let sum: &mut Vec<i64> = sums.entry(key).or_insert_with(|| vec![0; SUM_COLUMNS.len()]);
        let last = i64::from(row.last);
        let upstream = i64::from(row.attempt > 0);
        sum[0] += last;
        sum[1] += last * i64::from(!matches!(row.outcome, Outcome::Ok | Outcome::ClientGone));
        sum[2] += last * i64::from(row.cache == CacheStatus::Hit);
        sum[3] += upstream;
        sum[4] += row.usage.input as i64;
        sum[5] += row.usage.output as i64;
        sum[6] += row.cost.map_or(0, |cost| cost.0);
        sum[7] += upstream * i64::from(row.cost.is_none());
        sum[8 + histogram::bucket(row.duration_us)] += last;
        if let Some(first_byte_us) = row.first_byte_us {
            sum[8 + histogram::BUCKETS + histogram::bucket(first_byte_us)] += last;
        }
    }
    sums.values_mut().for_each(|sums| sums.truncate(resolution.sum_columns().len()));
    sums
}

async fn stored(store: &crate::Store, resolution: Resolution) -> BTreeMap<(i64, i64), Vec<i64>> {
    let columns = resolution.sum_columns();
    let sums: Vec<_> = columns.iter().map(|column| format!("CAST(SUM({column}) AS bigint)")).collect();
    let sql = format!("SELECT team_id, at_s, {} FROM {} GROUP BY team_id, at_s", sums.join(","), resolution.table());
    let rows = store.read().query_all_raw(Statement::from_string(store.backend().into(), sql)).await.expect("rows");
    rows.iter()
        .map(|row| {
            let at = |index: usize| row.try_get_by_index::<i64>(index).expect("a number");
            ((at(0), at(1)), (0..columns.len()).map(|index| at(2 + index)).collect())
        })
        .collect()
}

db_test! {
    async fn an_answer_that_broke_off_is_an_error_whatever_its_status(store: Store) {
        let outcomes = [Outcome::Ok, Outcome::ClientGone, Outcome::UpstreamFailed, Outcome::Interrupted];
        let rows: Vec<_> = (0..).zip(outcomes).map(|(number, outcome)| AttemptRow { outcome, ..fixture::row(DAY_S * 1_000, number, 1) }).collect();
        assert!(rows.iter().all(|row| row.status == 200));
        write(&store, &rows, None).await;
        assert_eq!(fixture::number(&store, "SELECT CAST(SUM(requests) AS bigint) FROM rollup_day").await, 4);
        assert_eq!(fixture::number(&store, "SELECT CAST(SUM(errors) AS bigint) FROM rollup_day").await, 2);
    }

    async fn roll_ups_equal_what_adding_up_the_rows_gives(store: Store) {
        let from_ms = 1_763_769_600_000;
        let mut rows = sample(prop::collection::vec(any_row(from_ms), 700));
        rows.sort_by_key(|row| (row.request_id, row.attempt));
        rows.dedup_by_key(|row| (row.request_id, row.attempt));
        for batch in rows.chunks(190) {
            write(&store, batch, None).await;
        }
        for resolution in Resolution::ALL {
            assert_eq!(stored(&store, resolution).await, naive(&rows, resolution), "{resolution:?}");
        }
        // An older release's rows are summed up by the migration that brings the table.
        let by_hand = naive(&rows, Resolution::UserDay);
        assert!(by_hand.len() > 2);
        for sql in ["DROP TABLE rollup_user_day", "DELETE FROM seaql_migrations WHERE version LIKE '%sum_up_users'"] {
            fixture::execute(&store, sql).await;
        }
        store.migrate().await.expect("migrated again");
        assert_eq!(stored(&store, Resolution::UserDay).await, by_hand);
    }

    async fn sums_that_an_upstream_made_absurd_stop_nobodys_ledger(store: Store) {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let dear = |day: i64, number: u64, cost: i64| AttemptRow {
            cost: Some(Nanos(cost)),
            usage: domain::Usage { input: u64::MAX, output: u64::MAX, ..domain::Usage::default() },
            ..fixture::row(now_ms - day * DAY_S * 1_000, number, 1)
        };
        for (day, cost) in [(1, i64::MAX), (2, i64::MAX), (3, i64::MIN)] {
            write(&store, &[dear(day, 0, cost)], None).await;
        }
        // As many such answers as it takes, without taking as long.
        for resolution in Resolution::WHOLE {
            let (table, sign) = (resolution.table(), "CASE WHEN cost_nanos < 0 THEN -1 ELSE 1 END");
            let tokens = format!("input_tokens = {FULL} - 1, output_tokens = {FULL} - 1");
            fixture::execute(&store, &format!("UPDATE {table} SET cost_nanos = {NEAR_THE_END} * {sign}, {tokens}")).await;
        }
        for (day, cost) in [(1, i64::MAX), (2, i64::MAX), (3, i64::MIN)] {
            let rows: Vec<_> = (1..300).map(|number| dear(day, number, cost)).collect();
            write(&store, &rows, None).await;
        }
        assert_eq!(fixture::number(&store, "SELECT COUNT(*) FROM requests").await, 3 * 300);
        for table in ["rollup_minute", "rollup_hour", "rollup_day"] {
            let rows = fixture::number(&store, &format!("SELECT CAST(SUM(requests) AS bigint) FROM {table}")).await;
            let odd = format!("SELECT COUNT(*) FROM {table} WHERE ABS(cost_nanos) <> {NEAR_THE_END} OR input_tokens < {FULL}");
            assert_eq!((rows, fixture::number(&store, &odd).await), (3 * 300, 0), "{table}");
        }
        let two = overview(&store, TeamId(1), None, now_ms - 2 * DAY_S * 1_000, now_ms).await.expect("figures, however large");
        assert_eq!(two.totals.cost, Nanos(i64::MAX));
        assert_eq!(two.totals.requests, 2 * 300);
        let all = overview(&store, TeamId(1), None, now_ms - 4 * DAY_S * 1_000, now_ms).await.expect("figures, however large");
        assert!(all.totals.cost > Nanos(FULL) && all.totals.input_tokens > 0, "{:?}", all.totals);
    }

    async fn the_overview_adds_up_and_shows_no_other_team(store: Store) {
        let now_ms = chrono::Utc::now().timestamp_millis();
        let from_ms = now_ms - 24 * 3_600_000;
        let mut rows = Vec::new();
        for number in 0..200u64 {
            let mut row = fixture::row(from_ms + i64::try_from(number).expect("small") * 400_000, number, 1);
            row.team_id = Some(TeamId(if number % 10 == 0 { 2 } else { 1 }));
            row.gateway_id = Some(GatewayId(if number % 3 == 0 { 8 } else { 7 }));
            row.model = Some(format!("model-{}", number % 12));
            row.cost = Some(Nanos(i64::try_from(number % 12).expect("small") * 100));
            rows.push(row);
        }
        rows.push(fixture::row(from_ms - 5 * 3_600_000, 999, 1));
        write(&store, &rows, None).await;

        let all = overview(&store, TeamId(1), None, from_ms, now_ms).await.expect("figures");
        assert_eq!(all.totals.requests, 180);
        assert_eq!(all.previous.requests, 1);
        assert_eq!(all.totals.cost, rows[..200].iter().filter(|row| row.team_id == Some(TeamId(1))).filter_map(|row| row.cost).sum());
        assert_eq!(all.buckets.iter().map(|bucket| bucket.totals.requests).sum::<u64>(), 180);
        assert!((90..=121).contains(&all.buckets.len()), "{}", all.buckets.len());
        assert!(all.buckets.windows(2).all(|pair| pair[1].at_ms - pair[0].at_ms == i64::from(all.step_s) * 1_000));
        assert_eq!(all.totals.latency_p50_ms, Some(439));
        assert_eq!(all.by_model.len(), 9);
        assert_eq!(all.by_model.last().map(|(name, _)| name.as_str()), Some(""));
        assert_eq!(all.by_model.iter().map(|(_, totals)| totals.requests).sum::<u64>(), 180);
        assert!(all.by_model[..8].windows(2).all(|pair| pair[0].1.cost >= pair[1].1.cost));

        let one = overview(&store, TeamId(1), Some(GatewayId(8)), from_ms, now_ms).await.expect("figures");
        assert_eq!(one.totals.requests, 60);
        assert!(has_any(&store, TeamId(1)).await.expect("read") && !has_any(&store, TeamId(3)).await.expect("read"));
        let none = overview(&store, TeamId(3), None, from_ms, now_ms).await.expect("figures");
        assert_eq!((none.totals, none.by_model.len()), (Totals::default(), 0));
    }
}

#[test]
fn rows_of_no_team_and_models_callers_made_up_have_no_roll_up_of_their_own() {
    let mut tally = Tally::default();
    tally.add(&AttemptRow { team_id: None, ..fixture::row(0, 1, 1) });
    assert_eq!(format!("{tally:?}"), format!("{:?}", Tally::default()));
    let refused = |status: u16, attempt: u16| {
        let nothing = fixture::row(0, 0, attempt);
        let (usage, usage_source) = (domain::Usage::default(), UsageSource::None);
        AttemptRow { status, usage, usage_source, cost: None, ..nothing }
    };
    // Refused by the gateway's own limit, by a provider, or answered by nobody.
    for (status, attempt) in [(429, 0), (404, 0), (404, 1), (429, 1), (500, 1), (502, 1), (503, 2), (504, 1)] {
        for number in 0..50 {
            let model = Some(format!("invented-{status}-{attempt}-{number}"));
            tally.add(&AttemptRow { model, ..refused(status, attempt) });
        }
    }
    assert_eq!(format!("{tally:?}").matches("Key {").count(), 1);
}

#[test]
fn a_model_that_somebody_answered_for_counts_by_name() {
    let mut tally = Tally::default();
    let named = |model: &str, row: AttemptRow| AttemptRow { model: Some(model.to_owned()), ..row };
    tally.add(&named("answered", fixture::row(0, 1, 1)));
    tally.add(&named("broke-off", AttemptRow { status: 502, ..fixture::row(0, 2, 1) }));
    tally.add(&named(
        "cached",
        AttemptRow { cache: CacheStatus::Hit, usage_source: UsageSource::None, ..fixture::row(0, 3, 0) },
    ));
    let shown = format!("{tally:?}");
    assert!(["answered", "broke-off", "cached"].iter().all(|model| shown.contains(model)), "{shown}");
}

#[test]
fn steps_fit_the_span_and_the_roll_ups_that_are_kept() {
    let now_s = 1_763_800_000;
    let choose = |from_s: i64, to_s: i64| Span::choose(from_s * 1_000, to_s * 1_000, now_s);
    for (length, step_s, resolution) in [
        (3_600, 60, Resolution::Minute),
        (DAY_S, 900, Resolution::Minute),
        (7 * DAY_S, 7_200, Resolution::Hour),
        (30 * DAY_S, 21_600, Resolution::Hour),
        (90 * DAY_S, DAY_S, Resolution::Day),
        (3_600 * DAY_S, 2_592_000, Resolution::Day),
    ] {
        let span = choose(now_s - length, now_s);
        assert_eq!((span.step_s, span.resolution), (step_s, resolution), "{length}");
        assert!((span.to_s - span.from_s) / span.step_s <= 122, "{length}");
        assert!(span.from_s <= now_s - length && span.to_s >= now_s, "{length}");
    }
    let old = choose(now_s - 30 * DAY_S, now_s - 30 * DAY_S + 3_600);
    assert_eq!(old.resolution, Resolution::Hour, "minutes of a month ago are gone");
    let odd = choose(now_s, now_s - 50);
    assert!(odd.to_s > odd.from_s, "an empty span is a step long");
}

proptest! {
    #[test]
    fn any_span_has_a_bounded_number_of_steps(from_ms in 0i64..4_000_000_000_000, length in 0i64..4_000_000_000_000, now_s in 0i64..4_000_000_000) {
        let span = Span::choose(from_ms, from_ms + length, now_s);
        prop_assert!((span.to_s - span.from_s) / span.step_s <= 122);
        prop_assert_eq!(span.step_s % span.resolution.seconds(), 0);
        prop_assert!(span.from_s * 1_000 <= from_ms && span.to_s * 1_000 >= from_ms + length);
    }

    #[test]
    fn sums_merge_in_any_order(rows in prop::collection::vec(any_row(0), 0..20), cut in any::<prop::sample::Index>()) {
        let add = |rows: &[AttemptRow]| rows.iter().fold(Sums::default(), |mut sums, row| {
            sums.add(&Sums::of(&row.into()));
            sums
        });
        let cut = cut.index(rows.len() + 1);
        let mut merged = add(&rows[cut..]);
        merged.add(&add(&rows[..cut]));
        prop_assert_eq!(merged, add(&rows));
    }
}
