//! Adapts a request that passes as it is: what a provider refuses is cut out of its bytes, what it calls otherwise is
//! renamed. All other bytes stay.

use super::write::changes_meaning;
use crate::api::{Quirks, Target};
use crate::scan::{Member, Members};
use crate::splice::Edit;

/// The edits that make `body`, a chat completion's request, one that `target` takes. Nothing is allocated where nothing must
/// change.
///
/// A field that the provider refuses stays where the answer would mean something else without it, so that the provider says
/// so itself. `model`, and what is inside of messages, is left alone. A body that is no JSON object has no edits.
#[must_use]
pub fn adapt(body: &[u8], target: Target<'_>) -> Vec<Edit> {
    let quirks = target.quirks;
    if quirks.refuses.is_empty() && quirks.renames.is_empty() && !quirks.no_stream_options {
        return Vec::new();
    }
    if Members::of(body).all(|member| matches!(fate(body, &member, quirks), Fate::Stays)) {
        return Vec::new();
    }
    cut(body, quirks)
}

enum Fate<'a> {
    Stays,
    Goes,
    Becomes(&'a str),
}

fn fate<'a>(body: &[u8], member: &Member, quirks: &'a Quirks) -> Fate<'a> {
    let refused = quirks.refuses.iter().any(|name| member.is(body, name));
    if refused || quirks.no_stream_options && member.is(body, "stream_options") {
        let name = &body[member.key.start + 1..member.key.end - 1];
        let texts = (std::str::from_utf8(name), std::str::from_utf8(&body[member.value.clone()]));
        let (Ok(name), Ok(value)) = texts else { return Fate::Stays };
        return if changes_meaning(name, value) { Fate::Stays } else { Fate::Goes };
    }
    let renamed = quirks.renames.iter().find(|(ours, _)| member.is(body, ours));
    renamed.map_or(Fate::Stays, |(_, theirs)| Fate::Becomes(theirs))
}

fn cut(body: &[u8], quirks: &Quirks) -> Vec<Edit> {
    let mut edits = Vec::new();
    // Where the last member that stays ends, and where the one before this begins if it goes.
    let mut kept_end: Option<usize> = None;
    let mut going: Option<Member> = None;
    // Names that are there already: to rename another field to it would be one field twice.
    let there = |name: &str| Members::of(body).any(|member| member.is(body, name));
    let mut taken: Vec<&str> =
        quirks.renames.iter().map(|(_, theirs)| theirs.as_str()).filter(|name| there(name)).collect();
    for member in Members::of(body) {
        if let Some(gone) = going.take() {
            edits.push(removal(gone.key.start..member.key.start));
        }
        match fate(body, &member, quirks) {
            Fate::Goes => going = Some(member),
            Fate::Stays => kept_end = Some(member.value.end),
            Fate::Becomes(name) if taken.contains(&name) => going = Some(member),
            Fate::Becomes(name) => {
                taken.push(name);
                kept_end = Some(member.value.end);
                let text = serde_json::Value::from(name).to_string();
                edits.push(Edit { range: member.key, text });
            }
        }
    }
    // Behind the last that stays no comma may be left.
    if let Some(gone) = going {
        let comma = kept_end.and_then(|end| Some(end + memchr::memchr(b',', &body[end..])?));
        edits.extend(comma.map(|comma| removal(comma..comma + 1)));
        edits.push(removal(gone.key.start..gone.value.end));
    }
    edits
}

fn removal(range: std::ops::Range<usize>) -> Edit {
    Edit { range, text: String::new() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::splice::splice;

    fn quirks() -> Quirks {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Quirks {
            refuses: texts(&["logit_bias", "n", "logprobs", "user"]),
            renames: vec![("seed".into(), "random_seed".into())],
            ..Quirks::default()
        }
    }

    fn adapted(body: &str) -> String {
        let edits = adapt(body.as_bytes(), Target { model: "m", quirks: &quirks() });
        String::from_utf8(splice(&Bytes::copy_from_slice(body.as_bytes()), &edits).to_vec()).expect("text")
    }

    #[test]
    fn only_what_must_change_does() {
        for (body, wanted) in [
            (r#"{"model":"a",  "x" : 1.50}"#, r#"{"model":"a",  "x" : 1.50}"#),
            (r#"{"user":"u","model":"a"}"#, r#"{"model":"a"}"#),
            (r#"{ "model":"a" , "user":"u" }"#, r#"{ "model":"a"   }"#),
            (r#"{"model":"a","user":"u","logit_bias":{"1":2}}"#, r#"{"model":"a"}"#),
            (r#"{"user":"u", "n":1}"#, "{}"),
            (r#"{"seed":7, "n":1, "x":[{"seed":1,"user":"{"}]}"#, r#"{"random_seed":7, "x":[{"seed":1,"user":"{"}]}"#),
            (r#"{"seed":7,"random_seed":8}"#, r#"{"random_seed":8}"#),
            (r#"{"n":2,"logprobs":true}"#, r#"{"n":2,"logprobs":true}"#),
            (r#"{"n":null,"logprobs":false}"#, "{}"),
            ("no JSON", "no JSON"),
        ] {
            assert_eq!(adapted(body), wanted, "{body}");
        }
    }

    #[test]
    fn a_plain_body_costs_nothing() {
        let none = Quirks::default();
        assert_eq!(adapt(br#"{"user":"u"}"#, Target { model: "m", quirks: &none }).capacity(), 0);
        assert_eq!(adapt(br#"{"model":"u"}"#, Target { model: "m", quirks: &quirks() }).capacity(), 0);
    }

    proptest! {
        #[test]
        fn the_rest_means_the_same(
            names in prop::collection::vec(
                prop::sample::select(vec!["user", "n", "seed", "model", "x", "logit_bias", "y"]), 0..7),
            space in prop::sample::select(vec!["", " ", "\n\t"]),
        ) {
            let mut seen = std::collections::HashSet::new();
            let names: Vec<_> = names.into_iter().filter(|name| seen.insert(*name)).collect();
            let members: Vec<_> = names.iter().map(|name| format!("{space}\"{name}\"{space}:{space}1{space}")).collect();
            let body = format!("{{{}}}", members.join(","));
            let wanted: Map<String, Value> = names.iter()
                .filter(|name| !["user", "n", "logit_bias"].contains(name))
                .map(|name| (if *name == "seed" { "random_seed".into() } else { (*name).into() }, 1.into()))
                .collect();
            let got: Value = serde_json::from_str(&adapted(&body)).expect("JSON");
            prop_assert_eq!(got, Value::Object(wanted));
        }
    }
}
