use super::*;

const COHERE: &str = r#"{"model":"x","query":"q","documents":["a","b"],"top_n":1}"#;
const JINA: &str = r#"{"model":"x","query":"q","documents":["a",{"text":"b","id":7}],"return_documents":true}"#;

fn ask(api: Api, body: &str) -> Translated {
    request(api, body.as_bytes(), "m", "rank-1").expect("a question")
}

fn sent(api: Api, body: &str) -> String {
    String::from_utf8(ask(api, body).body).expect("text")
}

#[test]
fn a_question_passes_where_the_words_are_the_same() {
    for (body, jina, cohere) in [
        (COHERE, true, true),
        (JINA, true, false),
        (r#"{"query":"q","documents":["a"],"max_tokens_per_doc":9}"#, false, true),
        (r#"{"query":"q","documents":[{"text":"a"}]}"#, true, false),
        (r#"{"query":"q","documents":[ "a" , ["b"]]}"#, true, false),
        (r#"{"query":"q","documents":"a"}"#, true, false),
        (r#"{"query":"q","documents": [ "a", "\"" ] }"#, true, true),
        (r#"{"query":"q","documents":["a"],"top_k":9}"#, false, false),
    ] {
        let takes = |api: Api| api.takes(body.as_bytes());
        assert_eq!((takes(Api::Jina), takes(Api::Cohere), takes(Api::Voyage)), (jina, cohere, false), "{body}");
    }
}

#[test]
fn a_question_goes_out_in_each_providers_words() {
    assert_eq!(
        sent(Api::Voyage, COHERE),
        r#"{"model":"m","query":"q","documents":["a","b"],"top_k":1,"return_documents":false}"#
    );
    assert_eq!(
        sent(Api::Fireworks, COHERE),
        r#"{"model":"m","query":"q","documents":["a","b"],"top_n":1,"return_documents":false}"#
    );
    assert_eq!(sent(Api::Cohere, JINA), r#"{"model":"m","query":"q","documents":["a","b"]}"#);
    let odd = r#"{"query":"q","documents":["a"],"top_k":2,"max_tokens_per_doc":9,"truncation":true,"rank_fields":[]}"#;
    let asked = ask(Api::Jina, odd);
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        r#"{"model":"m","query":"q","documents":["a"],"top_n":2,"return_documents":false}"#
    );
    assert_eq!(asked.losses.fields(), "rank_fields, max_tokens_per_doc, truncation");
}

#[test]
fn what_is_no_question_is_refused() {
    for body in [
        r#"{"query":"q"}"#,
        r#"{"documents":["a"]}"#,
        r#"{"query":"q","documents":[]}"#,
        r#"{"query":"q","documents":[1]}"#,
    ] {
        assert!(request(Api::Voyage, body.as_bytes(), "m", "i").is_err(), "{body}");
    }
}

#[test]
fn an_answer_serves_cohere_and_jina_at_once() {
    let voyage = br#"{"object":"list","data":[{"relevance_score":0.5,"index":1},{"relevance_score":-1e-5,"index":0}],"model":"m","usage":{"total_tokens":43}}"#;
    let (body, observed) = ask(Api::Voyage, JINA).retelling.answer(voyage).expect("an answer");
    assert_eq!(
        String::from_utf8_lossy(&body),
        r#"{"id":"rank-1","object":"list","model":"m","results":[{"index":1,"relevance_score":0.5,"document":{"text":"b"}},{"index":0,"relevance_score":-1e-5,"document":{"text":"a"}}],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":43}},"usage":{"total_tokens":43}}"#
    );
    assert_eq!((observed.usage.map(|usage| usage.input), observed.estimated), (Some(43), false));
    let cohere =
        br#"{"id":"c","results":[{"index":0,"relevance_score":1}],"meta":{"billed_units":{"search_units":2}}}"#;
    let (body, observed) = ask(Api::Cohere, COHERE).retelling.answer(cohere).expect("an answer");
    assert!(String::from_utf8_lossy(&body).contains(r#""billed_units":{"search_units":2}"#));
    assert_eq!(observed.usage.map(|usage| (usage.searches, usage.input)), Some((2, 0)));
    let silent = br#"{"results":[{"index":0,"relevance_score":1}]}"#;
    assert!(ask(Api::Jina, COHERE).retelling.answer(silent).expect("an answer").1.estimated);
    for wrong in [&br#"{"results":[{"index":2,"relevance_score":1}]}"#[..], b"{}", br#"{"results":[{"index":0}]}"#] {
        assert!(ask(Api::Cohere, COHERE).retelling.answer(wrong).is_err());
    }
}
