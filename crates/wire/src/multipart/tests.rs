use proptest::prelude::*;

use super::*;
use crate::splice::splice;

const HEAD: &str = "Content-Disposition: form-data; name=";

fn form(fields: &[&str]) -> String {
    let parts: String = fields.iter().map(|field| format!("--b\r\n{HEAD}{field}\r\n")).collect();
    format!("{parts}--b--\r\n")
}

fn kind(body: &str) -> FormErrorKind {
    let error = match scan(body.as_bytes(), "b") {
        Ok(form) => form.model().expect_err("no model that could be told"),
        Err(error) => error,
    };
    assert!(error.offset <= body.len() && error.to_string().ends_with(")."), "{error}");
    error.kind
}

#[test]
fn the_model_is_found_and_changed_in_place() {
    let body = form(&[
        "\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\0\r\n--c\r\n",
        "\"model\"\r\n\r\nopenai/whisper-1",
        "\"stream\"\r\n\r\ntrue",
    ]);
    let form = scan(body.as_bytes(), "b").expect("a form");
    assert_eq!(
        (form.model(), form.text("stream"), form.text("language")),
        (Ok(Some("openai/whisper-1")), Ok(Some("true")), Ok(None))
    );
    let [file, ..] = form.parts() else { panic!("parts") };
    assert_eq!((file.name, file.is_file, file.content_type), ("file", true, Some("audio/wav")));
    assert_eq!(&body[file.span.clone()], "RIFF\0\r\n--c\r\n");
    let edits = [form.replace_model("whisper-1").expect("an edit")];
    let changed = splice(&body.clone().into(), &edits);
    assert_eq!(changed, body.replace("openai/whisper-1", "whisper-1"));
    assert_eq!(form.outline(), "file: (12 bytes, audio/wav)\nmodel: openai/whisper-1\nstream: true\n");
}

#[test]
fn a_form_without_a_model_has_none() {
    let body = form(&["\"purpose\"\r\n\r\nbatch", "\"empty\"\r\n\r\n"]);
    let form = scan(body.as_bytes(), "b").expect("a form");
    assert_eq!((form.model(), form.replace_model("m"), form.text("empty")), (Ok(None), None, Ok(Some(""))));
    assert!(form.has("purpose") && !form.has("models"));
}

#[test]
fn what_a_provider_may_read_differently_is_refused() {
    use FormErrorKind::*;
    let model = "\"model\"\r\n\r\na";
    let deep = format!("\"x\"\r\nX: {}\r\n\r\n1", "y".repeat(MAX_HEADERS));
    for (wanted, body) in [
        (Duplicate("model"), form(&[model, model])),
        (Duplicate("model"), form(&[model, "\"Model\"\r\n\r\nb"])),
        (Duplicate("model"), form(&["\"model[]\"\r\n\r\nb", model])),
        (Disguised("model"), form(&["\"MODEL\"\r\n\r\nb"])),
        (Disguised("model"), form(&["\"model[0]\"\r\n\r\nb"])),
        (Disguised("model"), form(&["\"model\"; filename=\"m\"\r\n\r\na"])),
        (NoText("model"), form(&["\"model\"\r\n\r\na\nb"])),
        (Encoding, form(&["\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ=="])),
        (Name, form(&["\"m\\\"odel\"\r\n\r\na"])),
        (Name, form(&["\"x\"; name=\"model\"\r\n\r\na"])),
        (Name, "--b\r\nContent-Type: text/plain\r\n\r\na\r\n--b--\r\n".to_owned()),
        (Headers, "--b\r\n\r\na\r\n--b--\r\n".to_owned()),
        (Headers, form(&["\"x\"\r\n folded: y\r\n\r\na"])),
        (Headers, form(&["\"x\"\nY: z\r\n\r\na"])),
        (Headers, format!("--b\r\n{HEAD}\"x\"\r\n{HEAD}\"model\"\r\n\r\na\r\n--b--\r\n")),
        (Headers, form(&[&deep])),
        (Boundary, format!("preamble\r\n{}", form(&[model]))),
        (Boundary, form(&[model]).replace("--b--\r\n", "--b--\r\nepilogue")),
        (Boundary, form(&[model]).replace("--b\r\n", "--b \r\n")),
        (Boundary, form(&[model]).replace("--b\r\n", "--b\n")),
        (Boundary, form(&["\"x\"\r\n\r\na\n--b\nb"])),
        (Boundary, form(&["\"x\"\r\n\r\na--b"])),
        (Boundary, form(&["\"x\"\r\n\r\na\r\n--bc"])),
        (Boundary, "--b--\r\n".to_owned()),
        (Boundary, String::new()),
        (Unfinished, form(&[model]).replace("--b--\r\n", "")),
        (TooMany, form(&vec!["\"x\"\r\n\r\n"; MAX_PARTS + 1])),
    ] {
        assert_eq!(kind(&body), wanted, "{body}");
    }
    let not_text = [form(&["\"model\"\r\n\r\n?"]).replace('?', "\u{1}").into_bytes()];
    assert!(not_text.iter().all(|body| scan(body, "b").expect("a form").model().is_err()));
}

