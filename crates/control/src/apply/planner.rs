//! Goes through the file, notes what is wrong and what is to be done.

use std::collections::HashSet;

use domain::Secret;

use super::file::Text;
use super::report::Report;
use super::{ApplyError, EnvLookup, source};
use crate::Control;

pub(super) struct Planner<'a> {
    pub(super) report: Report,
    pub(super) env: EnvLookup<'a>,
    pub(super) control: &'a Control,
    /// What the file has named already, as `team acme` or a digest: nothing may be declared twice.
    pub(super) seen: HashSet<String>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(control: &'a Control, file: &str, env: EnvLookup<'a>) -> Self {
        Self { report: Report::new(file), env, control, seen: HashSet::new() }
    }

    pub(super) fn allow_private(&self) -> bool {
        self.control.inner.options.allow_private_upstreams
    }

    /// Notes that something is declared; twice is an error.
    pub(super) fn once(&mut self, what: String, path: &str, field: &str, text: &Text) {
        if !self.seen.insert(what) {
            self.report.add(text.referenced.line(), format!("{path}.{field}"), "appears twice in this file");
        }
    }

    /// The secret a field names, or nothing and a report.
    pub(super) fn secret(&mut self, path: &str, field: &str, text: &Text) -> Option<Secret> {
        match source::read(&text.value, self.env) {
            Ok(secret) => Some(secret),
            Err(message) => {
                self.report.add(text.referenced.line(), format!("{path}.{field}"), message);
                None
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Vec<ApplyError>> {
        self.report.finish()
    }
}
