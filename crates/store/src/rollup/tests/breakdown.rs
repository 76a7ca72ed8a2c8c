//! Figures by two dimensions.

use domain::view::{Dimension, DimensionValue};

use super::*;

const AT_MS: i64 = 1_763_800_000_000;
const DAY_MS: i64 = DAY_S * 1_000;

/// Attempts through two gateways to fifteen models over three days, each model dearer than the one before; one request names
/// no token.
fn rows() -> Vec<AttemptRow> {
    let row = |number: i64| AttemptRow {
        gateway_id: Some(GatewayId(1 + number % 2)),
        token_id: (number != 3).then_some(TokenId(3)),
        user: (number % 3 == 0).then(|| "ada".to_owned()),
        model: Some(format!("model-{:02}", number % 15)),
        cost: Some(Nanos(1_000 * (1 + number % 15))),
        ..fixture::row(AT_MS + (number % 3) * DAY_MS, number.unsigned_abs(), 1)
    };
    (0..60).map(row).chain([AttemptRow { team_id: Some(TeamId(2)), ..fixture::row(AT_MS, 99, 1) }]).collect()
}

fn named(value: &DimensionValue) -> (i64, &str) {
    (value.id, value.name.as_str())
}

db_test! {
    async fn figures_by_two_dimensions_add_up(store: Store) {
        fixture::create_gateway(&store, 1, 1, "main", "{}").await;
        fixture::create_gateway(&store, 1, 2, "spare", "{}").await;
        write(&store, &rows(), None).await;
        let by = async |first, second| {
            breakdown(&store, TeamId(1), [first, second], AT_MS - DAY_MS, AT_MS + 3 * DAY_MS).await.expect("figures")
        };
        let told = by(Dimension::Model, Dimension::Gateway).await;
        assert_eq!((told.totals.requests, told.totals.cost), (60, Nanos(4 * 1_000 * 120)));
        assert_eq!((told.values.len(), named(&told.values[0].0)), (12, (0, "model-14")));
        let rest = told.rest_of_values.expect("three models are left");
        assert_eq!((rest.requests, rest.cost), (12, Nanos(4 * 1_000 * (1 + 2 + 3))));
        // Both gateways have each model twice.
        assert_eq!((told.pairs.len(), told.rest_of_pairs), (30, None));
        let first = &told.pairs[0];
        assert_eq!((named(&first.first), named(&first.second)), ((0, "model-14"), (1, "main")));
        assert_eq!((first.totals.requests, first.totals.cost), (2, Nanos(30_000)));
        let days = by(Dimension::Day, Dimension::Token).await;
        let begins: Vec<_> = days.values.iter().map(|(day, _)| day.id).collect();
        let midnight = AT_MS / 1_000 - (AT_MS / 1_000) % DAY_S;
        assert_eq!(begins, [midnight, midnight + DAY_S, midnight + 2 * DAY_S]);
        assert_eq!(days.values.iter().map(|(_, totals)| totals.requests).sum::<u64>(), 60);
        let nameless: Vec<_> = days.pairs.iter().filter(|row| row.second.id == 0).collect();
        assert_eq!((nameless.len(), nameless[0].totals.requests, named(&nameless[0].second)), (1, 1, (0, "")));
        let gateways = by(Dimension::Gateway, Dimension::Provider).await;
        let names: Vec<_> = gateways.values.iter().map(|(value, _)| value.name.as_str()).collect();
        assert_eq!((names, gateways.rest_of_values), (vec!["main", "spare"], None));
        let users = by(Dimension::User, Dimension::Model).await;
        let told: Vec<_> = users.values.iter().map(|(user, totals)| (user.name.as_str(), totals.requests)).collect();
        assert_eq!(told, [("ada", 20)]);
        let rest = users.rest_of_values.expect("those that name nobody");
        assert_eq!((rest.requests, users.totals.requests), (40, 60));
        assert_eq!(rest.cost.0 + users.values[0].1.cost.0, users.totals.cost.0);
        assert!(users.pairs.iter().all(|pair| pair.first.name == "ada") && users.rest_of_pairs.is_some());
        let models = by(Dimension::Model, Dimension::User).await;
        assert_eq!(models.values.len(), 12, "the first dimension is of all requests");
        let nothing = breakdown(&store, TeamId(1), [Dimension::Model, Dimension::Day], 0, DAY_MS).await.expect("figures");
        assert_eq!((nothing.totals.requests, nothing.pairs.len(), nothing.rest_of_pairs), (0, 0, None));
    }
    async fn models_whose_cost_is_unknown_are_told_by_how_often(store: Store) {
        let row = |number: i64, model: &str, cost| AttemptRow {
            provider: Some("custom-own".to_owned()),
            model: Some(model.to_owned()),
            cost,
            ..fixture::row(AT_MS, number.unsigned_abs(), 1)
        };
        let mut rows = vec![row(1, "once", None), row(2, "priced", Some(Nanos(0)))];
        rows.extend((3..6).map(|number| row(number, "often", None)));
        rows.push(AttemptRow { team_id: Some(TeamId(2)), ..row(7, "others", None) });
        write(&store, &rows, None).await;
        let told = async |most| {
            let models = unpriced(&store, TeamId(1), (AT_MS - DAY_MS, AT_MS + DAY_MS), most).await.expect("models");
            models.into_iter().map(|model| (model.provider, model.model, model.attempts)).collect::<Vec<_>>()
        };
        let own = |model: &str, attempts| ("custom-own".to_owned(), model.to_owned(), attempts);
        assert_eq!(told(5).await, [own("often", 3), own("once", 1)]);
        assert_eq!(told(1).await, [own("often", 3)]);
    }
}
