//! What the editor's form says, and what waits between two of its steps.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use control::{Actor, Control};
use domain::validate::FieldError;
use route::edit::{Editor, field};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::edit::OutputRow;
use super::pretty;

/// A route that is being edited, and is not saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The text, as it was typed or made.
    pub elements: String,
    pub comment: String,
    /// The number of the version that it began as.
    pub made_from: i64,
    /// What it was one step before.
    pub parent: Option<String>,
    /// Why it was not saved.
    pub wrong: Vec<FieldError>,
}

impl Work {
    /// Keeps it for the person's session; answers what it is found by.
    #[must_use]
    pub fn put(&self, control: &Control, actor: &Actor) -> String {
        control.put_sketch(actor, serde_json::to_string(self).unwrap_or_default())
    }

    /// What was kept; nothing where it is gone.
    #[must_use]
    pub fn look(control: &Control, actor: &Actor, id: &str) -> Option<Self> {
        serde_json::from_str(&control.look_at_sketch(actor, id)?).ok()
    }
}

/// A request that somebody made up, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub body: String,
    /// `name: value`, one a line.
    pub headers: String,
    /// JSON.
    pub metadata: String,
    /// The limits that have no room, by their elements.
    pub over: Vec<String>,
    /// Why models fail, as an output is named after it.
    pub fault: String,
    /// What chance decides by, so that a page that is loaded again shows the same.
    pub draw: u64,
}

impl Request {
    /// A random number.
    #[must_use]
    pub fn chance() -> u64 {
        RandomState::new().hash_one(0)
    }

    /// Keeps it for the person's session; answers what it is found by.
    #[must_use]
    pub fn put(&self, control: &Control, actor: &Actor) -> String {
        control.put_sketch(actor, serde_json::to_string(self).unwrap_or_default())
    }

    /// What was kept; nothing where it is gone.
    #[must_use]
    pub fn look(control: &Control, actor: &Actor, id: &str) -> Option<Self> {
        serde_json::from_str(&control.look_at_sketch(actor, id)?).ok()
    }

    /// The request as a route sees it.
    ///
    /// # Errors
    /// What cannot be read: the field, and what is wrong with it.
    pub fn read(&self) -> Result<route::Sample, Vec<(&'static str, String)>> {
        let mut wrong = Vec::new();
        let body = self.body.trim();
        if !body.is_empty() && serde_json::from_str::<Map<String, Value>>(body).is_err() {
            wrong.push(("body", "This is no JSON object, as the body of a request is.".to_owned()));
        }
        let metadata = match self.metadata.trim() {
            "" => Some(Map::new()),
            text => serde_json::from_str(text).ok(),
        };
        if metadata.is_none() {
            wrong.push(("metadata", r#"This must be a JSON object, as {"plan": "free"}."#.to_owned()));
        }
        let mut headers = Vec::new();
        for line in self.headers.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
                None => wrong.push(("headers", format!("The line “{line}” is no header, as x-tier: gold."))),
            }
        }
        if wrong.is_empty() {
            Ok(route::Sample { metadata: metadata.unwrap_or_default(), headers, body: body.to_owned() })
        } else {
            Err(wrong)
        }
    }
}

/// The form, as it was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Posted {
    /// The text beside the drawing.
    pub(super) elements: String,
    /// The id of the chosen element; empty where none is.
    pub(super) selected: String,
    /// The chosen element's JSON when its form was made: what does not differ from it was not changed by the person.
    pub(super) seen: String,
    pub(super) new_id: Option<String>,
    pub(super) fields: HashMap<String, String>,
    pub(super) outputs: Vec<OutputRow>,
    /// The type of the element to insert.
    pub(super) kind: String,
    /// What the button says: `before`, `after`, `remove`, `save`, `test`; anything else takes what was changed.
    pub(super) step: String,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) elements: String,
    /// The rest of the page's address: the chosen element, and why a step was not taken.
    pub(super) place: String,
}

impl Posted {
    /// Takes the step. A text that cannot be read stays as it is.
    pub(super) fn apply(&self) -> Done {
        let Ok(mut editor) = Editor::new(&self.elements) else {
            return Done { elements: self.elements.clone(), place: "#text".to_owned() };
        };
        let before = editor.clone();
        let (mut chosen, mut refused) = (self.selected.clone(), None);
        if editor.element(&chosen).is_some() {
            (chosen, refused) = self.change(&mut editor);
        }
        let taken = match self.step.as_str() {
            "before" => editor.insert_before(&chosen, &self.kind),
            "after" => {
                let output = editor.onward_of(&chosen).map(str::to_owned);
                output.and_then(|output| editor.insert_at(&chosen, &output, &self.kind))
            }
            "remove" => editor.remove(&chosen),
            _ => Some(chosen.clone()),
        };
        match taken {
            Some(next) => chosen = next,
            None => refused = Some("step"),
        }
        let elements = if editor == before { self.elements.clone() } else { pretty(&editor.to_value().to_string()) };
        Done { elements, place: place(&editor, &chosen, refused) }
    }

