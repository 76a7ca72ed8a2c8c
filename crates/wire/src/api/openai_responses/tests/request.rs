//! What callers send.

use super::*;
use crate::chat::{Content, Effort, Format, Part, Reasoning, Role, Signature, Source, ToolChoice, ToolKind};

fn texts(request: &Request) -> Vec<(Role, String)> {
    let text = |part: &Part| match &part.content {
        Content::Text { text, .. } => text.clone(),
        other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
    };
    request.messages.iter().map(|m| (m.role, m.parts.iter().map(text).collect::<Vec<_>>().join("|"))).collect()
}

#[test]
fn a_text_is_a_message_of_the_user_after_the_instructions() {
    let request = read(r#"{"model":"m","input":"Hi","instructions":"Be short."}"#);
    assert_eq!(texts(&request), [(Role::System, "Be short.".into()), (Role::User, "Hi".into())]);
    assert!(request.include_usage && !request.stream);
}

#[test]
fn messages_may_lack_their_type_and_have_every_role() {
    let request = read(
        r#"{"model":"m","input":[
            {"role":"developer","content":"D"},
            {"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
            {"role":"assistant","content":[{"type":"output_text","text":"c","annotations":[]}]},
            {"role":"system","content":"S"}]}"#,
    );
    let wanted = [(Role::Developer, "D"), (Role::User, "a|b"), (Role::Assistant, "c"), (Role::System, "S")];
    assert_eq!(texts(&request), wanted.map(|(role, text)| (role, text.to_owned())));
}

#[test]
fn the_items_of_a_turn_are_one_message_and_so_are_the_results_of_its_calls() {
    let request = read(
        r#"{"model":"m","input":[
            {"role":"user","content":"u"},
            {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"x"},{"type":"summary_text","text":"y"}],
             "encrypted_content":"gAAA"},
            {"type":"message","role":"assistant","id":"msg_1","status":"completed","content":"calling"},
            {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":""},
            {"type":"custom_tool_call","call_id":"call_2","name":"sh","input":"ls"},
            {"type":"web_search_call","id":"ws_1","status":"completed"},
            {"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"data:image/png;base64,AA=="}]},
            {"type":"custom_tool_call_output","call_id":"call_2","output":"file"},
            {"role":"user","content":"and?"}]}"#,
    );
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User, Role::User]);
    let said: Vec<&Content> = request.messages[1].parts.iter().map(|part| &part.content).collect();
    let signature = Some(Signature { maker: OWN, value: "rs_1:gAAA".into() });
    assert_eq!(*said[0], Content::Thinking { text: "x\n\ny".into(), signature });
    assert!(matches!(said[2], Content::ToolCall { id, arguments, .. } if id == "call_1" && arguments.is_empty()));
    assert!(matches!(said[3], Content::ToolCall { arguments, .. } if arguments == "ls"));
    assert!(matches!(said[4], Content::Opaque { api: OWN, .. }));
    assert_eq!(request.messages[2].parts.len(), 2);
    let Content::ToolResult { content, .. } = &request.messages[2].parts[0].content else { panic!("a result") };
    let source = Source::Base64 { media_type: "image/png".into(), data: "AA==".into() };
    assert_eq!(content[0].content, Content::Image { source, detail: None });
}

#[test]
fn marks_of_other_makers_come_back_where_they_were() {
    let request = read(
        r#"{"model":"m","input":[
            {"type":"reasoning","id":"rs_a_0","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"anthropic#EqQB"},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"type":"reasoning","id":"rs_a_2","summary":[],"encrypted_content":"gemini#c1#CiQB"},
            {"type":"function_call","call_id":"c2","name":"f","arguments":"{}"}]}"#,
    );
    let parts = &request.messages[0].parts;
    let mark = |maker, value: &str| Some(Signature { maker, value: value.into() });
    assert!(
        matches!(&parts[0].content, Content::Thinking { signature, .. } if *signature == mark(Api::Anthropic, "EqQB"))
    );
    assert!(
        matches!(&parts[1].content, Content::ToolCall { signature, .. } if *signature == mark(Api::Gemini, "CiQB"))
    );
    assert!(matches!(&parts[2].content, Content::ToolCall { signature: None, .. }));
    assert_eq!(parts.len(), 3);
}

