//! A team's own prices, through the front door: what the next request costs.

use domain::TeamPriceId;
use domain::config::TeamPrice;
use domain::price::{Ppm, Source};

use crate::world::*;

/// What a Messages API answers, with the tokens of [`ANSWER`].
const MESSAGE: &str = r#"{"id":"m1","type":"message","role":"assistant","model":"house-1","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}}"#;

/// Puts prices in force, as they are written; their ids are 1, 2, …
fn prices(world: &mut World, texts: &[&str]) {
    let price = |(id, text): (i64, &&str)| TeamPrice { id: TeamPriceId(id), text: (*text).to_owned() };
    world.change(|config| config.teams[0].prices = (1..).zip(texts).map(price).collect());
}

/// What one more request costs in nano-dollars, and whose price that is.
async fn costs(world: &World, question: &str) -> (Option<i64>, Source) {
    assert_eq!(world.chat(question).await.status, 200);
    let row = world.rows().pop().expect("a row");
    (row.cost.map(|cost| cost.0), row.cost_formula.source)
}

#[tokio::test]
async fn a_teams_price_is_what_the_next_request_costs() {
    let mut world = World::answering(200, ANSWER).await;
    assert_eq!(costs(&world, QUESTION).await, (Some(4_500), Source::Book));
    let own = r#"{"provider":"openai","model":"gpt-4o-mini","rates":{"input":"1","output":"2"}}"#;
    prices(&mut world, &[own]);
    assert_eq!(costs(&world, QUESTION).await, (Some(20_000), Source::Team(TeamPriceId(1))));
    prices(&mut world, &[]);
    assert_eq!(costs(&world, QUESTION).await, (Some(4_500), Source::Book));
}

#[tokio::test]
async fn a_price_counts_from_its_beginning_until_its_end() {
    let mut world = World::answering(200, ANSWER).await;
    let later = r#"{"provider":"openai","model":"gpt-4o-mini","from":"2999-01-01","rates":{"input":"1","output":"2"}}"#;
    let over = r#"{"provider":"openai","model":"gpt-4o-mini","until":"2020-01-01","rates":{"input":"1","output":"2"}}"#;
    prices(&mut world, &[later, over]);
    assert_eq!(costs(&world, QUESTION).await, (Some(4_500), Source::Book));
    let begun = later.replace("2999", "2020");
    prices(&mut world, &[&begun, over]);
    assert_eq!(costs(&world, QUESTION).await, (Some(20_000), Source::Team(TeamPriceId(1))));
}

#[tokio::test]
async fn a_discount_is_off_what_the_book_says() {
    let mut world = World::answering(200, ANSWER).await;
    prices(&mut world, &[r#"{"provider":"openai","model":"gpt-4o*","discount_ppm":150000}"#]);
    assert_eq!(costs(&world, QUESTION).await, (Some(3_825), Source::Team(TeamPriceId(1))));
    let formula = world.rows().pop().expect("a row").cost_formula;
    assert!(formula.discount == Ppm(150_000) && formula.as_of.is_some(), "{formula:?}");
    // Another provider's models are not meant.
    prices(&mut world, &[r#"{"provider":"groq","model":"gpt-4o*","discount_ppm":150000}"#]);
    assert_eq!(costs(&world, QUESTION).await, (Some(4_500), Source::Book));
}

#[tokio::test]
async fn what_a_provider_of_the_teams_own_costs_only_the_team_knows() {
    let mut world = World::answering(200, MESSAGE).await;
    let question = QUESTION.replace("openai/gpt-4o-mini", "custom-own/house-1");
    assert_eq!(costs(&world, &question).await.0, None);
    prices(&mut world, &[r#"{"provider":"custom-own","model":"house-*","rates":{"input":"1","output":"2"}}"#]);
    assert_eq!(costs(&world, &question).await, (Some(20_000), Source::Team(TeamPriceId(1))));
}

#[tokio::test]
async fn a_price_that_cannot_be_read_does_not_count_and_the_others_do() {
    let mut world = World::answering(200, ANSWER).await;
    let own = r#"{"provider":"openai","model":"gpt-4o-mini","rates":{"input":"1","output":"2"}}"#;
    prices(&mut world, &[r#"{"provider":"openai","model":"gpt-4o-mini","joules":1}"#, own]);
    assert_eq!(costs(&world, QUESTION).await, (Some(20_000), Source::Team(TeamPriceId(2))));
}
