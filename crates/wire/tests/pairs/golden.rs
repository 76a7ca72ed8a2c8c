//! One conversation with everything in it (words, a picture, reasoning with its mark, two calls, a result and a failure), as a
//! caller of each API asks and as a provider of each API answers. What the other side gets is kept in `golden/`, to be read: a file
//! for each pair. `cargo insta review` shows what a change does to them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wire::api::{Api, Quirks, Target};
use wire::translate::{self, Translated};
use wire_fuzz::pair::{asked, model, translated};

/// What a seed of the fuzz targets holds; those named `rich` are this conversation.
fn seed(api: Api, name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(api.name());
    let entries = fs::read_dir(&folder).expect("seeds").map(|entry| entry.expect("an entry").path());
    let is_it = |path: &Path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(name));
    let file =
        entries.into_iter().find(|path| is_it(path)).unwrap_or_else(|| panic!("no {name} in {}", folder.display()));
    fs::read(file).expect("a file")
}

/// JSON that is easy to read: what fits on a line is on one line.
fn readable(json: &[u8]) -> String {
    fn write(value: &Value, indent: usize, out: &mut String) {
        const WIDTH: usize = 140;
        let short = value.to_string();
        if short.len() + indent <= WIDTH {
            return out.push_str(&short);
        }
        let (open, close, members): (_, _, Vec<(String, &Value)>) = match value {
            Value::Object(object) => {
                let key = |name: &String| Value::from(name.as_str()).to_string() + ": ";
                ('{', '}', object.iter().map(|(name, value)| (key(name), value)).collect())
            }
            Value::Array(list) => ('[', ']', list.iter().map(|value| (String::new(), value)).collect()),
            _ => return out.push_str(&short),
        };
        out.push(open);
        for (at, (key, value)) in members.into_iter().enumerate() {
            out.push_str(if at == 0 { "\n" } else { ",\n" });
            out.push_str(&" ".repeat(indent + 2));
            out.push_str(&key);
            write(value, indent + 2, out);
        }
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        out.push(close);
    }
    let mut out = String::new();
    write(&serde_json::from_slice(json).expect("JSON"), 0, &mut out);
    out
}

fn golden(front: Api, provider: Api) -> String {
    let question = seed(front, "rich.request");
    let path = wire::api::Path { model: Some("m"), stream: Some(true) };
    let quirks = Quirks::default();
    let target = Target { model: model(provider), quirks: &quirks };
    let asked = asked(std::str::from_utf8(&question).expect("text"));
    let translated_request = translate::request((front, provider), &question, path, target, asked);
    let Translated { body, losses, translation } = translated_request.expect("a request");
    let (answer, _) = translation.answer(&seed(provider, "rich.answer")).expect("an answer");
    let stream = seed(provider, "rich.stream");
    let (stream, complete) = translated(&translation, std::iter::once(&*stream));
    assert!(complete);
    format!(
        "# request to {}, lost: {}\n{}\n\n# answer to {}\n{}\n\n# stream to {}\n{}",
        provider.name(),
        losses.fields(),
        readable(&body),
        front.name(),
        readable(&answer),
        front.name(),
        String::from_utf8(stream).expect("text").replace("\r\n", "\n"),
    )
}

#[test]
fn every_pair_is_as_it_was_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for front in Api::FRONTS {
            for provider in Api::ALL.into_iter().filter(|provider| *provider != front) {
                insta::assert_snapshot!(format!("{}-{}", front.name(), provider.name()), golden(front, provider));
            }
        }
    });
}
