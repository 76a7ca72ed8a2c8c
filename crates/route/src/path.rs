//! The way a request took, for the log.

use std::fmt;

use crate::bounds::MAX_PATH;
use crate::compile::{Edge, Route};

/// A step of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    element: u16,
    output: Way,
}

/// How an element was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Output(u8),
    /// Not at all: the walk ended here.
    End,
    /// The model had been tried before, so it was passed over.
    Passed(Option<u8>),
}

/// What was recorded so far.
#[derive(Debug, Default)]
pub(crate) struct Record {
    taken: Vec<Taken>,
    /// Whether more was taken than is kept.
    cut: bool,
}

impl Record {
    pub(crate) fn left(&mut self, element: u16, edge: Option<Edge>) {
        self.push(element, edge.map_or(Way::End, |edge| Way::Output(edge.output)));
    }

    pub(crate) fn passed(&mut self, element: u16, edge: Option<Edge>) {
        self.push(element, Way::Passed(edge.map(|edge| edge.output)));
    }

    fn push(&mut self, element: u16, output: Way) {
        if self.taken.len() < MAX_PATH {
            self.taken.push(Taken { element, output });
        } else {
            self.cut = true;
        }
    }
}

/// The way a request took: `start.next > plan.true > large.fallback > small.success > end`. A model that was passed over, because
/// it had failed before, stands in brackets.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    pub(crate) route: &'a Route,
    pub(crate) record: &'a Record,
}

impl<'a> Path<'a> {
    /// Elements by their ids, and the outputs at which they were left; nothing where the walk ended.
    pub fn steps(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        self.record.taken.iter().map(move |taken| (self.id(taken), self.output(taken)))
    }

    /// For each of the steps, whether it is a model that was passed over.
    pub(crate) fn passed(self) -> impl Iterator<Item = bool> {
        self.record.taken.iter().map(|taken| matches!(taken.output, Way::Passed(_)))
    }

    /// The text, cut after so many bytes.
    #[must_use]
    pub fn to_text(self, most: usize) -> String {
        let mut text = self.to_string();
        if text.len() > most {
            let end = (0..=most.saturating_sub(3)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        text
    }

    fn id(self, taken: &Taken) -> &'a str {
        &self.route.nodes[usize::from(taken.element)].id
    }

    fn output(self, taken: &Taken) -> Option<&'a str> {
        match taken.output {
            Way::Output(output) | Way::Passed(Some(output)) => {
                Some(&self.route.nodes[usize::from(taken.element)].outputs[usize::from(output)])
            }
            Way::End | Way::Passed(None) => None,
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, taken) in self.record.taken.iter().enumerate() {
            let passed = matches!(taken.output, Way::Passed(_));
            f.write_str(if at > 0 { " > " } else { "" })?;
            f.write_str(if passed { "[" } else { "" })?;
            f.write_str(self.id(taken))?;
            if let Some(output) = self.output(taken) {
                write!(f, ".{output}")?;
            }
            f.write_str(if passed { "]" } else { "" })?;
        }
        f.write_str(if self.record.cut { " > …" } else { "" })
    }
}
