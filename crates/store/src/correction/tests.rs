use std::collections::BTreeMap;

use domain::ledger::AttemptRow;
use domain::price::{Kind, Source};
use domain::{GatewayId, TokenId};

use super::*;
use crate::fixture::{create_gateway, execute, number, row, write};
use crate::retention::{DAY_MS, sweep};
use crate::testing::db_test;
use crate::usage::spent_since;
use crate::verify::{self, Difference};

/// Noon of yesterday.
fn noon_ms() -> i64 {
    let now_ms = chrono::Utc::now().timestamp_millis();
    now_ms.div_euclid(DAY_MS) * DAY_MS - DAY_MS / 2
}

fn named(cost: i64) -> (Nanos, Formula) {
    (Nanos(cost), Formula::named(Kind::Charged, Nanos(cost), Source::Book))
}

/// A row whose formula makes its cost.
fn priced(number: u64, cost: Option<i64>) -> AttemptRow {
    let (cost_formula, cost) = (cost.map(|cost| named(cost).1).unwrap_or_default(), cost.map(Nanos));
    let user = number.is_multiple_of(2).then(|| "ada".to_owned());
    AttemptRow { cost, cost_formula, user, ..row(noon_ms() + number as i64, number, 1) }
}

fn whole() -> Scope {
    Scope { team: TeamId(1), from_ms: 0, to_ms: i64::MAX, provider: None, model: None }
}

/// The report of a check that must find nothing.
async fn sound(store: &Store) -> verify::Report {
    let report = verify::verify(store, verify::Span::default()).await.expect("checked");
    assert_eq!(report.listed, []);
    report
}

async fn of_day(store: &Store) -> (i64, i64) {
    let cost = number(store, "SELECT CAST(SUM(cost_nanos) AS bigint) FROM rollup_day").await;
    (cost, number(store, "SELECT CAST(SUM(unpriced) AS bigint) FROM rollup_day").await)
}

async fn detail(store: &Store, number: u64) -> domain::view::AttemptDetail {
    let id = row(noon_ms() + number as i64, number, 1).request_id;
    let detail = crate::request_log::find_request(store, TeamId(1), id, false).await.expect("found");
    detail.attempts.into_iter().next().expect("an attempt")
}

