use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn body(dialect: Dialect, body: serde_json::Value) -> Observed {
    from_body(dialect, body.to_string().as_bytes())
}

fn openai_usage(usage: serde_json::Value) -> Usage {
    body(Dialect::Openai, json!({ "model": "m", "usage": usage })).usage.expect("usage")
}

fn watched(dialect: Dialect, stream: &str) -> Observed {
    let mut watch = StreamWatch::new(dialect);
    stream.as_bytes().chunks(7).for_each(|chunk| watch.push(chunk));
    watch.finish()
}

#[test]
fn openai_counts_include_their_kinds() {
    let usage = openai_usage(json!({
        "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
        "prompt_tokens_details": { "cached_tokens": 60, "cache_write_tokens": 10, "audio_tokens": 5 },
        "completion_tokens_details": { "reasoning_tokens": 30, "audio_tokens": 2 }
    }));
    let wanted = Usage {
        input: 100,
        output: 50,
        cached_input: 60,
        cache_write: 10,
        cache_write_1h: 0,
        reasoning: 30,
        audio_input: 5,
        audio_output: 2,
        ..Usage::default()
    };
    assert_eq!(usage, wanted);
}

#[test]
fn reasoning_outside_of_the_completion_shows_in_the_total() {
    let xai = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45, "cost_in_usd_ticks": 12_345_678,
        "completion_tokens_details": { "reasoning_tokens": 30 } });
    assert_eq!(openai_usage(xai.clone()).output, 35);
    let observed = body(Dialect::Openai, json!({ "usage": xai }));
    assert_eq!(observed.charged, Some(Nanos(1_234_568)));
    let inside = json!({ "prompt_tokens": 10, "completion_tokens": 35, "total_tokens": 45,
        "completion_tokens_details": { "reasoning_tokens": 30 } });
    assert_eq!(openai_usage(inside).output, 35);
    let perplexity =
        json!({ "prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196, "reasoning_tokens": 73997 });
    assert_eq!(openai_usage(perplexity).output, 7163 + 73997);
}

#[test]
fn cached_tokens_are_found_under_every_name() {
    for more in [
        json!({ "prompt_cache_hit_tokens": 7, "prompt_cache_miss_tokens": 3 }),
        json!({ "num_cached_tokens": 7 }),
        json!({ "cached_tokens": 7, "prompt_tokens_details": null }),
        json!({ "prompt_tokens_details": { "cached_tokens": 7.0 } }),
    ] {
        let mut usage = json!({ "prompt_tokens": 10, "completion_tokens": 1 });
        usage.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        assert_eq!((openai_usage(usage.clone()).input, openai_usage(usage).cached_input), (10, 7));
    }
}

#[test]
fn charges_are_read_without_a_float() {
    for (cost, nanos) in [
        (json!(0.000_123_456_7), 123_457),
        (json!(1.5e-7), 150),
        (json!(0), 0),
        (json!(2), 2_000_000_000),
        (json!({ "total_cost": 0.006, "request_cost": 0.005 }), 6_000_000),
    ] {
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "cost": cost });
        assert_eq!(body(Dialect::Openai, json!({ "usage": usage })).charged, Some(Nanos(nanos)), "{cost}");
    }
    for odd in [json!("1"), json!(-1), json!(null), json!([]), json!(1e90)] {
        let usage = json!({ "prompt_tokens": 1, "completion_tokens": 1, "cost": odd });
        assert_eq!(body(Dialect::Openai, json!({ "usage": usage })).charged, None, "{odd}");
    }
}

#[test]
fn a_call_with_the_customers_own_key_costs_what_both_take() {
    let usage = |upstream: serde_json::Value| {
        json!({ "prompt_tokens": 1, "completion_tokens": 1, "input_tokens": 1, "cost": 0.001, "is_byok": true,
            "cost_details": { "upstream_inference_cost": upstream } })
    };
    for dialect in [Dialect::Openai, Dialect::Anthropic] {
        let charged = |upstream| body(dialect, json!({ "usage": usage(upstream) })).charged;
        assert_eq!(charged(json!(0.00417)), Some(Nanos(5_170_000)));
        assert_eq!(charged(json!(null)), None);
    }
}

