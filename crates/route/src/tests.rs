//! Routes as a whole: read, checked, walked.

mod docs;
mod problems;
pub(crate) mod random;
mod spelling;
mod traces;
mod walks;

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{Fact, Facts, Graph, Reading, Route, Severity, find, read};

/// A request.
#[derive(Default)]
pub(crate) struct Request {
    metadata: Value,
    headers: Value,
    body: String,
    /// How often the body was asked for.
    looks: std::cell::Cell<usize>,
}

impl Request {
    pub(crate) fn of(metadata: Value) -> Self {
        Self { metadata, ..Self::default() }
    }
}

impl Facts for Request {
    fn metadata(&self, key: &str) -> Option<Fact<'_>> {
        match self.metadata.get(key)? {
            Value::Null => Some(Fact::Null),
            Value::Bool(value) => Some(Fact::Bool(*value)),
            Value::Number(value) => Some(Fact::Number(value.clone())),
            Value::String(text) => Some(Fact::Text(Cow::Borrowed(text))),
            _ => Some(Fact::Other),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    fn body(&self) -> &[u8] {
        self.looks.set(self.looks.get() + 1);
        self.body.as_bytes()
    }
}

pub(crate) fn graph(elements: &Value) -> Graph {
    let Reading { graph, problems, .. } = read(&elements.to_string(), &());
    let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    graph.expect("elements")
}

pub(crate) fn route(elements: &Value) -> Route {
    Route::compile(&graph(elements)).expect("a route")
}

pub(crate) fn element(id: &str, kind: &str, properties: Value, outputs: &[(&str, &str)]) -> Value {
    let outputs: Value = outputs
        .iter()
        .map(|(name, to)| ((*name).to_owned(), json!({ "elementId": to })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    json!({ "id": id, "type": kind, "properties": properties, "outputs": outputs })
}

pub(crate) fn model(id: &str, name: &str, outputs: &[(&str, &str)]) -> Value {
    element(id, "model", json!({ "provider": "openai", "model": name }), outputs)
}

pub(crate) fn start(next: &str) -> Value {
    element("start", "start", json!({}), &[("next", next)])
}

pub(crate) fn end() -> Value {
    element("end", "end", json!({}), &[])
}

#[test]
fn a_route_is_shared_between_threads_and_made_of_its_text() {
    fn shared<T: Send + Sync>(_: &T) {}
    let elements = json!([start("m"), model("m", "x", &[])]);
    let route = Route::parse(&elements.to_string()).expect("a route");
    shared(&route);
    shared(&crate::Walk::new(&route, 0));
    assert_eq!(route.models().collect::<Vec<_>>(), [("openai", "x")]);
    for wrong in ["{", "[]", r#"[{"id":"s","type":"start"}]"#] {
        assert!(Route::parse(wrong).is_err_and(|problems| !problems.is_empty()), "{wrong}");
    }
}

#[test]
fn the_body_is_read_once_and_only_where_it_is_asked_for() {
    let with = |field: &str| {
        json!([
            start("a"),
            element("a", "conditional", json!({ "conditions": { field: 1 } }), &[("true", "b"), ("false", "b")]),
            element("b", "conditional", json!({ "conditions": { "body.y": 2 } }), &[("true", "m"), ("false", "n")]),
            model("m", "x", &[]),
            model("n", "y", &[]),
        ])
    };
    let request = Request { body: r#"{"x":1,"y":2}"#.to_owned(), ..Request::default() };
    let route = route(&with("body.x"));
    let mut walk = crate::Walk::new(&route, 0);
    walk.next(&request);
    assert_eq!(walk.path().to_string(), "start.next > a.true > b.true");
    let plain = json!([start("m"), model("m", "x", &[])]);
    let (plain, untouched) = (crate::tests::route(&plain), Request::default());
    crate::Walk::new(&plain, 0).next(&untouched);
    assert_eq!(untouched.looks.get(), 0);
    assert_eq!(find(request.body.as_bytes(), &["y"]), Some(Fact::Number(2.into())));
}