#[test]
fn settings_are_read() {
    let request = read(
        r#"{"model":"m","input":"x","stream":true,"max_output_tokens":100,"temperature":0.5,"store":false,
            "reasoning":{"effort":"xhigh","summary":"detailed"},"parallel_tool_calls":false,"truncation":"disabled",
            "text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
            "include":["reasoning.encrypted_content","message.output_text.logprobs"],"top_logprobs":3,"max_tool_calls":2,
            "tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"custom","name":"sh"},
                     {"type":"web_search"}],"tool_choice":{"type":"custom","name":"sh"},"previous_response_id":null}"#,
    );
    assert_eq!(
        (request.max_tokens, request.sampling.logprobs, request.sampling.top_logprobs),
        (Some(100), Some(true), Some(3))
    );
    let reasoning = Reasoning { effort: Some(Effort::ExtraHigh), visible: Some(true), ..Reasoning::default() };
    assert_eq!(request.reasoning, Some(reasoning));
    assert!(matches!(&request.format, Format::JsonSchema { name, strict: Some(true), .. } if name == "n"));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("sh".into())));
    assert!(matches!(&request.tools[2].kind, ToolKind::Server { api: OWN, .. }));
    let carried: Vec<&str> = request.extra.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(carried, ["reasoning.summary", "max_tool_calls"]);
}

#[test]
fn allowed_tools_are_the_only_ones_offered() {
    let request = read(
        r#"{"model":"m","input":"x","tools":[{"type":"function","name":"a"},{"type":"function","name":"b"},{"type":"web_search"}],
            "tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"b"},{"type":"web_search"}]}}"#,
    );
    let names: Vec<&str> = request.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((names, request.tool_choice), (vec!["b", "web_search"], Some(ToolChoice::Required)));
}

#[test]
fn what_is_wrong_is_named() {
    let refused = |body: &str| decode_request(body.as_bytes()).expect_err(body).to_string();
    insta::assert_snapshot!([
        r#"{"input":"x"}"#,
        r#"{"model":"m"}"#,
        r#"{"model":"m","input":7}"#,
        r#"{"model":"m","input":[{"role":"tool","content":"x"}]}"#,
        r#"{"model":"m","input":[{"role":"user"}]}"#,
        r#"{"model":"m","input":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#,
        r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":{"url":"x"}}]}]}"#,
        r#"{"model":"m","input":[{"type":"function_call","name":"f","arguments":{}}]}"#,
        r#"{"model":"m","input":[{"type":"item_reference","id":"msg_1"}]}"#,
        r#"{"model":"m","input":"x","previous_response_id":"resp_1"}"#,
        r#"{"model":"m","input":"x","prompt":{"id":"pmpt_1"}}"#,
        r#"{"model":"m","input":"x","tools":[{"type":"function","function":{"name":"f"}}]}"#,
        r#"{"model":"m","input":"x","tool_choice":"must"}"#,
        r#"{"model":"m","input":"x","reasoning":{"effort":"huge"}}"#,
        r#"{"model":"m","input":"x","text":{"format":{"type":"xml"}}}"#,
        r#"{"model":"m","input":"x","max_output_tokens":"many"}"#,
    ].map(refused).join("\n"), @r#"
model: is missing; it must be the name of a model
input: is missing; it must be a text or a list of items
input: must be a text or a list of items
input[0].role: "tool" is no role; use user, assistant, system or developer
input[0].content: is missing; it must be a text or a list of parts
input[0].content[0].type: "image_url" is no kind of content; use input_text, input_image, input_file, input_audio, output_text or refusal
input[0].content[0].image_url: must be a URL as a text, not an object
input[0].call_id: is missing; it must be the id of the call
input[0]: refers to a stored item that is not at hand; send the item itself
previous_response_id: refers to stored state that is not at hand; send the whole conversation as input
prompt: names a template that is kept at OpenAI; write its text as instructions and input
tools[0].function: is how chat completions write tools; put name, description and parameters beside type
tool_choice: must be "auto", "none", "required" or an object that names a tool
reasoning.effort: "huge" is no effort; use none, minimal, low, medium, high or xhigh
text.format.type: "xml" is no format; use text, json_object or json_schema
max_output_tokens: must be a whole number
"#);
}
