//! Takes elements out, and joins what is left.

use super::{Editor, onward};

impl Editor {
    /// Removes an element. What led to it leads on to where its requests would have gone without it: see [`onward`]. A balance is
    /// followed by its models, one behind the other. Answers an element that was beside it; nothing where it stays: the start,
    /// and what is not there.
    pub fn remove(&mut self, id: &str) -> Option<String> {
        let at = self.at(id)?;
        let kind = self.type_of(id);
        if kind == "start" {
            return None;
        }
        let next = self.following(id, kind).filter(|next| next != id);
        let incoming: Vec<_> = self.incoming(id).into_iter().filter(|(from, _)| from != id).collect();
        for (from, output) in &incoming {
            self.join(from, output, id, next.as_deref());
        }
        self.list_mut()?.remove(at);
        let beside = next.or_else(|| incoming.into_iter().next().map(|(from, _)| from));
        beside.or_else(|| self.ids().first().map(|(id, _)| (*id).to_owned()))
    }

    /// Where requests go without an element.
    fn following(&mut self, id: &str, kind: &str) -> Option<String> {
        let there = |editor: &Self, to: String| editor.element(&to).is_some().then_some(to);
        if kind == "balance" {
            return self.unbalance(id);
        }
        let ways = [onward(kind), "success", "true"];
        let mut targets = ways.iter().filter_map(|way| self.target(id, way));
        let target = targets.next().or_else(|| self.outputs(id).last().map(|(_, to)| (*to).to_owned()));
        there(self, target?)
    }

    /// The models of a balance become a chain, each the fallback of the one before. Answers the first, or the balance's own fallback.
    fn unbalance(&mut self, id: &str) -> Option<String> {
        let fallback = self.target(id, "fallback").filter(|to| self.element(to).is_some());
        let outputs = self.outputs(id).into_iter();
        let mut chain: Vec<String> = Vec::new();
        for (_, to) in outputs.filter(|(name, _)| *name != "fallback") {
            if self.type_of(to) == "model" && !chain.iter().any(|known| known == to) {
                chain.push(to.to_owned());
            }
        }
        let followers = chain.iter().skip(1).map(Some).chain([fallback.as_ref()]);
        let joined: Vec<_> = chain.iter().zip(followers).map(|(model, next)| (model.clone(), next.cloned())).collect();
        for (model, next) in joined {
            if let (None, Some(next)) = (self.target(&model, "fallback"), next) {
                self.connect(&model, "fallback", &next);
            }
        }
        chain.into_iter().next().or(fallback)
    }

    /// Leads an output that led to the removed element elsewhere, or removes it where nothing fits.
    fn join(&mut self, from: &str, output: &str, removed: &str, next: Option<&str>) {
        let kind = self.type_of(from);
        let only_to_it = self.is_choice(from, output) || (kind == "model" && output == "success");
        let next = next.filter(|next| *next != from && !only_to_it).map(str::to_owned);
        let optional = output == "fallback" && ["model", "balance", "rate", "budget"].contains(&kind);
        let needed = !only_to_it && !optional;
        let next = next.or_else(|| if needed { self.an_end(removed) } else { None });
        match next {
            Some(next) => self.connect(from, output, &next),
            None => self.disconnect(from, output),
        };
    }
}
