//! Collects what is wrong with a file.

use domain::validate::Problem;

use super::ApplyError;
use super::file::Text;

pub(super) struct Report {
    file: String,
    errors: Vec<ApplyError>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), errors: Vec::new() }
    }

    pub(super) fn add(&mut self, line: u64, field: String, message: impl Into<String>) {
        self.errors.push(ApplyError { file: self.file.clone(), line, field, message: message.into() });
    }

    /// Notes the problem of a value, if it has one; answers whether it is fine.
    pub(super) fn check(&mut self, path: &str, field: &str, text: &Text, checked: Result<(), Problem>) -> bool {
        match checked {
            Ok(()) => true,
            Err(problem) => {
                self.add(text.referenced.line(), format!("{path}.{field}"), problem.to_string());
                false
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Vec<ApplyError>> {
        let mut errors = self.errors;
        errors.sort_by_key(|error| error.line);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
