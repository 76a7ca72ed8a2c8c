//! Changes a route's JSON, one small step at a time, as somebody does who edits the drawing. The JSON is changed in place: what a
//! step does not mean stays as it was written, in either spelling, with what is unknown. Whether the outcome is a route is
//! for [`crate::read`] to say; what is never made here is an output that leads to no element, or an id that is there twice.

mod field;
mod insert;
mod remove;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use crate::bounds::{MAX_BYTES, MAX_ELEMENTS};
use crate::json;
use crate::read::is_name;

pub use field::{OPERATORS, field, is_simple};

/// The types that can be inserted. A route has one start, so that is none of them.
pub const NEW_TYPES: [&str; 7] = ["model", "conditional", "percentage", "rate", "budget", "balance", "end"];

/// A route's JSON while it is changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Editor {
    /// A list, or an object with a list in `elements`.
    whole: Value,
}

impl Editor {
    /// Reads a text.
    ///
    /// # Errors
    /// Why there is no list of elements in it, as a sentence goes on behind the name of the text.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("may have at most {MAX_BYTES} bytes"));
        }
        let whole = json::read(text).map_err(|fault| format!("is no JSON that can be read: {fault}"))?;
        let is_list = whole.is_array() || whole.get("elements").is_some_and(Value::is_array);
        if is_list {
            Ok(Self { whole })
        } else {
            Err(r#"must be a list of elements, or an object with "elements""#.to_owned())
        }
    }

    /// The JSON as it is now.
    #[must_use]
    pub fn to_value(&self) -> &Value {
        &self.whole
    }

    /// The elements, in their order.
    #[must_use]
    pub fn elements(&self) -> &[Value] {
        let list = if self.whole.is_array() { Some(&self.whole) } else { self.whole.get("elements") };
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// An element by its id, the first where two have it.
    #[must_use]
    pub fn element(&self, id: &str) -> Option<&Value> {
        self.elements().iter().find(|element| id_of(element) == Some(id))
    }

    /// Leads an output to an element that exists; the output is made where it is not there.
    pub fn connect(&mut self, id: &str, output: &str, to: &str) -> bool {
        if self.element(to).is_none() || !is_name(output) {
            return false;
        }
        let Some(outputs) = self.outputs_mut(id) else { return false };
        match outputs.get_mut(output) {
            // The object may hold what is unknown; its target alone changes.
            Some(Value::Object(target)) => {
                target.insert("elementId".to_owned(), json!(to));
            }
            _ => {
                outputs.insert(output.to_owned(), json!({ "elementId": to }));
            }
        }
        true
    }

    /// Removes an output, with its weight.
    pub fn disconnect(&mut self, id: &str, output: &str) -> bool {
        let has = self
            .element(id)
            .is_some_and(|element| element.get("outputs").is_some_and(|outputs| outputs.get(output).is_some()));
        let gone = has && self.outputs_mut(id).is_some_and(|outputs| outputs.shift_remove(output).is_some());
        if gone {
            self.set_weight(id, output, "");
        }
        gone
    }

    /// Gives an output another name, which no other has. It keeps its place, its target and its weight.
    pub fn rename_output(&mut self, id: &str, output: &str, name: &str) -> bool {
        if !is_name(name) {
            return false;
        }
        let Some(outputs) = self.outputs_mut(id) else { return false };
        if !outputs.contains_key(output) || outputs.contains_key(name) {
            return false;
        }
        rename_member(outputs, output, name);
        let properties = self.element_mut(id).and_then(|element| element.get_mut("properties"));
        if let Some(weights) = properties.and_then(|properties| properties.get_mut("weights")?.as_object_mut()) {
            rename_member(weights, output, name);
        }
        true
    }

    /// Gives an element another id, which no other has. What led to it still does.
    pub fn rename(&mut self, id: &str, name: &str) -> bool {
        if !is_name(name) || self.element(name).is_some() || self.element(id).is_none() {
            return false;
        }
        for (from, output) in self.incoming(id) {
            if let Some(target) = self.output_mut(&from, &output) {
                *target = json!(name);
            }
        }
        if let Some(place) = self.element_mut(id).and_then(|element| element.get_mut("id")) {
            *place = json!(name);
        }
        true
    }

    /// The outputs of an element, each with the id it leads to.
    #[must_use]
    pub fn outputs(&self, id: &str) -> Vec<(&str, &str)> {
        let outputs = self.element(id).and_then(|element| element.get("outputs")?.as_object());
        outputs
            .into_iter()
            .flatten()
            .filter_map(|(name, target)| Some((name.as_str(), target.get("elementId")?.as_str()?)))
            .collect()
    }

    /// Where an output leads.
    fn target(&self, id: &str, output: &str) -> Option<String> {
        self.outputs(id).into_iter().find(|(name, _)| *name == output).map(|(_, to)| to.to_owned())
    }

    /// What leads to an element: the id and the output of each.
    fn incoming(&self, id: &str) -> Vec<(String, String)> {
        let ids = self.elements().iter().filter_map(id_of);
        ids.flat_map(|from| self.outputs(from).into_iter().map(move |(output, to)| (from, output, to)))
            .filter(|(_, _, to)| *to == id)
            .map(|(from, output, _)| (from.to_owned(), output.to_owned()))
            .collect()
    }

    /// The type of an element, in the spelling of Weir.
    fn type_of(&self, id: &str) -> &'static str {
        self.element(id).map_or("", type_of)
    }

    /// The first end, unless that is `but`.
    fn an_end(&self, but: &str) -> Option<String> {
        let ends = self.elements().iter().filter(|element| type_of(element) == "end");
        ends.filter_map(id_of).find(|id| *id != but).map(str::to_owned)
    }

    fn list_mut(&mut self) -> Option<&mut Vec<Value>> {
        match &mut self.whole {
            Value::Array(list) => Some(list),
            whole => whole.get_mut("elements")?.as_array_mut(),
        }
    }

    fn element_mut(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        self.list_mut()?.iter_mut().find(|element| id_of(element) == Some(id))?.as_object_mut()
    }

    /// A member of an element that is an object; made where there is none.
    fn member_mut(&mut self, id: &str, name: &str) -> Option<&mut Map<String, Value>> {
        let member = self.element_mut(id)?.entry(name).or_insert(Value::Null);
        if !member.is_object() {
            *member = json!({});
        }
        member.as_object_mut()
    }

    fn outputs_mut(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        self.member_mut(id, "outputs")
    }

    fn properties_mut(&mut self, id: &str) -> Option<&mut Map<String, Value>> {
        self.member_mut(id, "properties")
    }

    fn output_mut(&mut self, id: &str, output: &str) -> Option<&mut Value> {
        self.outputs_mut(id)?.get_mut(output)?.get_mut("elementId")
    }

    fn at(&self, id: &str) -> Option<usize> {
        self.elements().iter().position(|element| id_of(element) == Some(id))
    }

    /// Puts an element in; nothing where there are as many as there may be.
    fn put(&mut self, at: usize, element: Value) -> Option<()> {
        let list = self.list_mut()?;
        if list.len() >= MAX_ELEMENTS {
            return None;
        }
        list.insert(at.min(list.len()), element);
        Some(())
    }

    /// An id that no element has and none is led to: `model`, `model-2`, …
    fn fresh(&self, stem: &str) -> String {
        let ids = self.elements().iter().filter_map(id_of);
        let ids: Vec<&str> = ids.flat_map(|id| self.outputs(id).into_iter().map(|(_, to)| to).chain([id])).collect();
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        std::iter::once(stem.to_owned()).chain(numbered).find(|id| !ids.contains(&id.as_str())).unwrap_or_default()
    }
}

