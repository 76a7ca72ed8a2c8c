//! Another model instead.

use domain::ledger::Outcome;

use super::{MESSAGES, NATIVE};
use crate::world::*;

/// Answers as whoever is asked.
async fn world() -> World {
    World::new(|seen| {
        if seen.target.ends_with("/messages") {
            let claude = r#"{"id":"m","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}"#;
            return Answer::json(200, claude);
        }
        let asked: serde_json::Value = serde_json::from_str(&seen.body).expect("JSON");
        Answer::json(200, &ANSWER.replace("gpt-4o-mini", asked["model"].as_str().expect("a model")))
    })
    .await
}

fn sent(world: &World) -> String {
    let seen = world.upstream.calls().pop().expect("a call");
    let body: serde_json::Value = serde_json::from_str(&seen.body).expect("JSON");
    body["model"].as_str().expect("a model").to_owned()
}

#[tokio::test]
async fn what_is_denied_is_answered_by_another_model() {
    let mut world = world().await;
    world.policies(&[r#"{"deny":true,"when":{"model":["gpt-4o"]},"action":{"fallback":"openai/gpt-4o-mini"}}"#]);
    let read = world.chat(&QUESTION.replace("gpt-4o-mini", "gpt-4o")).await;
    assert_eq!((read.status, read.header("weir-fallback")), (200, Some("\"p1\"")));
    assert_eq!(sent(&world), "gpt-4o-mini");
    let row = world.row();
    assert_eq!((row.model_asked.as_deref(), row.model.as_deref()), (Some("openai/gpt-4o"), Some("gpt-4o-mini")));
    let other = world.chat(QUESTION).await;
    assert_eq!(other.header("weir-fallback"), None);
}

#[tokio::test]
async fn where_a_budget_is_used_up_a_cheaper_model_answers_in_the_callers_words() {
    let mut world = world().await;
    world.policies(&[
        r#"{"limit":{"cost":"0.000001","per":"day"},"when":{"not":{"provider":["anthropic"]}},"action":{"fallback":"anthropic/claude-haiku-4-5"}}"#,
        r#"{"limit":{"requests":100,"per":"day"}}"#,
    ]);
    let read = world.chat(QUESTION).await;
    assert_eq!((read.status, read.header("weir-fallback")), (200, Some("\"p1\"")), "{}", read.body);
    assert_eq!(read.json()["choices"][0]["message"]["content"], "hi");
    let row = world.row();
    assert_eq!((row.provider.as_deref(), row.outcome), (Some("anthropic"), Outcome::Ok));
    assert_eq!(row.model_asked.as_deref(), Some("openai/gpt-4o-mini"));
    assert_eq!(world.used(), [0, 1], "the first limit is not about the other model");
}

#[tokio::test]
async fn the_other_model_is_judged_too_and_there_is_no_third() {
    let mut world = world().await;
    world.policies(&[
        r#"{"deny":true,"when":{"model":["gpt-4o"]},"action":{"fallback":"openai/gpt-4o-mini"}}"#,
        r#"{"deny":true,"when":{"model":["gpt-4o-mini"]},"action":{"fallback":"openai/o4-mini"}}"#,
    ]);
    let refused = world.chat(&QUESTION.replace("gpt-4o-mini", "gpt-4o")).await;
    assert_eq!(refused.code(), "denied_by_policy");
    assert!(refused.body.contains("`p2`"), "{}", refused.body);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    // A token that may not use the other model is not let past its own bounds.
    world.change(|config| config.teams[0].tokens[0].restrictions.models = Some(vec!["openai/gpt-4o".into()]));
    let refused = world.chat(&QUESTION.replace("gpt-4o-mini", "gpt-4o")).await;
    assert_eq!(refused.code(), "token_not_allowed");
}

#[tokio::test]
async fn where_another_model_makes_no_sense_it_is_refused() {
    let mut world = world().await;
    world.policies(&[r#"{"deny":true,"when":{"not":{"model":["o4-mini"]}},"action":{"fallback":"openai/o4-mini"}}"#]);
    let native = QUESTION.replace("openai/", "");
    assert_eq!(world.send(post(NATIVE, &native)).await.code(), "denied_by_policy");
    assert_eq!(world.send(post("/v1/acme/main/compat/files", "{}")).await.code(), "denied_by_policy");
    assert!(world.upstream.calls().is_empty());
}

#[tokio::test]
async fn other_questions_fall_back_too() {
    let mut world = world().await;
    world.policies(&[
        r#"{"deny":true,"when":{"model":["claude-sonnet-*"]},"action":{"fallback":"anthropic/claude-haiku-4-5"}}"#,
        r#"{"deny":true,"when":{"model":["text-embedding-3-large"]},"action":{"fallback":"openai/text-embedding-3-small"}}"#,
    ]);
    let claude =
        r#"{"model":"anthropic/claude-sonnet-4-5","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
    for path in [MESSAGES.to_owned(), format!("{MESSAGES}/count_tokens")] {
        let read = world.send(post(&path, claude)).await;
        assert_eq!((read.status, read.header("weir-fallback")), (200, Some("\"p1\"")), "{path} {}", read.body);
        assert_eq!(sent(&world), "claude-haiku-4-5");
    }
    let embed = r#"{"model":"openai/text-embedding-3-large","input":"x"}"#;
    let read = world.send(post("/v1/acme/main/compat/embeddings", embed)).await;
    assert_eq!((read.status, sent(&world).as_str()), (200, "text-embedding-3-small"), "{}", read.body);
}
