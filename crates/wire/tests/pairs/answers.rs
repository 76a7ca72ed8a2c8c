//! What of an answer reaches its caller: written in the caller's API, whole and as a stream, and read back.

use std::fmt::Write as _;

use domain::Usage;
use wire::api::Api;
use wire::chat::{Answer, Choice, Citation, Content, Finish, Json, Part, Signature, replay};
use wire_fuzz::pair::{asked, read, write};

/// Something that a provider may say.
struct Feature {
    name: &'static str,
    answer: Answer,
    /// Whether an answer that was read back says it.
    says: fn(&Answer) -> bool,
}

const NEEDLE: &str = "needle";

fn of(contents: impl IntoIterator<Item = Content>, finish: Finish) -> Answer {
    let parts = contents.into_iter().map(Part::from).collect();
    let choice = Choice { index: 0, parts, finish, logprobs: None };
    Answer { id: "1".into(), model: "m".into(), choices: vec![choice], ..Answer::default() }
}

fn ends(finish: Finish) -> Answer {
    of([Content::text("It rains.")], finish)
}

fn used(usage: Usage) -> Answer {
    Answer { usage: Some(Usage { input: 100, output: 50, ..usage }), ..ends(Finish::Stop) }
}

fn parts(answer: &Answer) -> impl Iterator<Item = &Content> {
    answer.choices.iter().flat_map(|choice| &choice.parts).map(|part| &part.content)
}

fn usage(answer: &Answer) -> Usage {
    answer.usage.unwrap_or_default()
}

/// Of a maker whose API no caller speaks, so that it is foreign to all of them.
fn mark() -> Signature {
    Signature { maker: Api::Bedrock, value: NEEDLE.into() }
}

fn has_mark(signature: Option<&Signature>) -> bool {
    signature.is_some_and(|signature| *signature == mark())
}

fn is(answer: &Answer, wanted: fn(&Finish) -> bool) -> bool {
    answer.choices.first().is_some_and(|choice| wanted(&choice.finish))
}