fn id_of(element: &Value) -> Option<&str> {
    element.get("id")?.as_str()
}

/// The type of an element in the spelling of Weir; empty for what is none.
#[must_use]
pub fn type_of(element: &Value) -> &'static str {
    let cost = element.pointer("/properties/limitType").and_then(Value::as_str) == Some("cost");
    match element.get("type").and_then(Value::as_str).unwrap_or_default() {
        "start" => "start",
        "conditional" => "conditional",
        "percentage" => "percentage",
        "rate" | "rate_limit" if cost => "budget",
        "rate" | "rate_limit" => "rate",
        "budget" | "budget_limit" => "budget",
        "balance" => "balance",
        "model" => "model",
        "end" => "end",
        _ => "",
    }
}

/// Where a request goes on that nothing special happens to: the condition does not hold, the limit has room, the model fails.
#[must_use]
pub fn onward(kind: &str) -> &'static str {
    match kind {
        "start" => "next",
        "conditional" => "false",
        "percentage" => "else",
        "rate" | "budget" => "success",
        "balance" | "model" => "fallback",
        _ => "",
    }
}

/// Gives a member of an object another name, in the same place.
fn rename_member(members: &mut Map<String, Value>, old: &str, new: &str) {
    let renamed = std::mem::take(members).into_iter();
    *members = renamed.map(|(name, value)| (if name == old { new.to_owned() } else { name }, value)).collect();
}
