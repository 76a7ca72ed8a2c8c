//! Policies, through the front door.

mod budgets;
mod fallbacks;
mod told;
mod walk;

use domain::ledger::Outcome;
use gateway::{Client, Country};

use crate::world::*;

const NATIVE: &str = "/v1/acme/main/openai/v1/chat/completions";
const MESSAGES: &str = "/v1/acme/main/compat/v1/messages";
const GEMINI: &str = "/v1/acme/main/compat/v1beta/models/openai/gpt-4o-mini:generateContent";

#[tokio::test]
async fn what_is_denied_calls_nobody_and_is_told_in_the_callers_words() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"deny":true,"when":{"model":["openai/gpt-4o*"]},"message":"Use the small one."}"#]);
    let claude = r#"{"model":"openai/gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
    let gemini = r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#;
    let native = QUESTION.replace("openai/", "");
    // A bare name is the same model, and so is the provider's own path.
    for (path, body) in
        [(CHAT, QUESTION), (CHAT, native.as_str()), (NATIVE, native.as_str()), (MESSAGES, claude), (GEMINI, gemini)]
    {
        let read = world.send(post(path, body)).await;
        assert_eq!((read.status, read.code().as_str()), (403, "denied_by_policy"), "{path}: {}", read.body);
        assert!(read.body.contains("`p1`") && read.body.contains("Use the small one."), "{}", read.body);
        let row = world.rows().pop().expect("a row");
        assert_eq!(
            (row.outcome, row.attempt, row.error_code.as_deref()),
            (Outcome::Refused, 0, Some("denied_by_policy"))
        );
        assert_eq!(row.model.as_deref(), Some("gpt-4o-mini"));
    }
    assert!(world.upstream.calls().is_empty());
    let other = QUESTION.replace("gpt-4o-mini", "o4-mini");
    assert_eq!(world.chat(&other).await.status, 200);
}

