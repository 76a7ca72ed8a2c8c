//! A team's own prices: their life, and what changes with them.

use domain::validate::{FieldError, Problem};
use domain::view::TeamPriceView;
use domain::{Permission, Role};
use store::config::load_config;
use store::db_test;

use super::fixture::{ann, grant, member, open, sealer};
use crate::{Actor, Control, ControlError, MAX_PRICES, NewCustomProvider, PriceChange, PriceText, can};

const DISCOUNT: &str = r#"{"provider":"openai","model":"gpt-5*","discount_ppm":150000}"#;

fn price(text: &str) -> PriceText {
    PriceText::read(text).expect("a price")
}

async fn create(control: &Control, actor: &Actor, text: &str) -> Result<TeamPriceView, ControlError> {
    control.create_price(&grant(actor), price(text)).await
}

/// Texts of the prices that the data plane gets.
async fn in_force(store: &store::Store) -> Vec<String> {
    let config = load_config(store, &sealer()).await.expect("loaded");
    config.teams[0].prices.iter().map(|price| price.text.clone()).collect()
}

async fn add_mine(control: &Control, ann: &Actor) -> domain::CustomProviderId {
    let new = NewCustomProvider {
        slug: "mine".into(),
        name: "Mine".into(),
        base_url: "http://127.0.0.1:1".into(),
        dialect: domain::provider::Dialect::default(),
        auth: domain::provider::AuthScheme::default(),
    };
    control.create_custom_provider(&grant(ann), new).await.expect("added").id
}

db_test! {
    async fn a_price_lives_from_creation_to_deletion(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditPrices>(&ann);
        let made = create(&control, &ann, DISCOUNT).await.expect("created");
        assert_eq!((made.provider.as_str(), made.model.as_str(), made.live), ("openai", "gpt-5*", false));
        assert_eq!(in_force(&store).await, std::slice::from_ref(&made.text));
        let more = price(&DISCOUNT.replace("150000", "200000"));
        let change = PriceChange { price: more.clone(), version: made.version };
        let changed = control.update_price(&edit, made.id, change).await.expect("changed");
        assert!(changed.version > made.version && changed.text == more.text());
        control.set_live_version(changed.version);
        assert!(control.find_price(&grant(&ann), made.id).await.expect("found").live);
        assert_eq!(control.list_prices(&grant(&ann)).await.expect("listed").len(), 1);
        control.delete_price(&edit, made.id).await.expect("deleted");
        assert_eq!(control.find_price(&grant(&ann), made.id).await, Err(ControlError::NotFound("price")));
        assert!(in_force(&store).await.is_empty());
        let events = control.list_audit(&grant(&ann), None, 3).await.expect("listed");
        let told: Vec<_> = events.iter().map(|event| (event.action.as_str(), event.before.is_some(), event.after.is_some())).collect();
        assert_eq!(told, [("price.delete", true, false), ("price.update", true, true), ("price.create", false, true)]);
        assert_eq!(events[1].target, "price openai/gpt-5*");
        assert!(events[1].after.as_deref().is_some_and(|after| after.contains("200000")));
    }

    async fn a_change_made_from_an_older_version_does_not_undo_a_newer_one(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let edit = grant::<can::EditPrices>(&ann);
        let made = create(&control, &ann, DISCOUNT).await.expect("created");
        let change = |ppm: &str| PriceChange { price: price(&DISCOUNT.replace("150000", ppm)), version: made.version };
        let first = control.update_price(&edit, made.id, change("1")).await.expect("the first");
        let late = control.update_price(&edit, made.id, change("2")).await.expect_err("from before the first");
        assert_eq!(late, ControlError::Conflict(FieldError::new("version", Problem::Outdated)));
        let same = control.update_price(&edit, made.id, change("1")).await.expect("nothing to do");
        assert_eq!(same.version, first.version);
    }

    async fn a_provider_must_exist_and_goes_with_its_prices(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let mine = r#"{"provider":"custom-mine","model":"llama","rates":{"input":"1","output":"2"}}"#;
        let unknown = ControlError::invalid("provider", Problem::Unknown);
        assert_eq!(create(&control, &ann, mine).await, Err(unknown.clone()));
        assert_eq!(create(&control, &ann, &DISCOUNT.replace("openai", "nobody")).await, Err(unknown));
        let alias = create(&control, &ann, &DISCOUNT.replace("openai", "google")).await;
        let id = add_mine(&control, &ann).await;
        create(&control, &ann, mine).await.expect("priced");
        let kept: Vec<_> = alias.into_iter().map(|price| price.text).collect();
        assert_eq!(in_force(&store).await.len(), kept.len() + 1);
        control.delete_custom_provider(&grant(&ann), id).await.expect("deleted");
        assert_eq!(in_force(&store).await, kept);
        let events = control.list_audit(&grant(&ann), None, 2).await.expect("listed");
        assert_eq!((events[1].action.as_str(), events[1].target.as_str()), ("price.delete", "price custom-mine/llama"));
    }

    async fn of_one_model_only_one_price_begins_at_a_moment(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let from = |from: &str| DISCOUNT.replace("150000", &format!("1,\"from\":\"{from}\""));
        let always = create(&control, &ann, DISCOUNT).await.expect("created");
        create(&control, &ann, &from("2027-01-01")).await.expect("created");
        let taken = ControlError::taken("from");
        assert_eq!(create(&control, &ann, &DISCOUNT.replace("150000", "5")).await, Err(taken.clone()));
        assert_eq!(create(&control, &ann, &from("2027-01-01T00:00:00Z")).await, Err(taken.clone()));
        let change = PriceChange { price: price(&from("2027-01-01")), version: always.version };
        assert_eq!(control.update_price(&grant(&ann), always.id, change).await, Err(taken));
        create(&control, &ann, &DISCOUNT.replace("gpt-5*", "gpt-5")).await.expect("another model");
    }

    async fn a_team_has_only_so_many_prices_and_editors_make_none(store: Store) {
        let control = open(&store).await;
        let ann = ann(&control).await;
        let team = domain::TeamId(store::team::find_by_slug(store.read(), "acme").await.expect("read").expect("acme").id);
        let tx = store.write_tx().await.expect("a transaction");
        for number in 0..MAX_PRICES {
            let model = format!("m{number}");
            let row = store::team_price::Definition {
                provider: "openai", model: &model, text: "{}", version: 1, now: crate::change::now(),
            };
            store::team_price::create(&tx, team, &row).await.expect("created");
        }
        tx.commit().await.expect("committed");
        let full = create(&control, &ann, DISCOUNT).await.expect_err("full");
        assert_eq!(full, ControlError::invalid("model", Problem::TooMany { max: MAX_PRICES as u64 }));
        let editor = member(&control, &store, "ed@example.com", Role::Editor).await;
        let team = editor.team("acme").expect("a member");
        assert_eq!(team.grant::<can::EditPrices>().err(), Some(ControlError::Forbidden(Permission::EditPrices)));
        assert_eq!(control.list_prices(&grant(&editor)).await.expect("listed").len(), MAX_PRICES);
    }
}
