//! Whose price a request is billed by, through the front door.

use domain::config::{ImportedBook, TeamPrice};
use domain::ledger::AttemptRow;
use domain::price::{Kind, Ppm, Source, Zone};
use domain::usage::ServiceTier;
use domain::{Nanos, TeamPriceId};
use gateway::Unpriced;

use crate::world::*;

/// $0.15 and $0.60 for a million: 10 tokens in and 5 out.
const BY_THE_BOOK: Option<Nanos> = Some(Nanos(4_500));

fn priced(row: &AttemptRow) -> (Option<Nanos>, Source) {
    assert_eq!(row.cost.unwrap_or_default(), row.cost_formula.total(), "the formula gives the cost");
    (row.cost, row.cost_formula.source)
}

fn prices(world: &mut World, texts: &[&str]) {
    let price = |(id, text): (i64, &&str)| TeamPrice { id: TeamPriceId(id), text: (*text).to_owned() };
    world.change(|config| config.teams[0].prices = (1..).zip(texts).map(price).collect());
}

#[tokio::test]
async fn the_book_says_what_a_request_costs_and_as_of_when() {
    let world = World::answering(200, ANSWER).await;
    world.chat(QUESTION).await;
    let row = world.row();
    assert_eq!(priced(&row), (BY_THE_BOOK, Source::Book));
    assert_eq!(row.cost_formula.as_of.map(|day| day.to_string()).as_deref(), Some("2026-11-22"));
    assert_eq!(row.cost_formula.lines.iter().map(|line| line.what).collect::<Vec<_>>(), [Kind::Input, Kind::Output]);
}