#[test]
fn a_boundary_is_named_once_and_plainly() {
    for (wanted, content_type) in [
        (Some("b"), "multipart/form-data; boundary=b"),
        (Some("----WebKit7"), "Multipart/Form-Data;boundary=\"----WebKit7\"; charset=utf-8"),
        (None, "multipart/form-data"),
        (None, "multipart/mixed; boundary=b"),
        (None, "multipart/form-data; boundary="),
        (None, "multipart/form-data; boundary=a; boundary=b"),
        (None, "multipart/form-data; boundary=\"a"),
        (None, "multipart/form-data; boundary=a\"b"),
        (None, "multipart/form-data; boundary=a b"),
        (None, "application/json"),
    ] {
        assert_eq!(boundary(content_type), wanted, "{content_type}");
    }
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
}

fn ours(body: &[u8], boundary: &str) -> Option<Vec<(String, bool, Vec<u8>)>> {
    let form = scan(body, boundary).ok()?;
    let part = |part: &Part<'_>| (part.name.to_owned(), part.is_file, body[part.span.clone()].to_vec());
    Some(form.parts().iter().map(part).collect())
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    // Pieces that boundaries are made of, among others.
    let piece =
        prop::sample::select(vec![&b"\r\n"[..], b"\r", b"\n", b"-", b"--", b"x", b"\0\xff", b"--bound", b"model"]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn field() -> impl Strategy<Value = (String, Option<String>, Vec<u8>)> {
    let name = prop::sample::select(vec!["model", "file", "image[]", "n", "stream"]);
    let file = prop::option::of(prop::sample::select(vec!["a.wav", "b; name=x.png", ""]));
    (name, file, content()).prop_map(|(name, file, content)| (name.to_owned(), file.map(str::to_owned), content))
}

fn written(fields: &[(String, Option<String>, Vec<u8>)], boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, content) in fields {
        body.extend_from_slice(format!("--{boundary}\r\n{HEAD}\"{name}\"").as_bytes());
        if let Some(file) = file {
            body.extend_from_slice(format!("; filename=\"{file}\"\r\nContent-Type: a/b").as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    body
}

proptest! {
    #![proptest_config(crate::cases(64))]

    #[test]
    fn a_plain_form_is_read_as_it_was_written(
        fields in prop::collection::vec(field(), 1..6),
        boundary in "[a-zA-Z0-9_-]{8,40}",
    ) {
        let body = written(&fields, &boundary);
        let found = ours(&body, &boundary);
        let wanted: Vec<_> =
            fields.iter().map(|(name, file, content)| (name.clone(), file.is_some(), content.clone())).collect();
        // The contents are made of pieces of boundaries, but never hold this one.
        prop_assert_eq!(found, Some(wanted));
    }

    /// Whatever is accepted means the same to another parser, however it is cut into pieces.
    #[test]
    fn what_is_accepted_another_parser_reads_alike(
        fields in prop::collection::vec(field(), 1..4),
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![&b""[..], b"\r\n", b"\n", b"-", b"--bound", b"\"", b";", b" ", b"\0"])), 0..4),
    ) {
        let mut body = written(&fields, "bound");
        for (place, piece) in spoiled {
            let at = place.index(body.len());
            if piece.is_empty() { body.remove(at); } else { body.splice(at..at, piece.iter().copied()); }
        }
        wire_fuzz::form(&body);
    }

    #[test]
    fn nothing_panics(body in prop::collection::vec(any::<u8>(), 0..200), start in any::<bool>()) {
        let mut whole = if start { b"--b\r\n".to_vec() } else { Vec::new() };
        whole.extend(body);
        if let Ok(form) = scan(&whole, "b") {
            let _ = (form.model(), form.outline());
        }
    }
}
