use super::*;
use crate::api::Quirks;

fn ask(front: Front, api: Api, body: &str, model: &str) -> Translated {
    request(front, api, body.as_bytes(), Target { model, quirks: &Quirks::default() }).expect("a question")
}

fn refused(front: Front, api: Api, body: &str, model: &str) -> String {
    let refused = request(front, api, body.as_bytes(), Target { model, quirks: &Quirks::default() });
    refused.expect_err("no question").field.unwrap_or_default()
}

fn sent(asked: &Translated) -> String {
    let path = asked.path.as_deref().unwrap_or("embeddings");
    format!("{path} {}", String::from_utf8_lossy(&asked.body))
}

fn told(asked: &Translated, answer: &str) -> (String, Observed) {
    let (body, observed) = asked.retelling.answer(answer.as_bytes()).expect("an answer");
    (String::from_utf8(body).expect("text"), observed)
}

const TWO: &str = r#"{"model":"x","input":["a","b"],"dimensions":256,"encoding_format":"float"}"#;

#[test]
fn openais_question_goes_out_in_each_providers_words() {
    let ask = |api, model| sent(&ask(Front::Openai, api, TWO, model));
    insta::assert_snapshot!(ask(Api::Gemini, "gemini-embedding-001"), @r#"v1beta/models/gemini-embedding-001:batchEmbedContents {"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"a"}]},"outputDimensionality":256},{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"b"}]},"outputDimensionality":256}]}"#);
    insta::assert_snapshot!(ask(Api::Vertex, "google/text-embedding-005"), @r#"publishers/google/models/text-embedding-005:predict {"instances":[{"content":"a"},{"content":"b"}],"parameters":{"outputDimensionality":256}}"#);
    insta::assert_snapshot!(ask(Api::Cohere, "embed-v4.0"), @r#"v2/embed {"model":"embed-v4.0","texts":["a","b"],"input_type":"search_document","embedding_types":["float"],"output_dimension":256}"#);
    insta::assert_snapshot!(ask(Api::Ollama, "nomic"), @r#"api/embed {"model":"nomic","input":["a","b"],"dimensions":256}"#);
    insta::assert_snapshot!(ask(Api::Bedrock, "us.cohere.embed-v4:0"), @r#"model/us.cohere.embed-v4%3A0/invoke {"texts":["a","b"],"input_type":"search_document","embedding_types":["float"],"output_dimension":256}"#);
}

#[test]
fn a_model_that_takes_one_text_gets_one() {
    let one = r#"{"input":"a","dimensions":256}"#;
    let ask = |api, model| sent(&ask(Front::Openai, api, one, model));
    insta::assert_snapshot!(ask(Api::Bedrock, "amazon.titan-embed-text-v2:0"), @r#"model/amazon.titan-embed-text-v2%3A0/invoke {"inputText":"a","dimensions":256}"#);
    insta::assert_snapshot!(ask(Api::Vertex, "gemini-embedding-2"), @r#"publishers/google/models/gemini-embedding-2:embedContent {"content":{"parts":[{"text":"a"}]},"outputDimensionality":256}"#);
    assert_eq!(refused(Front::Openai, Api::Bedrock, TWO, "amazon.titan-embed-text-v2:0"), "input");
    assert_eq!(refused(Front::Openai, Api::Vertex, TWO, "gemini-embedding-2"), "input");
    assert_eq!(refused(Front::Openai, Api::Bedrock, TWO, "amazon.nova-2-multimodal-embeddings-v1:0"), "model");
}

#[test]
fn geminis_question_goes_out_in_openais_words() {
    let single = r#"{"content":{"parts":[{"text":"a"},{"text":"b"}]},"task_type":"RETRIEVAL_QUERY","title":"t"}"#;
    let asked = ask(Front::Gemini { batch: false }, Api::Openai, single, "e");
    insta::assert_snapshot!(sent(&asked), @r#"embeddings {"model":"e","input":["ab"],"encoding_format":"float"}"#);
    assert_eq!(asked.losses.fields(), "title, taskType");
    let batch = r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":8},
        {"content":{"parts":{"text":"b"}},"taskType":"RETRIEVAL_QUERY","embedContentConfig":{"outputDimensionality":8}}]}"#;
    insta::assert_snapshot!(sent(&ask(Front::Gemini { batch: true }, Api::Cohere, batch, "e")), @r#"v2/embed {"model":"e","texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"output_dimension":8}"#);
}

#[test]
fn what_cannot_be_asked_is_named() {
    let openai = |body| refused(Front::Openai, Api::Cohere, body, "m");
    assert_eq!(openai(r#"{"input":[[1,2]]}"#), "input");
    assert_eq!(openai(r#"{"input":[1,2]}"#), "input");
    assert_eq!(openai(r#"{"input":[]}"#), "input");
    assert_eq!(openai(r#"{"model":"m"}"#), "input");
    assert_eq!(openai(r#"{"input":"a","encoding_format":"int8"}"#), "encoding_format");
    let gemini = |body| refused(Front::Gemini { batch: true }, Api::Openai, body, "m");
    let picture = r#"{"requests":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"aA=="}}]}}]}"#;
    assert_eq!(gemini(picture), "requests[0].content.parts[0]");
    assert_eq!(gemini(r#"{"requests":[{}]}"#), "requests[0].content");
    assert_eq!(gemini(r#"{"requests":[]}"#), "requests");
    let lengths = r#"{"requests":[{"content":{"parts":[{"text":"a"}]},"outputDimensionality":8},{"content":{"parts":[{"text":"b"}]}}]}"#;
    assert_eq!(gemini(lengths), "requests[].outputDimensionality");
}

#[test]
fn providers_answers_come_back_in_openais_words() {
    let asked = ask(Front::Openai, Api::Gemini, TWO, "e");
    let gemini = r#"{"embeddings":[{"values":[0.5,-1e-05]},{"values":[1,2]}],"usageMetadata":{"promptTokenCount":3}}"#;
    let (body, observed) = told(&asked, gemini);
    insta::assert_snapshot!(body, @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-05]},{"object":"embedding","index":1,"embedding":[1,2]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}"#);
    assert_eq!((observed.usage.map(|usage| usage.input), observed.estimated), (Some(3), false));
    let (body, observed) = told(&asked, r#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#);
    assert!(observed.estimated && body.contains(r#""prompt_tokens":2"#), "{body}");
    assert!(asked.retelling.answer(br#"{"embeddings":[{"values":[1]}]}"#).is_err(), "one vector for two texts");

    let packed = r#"{"input":"a","encoding_format":"base64"}"#;
    for (api, answer) in [
        (
            Api::Vertex,
            r#"{"predictions":[{"embeddings":{"values":[1.0],"statistics":{"token_count":7}}}],"metadata":{"billableCharacterCount":9}}"#,
        ),
        (Api::Cohere, r#"{"embeddings":{"float":[[1.0]]},"meta":{"billed_units":{"input_tokens":7}}}"#),
        (Api::Cohere, r#"{"embeddings":[[1.0]],"meta":{"billed_units":{"input_tokens":7}}}"#),
        (Api::Ollama, r#"{"model":"m","embeddings":[[1.0]],"prompt_eval_count":7}"#),
        (Api::Bedrock, r#"{"embedding":[1.0],"inputTextTokenCount":7}"#),
    ] {
        let (body, observed) = told(&ask(Front::Openai, api, packed, "amazon.titan-embed-text-v1"), answer);
        assert!(body.contains(r#""embedding":"AACAPw==""#) && body.contains(r#""prompt_tokens":7"#), "{body}");
        let usage = observed.usage.expect("usage");
        assert_eq!(
            (usage.input, usage.characters, observed.estimated),
            (7, if api == Api::Vertex { 9 } else { 0 }, false)
        );
    }
}

#[test]
fn providers_answers_come_back_in_geminis_words() {
    let text = r#"{"content":{"parts":[{"text":"a"}]}}"#;
    let single = ask(Front::Gemini { batch: false }, Api::Openai, text, "e");
    let answer = r#"{"data":[{"index":0,"embedding":[0.5,-1e-05]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    insta::assert_snapshot!(told(&single, answer).0, @r#"{"embedding":{"values":[0.5,-1e-05]},"usageMetadata":{"promptTokenCount":2}}"#);
    let texts = format!(r#"{{"requests":[{text},{text}]}}"#);
    let batch = ask(Front::Gemini { batch: true }, Api::Openai, &texts, "e");
    let answer = r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}"#;
    insta::assert_snapshot!(told(&batch, answer).0, @r#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#);
    let strings = br#"{"data":[{"embedding":"AACAPw=="},{"embedding":"AACAPw=="}]}"#;
    assert!(batch.retelling.answer(strings).is_err());
}

#[test]
fn a_providers_own_names_are_used() {
    let voyage = &crate::providers::find("voyage").expect("a provider").embeddings;
    let target = Target { model: "voyage-4", quirks: &voyage.quirks };
    let gemini = br#"{"content":{"parts":[{"text":"a"}]},"outputDimensionality":256}"#;
    let asked = request(Front::Gemini { batch: false }, voyage.api, gemini, target).expect("a question");
    insta::assert_snapshot!(sent(&asked), @r#"embeddings {"model":"voyage-4","input":["a"],"output_dimension":256}"#);
    let openai = bytes::Bytes::from_static(br#"{"input":"a","dimensions":256,"encoding_format":"base64","user":"u"}"#);
    let edits = adapt(&openai, target);
    assert_eq!(splice(&openai, &edits.edits), r#"{"input":"a","output_dimension":256,"encoding_format":"base64"}"#);
}
