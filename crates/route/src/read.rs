//! Reads a route's JSON in any of its spellings. All that is wrong is told at once.

mod properties;

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::bounds::{MAX_BYTES, MAX_ELEMENTS, MAX_NAME, MAX_OUTPUTS};
use crate::check::{self, Catalog, Node};
use crate::condition::BodyFields;
use crate::graph::{Element, Graph, Kind, Output};
use crate::json;
use crate::problem::Problem;

/// What became of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The elements, where all of them could be read.
    pub graph: Option<Graph>,
    /// The elements' JSON: canonical where they could be read, else as it was written; nothing where it is no list at all.
    pub elements: Option<Value>,
    /// What is wrong, in the order of the elements.
    pub problems: Vec<Problem>,
    /// Each element as far as it could be read, for a drawing of what is not whole yet.
    pub outline: Vec<Outline>,
}

/// An element as far as it could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    /// Its id; `elements[3]` where it has none.
    pub id: String,
    /// The type as it is written, in Weir's spelling where it is known.
    pub type_name: String,
    /// What it does; nothing where that could not be read.
    pub kind: Option<Kind>,
    pub outputs: Vec<Output>,
}

/// Reads a list of elements, or an object with one (`{"id", "name", "elements"}`), and checks it.
#[must_use]
pub fn read(text: &str, catalog: &dyn Catalog) -> Reading {
    let whole = |message: String| Reading { problems: vec![Problem::error("", "", message)], ..Reading::default() };
    if text.len() > MAX_BYTES {
        return whole(format!("may have at most {MAX_BYTES} bytes"));
    }
    let value = match json::read(text) {
        Ok(value) => value,
        Err(fault) => return whole(format!("is no JSON that can be read: {fault}")),
    };
    let mut problems = Vec::new();
    let elements = match value {
        Value::Array(elements) => elements,
        Value::Object(mut route) => match route.shift_remove("elements") {
            Some(Value::Array(elements)) => {
                let unknown = route.keys().filter(|name| !["id", "name"].contains(&name.as_str()));
                problems.extend(unknown.map(|name| Problem::error("", quoted(name), "is not part of a route")));
                elements
            }
            _ => return whole(r#"needs "elements", a list"#.to_owned()),
        },
        _ => return whole(r#"must be a list of elements, or an object with "elements""#.to_owned()),
    };
    if elements.is_empty() || elements.len() > MAX_ELEMENTS {
        problems.push(Problem::error("", "", format!("must have between 1 and {MAX_ELEMENTS} elements")));
        return Reading { elements: Some(Value::Array(elements)), problems, ..Reading::default() };
    }
    let mut reader = Reader { fields: BodyFields::default(), problems };
    let read: Vec<_> = elements.iter().enumerate().map(|(at, element)| reader.element(at, element)).collect();
    let nodes: Vec<_> = read.iter().map(Draft::node).collect();
    let mut problems = reader.problems;
    problems.extend(check::check(&nodes, catalog));
    in_order(&mut problems, &nodes);
    let outline = elements.iter().zip(&read).map(|(written, draft)| draft.outline(written)).collect();
    let graph: Option<Vec<_>> = read.into_iter().map(Draft::finish).collect();
    let graph = graph.map(|elements| Graph { elements });
    let elements = graph.as_ref().map_or(Value::Array(elements), Graph::to_json);
    Reading { graph, elements: Some(elements), problems, outline }
}

/// What concerns the whole first, then by element, errors before warnings.
fn in_order(problems: &mut [Problem], nodes: &[Node<'_>]) {
    let at = |element: &str| nodes.iter().position(|node| node.id == element).map_or(0, |at| at + 1);
    problems.sort_by_key(|problem| (at(&problem.element), problem.severity == crate::Severity::Warning));
}

/// An element as far as it could be read.
struct Draft {
    id: String,
    kind: Option<Kind>,
    outputs: Vec<Output>,
    /// Whether nothing of it was lost.
    whole: bool,
}

impl Draft {
    fn node(&self) -> Node<'_> {
        Node { id: &self.id, kind: self.kind.as_ref(), outputs: &self.outputs, whole: self.whole }
    }

    fn outline(&self, written: &Value) -> Outline {
        let known = crate::edit::type_of(written);
        let as_written =
            || written.get("type").and_then(Value::as_str).unwrap_or_default().chars().take(MAX_NAME).collect();
        let type_name = if known.is_empty() { as_written() } else { known.to_owned() };
        Outline { id: self.id.clone(), type_name, kind: self.kind.clone(), outputs: self.outputs.clone() }
    }

    fn finish(self) -> Option<Element> {
        let kind = self.kind.filter(|_| self.whole)?;
        Some(Element { id: self.id, kind, outputs: self.outputs })
    }
}

struct Reader {
    fields: BodyFields,
    problems: Vec<Problem>,
}

impl Reader {
    fn wrong(&mut self, element: &str, place: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::error(element, place, message));
    }

    fn element(&mut self, at: usize, value: &Value) -> Draft {
        let unnamed = format!("elements[{at}]");
        let before = self.problems.len();
        let Value::Object(members) = value else {
            self.wrong(&unnamed, "", "must be an object");
            return Draft { id: unnamed, kind: None, outputs: Vec::new(), whole: false };
        };
        let id = match members.get("id") {
            Some(Value::String(id)) if is_name(id) => id.clone(),
            _ => {
                self.wrong(&unnamed, "id", format!("must be a text of 1 to {MAX_NAME} bytes that can be seen"));
                unnamed
            }
        };
        for name in members.keys().filter(|name| !["id", "type", "properties", "outputs"].contains(&name.as_str())) {
            self.wrong(&id, quoted(name), "is not part of an element, which has id, type, properties and outputs");
        }
        let empty = Map::new();
        let properties = match members.get("properties") {
            None | Some(Value::Null) => &empty,
            Some(Value::Object(properties)) => properties,
            Some(_) => {
                self.wrong(&id, "properties", "must be an object");
                &empty
            }
        };
        let kind = match members.get("type") {
            Some(Value::String(name)) => self.kind(&id, name, properties),
            _ => {
                self.wrong(&id, "type", properties::TYPES);
                None
            }
        };
        let outputs = self.outputs(&id, members.get("outputs"));
        Draft { id, kind, outputs, whole: self.problems.len() == before }
    }

    fn outputs(&mut self, id: &str, value: Option<&Value>) -> Vec<Output> {
        let members = match value {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(members)) if members.len() <= MAX_OUTPUTS => members,
            Some(Value::Object(_)) => {
                self.wrong(id, "outputs", format!("may be at most {MAX_OUTPUTS}"));
                return Vec::new();
            }
            Some(_) => {
                self.wrong(id, "outputs", r#"must be an object, as {"next": {"elementId": "…"}}"#);
                return Vec::new();
            }
        };
        let mut outputs = Vec::with_capacity(members.len());
        for (name, target) in members {
            if !is_name(name) {
                self.wrong(id, "outputs", format!("must have names of 1 to {MAX_NAME} bytes that can be seen"));
                continue;
            }
            let to = match target {
                Value::Object(target) if target.len() == 1 => target.get("elementId").and_then(Value::as_str),
                _ => None,
            };
            match to {
                Some(to) => outputs.push(Output { name: name.clone(), to: to.to_owned() }),
                None => self.wrong(id, format!("outputs.{name}"), r#"must be {"elementId": "…"} and nothing else"#),
            }
        }
        outputs
    }
}

/// Whether a text can be a name: not empty, not long, nothing that is not seen.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control) && text.trim() == text
}

/// A name that somebody made up, fit to be shown.
fn quoted(name: &str) -> String {
    let mut shown = String::from("`");
    for char in name.chars().take(80) {
        // Writing to a string cannot fail.
        let _ = if char.is_control() { write!(shown, "{}", char.escape_unicode()) } else { write!(shown, "{char}") };
    }
    shown.push('`');
    shown
}
