//! The past at other prices.

use domain::ledger::AttemptRow;
use domain::price::Source;
use domain::usage::UsageSource;
use domain::{Nanos, TeamId, Usage};
use store::fixture::{row, write};
use store::verify::{Span, verify};
use store::{Store, db_test};
use wire::price::{CustomCost, Named, Prices, Terms};

use super::fixture::{ann, grant, open};
use crate::{Control, PriceText, Repriced, Rerate, Rerated};

/// Yesterday, so that no day is under way.
fn yesterday_ms() -> i64 {
    chrono::Utc::now().timestamp_millis() - 86_400_000
}

fn priced(number: u64, model: &str, called: Option<&str>) -> AttemptRow {
    let usage = Usage { input: 1_000, output: 100, ..Usage::default() };
    let named = Named { provider: "openai", book: Some("openai"), answered: Some(model), asked: called };
    let cost = Prices::default().quote(&named, &usage, &Terms::at(yesterday_ms()));
    AttemptRow {
        usage,
        model: Some(model.to_owned()),
        called: called.map(str::to_owned),
        cost: cost.as_ref().map(|cost| cost.total),
        cost_formula: cost.map(|cost| cost.formula).unwrap_or_default(),
        team_id: Some(TeamId(1)),
        ..row(yesterday_ms(), number, 1)
    }
}

async fn rerate(control: &Control, write: bool) -> Rerated {
    let asked = Rerate { write, by: "weir ledger rerate".to_owned(), ..Rerate::default() };
    control.rerate(&asked).await.expect("priced again")
}

async fn costs(store: &Store) -> i64 {
    let report = verify(store, Span::default()).await.expect("checked");
    assert_eq!(report.listed, []);
    report.cost_nanos
}

db_test! {
    async fn prices_that_came_later_are_what_the_past_costs(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let custom = CustomCost::parse(r#"{"total_cost":0.5}"#).expect("a cost");
        let stated = custom.cost(Some(&Usage::default())).expect("a cost");
        let rows = [
            priced(1, "gpt-4o-mini", None),
            priced(2, "gpt-4o-mini", None),
            // An unknown one answered, and the one that was called has a price.
            priced(3, "house-blend-7", Some("gpt-4o-mini")),
            priced(4, "of-nobody", None),
            AttemptRow { cost: Some(stated.total), cost_formula: stated.formula, ..priced(5, "gpt-4o-mini", None) },
            AttemptRow { usage_source: UsageSource::None, usage: Usage::default(), cost: Some(Nanos(0)), cost_formula: Default::default(), ..priced(6, "gpt-4o-mini", None) },
        ];
        assert!(rows[2].cost.is_some() && rows[3].cost.is_none());
        write(&store, &rows, None).await;
        let before = costs(&store).await;

        // At the prices that they had, nothing costs anything else.
        let same = rerate(&control, true).await;
        assert_eq!((same.changed.len(), same.same, same.named, same.without_price), (0, 3, 1, 1));
        assert_eq!(costs(&store).await, before);

        // A price of the team's own for what had none, and a discount on the rest, both from long ago on.
        for text in [
            r#"{"provider":"openai","model":"of-nobody","rates":{"input":"1","output":"2"}}"#,
            r#"{"provider":"openai","model":"gpt-4o-mini","discount_ppm":500000}"#,
        ] {
            let price = PriceText::read(text).expect("a price");
            control.create_price(&grant(&ann), price).await.expect("created");
        }
        let planned = rerate(&control, false).await;
        assert_eq!(costs(&store).await, before, "a dry run");
        let written = rerate(&control, true).await;
        assert_eq!(Rerated { written: true, ..planned.clone() }, written);
        let old = rows[0].cost.expect("a cost").0;
        let repriced = |model: &str, attempts, unknown_before, before, after| Repriced {
            team: "acme".into(), provider: "openai".into(), model: model.into(), attempts, unknown_before, before, after,
        };
        // $0.15 and $0.60 a million: 1,000 and 100 tokens are 210,000 nano-dollars. $1 and $2 a million: 1,200,000.
        assert_eq!(old, 210_000);
        assert_eq!(
            written.changed,
            [
                repriced("gpt-4o-mini", 2, 0, 420_000, 210_000),
                repriced("house-blend-7", 1, 0, 210_000, 105_000),
                repriced("of-nobody", 1, 1, 0, 1_200_000),
            ]
        );
        assert_eq!(costs(&store).await, before - 210_000 - 105_000 + 1_200_000);
        assert_eq!(rerate(&control, true).await.changed, [], "once is enough");

        let events = control.list_audit(&grant(&ann), None, 50).await.expect("listed");
        let rerates: Vec<_> = events.iter().filter(|event| event.action == "ledger.rerate").collect();
        assert_eq!(rerates.len(), 1);
        let shown = control.find_request(&grant(&ann), None, rows[0].request_id).await.expect("found");
        let last = shown.attempts[0].corrections.last().expect("corrected");
        assert_eq!((last.before, last.cost), (Some(Nanos(210_000)), Nanos(105_000)));
        assert!(matches!(last.formula.source, Source::Team(_)));
    }

    async fn a_book_that_stands_in_for_another_prices_nothing_again(store: Store) {
        let control = open(&store).await;
        let text = br#"{"version":1,"as_of":"2026-11-23","rows":[{"provider":"openai","model":"gpt-5","rates":{"input":"1"}}]}"#;
        let book = domain::config::ImportedBook {
            version: 2, text: text.to_vec(), sum: Vec::new(), signature: None, pinned: true, imported_at: chrono::DateTime::default(),
        };
        let tx = store.write_tx().await.expect("a transaction");
        store::price_book::replace(&tx, book).await.expect("written");
        tx.commit().await.expect("committed");
        let refused = control.rerate(&Rerate::default()).await.expect_err("refused").to_string();
        assert!(refused.contains("cannot be used") && refused.contains("WEIR_PRICE_KEYS"), "{refused}");
    }

    async fn a_team_that_is_not_there_is_named(store: Store) {
        let control = open(&store).await;
        let asked = Rerate { team: Some("nobody".into()), ..Rerate::default() };
        assert_eq!(control.rerate(&asked).await.expect_err("unknown").to_string(), "no such team");
    }
}
