//! Which outputs an element has, and where each may lead.

use super::{Checker, Node};
use crate::fault::Fault;
use crate::graph::{Kind, Output};
use crate::split::{WHOLE, share};

/// Where a balance goes once all its models have failed.
pub(crate) const FALLBACK: &str = "fallback";
pub(crate) const ELSE: &str = "else";

impl Checker<'_> {
    pub(super) fn outputs(&mut self, node: &Node<'_>) {
        for output in node.outputs {
            let message = match self.place(&output.to).map(|at| self.nodes[at].kind) {
                None => format!("leads to {}, which does not exist", output.to),
                Some(Some(Kind::Start)) => format!("leads to {}, the start, where only requests come in", output.to),
                Some(_) => continue,
            };
            self.error(node.id, format!("outputs.{}", output.name), message);
        }
        let Some(kind) = node.kind else { return };
        match kind {
            Kind::Start => self.named(node, &["next"], &[]),
            Kind::Conditional { .. } => self.named(node, &["true", "false"], &[]),
            Kind::Limit(_) => self.named(node, &["success"], &["fallback"]),
            Kind::End => self.named(node, &[], &[]),
            Kind::Percentage { .. } => self.shares(node),
            Kind::Model { .. } => {
                let optional = ["success", FALLBACK].into_iter().chain(Fault::ALL.map(Fault::as_str));
                self.named(node, &[], &optional.collect::<Vec<_>>());
                self.success(node);
            }
            Kind::Balance { weights, .. } => self.candidates(node, weights),
        }
    }

    fn named(&mut self, node: &Node<'_>, required: &[&str], optional: &[&str]) {
        for name in required.iter().filter(|name| !node.outputs.iter().any(|output| output.name == **name)) {
            self.error(node.id, format!("outputs.{name}"), "is missing: requests that come here could not go on");
        }
        let known = || required.iter().chain(optional);
        for output in node.outputs.iter().filter(|output| !known().any(|name| *name == output.name)) {
            let has = known().copied().collect::<Vec<_>>().join(", ");
            let has = if has.is_empty() { "none" } else { &has };
            self.error(
                node.id,
                format!("outputs.{}", output.name),
                format!("is not an output of this type, which has {has}"),
            );
        }
    }

    fn shares(&mut self, node: &Node<'_>) {
        let mut sum = 0u32;
        for output in node.outputs.iter().filter(|output| output.name != ELSE) {
            match share(&output.name) {
                Some(share) => sum += u32::from(share),
                None => {
                    let message = "must be else, or a share between 0.01% and 100%, as 10% or 10% new";
                    self.error(node.id, format!("outputs.{}", output.name), message);
                }
            }
        }
        let has_else = node.outputs.iter().any(|output| output.name == ELSE);
        let all = u32::from(WHOLE);
        let percent = |share: u32| format!("{}.{:02}", share / 100, share % 100).replace(".00", "");
        if sum > all {
            self.error(node.id, "outputs", format!("add up to {}%, which is more than 100%", percent(sum)));
        } else if sum < all && !has_else {
            let message = format!("is missing: {}% of the requests could not go on", percent(all - sum));
            self.error(node.id, "outputs.else", message);
        } else if sum == all && has_else {
            self.warn(node.id, "outputs.else", "is never taken: the shares add up to 100%");
        }
    }

    /// What follows a success is the end: the answer is on its way to the caller.
    fn success(&mut self, node: &Node<'_>) {
        for output in node.outputs.iter().filter(|output| output.name == "success") {
            let to = self.place(&output.to).and_then(|at| self.nodes[at].kind);
            if to.is_some_and(|kind| !matches!(kind, Kind::End)) {
                let message = format!("leads to {}; after a success there is only an end", output.to);
                self.error(node.id, "outputs.success", message);
            }
        }
    }

    fn candidates(&mut self, node: &Node<'_>, weights: &[(String, u32)]) {
        let candidates: Vec<&Output> = node.outputs.iter().filter(|output| output.name != FALLBACK).collect();
        if candidates.is_empty() {
            self.error(node.id, "outputs", "are missing: a balance needs models to choose from");
        }
        for output in &candidates {
            let place = format!("outputs.{}", output.name);
            let Some(to) = self.place(&output.to).map(|at| &self.nodes[at]) else { continue };
            if to.kind.is_some_and(|kind| !matches!(kind, Kind::Model { .. })) {
                self.error(
                    node.id,
                    place,
                    format!("leads to {}, which is no model; a balance chooses among models", output.to),
                );
            } else if to.kind.is_some() {
                let leads_on = |name: &str| name == FALLBACK || Fault::parse(name).is_some();
                for output in to.outputs.iter().filter(|output| leads_on(&output.name)) {
                    let message = "is not for a model that a balance chooses: the balance goes on with the next one, then at its own";
                    self.error(to.id, format!("outputs.{}", output.name), message);
                }
            }
        }
        for (name, _) in weights.iter().filter(|(name, _)| !candidates.iter().any(|output| output.name == *name)) {
            self.error(node.id, format!("properties.weights.{name}"), "is the weight of no output");
        }
        let zero = |output: &&Output| weights.iter().any(|(name, weight)| *name == output.name && *weight == 0);
        if !candidates.is_empty() && candidates.iter().all(zero) {
            self.error(node.id, "properties.weights", "are all 0: nothing could be chosen");
        }
    }
}
