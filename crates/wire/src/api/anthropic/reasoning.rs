//! How Claude is told to think, and what must not be asked for beside it.

use serde::Serialize;

use super::model::{Model, Thinking};
use crate::chat::{Effort, Losses, Reasoning, Request};

/// The smallest budget the API takes.
const LEAST: u64 = 1024;

/// The value of `thinking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Wish {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<&'static str>,
}

/// What is sent about thinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// `thinking`.
    pub(super) thinking: Option<Wish>,
    /// `output_config.effort`.
    pub(super) effort: Option<&'static str>,
    /// `max_tokens`.
    pub(super) max_tokens: u64,
}

impl Plan {
    /// Whether the model thinks.
    pub(super) fn thinks(&self) -> bool {
        self.thinking.is_some_and(|wish| wish.kind != "disabled")
    }

    /// Whether it thinks by a budget, which ties the turns before.
    pub(super) fn has_budget(&self) -> bool {
        self.thinking.is_some_and(|wish| wish.budget_tokens.is_some())
    }
}

/// Decides about thinking and the length of the answer.
pub(super) fn plan(request: &Request, model: &Model, losses: &mut Losses) -> Plan {
    let mut max_tokens = request.max_tokens.unwrap_or(model.default_tokens);
    if let Some(most) = model.most_tokens.filter(|most| *most < max_tokens) {
        losses.harmless("max_tokens", format!("the model writes {most} tokens at most"));
        max_tokens = most;
    }
    let mut plan = Plan { max_tokens, ..Plan::default() };
    let Some(reasoning) = &request.reasoning else { return plan };
    if reasoning.budget == Some(0) || (reasoning.effort == Some(Effort::None) && reasoning.budget.is_none()) {
        switch_off(&mut plan, model, losses);
        // `effort` beside `disabled` says how many words to make.
        plan.effort = reasoning.effort.and_then(|effort| word(effort, model));
        return plan;
    }
    plan.effort = reasoning.effort.and_then(|effort| word(effort, model));
    let effort_only = reasoning.budget.is_none() && !reasoning.dynamic && reasoning.visible == Some(false);
    if effort_only && plan.effort.is_some() {
        return plan;
    }
    match model.thinking {
        Thinking::Never => losses.harmless("reasoning_effort", "the model does not think aloud"),
        Thinking::Adaptive => adapt(&mut plan, reasoning, model),
        Thinking::Both if reasoning.budget.is_none() => adapt(&mut plan, reasoning, model),
        Thinking::Both | Thinking::Budget => spend(&mut plan, reasoning, model),
    }
    plan
}

fn switch_off(plan: &mut Plan, model: &Model, losses: &mut Losses) {
    if model.thinking == Thinking::Never {
    } else if model.may_not_think {
        plan.thinking = Some(Wish { kind: "disabled", budget_tokens: None, display: None });
    } else {
        losses.harmless("reasoning_effort", "the model always thinks");
    }
}

fn adapt(plan: &mut Plan, reasoning: &Reasoning, model: &Model) {
    let display = match reasoning.visible {
        Some(true) => Some("summarized"),
        Some(false) => Some("omitted"),
        // Newer models keep their thoughts back unless asked; who names an effort elsewhere gets to see them.
        None if !reasoning.dynamic && model.thinking == Thinking::Adaptive => Some("summarized"),
        None => None,
    };
    plan.thinking = Some(Wish { kind: "adaptive", budget_tokens: None, display });
    plan.effort = plan.effort.or_else(|| word(Effort::of_budget(reasoning.budget?), model));
}

fn spend(plan: &mut Plan, reasoning: &Reasoning, model: &Model) {
    let budget = reasoning.budget().unwrap_or(Effort::Medium.budget()).max(LEAST);
    if budget >= plan.max_tokens {
        // The answer keeps the room it was given.
        plan.max_tokens = budget.saturating_add(plan.max_tokens).min(model.most_tokens.unwrap_or(u64::MAX));
    }
    // A model's own limit is always above the smallest budget.
    let budget = budget.min(plan.max_tokens.saturating_sub(1));
    let display = match reasoning.visible {
        Some(true) if model.thinking == Thinking::Both => Some("summarized"),
        Some(false) => Some("omitted"),
        _ => None,
    };
    plan.thinking = Some(Wish { kind: "enabled", budget_tokens: Some(budget), display });
}

/// The model's word for an effort: the nearest below where it has not that one.
fn word(effort: Effort, model: &Model) -> Option<&'static str> {
    let place = |word: &str| Effort::parse(word);
    let known = model.efforts.iter().rev().find(|word| place(word).is_some_and(|known| known <= effort));
    known.or(model.efforts.first()).copied().filter(|_| effort != Effort::None)
}
