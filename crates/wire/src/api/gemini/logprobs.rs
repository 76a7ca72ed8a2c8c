//! Probabilities of tokens: `logprobsResult` and OpenAI's `logprobs`.

use serde::{Deserialize, Serialize};

use crate::chat::Json;

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Result {
    top_candidates: Vec<Top>,
    chosen_candidates: Vec<Chosen>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Top {
    candidates: Vec<Chosen>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Chosen {
    token: String,
    log_probability: f64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Openai {
    content: Option<Vec<Token>>,
    refusal: Option<Vec<Token>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Token {
    token: String,
    logprob: f64,
    bytes: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<Vec<Token>>,
}

impl Chosen {
    fn token(self, top_logprobs: Option<Vec<Token>>) -> Token {
        let bytes = Some(self.token.clone().into_bytes());
        Token { token: self.token, logprob: self.log_probability, bytes, top_logprobs }
    }
}

/// In OpenAI's shape; none where nothing is said.
pub(super) fn read(result: &Json) -> Option<Json> {
    let Result { top_candidates, chosen_candidates } = result.read().ok()?;
    if chosen_candidates.is_empty() {
        return None;
    }
    let mut tops = top_candidates.into_iter();
    let content = chosen_candidates.into_iter().map(|chosen| {
        let top = tops.next().unwrap_or_default().candidates;
        chosen.token(Some(top.into_iter().map(|candidate| candidate.token(None)).collect()))
    });
    Some(Json::of(&Openai { content: Some(content.collect()), refusal: None }))
}

/// In Gemini's shape; none where nothing is said.
pub(super) fn write(logprobs: &Json) -> Option<Json> {
    let Openai { content, .. } = logprobs.read().ok()?;
    let chosen = |token: &Token| Chosen { token: token.token.clone(), log_probability: token.logprob };
    let content = content.filter(|content| !content.is_empty())?;
    let top = |token: &Token| Top { candidates: token.top_logprobs.iter().flatten().map(chosen).collect() };
    Some(Json::of(&Result {
        top_candidates: content.iter().map(top).collect(),
        chosen_candidates: content.iter().map(chosen).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_go_both_ways() {
        let gemini = r#"{"topCandidates":[{"candidates":[{"token":"Hé","logProbability":-0.1},{"token":"Yo","logProbability":-2.5}]}],"chosenCandidates":[{"token":"Hé","logProbability":-0.1}]}"#;
        let openai = read(&Json::parse(gemini).expect("JSON")).expect("probabilities");
        insta::assert_snapshot!(openai.as_str(), @r#"{"content":[{"token":"Hé","logprob":-0.1,"bytes":[72,195,169],"top_logprobs":[{"token":"Hé","logprob":-0.1,"bytes":[72,195,169]},{"token":"Yo","logprob":-2.5,"bytes":[89,111]}]}],"refusal":null}"#);
        assert_eq!(write(&openai).expect("probabilities").as_str(), gemini);
    }
}
