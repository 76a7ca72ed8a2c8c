//! Finds members of raw JSON by their paths in one pass, without building a tree and without recursion into what no path
//! leads to. Of a member that appears twice the last counts, as in most parsers. What is no JSON has no members.

use std::borrow::Cow;

use crate::bounds::{MAX_BODY_FIELDS, MAX_FIELD_PARTS};
use crate::fact::Fact;

/// Names and places, from the outside in.
pub(crate) type Parts = Box<[Box<str>]>;
/// Where in the body a value stands; empty where it is not there.
pub(crate) type Span = (u32, u32);
/// The spans of a route's fields of the body.
pub(crate) type Spans = [Span; MAX_BODY_FIELDS];

/// The value at a path in JSON; a number in the path is a place in a list.
#[must_use]
pub fn find<'a>(json: &'a [u8], path: &[&str]) -> Option<Fact<'a>> {
    if path.is_empty() || path.len() > MAX_FIELD_PARTS {
        return None;
    }
    let parts: Parts = path.iter().map(|part| (*part).into()).collect();
    fact(json, locate(json, &[parts])[0])
}

/// The value in a span.
pub(crate) fn fact(json: &[u8], (from, to): Span) -> Option<Fact<'_>> {
    Fact::of(json.get(from as usize..to as usize)?)
}

/// Where the values at the first 32 paths stand.
pub(crate) fn locate(json: &[u8], paths: &[Parts]) -> Spans {
    let mut spans = [(0, 0); MAX_BODY_FIELDS];
    let paths = &paths[..paths.len().min(MAX_BODY_FIELDS)];
    let all = paths.iter().enumerate().fold(0, |set, (index, _)| set | 1 << index);
    let mut finder = Finder { json, at: 0, paths, spans: &mut spans };
    let found = u32::try_from(json.len()).is_ok() && finder.value(all, 0).is_some();
    if found { spans } else { [(0, 0); MAX_BODY_FIELDS] }
}

struct Finder<'a> {
    json: &'a [u8],
    at: usize,
    paths: &'a [Parts],
    spans: &'a mut Spans,
}

