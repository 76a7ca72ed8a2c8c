//! Embeddings: `:embedContent` and `:batchEmbedContents`, and OpenAI's `/v1/embeddings`. Numbers pass as they were written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::fields::{Fields, list};
use super::part::{self, Piece};
use crate::chat::{Json, Losses, Refused};

/// OpenAI's question.
#[derive(Debug, Default, Deserialize)]
struct OpenaiRequest {
    input: Option<Json>,
    dimensions: Option<u64>,
    encoding_format: Option<String>,
}

/// How a caller of OpenAI's API wants the numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A list of numbers.
    #[default]
    Float,
    /// Base64 of little-endian 32-bit floats.
    Base64,
}

/// Writes `:batchEmbedContents` for a question in OpenAI's words.
///
/// # Errors
/// When it is no such question, or its input is tokens instead of text.
pub fn request_from_openai(body: &[u8], model: &str) -> Result<(Vec<u8>, Encoding), Refused> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct One {
        model: String,
        content: Content,
        #[serde(skip_serializing_if = "Option::is_none")]
        output_dimensionality: Option<u64>,
    }
    #[derive(Serialize)]
    struct Content {
        parts: [Text; 1],
    }
    #[derive(Serialize)]
    struct Text {
        text: String,
    }
    #[derive(Serialize)]
    struct Batch {
        requests: Vec<One>,
    }
    let request: OpenaiRequest = serde_json::from_slice(body)?;
    let input = request.input.ok_or_else(|| Refused::field("input", "input is missing: a text or a list of texts."))?;
    let texts: Result<Vec<String>, _> = list(&input, "input")?.iter().map(Json::read).collect();
    let texts = texts
        .map_err(|_| Refused::field("input", "Gemini embeds texts: send a text or a list of texts, not tokens."))?;
    let encoding = match request.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => return Err(Refused::field("encoding_format", "The encoding is float or base64.")),
    };
    let one = |text| One {
        model: format!("models/{model}"),
        content: Content { parts: [Text { text }] },
        output_dimensionality: request.dimensions,
    };
    let batch = Batch { requests: texts.into_iter().map(one).collect() };
    Ok((serde_json::to_vec(&batch)?, encoding))
}

/// Writes OpenAI's question for one in Gemini's words, and what of it is lost.
///
/// # Errors
/// When it is no such question, holds more than text, or wants vectors of different lengths at once.
pub fn request_to_openai(body: &[u8], model: &str) -> Result<(Vec<u8>, Losses), Refused> {
    #[derive(Serialize)]
    struct Question<'a> {
        model: &'a str,
        input: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<u64>,
        encoding_format: &'static str,
    }
    let mut fields: Fields = serde_json::from_slice(body)?;
    let requests: Option<Vec<Fields>> = fields.take("requests", "")?;
    let (mut input, mut lengths, mut losses) = (Vec::new(), Vec::new(), Losses::default());
    for (i, mut request) in requests.unwrap_or_else(|| vec![fields]).into_iter().enumerate() {
        let at = format!("requests[{i}]");
        input.push(text_of(&mut request, &at)?);
        let config = request.get::<Fields>("embedContentConfig");
        let length = request.take("outputDimensionality", &at)?;
        lengths.push(length.or_else(|| config?.get("outputDimensionality")));
        for lost in ["taskType", "title"] {
            if request.has(lost) {
                losses.harmless(lost, "OpenAI's embeddings have no counterpart");
            }
        }
    }
    lengths.dedup();
    if lengths.len() > 1 {
        let message = "All texts of one request get vectors of one length here.";
        return Err(Refused::field("requests[].outputDimensionality", message));
    }
    let dimensions = lengths.pop().flatten();
    Ok((serde_json::to_vec(&Question { model, input, dimensions, encoding_format: "float" })?, losses))
}

fn text_of(request: &mut Fields, at: &str) -> Result<String, Refused> {
    let at = format!("{at}.content");
    let Some(content) = request.raw("content") else {
        return Err(Refused::field(at, "content is missing: the parts to embed."));
    };
    let parts = Fields::of(&content, &at)?.raw("parts").map(|parts| list(&parts, &at)).transpose()?.unwrap_or_default();
    let mut out = String::new();
    for (i, json) in parts.iter().enumerate() {
        let at = format!("{at}.parts[{i}]");
        match part::read(json, &at)? {
            (Piece::Text { text, .. }, _) => out.push_str(&text),
            _ => return Err(Refused::field(at, "This model embeds text only.")),
        }
    }
    Ok(out)
}

#[derive(Serialize)]
struct OpenaiAnswer<'a> {
    object: &'static str,
    data: Vec<OpenaiVector>,
    model: &'a str,
    usage: OpenaiUsage,
}

#[derive(Serialize)]
struct OpenaiVector {
    object: &'static str,
    index: usize,
    embedding: Json,
}