#[tokio::test]
async fn where_another_model_answers_the_row_has_both() {
    let world = World::answering(200, ANSWER).await;
    world.chat(r#"{"model":"openai/gpt-4o","messages":[{"role":"user","content":"hi"}]}"#).await;
    world.chat(QUESTION).await;
    let models: Vec<_> = world.rows().iter().map(|row| (row.model.clone(), row.called.clone())).collect();
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(models, [(name("gpt-4o-mini"), name("gpt-4o")), (name("gpt-4o-mini"), None)]);
}

#[tokio::test]
async fn an_imported_book_bills_the_next_request_and_a_damaged_one_gives_way() {
    let mut world = World::answering(200, ANSWER).await;
    let text = br#"{"version":1,"as_of":"2026-11-23","rows":[{"provider":"openai","model":"gpt-4o-mini","rates":{"input":"1","output":"2"}}]}"#;
    let (text, sum, imported_at) = (text.to_vec(), wire::price::sum(text), chrono::DateTime::default());
    let book = ImportedBook { version: 2, text, sum, signature: None, pinned: true, imported_at };
    world.change(|config| config.book = Some(book.clone()));
    world.chat(QUESTION).await;
    let row = world.row();
    assert_eq!(priced(&row), (Some(Nanos(10_000 + 10_000)), Source::Book));
    assert_eq!(row.cost_formula.as_of.map(|day| day.to_string()).as_deref(), Some("2026-11-23"));
    // A team's own price still wins.
    prices(&mut world, &[r#"{"provider":"openai","model":"gpt-4o-mini","rates":{"input":"3"}}"#]);
    world.chat(QUESTION).await;
    assert_eq!(priced(&world.rows()[1]), (Some(Nanos(30_000)), Source::Team(TeamPriceId(1))));
    prices(&mut world, &[]);
    world.change(|config| config.book = Some(ImportedBook { version: 3, sum: Vec::new(), ..book }));
    assert!(world.gateway.price_book().problem().is_some());
    world.chat(QUESTION).await;
    assert_eq!(priced(&world.rows()[2]), (BY_THE_BOOK, Source::Book));
}

#[tokio::test]
async fn a_teams_own_price_wins_over_the_book_under_any_name_of_the_provider() {
    let mut world = World::answering(200, ANSWER).await;
    prices(
        &mut world,
        &[
            r#"{"provider":"openai","model":"gpt-4o-*","rates":{"input":"1","output":"2"}}"#,
            r#"{"provider":"google","model":"gemini-*","discount_ppm":500000}"#,
            r#"{"provider":"openai","model":"broken"}"#,
        ],
    );
    world.chat(QUESTION).await;
    assert_eq!(priced(&world.row()), (Some(Nanos(10_000 + 10_000)), Source::Team(TeamPriceId(1))));

    let mut world = World::answering(200, ANSWER).await;
    prices(&mut world, &[r#"{"provider":"openai","model":"*","discount_ppm":100000}"#]);
    world.chat(QUESTION).await;
    let row = world.row();
    assert_eq!(priced(&row), (Some(Nanos(4_050)), Source::Team(TeamPriceId(1))));
    assert_eq!(row.cost_formula.discount, Ppm(100_000));
}

#[tokio::test]
async fn a_price_has_its_say_in_budgets_too() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"cost":"1","per":"day"}}"#]);
    prices(&mut world, &[r#"{"provider":"openai","model":"*","units":{"per_request":"0.4"}}"#]);
    for status in [200, 200, 429] {
        assert_eq!(world.chat(QUESTION).await.status, status);
    }
    assert_eq!(world.used(), [800_000_000]);
}

#[tokio::test]
async fn a_model_without_a_price_costs_nobody_knows_what_and_is_counted() {
    let mut world = World::answering(
        200,
        r#"{"type":"message","model":"mine-1","content":[],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":5}}"#,
    )
    .await;
    let question = r#"{"model":"custom-own/mine","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
    for _ in 0..2 {
        assert_eq!(world.chat(question).await.status, 200);
    }
    let row = &world.rows()[0];
    assert_eq!((row.cost, row.cost_formula.lines.len(), row.usage.input), (None, 0, 10));
    let unpriced = |model: &str, attempts| Unpriced { provider: "custom-own".into(), model: model.into(), attempts };
    assert_eq!(world.gateway.unpriced(), [unpriced("mine", 2)]);
    prices(&mut world, &[r#"{"provider":"custom-own","model":"mine","rates":{"input":"1","output":"2"}}"#]);
    world.chat(question).await;
    assert_eq!(priced(&world.rows()[2]), (Some(Nanos(20_000)), Source::Team(TeamPriceId(1))));
    assert_eq!(world.gateway.unpriced(), [unpriced("mine", 2)], "it is counted where it has no price only");
}

#[tokio::test]
async fn a_request_states_its_cost_and_that_wins_over_everything() {
    let charged = ANSWER.replace(r#""total_tokens":15"#, r#""total_tokens":15,"cost":0.5"#);
    let mut world = World::new(move |_| Answer::json(200, &charged)).await;
    prices(&mut world, &[r#"{"provider":"openai","model":"*","rates":{"input":"1"}}"#]);
    world.settings(|settings| settings.custom_cost = true);
    for (header, nanos) in [
        (r#"{"total_cost":0.0123}"#, 12_300_000),
        // 10 × 0.000003 + 5 × 0.00001
        (r#"{"per_token_in":3e-6,"per_token_out":0.00001}"#, 30_000 + 50_000),
    ] {
        world.send(and(post(CHAT, QUESTION), &[("cf-aig-custom-cost", header)])).await;
        let row = world.rows().pop().expect("a row");
        assert_eq!(priced(&row), (Some(Nanos(nanos)), Source::Custom));
        assert_eq!(row.usage.input, 10, "what was used is told all the same");
        let sent = world.upstream.calls().pop().expect("a call");
        assert!(!sent.headers.contains_key("cf-aig-custom-cost"), "it is nobody else's business");
    }
    world.chat(QUESTION).await;
    assert_eq!(priced(&world.rows().pop().expect("a row")), (Some(Nanos(500_000_000)), Source::Provider));
}

#[tokio::test]
async fn nobody_states_a_cost_where_the_gateway_does_not_let_them() {
    let mut world = World::answering(200, ANSWER).await;
    let step = format!(r#"[{{"provider":"compat","endpoint":"chat/completions","query":{QUESTION}}}]"#);
    let stating = step.replace("\"query\"", r#""headers":{"cf-aig-custom-cost":"{\"total_cost\":0}"},"query""#);
    let stated = [("cf-aig-custom-cost", r#"{"total_cost":0}"#)];
    for request in [
        and(post(CHAT, QUESTION), &stated),
        and(post("/v1/acme/main/openai/v1/chat/completions", QUESTION), &stated),
        and(post("/v1/acme/main/compat/conversations", "{}"), &stated),
        and(
            post("/v1/acme/main/compat/embeddings", r#"{"model":"openai/text-embedding-3-small","input":"hi"}"#),
            &stated,
        ),
        and(post("/v1/acme/main", &step), &stated),
        post("/v1/acme/main", &stating),
    ] {
        let path = request.uri().clone();
        let read = world.send(request).await;
        assert_eq!((read.status, read.code().as_str()), (403, "custom_cost_not_allowed"), "{path}: {}", read.body);
    }
    assert!(world.upstream.calls().is_empty());
    world.settings(|settings| settings.custom_cost = true);
    assert_eq!(world.send(post("/v1/acme/main", &stating)).await.status, 200);
    assert_eq!(priced(&world.rows().pop().expect("a row")), (Some(Nanos(0)), Source::Custom));
}

#[tokio::test]
async fn a_stated_cost_that_is_none_is_refused_before_anybody_is_called() {
    let world = World::answering(200, ANSWER).await;
    for (header, field) in
        [(r#"{"per_token_in":-1}"#, "per_token_in"), ("1", "object"), (r#"{"price":1}"#, "total_cost")]
    {
        let read = world.send(and(post(CHAT, QUESTION), &[("cf-aig-custom-cost", header)])).await;
        assert_eq!((read.status, read.code().as_str()), (400, "invalid_header"));
        let message = read.json()["error"]["message"].as_str().expect("a message").to_owned();
        assert!(message.contains("cf-aig-custom-cost") && message.contains(field), "{message}");
    }
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn a_refused_request_costs_nothing_whatever_it_states() {
    let mut world = World::answering(400, r#"{"error":{"message":"no"}}"#).await;
    world.settings(|settings| settings.custom_cost = true);
    world.send(and(post(CHAT, QUESTION), &[("cf-aig-custom-cost", r#"{"total_cost":1}"#)])).await;
    assert_eq!(world.row().cost, Some(Nanos(0)));
}

#[tokio::test]
async fn what_a_stream_says_of_its_tier_and_its_searches_is_billed() {
    let stream = concat!(
        "data: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5.6-sol\",\"service_tier\":\"auto\",\"output\":[]}}\n\n",
        "data: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5.6-sol\",\"service_tier\":\"flex\",",
        "\"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\"}}],",
        "\"usage\":{\"input_tokens\":1000,\"output_tokens\":100,\"total_tokens\":1100}}}\n\n",
    );
    let world = World::new(move |_| Answer::events(stream)).await;
    let question = r#"{"model":"openai/gpt-5.6-sol","input":"hi","stream":true}"#;
    world.send(post("/v1/acme/main/compat/responses", question)).await;
    let row = world.row();
    // 1,000 × 2 + 100 × 10 for a million tokens, $10 for a thousand searches.
    assert_eq!(priced(&row), (Some(Nanos(2_000_000 + 1_000_000 + 10_000_000)), Source::Book));
    assert_eq!((row.cost_formula.service_tier, row.usage.web_searches), (ServiceTier::Flex, 1));
}

#[tokio::test]
async fn who_answers_behind_hugging_face_has_the_price() {
    let answer = r#"{"model":"Qwen/Qwen3-32B","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#;
    let mut world = World::new(move |seen| {
        let told = Answer::json(200, answer);
        if seen.body.contains(":sambanova") { told } else { told.header("x-inference-provider", "novita") }
    })
    .await;
    let url = world.upstream.url();
    world.change(|config| config.teams[0].provider_keys.push(key(100, "huggingface", &url)));
    for model in ["Qwen/Qwen3-32B", "Qwen/Qwen3-32B:sambanova"] {
        let question = format!(r#"{{"model":"huggingface/{model}","messages":[{{"role":"user","content":"hi"}}]}}"#);
        assert_eq!(world.chat(&question).await.status, 200);
    }
    let told = world.rows().iter().map(|row| (row.backend.clone(), row.cost)).collect::<Vec<_>>();
    // 0.1 and 0.45; 0.4 and 0.8.
    let wanted = [("novita", 145_000), ("sambanova", 480_000)];
    assert_eq!(told, wanted.map(|(backend, nanos)| (Some(backend.to_owned()), Some(Nanos(nanos)))));
}

#[tokio::test]
async fn claude_says_where_it_ran_and_that_has_a_price() {
    let world = World::answering(
        200,
        r#"{"type":"message","model":"claude-opus-5","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":100,"inference_geo":"us"}}"#,
    )
    .await;
    let question = r#"{"model":"anthropic/claude-opus-5","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
    world.send(post("/v1/acme/main/compat/messages", question)).await;
    let row = world.row();
    // (1,000 × 5 + 100 × 25) × 1.1
    assert_eq!(priced(&row), (Some(Nanos(8_250_000)), Source::Book));
    assert_eq!(row.usage.zone, Zone::InferenceUs);
}
