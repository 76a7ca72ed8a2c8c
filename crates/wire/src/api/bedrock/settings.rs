//! Settings: those that every model has, and those of each maker.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::model::Model;
use crate::api::fit;
use crate::chat::{Effort, Losses, Reasoning, Request};

/// Room for the answer behind the reasoning where the caller set no bound.
const ROOM: u64 = 4096;

#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<String>,
}

impl InferenceConfig {
    pub(super) fn stop_sequences(&self) -> &[String] {
        &self.stop_sequences
    }
}

/// What was made of a request's settings.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) inference: InferenceConfig,
    /// `additionalModelRequestFields`.
    pub(super) additional: Map<String, Value>,
    /// Whether Claude is asked to think.
    pub(super) thinks: bool,
}

/// Reads the settings. `may_think` is false where Claude would refuse to.
pub(super) fn settings(request: &Request, model: Model, may_think: bool, losses: &mut Losses) -> Settings {
    let mut settings = Settings {
        inference: InferenceConfig {
            max_tokens: request.max_tokens,
            temperature: request.sampling.temperature,
            top_p: request.sampling.top_p,
            stop_sequences: request.stop.iter().filter(|text| !text.trim().is_empty()).cloned().collect(),
        },
        ..Settings::default()
    };
    if settings.inference.stop_sequences.len() < request.stop.len() {
        losses.harmless("stop", "Bedrock refuses white space alone");
    }
    if let Some(reasoning) = &request.reasoning {
        match model {
            Model::Claude(..) if may_think => settings.claude(reasoning, model),
            Model::Claude(..) if asks(reasoning) => {
                losses.harmless("reasoning_effort", "Claude cannot think in the middle of this turn");
            }
            Model::Nova(2) => settings.nova(reasoning, losses),
            Model::GptOss => settings.gpt_oss(reasoning),
            _ if asks(reasoning) => losses.harmless("reasoning_effort", "the model has no such setting"),
            _ => {}
        }
    }
    settings.top_k(request, model, losses);
    settings.sampling(model, losses);
    settings
}

/// Whether any reasoning is wanted.
fn asks(reasoning: &Reasoning) -> bool {
    reasoning.dynamic || reasoning.effort().is_some_and(|effort| effort != Effort::None)
}

impl Settings {
    fn claude(&mut self, reasoning: &Reasoning, model: Model) {
        if !asks(reasoning) {
            return;
        }
        self.thinks = true;
        if reasoning.dynamic || model.thinks_adaptively() {
            let mut thinking = json!({ "type": "adaptive" });
            if let Some(visible) = reasoning.visible {
                thinking["display"] = if visible { "summarized" } else { "omitted" }.into();
            }
            self.additional.insert("thinking".to_owned(), thinking);
            if let Some(effort) = reasoning.effort() {
                let word = claude_effort(effort, model);
                self.additional.insert("output_config".to_owned(), json!({ "effort": word }));
            }
            return;
        }
        let most = self.inference.max_tokens;
        let budget = fit::budget(reasoning.budget, reasoning.budget().unwrap_or_default(), most);
        if most.is_none_or(|most| most <= budget) {
            self.inference.max_tokens = Some(budget.saturating_add(most.unwrap_or(ROOM)));
        }
        self.additional.insert("thinking".to_owned(), json!({ "type": "enabled", "budget_tokens": budget }));
    }

    fn nova(&mut self, reasoning: &Reasoning, losses: &mut Losses) {
        if !asks(reasoning) {
            return;
        }
        let mut word = three_words(reasoning.effort());
        if word == "high" {
            // At its highest effort Nova refuses bounds and sampling.
            if self.inference.max_tokens.is_some() {
                losses.harmless("reasoning_effort", "Nova thinks at most a medium amount where max_tokens is set");
                word = "medium";
            } else {
                self.drop_sampling("Nova takes none at its highest effort", losses);
            }
        }
        let config = json!({ "type": "enabled", "maxReasoningEffort": word });
        self.additional.insert("reasoningConfig".to_owned(), config);
    }

    fn gpt_oss(&mut self, reasoning: &Reasoning) {
        if reasoning.effort().is_some() {
            self.additional.insert("reasoning_effort".to_owned(), three_words(reasoning.effort()).into());
        }
    }

    fn top_k(&mut self, request: &Request, model: Model, losses: &mut Losses) {
        let Some(top_k) = request.sampling.top_k else { return };
        match model {
            Model::Claude(..) if !self.thinks => drop(self.additional.insert("top_k".to_owned(), top_k.into())),
            Model::Nova(_) => drop(self.additional.insert("inferenceConfig".to_owned(), json!({ "topK": top_k }))),
            _ => losses.harmless("top_k", "the model does not take it here"),
        }
    }

    fn sampling(&mut self, model: Model, losses: &mut Losses) {
        if self.thinks {
            self.drop_sampling("Claude takes none while it thinks", losses);
        }
        if self.inference.temperature.is_some_and(|temperature| temperature > 1.0) {
            self.inference.temperature = Some(1.0);
            losses.harmless("temperature", "Bedrock takes 1 at most");
        }
        if matches!(model, Model::Claude(major, _) if major >= 4)
            && self.inference.temperature.is_some()
            && self.inference.top_p.take().is_some()
        {
            losses.harmless("top_p", "Claude takes temperature or top_p, not both");
        }
    }

    fn drop_sampling(&mut self, why: &str, losses: &mut Losses) {
        if self.inference.temperature.take().is_some_and(|temperature| temperature != 1.0) {
            losses.harmless("temperature", why);
        }
        if self.inference.top_p.take().is_some_and(|top_p| top_p != 1.0) {
            losses.harmless("top_p", why);
        }
    }
}

fn claude_effort(effort: Effort, model: Model) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::ExtraHigh if matches!(model, Model::Claude(major, minor) if (major, minor) >= (4, 7)) => "xhigh",
        Effort::High | Effort::ExtraHigh => "high",
        Effort::Max => "max",
    }
}

fn three_words(effort: Option<Effort>) -> &'static str {
    match effort {
        Some(Effort::None | Effort::Minimal | Effort::Low) => "low",
        None | Some(Effort::Medium) => "medium",
        Some(_) => "high",
    }
}