#[derive(Serialize)]
struct OpenaiUsage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// Writes OpenAI's answer for one of Gemini's. Where it does not say what was consumed, `estimate` tokens were.
///
/// # Errors
/// When it is no such answer.
pub fn answer_to_openai(body: &[u8], model: &str, encoding: Encoding, estimate: u64) -> Result<Vec<u8>, Refused> {
    let mut fields: Fields = serde_json::from_slice(body)?;
    let single = fields.raw("embedding").map(|one| vec![one]);
    let vectors = single.or_else(|| fields.get("embeddings"));
    let vectors: Vec<Json> = vectors.ok_or_else(|| Refused::field("embeddings", "The answer has no embeddings."))?;
    let mut data = Vec::with_capacity(vectors.len());
    for (index, vector) in vectors.iter().enumerate() {
        let values = Fields::lenient(vector).raw("values");
        let values = values.ok_or_else(|| Refused::field("embeddings[].values", "An embedding has no values."))?;
        let embedding = if encoding == Encoding::Base64 { base64_of(&values)? } else { values };
        data.push(OpenaiVector { object: "embedding", index, embedding });
    }
    let counted = fields.get::<Fields>("usageMetadata").and_then(|mut usage| usage.get("promptTokenCount"));
    let tokens = counted.unwrap_or(estimate);
    let usage = OpenaiUsage { prompt_tokens: tokens, total_tokens: tokens };
    Ok(serde_json::to_vec(&OpenaiAnswer { object: "list", data, model, usage })?)
}

fn base64_of(values: &Json) -> Result<Json, Refused> {
    let values: Vec<f32> = values.read()?;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Ok(Json::of(&STANDARD.encode(bytes)))
}

/// Writes Gemini's answer for one of OpenAI's: that of `:batchEmbedContents` for a `batch`, else that of `:embedContent`.
///
/// # Errors
/// When it is no such answer.
pub fn answer_from_openai(body: &[u8], batch: bool) -> Result<Vec<u8>, Refused> {
    #[derive(Serialize)]
    struct Vector {
        values: Json,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Usage {
        prompt_token_count: u64,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        embeddings: Vec<Vector>,
        #[serde(skip_serializing_if = "Option::is_none")]
        embedding: Option<Vector>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage_metadata: Option<Usage>,
    }
    let mut fields: Fields = serde_json::from_slice(body)?;
    let data: Option<Vec<Fields>> = fields.get("data");
    let data = data.ok_or_else(|| Refused::field("data", "The answer has no embeddings."))?;
    let mut numbered: Vec<(usize, Vector)> = Vec::with_capacity(data.len());
    for (place, mut vector) in data.into_iter().enumerate() {
        let values = vector.raw("embedding");
        let values = values.ok_or_else(|| Refused::field("data[].embedding", "An entry has no embedding."))?;
        numbered.push((vector.get("index").unwrap_or(place), Vector { values }));
    }
    numbered.sort_by_key(|(index, _)| *index);
    let mut embeddings: Vec<Vector> = numbered.into_iter().map(|(_, vector)| vector).collect();
    let embedding = if batch || embeddings.is_empty() { None } else { Some(embeddings.swap_remove(0)) };
    if !batch {
        embeddings.clear();
    }
    // The names were turned into camel case on the way in.
    let tokens = fields.get::<Fields>("usage").and_then(|mut usage| usage.get("promptTokens"));
    let usage_metadata = tokens.map(|prompt_token_count| Usage { prompt_token_count });
    Ok(serde_json::to_vec(&Answer { embeddings, embedding, usage_metadata })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn questions_go_both_ways() {
        let openai = br#"{"model":"x","input":["a","b"],"dimensions":256,"encoding_format":"base64"}"#;
        let (gemini, encoding) = request_from_openai(openai, "gemini-embedding-001").expect("a question");
        assert_eq!(encoding, Encoding::Base64);
        insta::assert_snapshot!(text(gemini.clone()), @r#"{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":256},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"outputDimensionality":256}]}"#);
        let (back, losses) = request_to_openai(&gemini, "e").expect("a question");
        assert!(losses.all().is_empty());
        insta::assert_snapshot!(text(back), @r#"{"model":"e","input":["a","b"],"dimensions":256,"encoding_format":"float"}"#);
        let single = br#"{"content":{"parts":[{"text":"a"}]},"task_type":"RETRIEVAL_QUERY"}"#;
        let (one, losses) = request_to_openai(single, "e").expect("a question");
        assert_eq!(
            (text(one), losses.fields()),
            (r#"{"model":"e","input":["a"],"encoding_format":"float"}"#.into(), "taskType".into())
        );
    }

    #[test]
    fn tokens_and_pictures_are_refused() {
        let field = |refused: Refused| refused.field.unwrap_or_default();
        assert_eq!(field(request_from_openai(br#"{"input":[[1,2]]}"#, "m").expect_err("tokens")), "input");
        let picture = br#"{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"aA=="}}]}}"#;
        assert_eq!(field(request_to_openai(picture, "m").expect_err("a picture")), "requests[0].content.parts[0]");
    }

    #[test]
    fn answers_go_both_ways() {
        let gemini =
            br#"{"embeddings":[{"values":[0.5,-1e-05]},{"values":[1,2]}],"usageMetadata":{"promptTokenCount":3}}"#;
        let openai = answer_to_openai(gemini, "e", Encoding::Float, 9).expect("an answer");
        insta::assert_snapshot!(text(openai.clone()), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-05]},{"object":"embedding","index":1,"embedding":[1,2]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}"#);
        assert_eq!(answer_from_openai(&openai, true).expect("an answer"), gemini);
        let single = br#"{"embedding":{"values":[1.0]}}"#;
        let packed = text(answer_to_openai(single, "e", Encoding::Base64, 9).expect("an answer"));
        assert!(packed.contains(r#""embedding":"AACAPw==""#) && packed.contains(r#""prompt_tokens":9"#), "{packed}");
    }
}
