//! Adapts a request that passes as it is: what a provider refuses is cut out of its bytes, what it calls otherwise is
//! renamed. All other bytes stay.

use std::ops::Range;

use super::write::changes_meaning;
use crate::api::{Quirks, Target};
use crate::chat::Losses;
use crate::scan::{Elements, Member, Members};
use crate::splice::Edit;

/// What must be done to a request, and what is lost by it.
#[derive(Debug, Default)]
pub struct Adapted {
    /// The changes.
    pub edits: Vec<Edit>,
    /// What was cut out.
    pub losses: Losses,
}

/// Makes `body`, a chat completion's request, one that `target` takes. Nothing is allocated where nothing must change.
///
/// A field that the provider refuses stays where the answer would mean something else without it, so that the provider says
/// so itself. `model` is left alone, and of messages all but their role and their speaker's name. A body that is no JSON object
/// is left as it is.
#[must_use]
pub fn adapt(body: &[u8], target: Target<'_>) -> Adapted {
    let quirks = target.quirks;
    let mut adapted = Adapted::default();
    let has_rules = !quirks.refuses.is_empty() || !quirks.renames.is_empty() || quirks.no_stream_options;
    if has_rules && !Members::of(body).all(|member| matches!(fate(body, &member, quirks), Fate::Stays)) {
        // Names that are there already: to rename another field to it would be one field twice.
        let there = |name: &str| Members::of(body).any(|member| member.is(body, name));
        let taken = quirks.renames.iter().map(|(_, theirs)| theirs.as_str()).filter(|name| there(name)).collect();
        cut(body, (0, ""), taken, &mut adapted, |member| fate(body, member, quirks));
    }
    let has = |word: &[u8]| memchr::memmem::find(body, word).is_some();
    let developer = quirks.no_developer && has(b"\"developer\"");
    let names = quirks.refuses.iter().any(|name| name == "messages.name") && has(b"\"name\"");
    if developer || names {
        messages(body, (developer, names), &mut adapted);
    }
    adapted
}

/// Roles and names of speakers.
fn messages(body: &[u8], (developer, names): (bool, bool), adapted: &mut Adapted) {
    let Some(Member { value, .. }) = Members::of(body).find(|member| member.is(body, "messages")) else { return };
    for (place, message) in Elements::of(&body[value.clone()]).enumerate() {
        let start = value.start + message.start;
        let message = &body[start..value.start + message.end];
        let fate = |member: &Member| match &message[member.value.clone()] {
            b"\"developer\"" if developer && member.is(message, "role") => Fate::Says("\"system\""),
            name if names && name != b"null" && member.is(message, "name") => Fate::Goes,
            _ => Fate::Stays,
        };
        cut(message, (start, &format!("messages[{place}].")), Vec::new(), adapted, fate);
    }
}

enum Fate<'a> {
    Stays,
    Goes,
    Becomes(&'a str),
    /// Its value is this.
    Says(&'static str),
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

/// Does to each member of `object`, which lies `at` that place of the body and has that name before its members', what its fate
/// is. `taken` are names that nothing may be renamed to.
fn cut<'q>(
    object: &[u8],
    (at, before): (usize, &str),
    mut taken: Vec<&'q str>,
    adapted: &mut Adapted,
    fate: impl Fn(&Member) -> Fate<'q>,
) {
    let Adapted { edits, losses } = adapted;
    let edit =
        |range: Range<usize>, text: &str| Edit { range: at + range.start..at + range.end, text: text.to_owned() };
    // Where the last member that stays ends, and where the one before this begins if it goes.
    let mut kept_end: Option<usize> = None;
    let mut going: Option<Member> = None;
    for member in Members::of(object) {
        if let Some(gone) = going.take() {
            edits.push(edit(gone.key.start..member.key.start, ""));
        }
        let mut fate = fate(&member);
        if matches!(fate, Fate::Becomes(name) if taken.contains(&name)) {
            fate = Fate::Goes;
        }
        if !matches!(fate, Fate::Goes) {
            kept_end = Some(member.value.end);
        }
        match fate {
            Fate::Stays => {}
            Fate::Goes => {
                if &object[member.value.clone()] != b"null" {
                    let name = String::from_utf8_lossy(&object[member.key.start + 1..member.key.end - 1]);
                    losses.harmless(format!("{before}{name}"), "the provider does not take it");
                }
                going = Some(member);
            }
            Fate::Becomes(name) => {
                taken.push(name);
                edits.push(edit(member.key, &serde_json::Value::from(name).to_string()));
            }
            Fate::Says(value) => edits.push(edit(member.value, value)),
        }
    }
    // Behind the last that stays no comma may be left.
    if let Some(gone) = going {
        let comma = kept_end.and_then(|end| Some(end + memchr::memchr(b',', &object[end..])?));
        edits.extend(comma.map(|comma| edit(comma..comma + 1, "")));
        edits.push(edit(gone.key.start..gone.value.end, ""));
    }
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
        let edits = adapt(body.as_bytes(), Target { model: "m", quirks: &quirks() }).edits;
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
        assert_eq!(adapt(br#"{"user":"u"}"#, Target { model: "m", quirks: &none }).edits.capacity(), 0);
        assert_eq!(adapt(br#"{"model":"u"}"#, Target { model: "m", quirks: &quirks() }).edits.capacity(), 0);
    }

    #[test]
    fn what_is_cut_out_is_told() {
        let body = br#"{"user":"u","n":null,"logit_bias":{"1":2},"seed":1,"random_seed":2,"model":"m"}"#;
        let adapted = adapt(body, Target { model: "m", quirks: &quirks() });
        assert_eq!(adapted.losses.fields(), "user, logit_bias, seed");
    }

    #[test]
    fn roles_and_names_of_speakers_change_in_place() {
        let refuses = vec!["user".to_owned(), "messages.name".to_owned()];
        let quirks = Quirks { refuses, no_developer: true, ..Quirks::default() };
        let body = r#"{ "user":"u","messages" : [ {"role" : "developer","name":"a"},{"name":"b","content":"\"developer\"", "role":"user"},
            {"role":"user","name":null}, 7, {"role":"assistant","tool_calls":[{"function":{"name":"f"}}]} ], "x":{"role":"developer"}}"#;
        let adapted = adapt(body.as_bytes(), Target { model: "m", quirks: &quirks });
        let wanted = r#"{ "messages" : [ {"role" : "system"},{"content":"\"developer\"", "role":"user"},
            {"role":"user","name":null}, 7, {"role":"assistant","tool_calls":[{"function":{"name":"f"}}]} ], "x":{"role":"developer"}}"#;
        assert_eq!(splice(&Bytes::copy_from_slice(body.as_bytes()), &adapted.edits), wanted);
        assert_eq!(adapted.losses.fields(), "user, messages[0].name, messages[1].name");
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