    /// Takes what was changed in the form of the chosen element. Answers which one is chosen then, and what was refused.
    fn change(&self, editor: &mut Editor) -> (String, Option<&'static str>) {
        let id = self.selected.as_str();
        let seen: Value = serde_json::from_str(&self.seen).unwrap_or_default();
        let differs = |name: &str| self.fields.get(name).filter(|text| text.trim() != field(&seen, name).trim());
        if let Some(text) = differs("conditions") {
            editor.set_field(id, "conditions", text);
        } else if ["subject", "operator", "value"].into_iter().any(|name| differs(name).is_some()) {
            let [subject, operator, value] =
                ["subject", "operator", "value"].map(|name| self.fields.get(name).map_or("", String::as_str));
            editor.set_condition(id, subject, operator, value);
        }
        for name in ["provider", "model", "timeout", "retries", "limit", "window", "technique", "key", "strategy"] {
            if let Some(text) = differs(name) {
                editor.set_field(id, name, text);
            }
        }
        let (mut chosen, mut refused) = (id.to_owned(), None);
        for row in &self.outputs {
            match lead(editor, id, row) {
                Ok(Some(new)) => chosen = new,
                Ok(None) => (),
                Err(()) => refused = Some("output"),
            }
        }
        let new_id = self.new_id.as_deref().map(str::trim).filter(|new_id| *new_id != id);
        if let Some(new_id) = new_id {
            if !editor.rename(id, new_id) {
                refused = Some("id");
            } else if chosen == id {
                chosen = new_id.to_owned();
            }
        }
        (chosen, refused)
    }
}

/// Takes what was changed about an output. Answers the id of an element that was inserted.
fn lead(editor: &mut Editor, id: &str, row: &OutputRow) -> Result<Option<String>, ()> {
    /// Those that an element of some type has always: they are sent whether they lead somewhere or not.
    const USUAL: [&str; 6] = ["next", "true", "false", "else", "success", "fallback"];
    let typed = row.name.trim();
    if row.was.is_empty() && row.to.is_empty() && (typed.is_empty() || USUAL.contains(&typed)) {
        return Ok(None);
    }
    let mut name = row.was.clone();
    if row.was.is_empty() {
        name = if typed.is_empty() { unnamed(editor, id) } else { typed.to_owned() };
        if editor.outputs(id).iter().any(|(known, _)| *known == name) || row.to.is_empty() {
            return Err(());
        }
    } else if typed.is_empty() {
        editor.disconnect(id, &row.was);
        return Ok(None);
    } else if typed != row.was {
        if !editor.rename_output(id, &row.was, typed) {
            return Err(());
        }
        name = typed.to_owned();
    }
    let mut inserted = None;
    if row.to != row.led {
        let done = match (row.to.strip_prefix('='), row.to.strip_prefix('+')) {
            (Some(to), _) => editor.connect(id, &name, to),
            (_, Some(kind)) => {
                inserted = editor.insert_at(id, &name, kind);
                inserted.is_some()
            }
            _ => {
                editor.disconnect(id, &name);
                true
            }
        };
        if !done {
            return Err(());
        }
    }
    if row.weight.trim() != row.had.trim() {
        editor.set_weight(id, &name, &row.weight);
    }
    Ok(inserted)
}

/// A name for an output that was added without one.
fn unnamed(editor: &Editor, id: &str) -> String {
    let outputs = editor.outputs(id);
    let is_free = |name: &String| !outputs.iter().any(|(known, _)| known == name);
    if editor.element(id).map(route::edit::type_of) == Some("percentage") {
        let more = (2..).map(|number| format!("10% {number}"));
        return ["else".to_owned(), "10%".to_owned()].into_iter().chain(more).find(is_free).unwrap_or_default();
    }
    ('a'..='z').map(String::from).chain((1..).map(|number| format!("model-{number}"))).find(is_free).unwrap_or_default()
}

fn place(editor: &Editor, chosen: &str, refused: Option<&str>) -> String {
    let Some(at) = editor.elements().iter().position(|element| element["id"] == *chosen) else { return String::new() };
    format!("&{}#box-{at}", query(&[("element", chosen), ("refused", refused.unwrap_or_default())]))
}

