//! `thinkingConfig`: tokens for some models, words for newer ones.

use super::super::members::Members;
use super::super::model::Thinking;
use super::Writing;
use crate::api::Api;
use crate::chat::{Effort, Reasoning};

/// What `minimal` is in tokens; Gemini's own table has less than others'.
const MINIMAL: u64 = 512;

/// Writes how much to think, and whether to show it.
pub(super) fn write(writing: &mut Writing<'_>, config: &mut Members) {
    let Some(reasoning) = &writing.request.reasoning else { return };
    let mut thinking = Members::default();
    match writing.model.thinking() {
        Thinking::Never => {
            if reasoning.effort().is_some_and(|effort| effort > Effort::None) || reasoning.dynamic {
                writing.losses.harmless("reasoning_effort", "this model does not think");
            }
            return;
        }
        Thinking::Budget { least, most, off } => {
            // Thoughts count as output: what follows from a word must leave room for an answer.
            let room = writing.request.max_tokens.filter(|_| reasoning.budget.is_none());
            let most = room.map_or(most, |room| most.min(room.saturating_sub(1)).max(least));
            if let Some(tokens) = budget(reasoning, least, most, off) {
                thinking.put("thinkingBudget", &tokens);
            }
        }
        Thinking::Level { least, medium } => {
            if let Some(level) = reasoning.effort().and_then(|effort| level(effort, least, medium)) {
                thinking.put("thinkingLevel", &level);
            }
        }
    }
    thinking.some("includeThoughts", writing.request.shows_thoughts(Api::Gemini).as_ref());
    if !thinking.is_empty() {
        config.put("thinkingConfig", &thinking);
    }
}

/// Tokens, within what the model takes; −1 leaves it to the model.
fn budget(reasoning: &Reasoning, least: u64, most: u64, off: bool) -> Option<i64> {
    if reasoning.dynamic && reasoning.budget.is_none() && reasoning.effort.is_none() {
        return Some(-1);
    }
    let tokens = match (reasoning.budget, reasoning.effort) {
        (None, Some(Effort::Minimal)) => MINIMAL,
        _ => reasoning.budget()?,
    };
    let tokens = if tokens == 0 && off { 0 } else { tokens.clamp(least, most) };
    i64::try_from(tokens).ok()
}

/// The nearest word that the model knows.
fn level(effort: Effort, least: &'static str, medium: bool) -> Option<&'static str> {
    Some(match effort {
        Effort::None | Effort::Minimal => least,
        Effort::Low => "low",
        Effort::Medium if medium => "medium",
        Effort::Medium | Effort::High | Effort::ExtraHigh | Effort::Max => "high",
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Model;
    use super::super::super::schema::Room;
    use super::*;
    use crate::chat::{Losses, Names, Request};

    fn written(model: &str, reasoning: Reasoning) -> String {
        let request = Request { reasoning: Some(reasoning), ..Request::default() };
        let (losses, names) = (Losses::default(), Names::default());
        let model = Model::of(model);
        let mut writing = Writing { request: &request, model, losses, names, output_tool: None, room: Room::default() };
        let mut config = Members::default();
        write(&mut writing, &mut config);
        serde_json::to_string(&config).expect("JSON")
    }

    #[test]
    fn a_word_leaves_room_for_the_answer() {
        let reasoning = Some(Reasoning { effort: Some(Effort::High), ..Reasoning::default() });
        let request = Request { reasoning, max_tokens: Some(1000), ..Request::default() };
        let (losses, names) = (Losses::default(), Names::default());
        let model = Model::of("gemini-2.5-pro");
        let mut writing = Writing { request: &request, model, losses, names, output_tool: None, room: Room::default() };
        let mut config = Members::default();
        write(&mut writing, &mut config);
        assert_eq!(serde_json::to_string(&config).expect("JSON"), r#"{"thinkingConfig":{"thinkingBudget":999}}"#);
    }

    #[test]
    fn each_model_is_told_in_its_own_words() {
        let effort = |effort| Reasoning { effort: Some(effort), ..Reasoning::default() };
        let budget = |tokens| Reasoning { budget: Some(tokens), visible: Some(true), ..Reasoning::default() };
        let dynamic = Reasoning { dynamic: true, ..Reasoning::default() };
        for (model, reasoning, wanted) in [
            ("gemini-2.0-flash", effort(Effort::High), "{}"),
            ("gemini-2.5-flash", effort(Effort::None), r#"{"thinkingConfig":{"thinkingBudget":0}}"#),
            ("gemini-2.5-pro", effort(Effort::None), r#"{"thinkingConfig":{"thinkingBudget":128}}"#),
            ("gemini-2.5-flash", effort(Effort::Max), r#"{"thinkingConfig":{"thinkingBudget":24576}}"#),
            ("gemini-2.5-flash", budget(1024), r#"{"thinkingConfig":{"thinkingBudget":1024,"includeThoughts":true}}"#),
            ("gemini-2.5-flash", dynamic.clone(), r#"{"thinkingConfig":{"thinkingBudget":-1}}"#),
            ("gemini-3-pro-preview", effort(Effort::Medium), r#"{"thinkingConfig":{"thinkingLevel":"high"}}"#),
            ("gemini-3-pro-preview", effort(Effort::None), r#"{"thinkingConfig":{"thinkingLevel":"low"}}"#),
            ("gemini-3.6-flash", effort(Effort::None), r#"{"thinkingConfig":{"thinkingLevel":"minimal"}}"#),
            (
                "gemini-3.6-flash",
                budget(4096),
                r#"{"thinkingConfig":{"thinkingLevel":"medium","includeThoughts":true}}"#,
            ),
            ("gemini-3.6-flash", dynamic, "{}"),
        ] {
            assert_eq!(written(model, reasoning), wanted, "{model}");
        }
    }
}