#[tokio::test]
async fn what_is_denied_is_not_given_from_the_cache_either() {
    let mut world = World::answering(200, ANSWER).await;
    world.settings(|settings| settings.cache_ttl = Some(60));
    assert_eq!(world.chat(QUESTION).await.status, 200);
    assert_eq!(world.chat(QUESTION).await.header("cf-aig-cache-status"), Some("HIT"));
    world.policies(&[r#"{"deny":true,"when":{"provider":["openai"]}}"#]);
    assert_eq!(world.chat(QUESTION).await.code(), "denied_by_policy");
}

#[tokio::test]
async fn a_model_that_is_not_seen_is_not_let_past_a_denial() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"deny":true,"when":{"model":["o3"]}}"#]);
    let list = r#"{"model":"openai/gpt-4o-mini","models":["o3"],"messages":[]}"#;
    assert_eq!(world.chat(list).await.code(), "denied_by_policy");
    // Nobody knows where that endpoint takes its model from.
    let native = |path: &str, body: &str| post(&format!("/v1/acme/main/openai/{path}"), body);
    assert_eq!(world.send(native("v1/threads/runs", r#"{"model":"gpt-4o-mini"}"#)).await.code(), "denied_by_policy");
    let form = and(native("v1/audio/transcriptions", "--x--"), &[("content-type", "multipart/form-data; boundary=x")]);
    assert_eq!(world.send(form).await.code(), "denied_by_policy");
    let mut look = native("v1/models", "");
    *look.method_mut() = http::Method::GET;
    assert_eq!(world.send(look).await.status, 200, "nothing there could name a model");
    assert_eq!(world.upstream.calls().len(), 1);
}

#[tokio::test]
async fn only_what_is_permitted_passes() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        r#"{"allow":true,"when":{"model":["openai/gpt-4o-mini"],"gateway":["main"]}}"#,
        r#"{"allow":true,"when":{"metadata":{"team":["red"]}}}"#,
    ]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    let other = QUESTION.replace("gpt-4o-mini", "gpt-4o");
    let refused = world.chat(&other).await;
    assert_eq!(refused.code(), "denied_by_policy");
    assert!(refused.body.contains("`p1`"), "{}", refused.body);
    let red = and(post(CHAT, &other), &[("cf-aig-metadata", r#"{"team":"red"}"#)]);
    assert_eq!(world.send(red).await.status, 200);
    let open = CHAT.replace("/main/", "/open/");
    assert_eq!(world.send(post(&open, QUESTION)).await.code(), "denied_by_policy");
}

#[tokio::test]
async fn a_policy_that_warns_lets_pass_and_says_so() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        r#"{"deny":true,"action":"warn"}"#,
        r#"{"limit":{"requests":2,"per":"day","warn_at":100}}"#,
        r#"{"limit":{"requests":1,"per":"day"},"action":"warn"}"#,
    ]);
    let warning = |read: &Read| read.header("weir-warning").map(str::to_owned);
    assert_eq!(warning(&world.chat(QUESTION).await).as_deref(), Some(r#""p1", "p3";used=1;limit=1"#));
    let second = world.chat(QUESTION).await;
    assert_eq!(warning(&second).as_deref(), Some(r#""p1", "p2";used=2;limit=2, "p3";used=1;limit=1"#));
    assert_eq!(world.chat(QUESTION).await.code(), "rate_limited");
    assert_eq!(world.used(), [2, 2], "what a limit refuses is not counted by one that warns");
}

#[tokio::test]
async fn where_a_request_comes_from_counts() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[
        r#"{"deny":true,"when":{"ip":["203.0.113.0/24"]}}"#,
        r#"{"deny":true,"when":{"country":["DE"]}}"#,
        r#"{"limit":{"requests":1,"per":"day"},"group_by":["ip"]}"#,
    ]);
    let ask = async |address: &str, country: &str| {
        let client = Client { address: address.parse().expect("an address"), country: Country::read(country) };
        read(world.gateway.handle(post(CHAT, QUESTION), client).await).await.status
    };
    assert_eq!(ask("203.0.113.7", "").await, 403);
    assert_eq!(ask("::ffff:203.0.113.7", "").await, 403);
    assert_eq!(ask("198.51.100.1", "DE").await, 403);
    assert_eq!(ask("198.51.100.1", "FR").await, 200);
    assert_eq!(ask("198.51.100.1", "FR").await, 429);
    assert_eq!(ask("198.51.100.2", "FR").await, 200);
}

#[tokio::test]
async fn who_is_asked_for_is_written_down_and_counts() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"day"},"group_by":["user"]}"#]);
    let body = QUESTION.replace(r#""messages""#, r#""user":"bob","metadata":{"user_id":"cid"},"messages""#);
    let claude = r#"{"model":"openai/gpt-4o-mini","max_tokens":5,"metadata":{"user_id":"dora"},"messages":[{"role":"user","content":"hi"}]}"#;
    let of_metadata = [("cf-aig-metadata", r#"{"user_id":"eve"}"#)];
    for (request, user) in [
        (and(post(CHAT, &body), &[("weir-user", "ann")]), Some("ann")),
        (post(CHAT, &body), Some("bob")),
        (post(MESSAGES, claude), Some("dora")),
        (and(post(MESSAGES, claude), &[("weir-user", "fay")]), Some("fay")),
        (and(post(CHAT, QUESTION), &of_metadata), Some("eve")),
        (post(CHAT, QUESTION), None),
    ] {
        assert_eq!(world.send(request.clone()).await.status, 200, "{user:?}");
        assert_eq!(world.rows().pop().expect("a row").user.as_deref(), user);
        assert_eq!(world.send(request).await.status, 429, "{user:?}");
    }
    let sent = world.upstream.calls();
    assert!(sent.iter().all(|seen| !seen.headers.contains_key("weir-user")));
    let usage = &world.gateway.usage(domain::TeamId(1))[0];
    let mut users: Vec<_> = usage.groups.iter().map(|group| group.labels[0].clone().unwrap_or_default()).collect();
    users.sort_unstable();
    assert_eq!(users, ["", "ann", "bob", "dora", "eve", "fay"]);
}

#[tokio::test]
async fn a_change_is_in_force_at_once_and_keeps_what_was_counted() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"day"}}"#]);
    assert_eq!((world.chat(QUESTION).await.status, world.chat(QUESTION).await.status), (200, 429));
    world.policies(&[r#"{"limit":{"requests":2,"per":"day"}}"#]);
    assert_eq!((world.chat(QUESTION).await.status, world.chat(QUESTION).await.status), (200, 429));
    world.policies(&[]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
}

#[tokio::test]
async fn a_token_that_gets_another_name_keeps_its_count() {
    let mut world = World::answering(200, ANSWER).await;
    world.policies(&[r#"{"limit":{"requests":1,"per":"day"},"group_by":["token","gateway"]}"#]);
    assert_eq!(world.chat(QUESTION).await.status, 200);
    world.change(|config| config.teams[0].tokens[0].name = "another".into());
    assert_eq!(world.chat(QUESTION).await.status, 429);
    let open = CHAT.replace("/main/", "/open/");
    assert_eq!(world.send(post(&open, QUESTION)).await.status, 200);
}

#[tokio::test]
async fn until_it_is_known_what_was_spent_nobody_is_called() {
    let mut world = World::answering(200, ANSWER).await;
    assert!(!world.gateway.suspend(), "nothing limits");
    assert_eq!(world.chat(QUESTION).await.status, 200);
    world.policies(&[r#"{"limit":{"requests":2,"per":"ever"}}"#]);
    world.gateway = world.replica();
    assert!(world.gateway.suspend());
    let refused = world.chat(QUESTION).await;
    assert_eq!((refused.status, refused.code().as_str(), refused.header("retry-after")), (503, "starting", Some("1")));
    let compiled = world.gateway.compile(&world.config).expect("a configuration");
    assert_eq!(compiled.needs_history(), [(domain::TeamId(1), i64::MIN)]);
    let row = world.rows().remove(0);
    let spent = domain::ledger::Spent {
        at_ms: row.at_ms,
        gateway_id: row.gateway_id,
        token_id: row.token_id,
        surface: row.surface.as_str().into(),
        provider: row.provider,
        model: row.model,
        user: row.user,
        metadata: row.metadata,
        is_request: true,
        tokens: 15,
        cost: row.cost,
    };
    compiled.replay(domain::TeamId(1), &[domain::ledger::Past { spent, model_asked: row.model_asked, requests: 1 }]);
    world.gateway.adopt(compiled);
    assert!(!world.gateway.is_suspended());
    assert_eq!((world.chat(QUESTION).await.status, world.chat(QUESTION).await.status), (200, 429));
}

#[tokio::test]
async fn a_tokens_own_limits_are_its_own_and_held_with_all_others() {
    use domain::policy::{NamedPolicy, OwnLimit};
    use domain::{PolicyId, TokenId};

    const OTHER: &str = "weir_another-token-of-acme";
    let mut world = World::answering(200, ANSWER).await;
    // Ids that interleave: all limits of a request are taken in one order.
    world.change(|config| {
        let team = &mut config.teams[0];
        team.tokens.push(token_config(99, OTHER));
        let own = |id, owner: i64, name: &str, amount| NamedPolicy {
            id: PolicyId(id),
            name: format!("own {id}"),
            owner: Some(TokenId(owner)),
            policy: OwnLimit::RequestsPerMinute.policy(name, amount),
        };
        let all = r#"{"limit":{"requests":3,"per":"day"}}"#;
        let all = NamedPolicy { owner: None, policy: serde_json::from_str(all).expect("a policy"), ..own(2, 0, "", 0) };
        team.policies = vec![own(3, 10, TOKEN, 1), all, own(1, 99, OTHER, 100)];
    });
    let ask = async |world: &World, token: &str| {
        world.send(with(CHAT, QUESTION, &[("authorization", &format!("Bearer {token}"))])).await
    };
    assert_eq!(ask(&world, TOKEN).await.status, 200);
    let refused = ask(&world, TOKEN).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "rate_limited"));
    assert!(refused.body.contains("`own 3` lets 1 request a minute pass"), "{}", refused.body);
    assert_eq!((ask(&world, OTHER).await.status, ask(&world, OTHER).await.status), (200, 200));
    let refused = ask(&world, OTHER).await;
    assert!(refused.body.contains("`own 2` lets 3 requests a day pass"), "{}", refused.body);
    assert_eq!(world.used(), [2, 3, 1], "in the order of their ids");
}
