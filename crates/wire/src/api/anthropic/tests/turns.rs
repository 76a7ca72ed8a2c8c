use proptest::prelude::*;

use super::*;

fn any_content() -> impl Strategy<Value = Content> {
    let id = || prop::sample::select(vec!["a", "b", "f.g:0"]);
    prop_oneof![
        prop::sample::select(vec!["", " ", "x"]).prop_map(Content::text),
        id().prop_map(|id| call(id, "f", "{}")),
        id().prop_map(|id| result(id, "1")),
    ]
}

proptest! {
    #![proptest_config(crate::cases(48))]

    /// Whatever callers send: turns alternate, every call has its result right behind it, and nothing is empty.
    #[test]
    fn claude_gets_a_conversation_that_it_takes(
        turns in prop::collection::vec((0..3_usize, prop::collection::vec(any_content(), 0..4)), 0..8),
        model in prop::sample::select(vec!["claude-3-haiku", "claude-sonnet-4-5", "claude-opus-4-8"]),
    ) {
        let roles = [Role::System, Role::User, Role::Assistant];
        // Callers' APIs have calls in assistants' turns and results in users'.
        let fits = |role: usize, content: &Content| match content {
            Content::ToolCall { .. } => role == 2,
            Content::ToolResult { .. } => role == 1,
            _ => true,
        };
        let say = |(role, content): (usize, Vec<Content>)| {
            super::say(roles[role], content.into_iter().filter(|content| fits(role, content)))
        };
        let request = Request { messages: turns.into_iter().map(say).collect(), ..Request::default() };
        let quirks = Quirks::default();
        let Ok(encoded) = Api::Anthropic.encode_request(&request, Target { model, quirks: &quirks }) else { return Ok(()) };
        let sent: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        let turns = sent["messages"].as_array().expect("a list");
        let ids = |turn: Option<&Value>, field: &str| -> Vec<String> {
            let blocks = turn.and_then(|turn| turn["content"].as_array()).into_iter().flatten();
            blocks.filter_map(|block| block[field].as_str().map(str::to_owned)).collect()
        };
        let mut seen = std::collections::HashSet::new();
        for (place, turn) in turns.iter().enumerate() {
            prop_assert!(!turn["content"].as_array().expect("a list").is_empty());
            if let Some(next) = turns.get(place + 1) {
                prop_assert!(turn["role"] != next["role"], "{}", sent);
            }
            let calls = ids(Some(turn), "id");
            prop_assert!(calls.iter().all(|id| seen.insert(id.clone())), "{}", sent);
            if turn["role"] == "assistant" {
                prop_assert_eq!(calls, ids(turns.get(place + 1), "tool_use_id"), "{}", sent);
            }
        }
        prop_assert!(model != "claude-3-haiku" || turns[0]["role"] == "user");
    }
}
