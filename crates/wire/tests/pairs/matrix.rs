//! `docs/dialects.md`: what of a request reaches whom, found out by asking. `UPDATE_DIALECTS=1` writes it anew.

use std::fmt::Write as _;
use std::fs;

use wire::api::{Api, Encoded, Path, Quirks, Target};
use wire::chat::{Fetched, Request, Tool, ToolKind};

use crate::answers;
use crate::features::{Feature, features};
use wire_fuzz::pair::model;

const PLACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dialects.md");

const HEAD: &str = "# Which API can say what

Made by `crates/wire/tests/pairs/matrix.rs` with one small request for each cell; `UPDATE_DIALECTS=1 cargo test -p wire --test pairs` writes it anew, and a test fails where it is out of date.

A caller's API and a provider's may differ; then the gateway translates. Where they are the same, bytes pass as they are. A cell tells what becomes of a feature of the request:

- kept: the provider's API has a word for it
- emulated: it is said in another way that comes to the same or nearly so; the way back is undone (a schema as a tool, free text as an object). What a provider does not fetch from its address, the gateway does
- dropped: the answer is as good without; the header `weir-dropped` names the field, and callers (`weir-strict`) and gateways (`strict_translation`) that are strict get an error. Hints for caches are left out without a word
- refused: the answer would be another one, so the caller gets an error that names the field
- –: the caller's API has no word for it

A column is an API, not a provider. Most providers are asked in openai_chat (Mistral, Hugging Face, Workers AI, all that are compatible), less what `providers.toml` says they refuse; Azure's v1 surface in openai_responses as well. A custom model of Replicate's may have other inputs than those written here: send them as `input`, an object that is laid under what the question says.

Models differ too. Asked here, and `gpt-4.1` where nothing is to be reasoned: ";

/// The model that is asked: OpenAI's that reason take no sampling.
fn asked(api: Api, feature: &Feature) -> &'static str {
    let reasons = feature.request.reasoning.is_some() || feature.name == "verbosity";
    if matches!(api, Api::OpenaiChat | Api::OpenaiResponses) && !reasons { "gpt-4.1" } else { model(api) }
}

/// The request in the caller's own words, where it has them.
fn said(feature: &Feature, front: Api) -> Option<Request> {
    let others = |tool: &Tool| matches!(tool.kind, ToolKind::Server { api, .. } if api != front);
    if feature.request.tools.iter().any(others) {
        return None;
    }
    let quirks = Quirks { custom_tools: true, cache_control: front == Api::Anthropic, ..Quirks::default() };
    let target = Target { model: asked(front, feature), quirks: &quirks };
    let own = front.encode_request(&feature.request, target).ok()?;
    if !shows(feature, &own) || !own.losses.all().is_empty() || own.output_tool.is_some() {
        return None;
    }
    front.decode_request(&own.body, Path { model: Some("m"), stream: Some(false) }).ok()
}

/// What becomes of a feature.
fn verdict(feature: &Feature, front: Api, provider: Api) -> &'static str {
    let Some(mut request) = said(feature, front) else { return "–" };
    if front == provider {
        return "kept";
    }
    let fetched: Vec<_> = request.remotes(provider, true).iter().map(|one| Fetched::stand_in(one.kind)).collect();
    request.bring(provider, true, fetched.clone());
    let quirks = Quirks { images_in_results: true, ..Quirks::default() };
    let target = Target { model: asked(provider, feature), quirks: &quirks };
    let Ok(encoded) = provider.encode_request(&request, target) else { return "refused" };
    let losses = &encoded.losses;
    let is_in = |one: &Fetched| memchr::memmem::find(&encoded.body, one.data.as_bytes()).is_some();
    let brought = !fetched.is_empty() && fetched.iter().all(is_in);
    let (shown, hint) = (brought || shows(feature, &encoded), feature.name.contains("cache"));
    assert!(
        shown || hint || !losses.all().is_empty(),
        "{} is lost silently from {front:?} to {provider:?}",
        feature.name
    );
    match shown {
        _ if losses.refused(false).is_some() => "refused",
        _ if brought || encoded.output_tool.is_some() || !encoded.custom.is_empty() => "emulated",
        false => "dropped",
        true if losses.all().is_empty() => "kept",
        true if feature.words.contains(&"") => "dropped",
        true => "emulated",
    }
}

/// Whether the body says it.
fn shows(feature: &Feature, encoded: &Encoded) -> bool {
    feature.words.iter().any(|word| memchr::memmem::find(&encoded.body, word.as_bytes()).is_some())
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    let models: Vec<_> = Api::ALL.iter().map(|api| format!("`{}` {}", model(*api), api.name())).collect();
    text += &format!("{}.\n", models.join(", "));
    let features = features();
    for front in Api::FRONTS {
        write!(text, "\n## Callers of {}\n\n| feature |", front.name()).expect("text");
        Api::ALL.iter().for_each(|api| text += &format!(" {} |", api.name()));
        text += &format!("\n|---|{}\n", "---|".repeat(Api::ALL.len()));
        for feature in &features {
            let verdicts: Vec<_> = Api::ALL.iter().map(|api| verdict(feature, front, *api)).collect();
            if verdicts.iter().any(|verdict| *verdict != "–") {
                writeln!(text, "| {} | {} |", feature.name, verdicts.join(" | ")).expect("text");
            }
        }
    }
    text + &answers::section()
}

#[test]
fn the_published_matrix_is_true() {
    let found = document();
    if std::env::var_os("UPDATE_DIALECTS").is_some() {
        fs::write(PLACE, &found).expect("a file");
    }
    let published = fs::read_to_string(PLACE).unwrap_or_default();
    let differs = published.lines().zip(found.lines()).find(|(published, found)| published != found);
    assert!(published == found, "UPDATE_DIALECTS=1 writes docs/dialects.md anew; first difference: {differs:?}");
}