db_test! {
    async fn rows_stay_and_everything_that_is_shown_has_the_corrected_cost(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let other = AttemptRow { team_id: Some(TeamId(2)), gateway_id: Some(GatewayId(2)), ..priced(9, Some(5)) };
        let quiet = AttemptRow { usage_source: UsageSource::None, usage: Usage::default(), ..priced(4, Some(0)) };
        let rows = [priced(1, Some(100)), priced(2, None), priced(3, Some(50)), quiet, other];
        write(&store, &rows, None).await;
        assert_eq!(of_day(&store).await, (155, 1));

        // To look changes nothing.
        let judge = |row: &Billed| match row.cost {
            Some(Nanos(50)) => Ok(named(50)),
            Some(_) => Ok(named(70)),
            None => Ok::<_, ()>(named(7)),
        };
        let mut told = Vec::new();
        look(&store, &whole(), &judge, |row, priced| told.push((row.cost, row.usage.input, priced))).await.expect("walked");
        let expected = [
            (Some(Nanos(100)), 12, Priced::Another(Nanos(70))),
            (None, 12, Priced::Another(Nanos(7))),
            (Some(Nanos(50)), 12, Priced::Same),
        ];
        assert_eq!(told, expected);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM cost_corrections").await, 0);
        let mut written = Vec::new();
        correct(&store, &whole(), &judge, |row, cost| written.push((row.cost, cost))).await.expect("corrected");
        written.sort();
        assert_eq!(written, [(None, Nanos(7)), (Some(Nanos(100)), Nanos(70))]);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM cost_corrections").await, 2);
        assert_eq!(of_day(&store).await, (132, 0));
        assert_eq!(number(&store, "SELECT CAST(SUM(cost_nanos) AS bigint) FROM requests").await, 155, "rows stay");
        let report = sound(&store).await;
        assert_eq!((report.corrections, report.cost_nanos, report.unpriced), (2, 132, 0));

        // A second one begins where the first ended.
        let judge = |row: &Billed| if row.cost == Some(Nanos(70)) { Ok(named(71)) } else { Err(()) };
        correct(&store, &whole(), &judge, |_, _| ()).await.expect("corrected");
        assert_eq!(of_day(&store).await, (133, 0));
        assert_eq!(sound(&store).await.corrections, 3);

        let shown = detail(&store, 1).await;
        assert_eq!((shown.row.cost, shown.cost_formula.total()), (Some(Nanos(71)), Nanos(100)));
        let steps: Vec<_> = shown.corrections.iter().map(|one| (one.before, one.cost, one.formula.total())).collect();
        assert_eq!(steps, [(Some(Nanos(100)), Nanos(70), Nanos(70)), (Some(Nanos(70)), Nanos(71), Nanos(71))]);
        assert_eq!(detail(&store, 2).await.corrections[0].before, None);
        assert_eq!(detail(&store, 3).await.corrections, []);

        // Limits that begin anew, and simulations, and comparisons with exports.
        let page = spent_since(&store, TeamId(1), noon_ms() - 1, None).await.expect("read");
        let costs: Vec<_> = page.past.iter().map(|past| past.spent.cost.map(|cost| cost.0)).collect();
        assert_eq!(costs, [Some(71), Some(7), Some(50), Some(0)]);
        let span = crate::spent::Span { from_ms: 0, to_ms: i64::MAX };
        let rows = crate::spent::page(&store, &[GatewayId(1)], span, None, 10).await.expect("read");
        let costs: Vec<_> = rows.iter().map(|row| row.spent.cost.map(|cost| cost.0)).collect();
        assert_eq!(costs, [Some(71), Some(7), Some(50), Some(0)]);
        let used = crate::reconcile::used(&store, noon_ms().div_euclid(DAY_MS), None).await.expect("read");
        assert_eq!(used.iter().map(|used| (used.cost, used.unpriced)).collect::<Vec<_>>(), [(133, 0)]);
    }

    async fn only_what_is_asked_for_is_priced_again(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let groq = AttemptRow { provider: Some("groq".into()), ..priced(2, Some(2)) };
        let big = AttemptRow { model: Some("gpt-4o".into()), ..priced(3, Some(3)) };
        write(&store, &[priced(1, Some(1)), groq, big, priced(100_000, Some(4))], None).await;
        let cases = [
            (whole(), vec![1, 2, 3, 4]),
            (Scope { provider: Some("groq".into()), ..whole() }, vec![2]),
            (Scope { model: Some("gpt-4o".into()), ..whole() }, vec![3]),
            (Scope { from_ms: noon_ms() + 3, ..whole() }, vec![3, 4]),
            (Scope { to_ms: noon_ms() + 3, ..whole() }, vec![1, 2]),
            (Scope { team: TeamId(2), ..whole() }, vec![]),
        ];
        for (scope, wanted) in cases {
            let mut seen = Vec::new();
            let tell = |row: &Billed, _: Priced<()>| seen.extend(row.cost.map(|cost| cost.0));
            look(&store, &scope, &|_| Err(()), tell).await.expect("walked");
            assert_eq!(seen, wanted, "{scope:?}");
        }
    }

    async fn a_forgotten_row_takes_its_corrections_along_and_its_sums_stay(store: Store) {
        create_gateway(&store, 1, 1, "main", r#"{"log_retention_days":2}"#).await;
        let old = |number: u64| AttemptRow { at_ms: noon_ms() - 4 * DAY_MS, request_id: row(noon_ms() - 4 * DAY_MS, number, 1).request_id, ..priced(number, Some(10)) };
        write(&store, &[old(1), old(2), priced(3, Some(10))], None).await;
        correct(&store, &whole(), &|_| Ok::<_, ()>(named(4)), |_, _| ()).await.expect("corrected");
        assert_eq!(of_day(&store).await, (12, 0));
        assert_eq!(sweep(&store, chrono::Utc::now().timestamp_millis()).await.expect("swept").requests, 2);
        assert_eq!(number(&store, "SELECT COUNT(*) FROM cost_corrections").await, 1);
        assert_eq!(of_day(&store).await, (12, 0));
        sound(&store).await;
    }

    async fn a_correction_that_does_not_fit_is_found(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        write(&store, &[priced(1, Some(10)), priced(2, Some(10))], None).await;
        correct(&store, &whole(), &|_| Ok::<_, ()>(named(4)), |_, _| ()).await.expect("corrected");
        for broken in ["before_nanos = before_nanos + 1", "number = number + 1", "cost_formula = '{'"] {
            let back = match broken {
                "before_nanos = before_nanos + 1" => "before_nanos = before_nanos - 1".to_owned(),
                "number = number + 1" => "number = number - 1".to_owned(),
                _ => format!("cost_formula = '{}'", priced::formula(&named(4).1).expect("a formula")),
            };
            execute(&store, &format!("UPDATE cost_corrections SET {broken}")).await;
            let report = verify::verify(&store, verify::Span::default()).await.expect("checked");
            let found = report.listed.iter().filter(|one| matches!(one, Difference::Correction { .. })).count();
            assert_eq!((found, report.differences), (2, 2), "{broken}");
            execute(&store, &format!("UPDATE cost_corrections SET {back}")).await;
            sound(&store).await;
        }
    }

    /// Whatever is corrected in whatever order: sums are those of the last costs.
    async fn sums_follow_any_corrections(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let mut costs = BTreeMap::new();
        let rows: Vec<_> = (0..1_200_u64)
            .map(|number| {
                let cost = (number % 5 != 0).then_some(number as i64);
                costs.insert(number, cost);
                AttemptRow { token_id: Some(TokenId((number % 3) as i64)), ..priced(number, cost) }
            })
            .collect();
        write(&store, &rows, None).await;
        for round in 0..4_u64 {
            // A number that looks random, the same for an attempt however often it is judged.
            let judge = |row: &Billed| {
                let number = row.at_ms.unsigned_abs() ^ (round << 40);
                let new = (number.wrapping_mul(6_364_136_223_846_793_005) >> 33) as i64 % 1_000;
                if new % 3 == 0 { Err(()) } else { Ok(named(new)) }
            };
            let mut seen = 0;
            let tell = |row: &Billed, priced: Priced<()>| {
                let number = (row.at_ms - noon_ms()) as u64;
                assert_eq!(row.cost.map(|cost| cost.0), costs[&number], "round {round}");
                if let Priced::Another(cost) = priced {
                    costs.insert(number, Some(cost.0));
                }
                seen += 1;
            };
            look(&store, &whole(), &judge, tell).await.expect("walked");
            assert_eq!(seen, 1_200);
            correct(&store, &whole(), &judge, |_, _| ()).await.expect("corrected");
            let report = sound(&store).await;
            assert_eq!(report.cost_nanos, costs.values().flatten().sum::<i64>());
            assert_eq!(report.unpriced, costs.values().filter(|cost| cost.is_none()).count() as u64);
        }
    }

    async fn what_cannot_be_read_is_left_and_hides_nothing_behind_it(store: Store) {
        create_gateway(&store, 1, 1, "main", "{}").await;
        let pictures = Formula { variant: Some("hd/1024x1024".to_owned()), ..named(10).1 };
        let painted = AttemptRow { cost: Some(Nanos(10)), cost_formula: pictures, ..priced(3, None) };
        write(&store, &[priced(1, Some(10)), priced(2, Some(10)), painted], None).await;
        let first = match store.backend() {
            crate::Backend::Sqlite => format!("x'{}'", row(noon_ms() + 1, 1, 1).request_id.0.simple()),
            crate::Backend::Postgres => format!("'{}'", row(noon_ms() + 1, 1, 1).request_id.0),
        };
        execute(&store, &format!("UPDATE requests SET cost_formula = '{{' WHERE request_id = {first}")).await;
        let mut told = Vec::new();
        for _ in 0..2 {
            told.clear();
            let judge = |_: &Billed| Ok::<_, ()>(named(4));
            look(&store, &whole(), &judge, |row, priced| told.push((priced, row.pictures.clone()))).await.expect("walked");
            correct(&store, &whole(), &judge, |_, _| ()).await.expect("corrected");
        }
        // Which pictures were asked for is known still, whatever the last price depends on.
        let hd = Some("hd/1024x1024".to_owned());
        assert_eq!(told, [(Priced::Damaged, None), (Priced::Same, None), (Priced::Same, hd)]);
    }
}