#[test]
fn an_error_after_the_last_count_does_not_lose_it() {
    let stream = "data: {\"modelVersion\":\"g\"}\n\ndata: {\"usageMetadata\":{\"promptTokenCount\":5}}\n\ndata: {\"error\":{\"code\":500}}\n\n";
    let observed = watched(Dialect::Gemini, stream);
    assert_eq!((observed.usage.map(|usage| usage.input), observed.error), (Some(5), true));
}

#[test]
fn oddities_spoil_only_themselves() {
    let observed = body(
        Dialect::Openai,
        json!({ "model": 7, "x_groq": "x", "usage": {
            "prompt_tokens": 12.0, "completion_tokens": -3, "total_tokens": [1, {}], "prompt_tokens_details": []
        }}),
    );
    assert_eq!(observed.usage, Some(Usage { input: 12, ..Usage::default() }));
    let heard = body(Dialect::Openai, json!({ "usage": { "seconds": 3, "type": "duration" } })).usage;
    assert_eq!(heard, Some(Usage { audio_seconds: 3, ..Usage::default() }));
    assert_eq!(
        body(Dialect::Openai, json!({ "usage": { "total_tokens": 9 } })).usage.map(|usage| usage.input),
        Some(9)
    );
    assert_eq!(from_body(Dialect::Openai, b"<html>"), Observed::default());
    assert_eq!(from_body(Dialect::Openai, b"{\"usage\":{\"prompt_tokens\":1"), Observed::default());
}

#[test]
fn anthropic_cache_tokens_are_added_once_and_split_by_lifetime() {
    let observed = body(
        Dialect::Anthropic,
        json!({ "type": "message", "model": "claude", "usage": {
            "input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 150,
            "cache_creation": { "ephemeral_5m_input_tokens": 50, "ephemeral_1h_input_tokens": 100 },
            "output_tokens_details": { "thinking_tokens": 5 }
        }}),
    );
    let wanted = Usage {
        input: 460,
        output: 20,
        cached_input: 300,
        cache_write: 50,
        cache_write_1h: 100,
        reasoning: 5,
        ..Usage::default()
    };
    assert_eq!(observed.usage, Some(wanted));
    assert_eq!((observed.model.as_deref(), observed.finished), (Some("claude"), true));
}

