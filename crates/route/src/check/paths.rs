//! What ways lead through the elements: rings, elements that none reaches, and models that one would try twice.

use super::Checker;
use super::outputs::FALLBACK;
use crate::graph::Kind;

/// How far the search for rings has come with an element.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    No,
    /// On the way that is looked at.
    Now,
    Done,
}

impl Checker<'_> {
    fn next(&self, at: usize) -> Vec<usize> {
        self.nodes[at].outputs.iter().filter_map(|output| self.place(&output.to)).collect()
    }

    /// Tells of rings; answers whether there are none.
    pub(super) fn rings(&mut self) -> bool {
        let mut seen = vec![Seen::No; self.nodes.len()];
        let mut fine = true;
        for at in 0..self.nodes.len() {
            if seen[at] == Seen::No {
                fine &= self.ring(at, &mut seen, &mut Vec::new());
            }
        }
        fine
    }

    /// A step deeper for each element on the way, of which there are 200 at most.
    fn ring(&mut self, at: usize, seen: &mut [Seen], way: &mut Vec<usize>) -> bool {
        seen[at] = Seen::Now;
        way.push(at);
        let mut fine = true;
        for next in self.next(at) {
            match seen[next] {
                Seen::No => fine &= self.ring(next, seen, way),
                Seen::Done => (),
                Seen::Now => {
                    fine = false;
                    let from = way.iter().position(|on_way| *on_way == next).unwrap_or(0);
                    let ring = way[from..].iter().chain([&next]).map(|at| self.nodes[*at].id);
                    let ring = ring.collect::<Vec<_>>().join(" → ");
                    self.error(self.nodes[next].id, "", format!("is in a ring, which would never end: {ring}"));
                }
            }
        }
        way.pop();
        seen[at] = Seen::Done;
        fine
    }

    /// Tells of elements that no request reaches, and of ends that one may reach without any model.
    pub(super) fn reached(&mut self) {
        let is_start = |at: &usize| matches!(self.nodes[*at].kind, Some(Kind::Start));
        let starts: Vec<_> = (0..self.nodes.len()).filter(is_start).collect();
        if starts.is_empty() {
            return;
        }
        let reached = self.spread(starts.clone(), |at| self.next(at));
        let without_model = self.spread(starts, |at| match self.nodes[at].kind {
            Some(Kind::Model { .. } | Kind::Balance { .. }) => Vec::new(),
            _ => self.next(at),
        });
        for at in 0..self.nodes.len() {
            let node = &self.nodes[at];
            let end = matches!(node.kind, Some(Kind::End));
            if !reached[at] {
                self.warn(node.id, "", "is never reached: no output leads here from the start");
            } else if end && without_model[at] {
                self.warn(node.id, "", "can be reached before any model is asked; such requests get an error");
            }
        }
    }

    /// Tells of models that may have been tried on a way that leads to them: they are passed over there.
    pub(super) fn repeated(&mut self) {
        let models: Vec<_> = (0..self.nodes.len()).filter(|at| self.nodes[*at].target().is_some()).collect();
        let after: Vec<Vec<usize>> = (0..self.nodes.len()).map(|at| self.after_failure(at)).collect();
        let later: Vec<_> =
            models.iter().map(|at| self.spread(after[*at].clone(), |next| after[next].clone())).collect();
        for (nth, at) in models.iter().enumerate() {
            let earlier = models.iter().enumerate().find(|(other, earlier)| {
                let same = *other != nth && self.nodes[**earlier].target() == self.nodes[*at].target();
                // Of two in one balance either may be first.
                same && later[*other][*at] && (*other < nth || !later[nth][**earlier])
            });
            if let Some((_, earlier)) = earlier {
                let message = format!(
                    "calls the same model as {}, which may have failed by then; it is passed over in that case",
                    self.nodes[*earlier].id
                );
                self.warn(self.nodes[*at].id, "", message);
            }
        }
    }

    /// Where a request may go after an element; after a model, where it failed. A balance goes on with its other models.
    fn after_failure(&self, at: usize) -> Vec<usize> {
        if self.nodes[at].target().is_none() {
            return self.next(at);
        }
        let own = self.nodes[at].outputs.iter().filter(|output| output.name == FALLBACK);
        let mut after: Vec<_> = own.filter_map(|output| self.place(&output.to)).collect();
        let balances = self.nodes.iter().filter(|node| matches!(node.kind, Some(Kind::Balance { .. })));
        for balance in balances {
            let next: Vec<_> = balance.outputs.iter().filter_map(|output| self.place(&output.to)).collect();
            let chosen =
                balance.outputs.iter().any(|output| output.name != FALLBACK && self.place(&output.to) == Some(at));
            if chosen {
                after.extend(next.into_iter().filter(|next| *next != at));
            }
        }
        after
    }

    fn spread(&self, from: Vec<usize>, next: impl Fn(usize) -> Vec<usize>) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut waiting = from;
        while let Some(at) = waiting.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                waiting.extend(next(at));
            }
        }
        reached
    }
}
