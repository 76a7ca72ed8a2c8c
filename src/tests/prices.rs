//! Prices of a team's own, from the dashboard and from a file to what a request costs; and the price book on the command line.

use ::app::api::prices::{SavePrice, SavePriceText};
use leptos::server_fn::ServerFn;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::harness::{Installation, PASSWORD, Server, text};

fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("team", "acme").extend_pairs(pairs).finish()
}

/// Waits until the request log shows a cost.
async fn shown(server: &Server, cookie: &str, cost: &str) {
    for _ in 0..2_000 {
        let page = server.get("/acme/requests", Some(cookie)).await.text().await.unwrap();
        if page.contains(cost) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no request costs {cost}");
}

#[tokio::test]
async fn a_price_that_is_saved_is_what_the_next_request_costs() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let cookie = server.sign_in(PASSWORD).await.expect("signed in");
    let row = r#"{"provider":"openai","model":"gpt-4o-mini","units":{"per_request":"7.77"}}"#;
    let saved = server.post(SavePriceText::PATH, Some(&cookie), &form(&[("text", row)])).await;
    assert_eq!(saved.headers()["location"], "/acme/prices?saved=added");
    assert_eq!(server.chat("Hello", false).await.status(), 200);
    shown(&server, &cookie, "$7.77").await;
    let page = server.get("/acme/prices?model=gpt-4o-mini", Some(&cookie)).await.text().await.unwrap();
    for part in ["requests $7.77 each", "In force", "Price book", "$0.15", "$0.60"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_form_that_is_refused_names_its_field_and_a_text_its_place() {
    let installation = Installation::new().await;
    installation.apply_member("{}").await;
    let server = installation.serve(&[]).await;
    let cookie = server.sign_in(PASSWORD).await.expect("signed in");
    let back = ("back", "/acme/prices/new");
    let both = [("provider", "openai"), ("model", "gpt-5"), ("input", "1"), ("discount", "5"), back];
    let refused = server.post(SavePrice::PATH, Some(&cookie), &form(&both)).await;
    let location = refused.headers()["location"].to_str().unwrap().to_owned();
    let page = server.get(location.strip_prefix(&server.url).unwrap(), Some(&cookie)).await.text().await.unwrap();
    let beside = page.split("save-price-discount-error").last().unwrap();
    assert!(page.contains("save-price-discount-error") && beside.contains("does not go with"), "{location}: {page}");
    let wrong = r#"{"provider":"openai","model":"gpt-5","rates":{"input":1}}"#;
    let refused = server.post(SavePriceText::PATH, Some(&cookie), &form(&[("text", wrong)])).await;
    let location = refused.headers()["location"].to_str().unwrap().to_owned();
    let page = server.get(&location, Some(&cookie)).await.text().await.unwrap();
    assert!(page.contains("<code>rates.input</code>") && page.contains("must be a decimal number in quotes"), "{page}");
    let page = server.get("/acme/prices", Some(&cookie)).await.text().await.unwrap();
    assert!(page.contains("A price of your own wins"), "nothing was saved");
}

#[tokio::test]
async fn a_file_declares_prices_and_says_it_once() {
    let installation = Installation::new().await;
    let prices = "    prices:\n      - { provider: openai, model: \"gpt-4o*\", discount_ppm: 150000 }\n";
    let file = installation.team("{}") + prices;
    let first = installation.apply(&file, &[]).await;
    assert!(text(&first.stdout).contains("+ price openai/gpt-4o*"), "{}", text(&first.stderr));
    let second = installation.apply(&file, &[]).await;
    assert!(text(&second.stdout).contains("= price openai/gpt-4o*"), "{}", text(&second.stdout));
}

#[tokio::test]
async fn the_price_book_is_printed_for_people_and_as_a_book() {
    let installation = Installation::new().await;
    let one = installation.run(&["prices", "show", "openai/gpt-4o-mini"]).await;
    let told = text(&one.stdout);
    assert!(told.contains("openai/gpt-4o-mini (chat)") && told.contains("$0.15 per million"), "{told}");
    let json = installation.run(&["prices", "show", "--json"]).await;
    let book: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert!(book["rows"].as_array().unwrap().len() > 500 && wire::price::PriceBook::parse(&book.to_string()).is_ok());
    let unknown = installation.run(&["prices", "show", "openai/no-such-model"]).await;
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("openai/no-such-model"));
}