const ANTHROPIC: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude\",\"usage\":\
{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":8,\"cache_creation\":\
{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":8},\"output_tokens\":1}}}\n\n\
event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"\\\"usage\\\"\"}}\n\n\
event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":\
{\"input_tokens\":12,\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":8,\"output_tokens\":20}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[test]
fn a_message_delta_replaces_what_message_start_said() {
    for dialect in Dialect::ALL {
        let observed = watched(dialect, ANTHROPIC);
        let wanted = Usage { input: 25, output: 20, cached_input: 5, cache_write_1h: 8, ..Usage::default() };
        assert_eq!(observed.usage, Some(wanted));
        assert!(observed.finished && !observed.error);
    }
    let (cut, _) = ANTHROPIC.split_once("event: message_delta").expect("a delta");
    let observed = watched(Dialect::Anthropic, cut);
    assert_eq!(observed.usage.map(|usage| (usage.input, usage.output)), Some((23, 1)));
    assert!(!observed.finished);
}

#[test]
fn a_compaction_is_billed_with_the_rest_and_an_advisor_is_not() {
    let usage = json!({ "input_tokens": 682, "output_tokens": 1320, "iterations": [
        { "type": "compaction", "input_tokens": 60385, "output_tokens": 592 },
        { "type": "message", "input_tokens": 682, "output_tokens": 1320 },
        { "type": "advisor_message", "model": "other", "input_tokens": 99, "output_tokens": 99 }
    ]});
    let usage = body(Dialect::Anthropic, json!({ "usage": usage })).usage.expect("usage");
    assert_eq!((usage.input, usage.output), (682 + 60385, 1320 + 592));
}

#[test]
fn gemini_thoughts_and_tool_prompts_are_added() {
    let metadata = json!({ "promptTokenCount": 100, "cachedContentTokenCount": 40, "candidatesTokenCount": 10,
        "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 7, "totalTokenCount": 147,
        "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 80 }, { "modality": "AUDIO", "tokenCount": 20 }] });
    let answer =
        json!({ "usageMetadata": metadata, "modelVersion": "gemini-x", "candidates": [{ "finishReason": "STOP" }] });
    let wanted = Usage { input: 107, output: 40, cached_input: 40, reasoning: 30, audio_input: 20, ..Usage::default() };
    let observed = body(Dialect::Gemini, answer.clone());
    assert_eq!((observed.usage, observed.model.as_deref()), (Some(wanted), Some("gemini-x")));
    let earlier = json!({ "usageMetadata": { "promptTokenCount": 100, "candidatesTokenCount": 500 }, "modelVersion": "gemini-x" });
    assert_eq!(body(Dialect::Gemini, json!([earlier, answer])).usage, Some(wanted));
    let stream = format!("data: {earlier}\r\n\r\ndata: {answer}\r\n\r\n");
    let observed = watched(Dialect::Gemini, &stream);
    assert_eq!((observed.usage, observed.finished, observed.error), (Some(wanted), true, false));
}

#[test]
fn a_provider_that_serves_another_api_is_recognised() {
    let chat = json!({ "object": "chat.completion", "choices": [], "model": "gemini", "usage": { "prompt_tokens": 3, "completion_tokens": 4 } });
    assert_eq!(body(Dialect::Gemini, chat.clone()).usage.map(|usage| usage.output), Some(4));
    assert_eq!(body(Dialect::Anthropic, chat.clone()).usage.map(|usage| usage.output), Some(4));
    let stream = format!("data: {chat}\n\ndata: [DONE]\n\n");
    assert!(watched(Dialect::Gemini, &stream).usage.is_some_and(|usage| usage.input == 3));
    let claude =
        json!({ "type": "message", "usage": { "input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 4 } });
    assert_eq!(body(Dialect::Openai, claude).usage.map(|usage| usage.input), Some(5));
}

#[test]
fn errors_inside_an_answer_are_noticed() {
    for (dialect, stream) in [
        (Dialect::Openai, "data: {\"error\":{\"message\":\"no\"}}\n\n"),
        (Dialect::Openai, "event: error\ndata: {}\n\n"),
        (
            Dialect::Openai,
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\"},\"usage\":null}}\n\n",
        ),
        (Dialect::Anthropic, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n"),
        (Dialect::Gemini, "data: {\"error\":{\"code\":503}}\n\n"),
    ] {
        assert!(watched(dialect, stream).error, "{stream}");
    }
    let talk = "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\": 1\"}}]}\n\n";
    assert!(!watched(Dialect::Openai, talk).error);
}

#[test]
fn a_stream_is_finished_when_it_says_so() {
    assert!(watched(Dialect::Openai, "data: [DONE]").finished);
    assert!(watched(Dialect::Openai, "data: {\"choices\":[{\"finish_reason\": \"stop\"}]}\n\n").finished);
    assert!(
        watched(
            Dialect::Openai,
            "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1}}}\n\n"
        )
        .finished
    );
    assert!(!watched(Dialect::Openai, "data: {\"choices\":[{\"finish_reason\":null}]}\n\n").finished);
    assert!(!watched(Dialect::Openai, "data: {\"choices\":[{\"delta\":{\"content\":\"[DONE]\"}}]}\n\n").finished);
}

#[test]
fn a_groq_stream_hides_its_usage() {
    let stream = "data: {\"model\":\"m\",\"choices\":[],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}}\n\n";
    assert_eq!(watched(Dialect::Openai, stream).usage, Some(Usage { input: 4, output: 2, ..Usage::default() }));
}

#[test]
fn workers_ai_has_its_usage_inside_of_a_result() {
    let run = br#"{"result":{"response":"Hi","usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}},"success":true,"errors":[],"messages":[]}"#;
    assert_eq!(from_body(Dialect::Openai, run).usage, Some(Usage { input: 4, output: 2, ..Usage::default() }));
    let inside = br#"{"result":{"model":"@cf/meta/llama","choices":[],"usage":{"prompt_tokens":4,"completion_tokens":2}},"success":true}"#;
    let seen = from_body(Dialect::Openai, inside);
    assert_eq!((seen.usage.map(|usage| usage.output), seen.model.as_deref()), (Some(2), Some("@cf/meta/llama")));
    let last = "data: {\"response\":\"\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
    let seen = watched(Dialect::Openai, last);
    assert_eq!((seen.usage.map(|usage| usage.output), seen.finished), (Some(2), true));
}

#[test]
fn what_an_answer_repeats_of_a_deep_question_hides_nothing() {
    // A question has 128 levels at most, of which its tools are the second and further ones; the event has one more.
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let event = format!(
        r#"data: {{"type":"response.completed","response":{{"tools":{deep},"output":[{{"type":"web_search_call"}}],
            "usage":{{"input_tokens":4,"output_tokens":2}}}},"output":null,"usage":null,"error":null}}"#
    )
    .replace('\n', "");
    let seen = watched(Dialect::Openai, &format!("{event}\n\n"));
    let usage = seen.usage.expect("usage");
    assert_eq!((usage.output, usage.web_searches, seen.ended, seen.error), (2, 1, true, false));
}

#[test]
fn a_list_is_whole_and_a_part_of_something_is_not() {
    for (text, whole) in
        [("[[0.5,1]]", true), (" {\"a\":[]} ", true), ("[1", false), ("{\"a\":1", false), ("{} {}", false), ("", false)]
    {
        assert_eq!(from_body(Dialect::Openai, text.as_bytes()).finished, whole, "{text}");
    }
}

fn hidden(stream: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut hide = HideUsage::new();
    let mut out = Vec::new();
    let mut start = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let cut = cut.clamp(start, stream.len());
        hide.push(Bytes::copy_from_slice(&stream[start..cut])).for_each(|bytes| out.extend_from_slice(&bytes));
        start = cut;
    }
    out.extend(hide.finish().unwrap_or_default());
    out
}

const USAGE_CHUNK: &str = "data: {\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n";

#[test]
fn only_the_chunk_with_usage_and_no_choice_is_hidden() {
    let azure = "data: {\"choices\":[],\"prompt_filter_results\":[],\"usage\":null}\r\n\r\n";
    let finish = "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    let said = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"choices\\\":[],\\\"usage\\\":{}\"}}]}\n\n";
    let stream = [azure, said, ": comment\n\n", finish, USAGE_CHUNK, "data: [DONE]\n\n"].concat();
    let wanted = stream.replace(USAGE_CHUNK, "");
    assert_eq!(String::from_utf8(hidden(stream.as_bytes(), &[])).expect("text"), wanted);
    assert_eq!(hidden(USAGE_CHUNK.trim_end().as_bytes(), &[5]), b"");
}

#[test]
fn whole_events_pass_at_once_and_without_a_copy() {
    let mut hide = HideUsage::new();
    let bytes = Bytes::from_static(b"data: {\"choices\":[{}]}\n\n");
    let out: Vec<Bytes> = hide.push(bytes.clone()).collect();
    assert_eq!((out.len(), out[0].as_ptr()), (1, bytes.as_ptr()));
    assert_eq!(hide.push(Bytes::from_static(b"data: {\"cho")).count(), 0);
    assert_eq!(hide.finish().as_deref(), Some(&b"data: {\"cho"[..]));
}

proptest! {
    #[test]
    fn what_comes_out_is_what_went_in_but_for_the_hidden_chunk(
        pieces in proptest::collection::vec(prop_oneof![
            Just("data: {\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n"),
            Just("data: {\"choices\":[]}\r\n\r\n"),
            Just(": ping\n\n"),
            Just("\n"),
            Just("event: x\r\ndata: [DONE]\r\r"),
        ], 0..12),
        place in any::<prop::sample::Index>(),
        mut cuts in proptest::collection::vec(0usize..600, 0..20),
    ) {
        cuts.sort_unstable();
        let place = place.index(pieces.len() + 1);
        // A lone CR before a chunk that begins with data ends the line all the same.
        let stream = [&pieces[..place], &[USAGE_CHUNK], &pieces[place..]].concat().concat();
        let wanted = pieces.concat();
        prop_assert_eq!(String::from_utf8(hidden(stream.as_bytes(), &cuts)).expect("text"), wanted);
    }

    #[test]
    fn a_watch_sees_the_same_in_every_chunking(cuts in proptest::collection::vec(0usize..900, 0..20)) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut watch = StreamWatch::new(Dialect::Anthropic);
        let mut start = 0;
        for cut in cuts.into_iter().chain([usize::MAX]) {
            let cut = cut.min(ANTHROPIC.len());
            watch.push(&ANTHROPIC.as_bytes()[start..cut]);
            start = cut;
        }
        prop_assert_eq!(watch.finish(), watched(Dialect::Anthropic, ANTHROPIC));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in Dialect::ALL {
            let _ = from_body(dialect, &bytes);
            let mut watch = StreamWatch::new(dialect);
            watch.push(b"data: {\"usage\":");
            watch.push(&bytes);
            let _ = watch.finish();
        }
    }
}

#[test]
fn the_last_event_is_known_wherever_the_stream_is_cut() {
    let cases = [
        (Dialect::Openai, "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n", "data: [DONE]\r\n\r\n"),
        (Dialect::Anthropic, "data: {\"type\":\"ping\"}\n\n", "data: {\"type\": \"message_stop\" }\n\n"),
    ];
    for (dialect, before, last) in cases {
        for cut in 0..last.len() {
            let mut watch = StreamWatch::new(dialect);
            watch.push(before.as_bytes());
            watch.push(&last.as_bytes()[..cut]);
            watch.push(b"");
            let early = watch.ended();
            watch.push(&last.as_bytes()[cut..]);
            assert!(watch.ended() && (!early || cut >= last.len() - 1), "{dialect:?} {cut}");
        }
        assert!(!watched(dialect, before).ended);
    }
    assert!(!watched(Dialect::Openai, "data: {\"choices\":[],\"text\":\"[DONE]\"}\n\n").ended);
    assert!(
        watched(Dialect::Openai, "data: {\"type\":\"response.completed\",\"response\":{\"model\":\"m\"}}\n\n").ended
    );
    let gemini = "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n";
    assert!(watched(Dialect::Gemini, gemini).ended);
    assert!(!watched(Dialect::Gemini, "data: {\"candidates\":[]}\n\n").ended);
}

#[test]
fn a_tools_own_words_do_not_change_whose_stream_it_is() {
    let responses = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"gpt-5\",\"tools\":[{\"type\":\"function\",\"parameters\":{\"properties\":{\"candidates\":{},\"usageMetadata\":{},\"finish_reason\":\"x\",\"message_start\":{\"enum\":[\"message_start\"]}}}}]}}\n\n";
    let end = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-5\",\"usage\":{\"input_tokens\":7,\"output_tokens\":3}}}\n\n";
    assert!(!watched(Dialect::Openai, responses).finished);
    let whole = watched(Dialect::Openai, &format!("{responses}{end}"));
    assert_eq!((whole.ended, whole.usage.map(|usage| usage.output)), (true, Some(3)));

    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"choices\":[1],\"finishReason\":\"x\",\"type\":\"message_start\"}}}]}}],\"usageMetadata\":{\"promptTokenCount\":7},\"modelVersion\":\"g\"}\n\n";
    let end = "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3}}\n\n";
    assert!(!watched(Dialect::Gemini, &format!("{gemini}{gemini}")).finished);
    let whole = watched(Dialect::Gemini, &format!("{gemini}{end}"));
    assert_eq!((whole.ended, whole.usage.map(|usage| usage.output)), (true, Some(3)));
}

#[test]
fn a_stream_of_anthropics_that_breaks_off_is_put_at_what_came_of_it() {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n";
    let piece = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{}\"}}}}\n\n",
        "word ".repeat(80)
    );
    let mark = format!(
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"signature_delta\",\"signature\":\"{}\"}}}}\n\n",
        "x".repeat(4_000)
    );
    let broken = watched(Dialect::Anthropic, &format!("{start}{piece}{mark}{piece}"));
    assert_eq!((broken.estimated, broken.usage.map(|usage| (usage.input, usage.output))), (true, Some((100, 200))));
    let counted = "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":20}}\n\n";
    let reported = watched(Dialect::Anthropic, &format!("{start}{piece}{counted}"));
    assert_eq!((reported.estimated, reported.usage.map(|usage| usage.output)), (false, Some(20)));
    let whole =
        watched(Dialect::Anthropic, &format!("{start}event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"));
    assert_eq!((whole.estimated, whole.usage.map(|usage| usage.output)), (false, Some(1)));
}