impl Finder<'_> {
    /// Goes through a value to which the first `depth` parts of the paths in the set `alive` have led.
    fn value(&mut self, alive: u32, depth: usize) -> Option<()> {
        self.space();
        match self.json.get(self.at)? {
            b'{' if alive != 0 => self.object(alive, depth),
            b'[' if alive != 0 => self.list(alive, depth),
            _ => self.skip(),
        }
    }

    fn object(&mut self, alive: u32, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.space();
            let from = self.at;
            self.string()?;
            let name = &self.json[from..self.at];
            self.space();
            if !self.take(b':') {
                return None;
            }
            let matching = self.matching(alive, depth, name);
            self.member(matching, depth)?;
            self.space();
            if self.take(b'}') {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, alive: u32, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Some(());
        }
        for place in 0usize.. {
            let here = |part: &str| (part == "0" || !part.starts_with('0')) && part.parse() == Ok(place);
            let matching = self.set(alive, |path| here(&path[depth]));
            self.member(matching, depth)?;
            self.space();
            if self.take(b']') {
                return Some(());
            }
            if !self.take(b',') {
                return None;
            }
        }
        None
    }

    /// Goes through the value of a member and notes where it stands for the paths that end here.
    fn member(&mut self, matching: u32, depth: usize) -> Option<()> {
        for index in members(matching) {
            self.spans[index] = (0, 0);
        }
        let ending = self.set(matching, |path| path.len() == depth + 1);
        self.space();
        let from = self.at;
        self.value(matching & !ending, depth + 1)?;
        for index in members(ending) {
            self.spans[index] = (u32::try_from(from).ok()?, u32::try_from(self.at).ok()?);
        }
        Some(())
    }

    fn matching(&self, alive: u32, depth: usize, quoted: &[u8]) -> u32 {
        let inner = &quoted[1..quoted.len() - 1];
        let name: Cow<'_, [u8]> = if memchr::memchr(b'\\', inner).is_some() {
            match serde_json::from_slice::<String>(quoted) {
                Ok(name) => Cow::Owned(name.into_bytes()),
                Err(_) => return 0,
            }
        } else {
            Cow::Borrowed(inner)
        };
        self.set(alive, |path| path[depth].as_bytes() == &*name)
    }

    fn set(&self, of: u32, holds: impl Fn(&Parts) -> bool) -> u32 {
        members(of).filter(|index| holds(&self.paths[*index])).fold(0, |set, index| set | 1 << index)
    }

    /// Goes over a value of any kind, counting brackets.
    fn skip(&mut self) -> Option<()> {
        let mut open = 0usize;
        loop {
            match self.json.get(self.at)? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.at += 1;
                }
                _ if open > 0 => self.at += 1,
                _ => return self.literal(),
            }
            if open == 0 {
                return Some(());
            }
        }
    }

    fn literal(&mut self) -> Option<()> {
        let rest = &self.json[self.at..];
        let length = rest.iter().position(|b| b",]} \t\r\n".contains(b)).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        if !self.take(b'"') {
            return None;
        }
        loop {
            let rest = self.json.get(self.at..)?;
            let next = memchr::memchr2(b'"', b'\\', rest)?;
            let escape = rest[next] == b'\\';
            self.at += next + 1 + usize::from(escape);
            if !escape {
                return Some(());
            }
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.json.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn space(&mut self) {
        while self.json.get(self.at).is_some_and(|b| b" \t\r\n".contains(b)) {
            self.at += 1;
        }
    }
}

fn members(set: u32) -> impl Iterator<Item = usize> {
    (0..MAX_BODY_FIELDS).filter(move |index| set & (1 << index) != 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn seen(json: &str, path: &str) -> Option<Value> {
        let path: Vec<_> = path.split('.').collect();
        find(json.as_bytes(), &path).map(|fact| shown(&fact))
    }

    fn shown(fact: &Fact<'_>) -> Value {
        match fact {
            Fact::Null => Value::Null,
            Fact::Bool(bool) => json!(bool),
            Fact::Number(number) => json!(number),
            Fact::Text(text) | Fact::Loose(text) => json!(text),
            Fact::Other => json!("…"),
        }
    }

    #[test]
    fn members_are_found_by_name_and_place() {
        let json = r#" { "a" : [ {"b":1}, {"b" : "x\ny"} ], "c.d":2, "m\u006fdel" : "gpt", "t":{"}":"]"}, "e":null,"a2":true } "#;
        assert_eq!(seen(json, "a.0.b"), Some(json!(1)));
        assert_eq!(seen(json, "a.1.b"), Some(json!("x\ny")));
        assert_eq!(seen(json, "model"), Some(json!("gpt")));
        assert_eq!(seen(json, "t.}"), Some(json!("]")));
        assert_eq!(seen(json, "e"), Some(Value::Null));
        assert_eq!(seen(json, "a"), Some(json!("…")));
        assert_eq!(seen(json, "a2"), Some(json!(true)));
        for absent in ["a.2.b", "a.01.b", "a.b", "c.d", "x", "a2.x"] {
            assert_eq!(seen(json, absent), None, "{absent}");
        }
    }

    #[test]
    fn of_two_members_the_last_counts() {
        assert_eq!(seen(r#"{"a":{"b":1},"a":{"c":2}}"#, "a.b"), None);
        assert_eq!(seen(r#"{"a":1,"a":2}"#, "a"), Some(json!(2)));
    }

    #[test]
    fn what_is_no_json_has_no_members() {
        for broken in
            ["", "{", r#"{"a":1"#, r#"{"a":1]"#, r#"{"a" 1}"#, "[1", r#"{"a":1,}"#, r#"{"a":"x"#, "x", r#"{"a":}"#]
        {
            assert_eq!(seen(broken, "a"), None, "{broken}");
        }
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let members = proptest::collection::vec(("[ab\"\\\\\n0]{1,2}", inner.clone()), 0..5);
            prop_oneof![
                proptest::collection::vec(inner, 0..5).prop_map(Value::Array),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn paths(value: &Value, path: &[String], found: &mut Vec<(Vec<String>, Value)>) {
        let mut visit = |name: String, value: &Value| {
            let path: Vec<_> = path.iter().cloned().chain([name]).collect();
            paths(value, &path, found);
            found.push((path, value.clone()));
        };
        match value {
            Value::Array(list) => list.iter().enumerate().for_each(|(place, value)| visit(place.to_string(), value)),
            Value::Object(map) => map.iter().for_each(|(name, value)| visit(name.clone(), value)),
            _ => (),
        }
    }

    proptest! {
        #[test]
        fn what_a_parser_finds_is_found(value in tree(), pretty in any::<bool>()) {
            let json = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.expect("JSON");
            let mut all = Vec::new();
            paths(&value, &[], &mut all);
            for (path, value) in all.into_iter().filter(|(path, _)| path.len() <= MAX_FIELD_PARTS) {
                let path: Vec<_> = path.iter().map(String::as_str).collect();
                let expected = if value.is_array() || value.is_object() { json!("…") } else { value };
                prop_assert_eq!(find(json.as_bytes(), &path).map(|fact| shown(&fact)), Some(expected));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::sample::select(&b"{}[]\",:\\u0a1 tn-"[..]), 0..64)) {
            let _ = find(&bytes, &["a", "0"]);
            let _ = find(&bytes, &["0"]);
        }
    }
}