/// A query, without what is empty.
#[must_use]
pub fn query(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty())).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[
  { "id": "start", "type": "start", "outputs": { "next": { "elementId": "large" } } },
  { "id": "large", "type": "model", "properties": { "provider": "openai", "model": "gpt-5", "timeout": 0 }, "outputs": { "success": { "elementId": "end" } } },
  { "id": "end", "type": "end" }
]"#;

    /// The form of an element as the page shows it, and nothing changed.
    fn form(text: &str, id: &str) -> Posted {
        let editor = Editor::new(text).expect("a list");
        let element = editor.element(id).expect("there");
        let names = ["provider", "model", "timeout", "retries", "limit", "window", "technique", "key", "strategy"];
        let fields = names.map(|name| (name.to_owned(), field(element, name))).into_iter().collect();
        let outputs = editor.outputs(id).into_iter().map(|(name, to)| OutputRow {
            was: name.to_owned(),
            name: name.to_owned(),
            led: format!("={to}"),
            to: format!("={to}"),
            ..OutputRow::default()
        });
        let nowhere = OutputRow { name: "fallback".to_owned(), ..OutputRow::default() };
        Posted {
            elements: text.to_owned(),
            selected: id.to_owned(),
            seen: element.to_string(),
            new_id: Some(id.to_owned()),
            outputs: outputs.chain([nowhere, OutputRow::default()]).collect(),
            fields,
            ..Posted::default()
        }
    }

    #[test]
    fn a_form_in_which_nothing_was_changed_changes_nothing() {
        let done = form(TEXT, "large").apply();
        assert_eq!(done, Done { elements: TEXT.to_owned(), place: "&element=large#box-1".to_owned() });
    }

    #[test]
    fn what_was_changed_in_the_text_is_not_undone_by_the_form_beside_it() {
        let mut posted = form(TEXT, "large");
        posted.elements = TEXT.replace("gpt-5", "gpt-4o");
        posted.fields.insert("retries".to_owned(), "2".to_owned());
        let done = posted.apply();
        assert!(done.elements.contains("gpt-4o") && done.elements.contains("\"retries\": 2"), "{}", done.elements);
    }

    #[test]
    fn fields_outputs_and_the_name_change_together_before_the_step() {
        let mut posted = form(TEXT, "large");
        posted.fields.insert("model".to_owned(), "gpt-5-pro".to_owned());
        posted.new_id = Some("big one".to_owned());
        posted.outputs[1] = OutputRow { name: "fallback".to_owned(), to: "+model".to_owned(), ..OutputRow::default() };
        posted.step = "before".to_owned();
        posted.kind = "rate".to_owned();
        let done = posted.apply();
        let editor = Editor::new(&done.elements).expect("a list");
        let ids: Vec<_> = editor.ids().into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["start", "big one", "rate", "model", "end"], "{}", done.elements);
        assert_eq!(editor.outputs("big one"), [("success", "end"), ("fallback", "rate")]);
        assert_eq!(editor.element("big one").expect("there")["properties"]["model"], "gpt-5-pro");
        assert_eq!(done.place, "&element=rate#box-2");
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let refused = |change: &dyn Fn(&mut Posted)| {
            let mut posted = form(TEXT, "large");
            change(&mut posted);
            posted.apply()
        };
        let taken = refused(&|posted| posted.new_id = Some("end".to_owned()));
        assert_eq!((taken.elements.as_str(), taken.place.as_str()), (TEXT, "&element=large&refused=id#box-1"));
        let twice = refused(&|posted| posted.outputs[0].name = "  ".to_owned());
        assert!(!twice.elements.contains("success") && !twice.place.contains("refused"), "{twice:?}");
        let unled = refused(&|posted| posted.outputs[2].name = "other".to_owned());
        assert_eq!(unled.place, "&element=large&refused=output#box-1");
        let nowhere = refused(&|posted| posted.outputs[0].to = "=gone".to_owned());
        assert_eq!(nowhere.place, "&element=large&refused=output#box-1");
        let stuck = refused(&|posted| (posted.step, posted.kind) = ("after".to_owned(), "unheard".to_owned()));
        assert_eq!(stuck.place, "&element=large&refused=step#box-1");
        let unread = refused(&|posted| posted.elements = "{ not yet".to_owned());
        assert_eq!(unread, Done { elements: "{ not yet".to_owned(), place: "#text".to_owned() });
    }

    #[test]
    fn a_request_is_read_or_its_faults_are_named() {
        let request = Request {
            body: r#"{"model":"dynamic/x"}"#.into(),
            headers: "X-Tier: gold: 1\n\n".into(),
            metadata: r#"{"plan":"free"}"#.into(),
            ..Request::default()
        };
        let sample = request.read().expect("read");
        assert_eq!(sample.headers, [("x-tier".to_owned(), "gold: 1".to_owned())]);
        assert_eq!(sample.metadata["plan"], "free");
        let wrong = Request { body: "[]".into(), headers: "x".into(), metadata: "7".into(), ..Request::default() };
        let fields: Vec<_> = wrong.read().expect_err("wrong").into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["body", "metadata", "headers"]);
        assert_eq!(Request::default().read(), Ok(route::Sample::default()));
    }
}
