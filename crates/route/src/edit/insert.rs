//! New elements, joined to what is there.

use serde_json::{Map, Value, json};

use super::{Editor, NEW_TYPES, id_of, onward, type_of};

impl Editor {
    /// Inserts an element of a type before another: what led there leads to the new one, which leads there. What cannot lead to
    /// one of the type stays: a model's success, which leads to an end, and a balance's choice, which leads to a model. Answers
    /// the new id; nothing where all of it would stay, or there is no room.
    pub fn insert_before(&mut self, id: &str, kind: &str) -> Option<String> {
        let at = self.at(id)?;
        if self.type_of(id) == "start" {
            return None;
        }
        let all = self.incoming(id);
        let moving: Vec<_> = all.iter().filter(|(from, output)| self.may_lead(from, output, kind)).cloned().collect();
        if moving.is_empty() && !all.is_empty() {
            return None;
        }
        let new = self.make(at, kind, Some(id), moving.len() == all.len())?;
        for (from, output) in moving {
            self.connect(&from, &output, &new);
        }
        Some(new)
    }

    /// Inserts an element of a type where an output leads, or would lead. The new one leads to where the output did. Answers
    /// the new id; nothing where no such element can be there.
    pub fn insert_at(&mut self, id: &str, output: &str, kind: &str) -> Option<String> {
        let (at, next) = (self.at(id)?, self.target(id, output));
        if !self.may_lead(id, output, kind) || type_of(self.element(id)?) == "end" {
            return None;
        }
        let chosen = self.is_choice(id, output);
        let alone = next.as_deref().is_some_and(|next| self.incoming(next).len() == 1);
        let next = if chosen { None } else { next };
        let new = self.make(at + 1, kind, next.as_deref(), alone)?;
        if !self.connect(id, output, &new) {
            // The output has a name that none can have: without it, the new element has no use.
            let at = self.at(&new)?;
            self.list_mut()?.remove(at);
            return None;
        }
        Some(new)
    }

    /// Whether an output may lead to an element of a type.
    fn may_lead(&self, from: &str, output: &str, kind: &str) -> bool {
        match self.type_of(from) {
            "model" if output == "success" => kind == "end",
            "balance" if output != "fallback" => kind == "model",
            _ => true,
        }
    }

    /// Whether an output is one of those that a balance chooses from.
    pub(super) fn is_choice(&self, from: &str, output: &str) -> bool {
        self.type_of(from) == "balance" && output != "fallback"
    }

    /// Makes an element that leads on to `next`. `alone`: from now on nothing else leads to `next`.
    fn make(&mut self, at: usize, kind: &str, next: Option<&str>, alone: bool) -> Option<String> {
        let kind = NEW_TYPES.into_iter().find(|known| *known == kind)?;
        let id = self.fresh(kind);
        let next = next.map(str::to_owned).or_else(|| self.an_end(&id));
        let properties = match kind {
            "conditional" => json!({ "conditions": { "metadata.plan": "free" } }),
            "rate" => json!({ "limit": 100, "window": 60 }),
            "budget" => json!({ "limit": "10.00", "window": 86_400 }),
            "balance" => json!({ "strategy": "weighted" }),
            "model" => json!({ "provider": self.a_provider(next.as_deref()) }),
            _ => json!({}),
        };
        let names: &[&str] = match kind {
            "conditional" => &["true", "false"],
            "percentage" => &["50%", "else"],
            "rate" | "budget" => &["success"],
            _ => &[],
        };
        let lead = |name: &&str| Some(((*name).to_owned(), json!({ "elementId": next.as_deref()? })));
        let outputs: Map<String, Value> = names.iter().filter_map(lead).collect();
        let mut element = json!({ "id": id, "type": kind, "properties": properties, "outputs": outputs });
        if properties == json!({})
            && let Some(members) = element.as_object_mut()
        {
            members.shift_remove("properties");
        }
        // Ends stay at the end.
        self.put(if kind == "end" { usize::MAX } else { at }, element)?;
        match kind {
            "model" => self.join_model(&id, next.as_deref()),
            "balance" => self.join_balance(&id, next.as_deref(), alone),
            _ => (),
        }
        Some(id)
    }

    /// A model's success is the end; where it fails, it goes on, unless that is the end as well.
    fn join_model(&mut self, id: &str, next: Option<&str>) {
        if let Some(end) = self.an_end(id) {
            self.connect(id, "success", &end);
        }
        if let Some(next) = next.filter(|next| self.type_of(next) != "end") {
            self.connect(id, "fallback", next);
        }
    }

    /// A balance chooses the model that it is put before, whose fallback becomes its own; before anything else, or before a model
    /// that other ways lead to, it chooses a new model.
    fn join_balance(&mut self, id: &str, next: Option<&str>, alone: bool) {
        let own = next.filter(|next| alone && self.type_of(next) == "model").map(str::to_owned);
        let fallback = match &own {
            Some(model) => {
                let fallback = self.target(model, "fallback").filter(|to| self.element(to).is_some());
                self.disconnect(model, "fallback");
                fallback
            }
            None => next.map(str::to_owned),
        };
        let chosen = own.or_else(|| {
            let at = self.at(id)? + 1;
            self.make(at, "model", None, false)
        });
        if let Some(chosen) = chosen {
            self.connect(id, "a", &chosen);
        }
        if let Some(fallback) = fallback {
            self.connect(id, "fallback", &fallback);
        }
    }

    /// The provider that a new model begins with: that of the next one, else of the last.
    fn a_provider(&self, next: Option<&str>) -> String {
        let of = |element: &Value| Some(element.pointer("/properties/provider")?.as_str()?.to_owned());
        let next = next.and_then(|next| of(self.element(next)?));
        next.or_else(|| self.elements().iter().rev().find_map(of)).unwrap_or_else(|| "openai".to_owned())
    }

    /// The ids of the elements in their order, with their types.
    #[must_use]
    pub fn ids(&self) -> Vec<(&str, &'static str)> {
        self.elements().iter().filter_map(|element| Some((id_of(element)?, type_of(element)))).collect()
    }

    /// The output at which an element is inserted behind another: where requests go on.
    #[must_use]
    pub fn onward_of(&self, id: &str) -> Option<&str> {
        let (kind, outputs) = (self.type_of(id), self.outputs(id));
        match kind {
            "" | "end" => None,
            "percentage" if !outputs.iter().any(|(name, _)| *name == "else") => outputs.last().map(|(name, _)| *name),
            _ => Some(onward(kind)),
        }
    }
}