fn words() -> Vec<Feature> {
    let page = Citation {
        url: Some("https://needle.example".into()),
        title: Some("X".into()),
        span: Some((0, 2)),
        ..Citation::default()
    };
    let cited = Content::Text { text: "It rains.".into(), citations: vec![page] };
    let thought = |signature| [Content::Thinking { text: "hm".into(), signature }, Content::text("It rains.")];
    let call =
        Content::ToolCall { id: "call_1".into(), name: "f".into(), arguments: r#"{"a":1}"#.into(), signature: None };
    let no = || Content::Refusal { text: "no".into() };
    let mut several = ends(Finish::Stop);
    several.choices.push(Choice { index: 1, ..several.choices[0].clone() });
    let mut probable = ends(Finish::Stop);
    probable.choices[0].logprobs = Json::parse(
        r#"{"content":[{"token":"It rains.","logprob":-0.25,"bytes":null,"top_logprobs":[]}],"refusal":null}"#,
    )
    .ok();
    vec![
        Feature {
            name: "words",
            answer: ends(Finish::Stop),
            says: |back| parts(back).any(|part| matches!(part, Content::Text { text, .. } if text == "It rains.")),
        },
        Feature {
            name: "sources",
            answer: of([cited], Finish::Stop),
            says: |back| {
                parts(back).any(|part| {
                    matches!(part, Content::Text { citations, .. } if citations.iter().any(|one| {
                        one.url.as_deref() == Some("https://needle.example")
                    }))
                })
            },
        },
        Feature {
            name: "reasoning",
            answer: of(thought(None), Finish::Stop),
            says: |back| parts(back).any(|part| matches!(part, Content::Thinking { text, .. } if text == "hm")),
        },
        Feature {
            name: "the maker's mark on reasoning",
            answer: of(thought(Some(mark())), Finish::Stop),
            says: |back| {
                parts(back)
                    .any(|part| matches!(part, Content::Thinking { signature, .. } if has_mark(signature.as_ref())))
            },
        },
        Feature {
            name: "encrypted reasoning",
            answer: of([Content::Redacted { data: mark() }, Content::text("x")], Finish::Stop),
            says: |back| parts(back).any(|part| matches!(part, Content::Redacted { data } if *data == mark())),
        },
        Feature {
            name: "calls of tools",
            answer: of([call], Finish::ToolCalls),
            says: |back| {
                parts(back)
                    .any(|part| matches!(part, Content::ToolCall { id, name, .. } if id == "call_1" && name == "f"))
            },
        },
        Feature {
            name: "a refusal, as such",
            answer: of([no()], Finish::Refusal),
            says: |back| parts(back).any(|part| matches!(part, Content::Refusal { .. })),
        },
        Feature {
            name: "a refusal's words",
            answer: of([no()], Finish::Refusal),
            says: |back| {
                parts(back)
                    .any(|part| matches!(part, Content::Refusal { text } | Content::Text { text, .. } if text == "no"))
            },
        },
        Feature { name: "several answers", answer: several, says: |back| back.choices.len() == 2 },
        Feature {
            name: "probabilities",
            answer: probable,
            says: |back| {
                back.choices
                    .iter()
                    .any(|choice| choice.logprobs.as_ref().is_some_and(|found| found.as_str().contains("-0.25")))
            },
        },
    ]
}

fn settings() -> Vec<Feature> {
    let none = Usage::default;
    vec![
        Feature {
            name: "end: tools to call",
            answer: of(
                [Content::ToolCall { id: "a".into(), name: "f".into(), arguments: "{}".into(), signature: None }],
                Finish::ToolCalls,
            ),
            says: |back| is(back, |end| *end == Finish::ToolCalls),
        },
        Feature {
            name: "end: most tokens",
            answer: ends(Finish::Length),
            says: |back| is(back, |end| *end == Finish::Length),
        },
        Feature {
            name: "end: the text that ended it",
            answer: ends(Finish::StopSequence(NEEDLE.into())),
            says: |back| is(back, |end| matches!(end, Finish::StopSequence(text) if text == NEEDLE)),
        },
        Feature {
            name: "end: declined or filtered",
            answer: ends(Finish::ContentFilter),
            says: |back| is(back, |end| matches!(end, Finish::ContentFilter | Finish::Refusal)),
        },
        Feature {
            name: "tokens from a cache",
            answer: used(Usage { cached_input: 40, ..none() }),
            says: |back| usage(back).cached_input == 40,
        },
        Feature {
            name: "tokens written to a cache",
            answer: used(Usage { cache_write: 30, ..none() }),
            says: |back| usage(back).cache_write == 30,
        },
        Feature {
            name: "tokens of reasoning",
            answer: used(Usage { reasoning: 20, ..none() }),
            says: |back| usage(back).reasoning == 20,
        },
        Feature {
            name: "tokens of sound",
            answer: used(Usage { audio_output: 10, audio_input: 10, ..none() }),
            says: |back| usage(back).audio_output == 10 && usage(back).audio_input == 10,
        },
        Feature {
            name: "class of service",
            answer: Answer { service_tier: Some("priority".into()), ..ends(Finish::Stop) },
            says: |back| back.service_tier.as_deref() == Some("priority"),
        },
    ]
}

fn verdict(feature: &Feature, front: Api) -> &'static str {
    let asked = asked("{}");
    let written = front.encode_answer(&feature.answer, &asked).expect("a caller's API");
    let whole = (feature.says)(&front.decode_answer(&written).expect("an answer"));
    let stream = write(front, replay(feature.answer.clone()), &asked);
    let stream = (feature.says)(&read(front, &stream).expect("a stream"));
    match (whole, stream) {
        (true, true) => "kept",
        (true, false) => "kept, but in streams",
        (false, true) => "kept in streams",
        (false, false) => "dropped",
    }
}

/// The section of the document.
pub fn section() -> String {
    let mut text = "\n## What of an answer reaches a caller\n\nWhoever the provider is; of what it says, not of what it can say. Found out by writing an answer in the caller's API, whole and as a stream, and reading it back. What a refusal says stands as text where an API has no word for it.\n\n| feature |".to_owned();
    Api::FRONTS.iter().for_each(|front| write!(text, " {} |", front.name()).expect("text"));
    write!(text, "\n|---|{}\n", "---|".repeat(Api::FRONTS.len())).expect("text");
    for feature in words().into_iter().chain(settings()) {
        let verdicts: Vec<_> = Api::FRONTS.iter().map(|front| verdict(&feature, *front)).collect();
        writeln!(text, "| {} | {} |", feature.name, verdicts.join(" | ")).expect("text");
    }
    text
}
