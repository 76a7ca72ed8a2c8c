//! `weir apply`: a file that declares teams, gateways, provider keys, custom providers, tokens and members is checked
//! as a whole, compared with what is stored, and carried out in one transaction. What it does not mention stays.

use std::fmt;

use domain::view::IssuedToken;

use crate::{Control, ControlError};

/// Where a file's `env:NAME` values come from.
pub type EnvLookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyError {
    pub file: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub line: u64,
    /// Path of the field, such as `teams[0].gateways[1].slug`.
    pub field: String,
    pub message: String,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApplyError {}

/// What would be done.
pub struct Plan {
    control: Control,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Tokens that were generated, as (team/name, token); their plain text is shown here once.
    pub issued: Vec<(String, IssuedToken)>,
    /// How many things were created or changed.
    pub changes: usize,
}

/// Reads, checks and compares a file. Nothing is written.
///
/// # Errors
/// Everything that is wrong with the file, in the order of its lines.
pub async fn plan(control: &Control, yaml: &str, file: &str, env: EnvLookup<'_>) -> Result<Plan, Vec<ApplyError>> {
    unimplemented!()
}

impl Plan {
    /// The plan for people: `+` creates, `~` changes with old → new, `=` is the same. Never shows a secret.
    #[must_use]
    pub fn render(&self) -> String {
        unimplemented!()
    }

    /// How many things would be created or changed.
    #[must_use]
    pub fn changes(&self) -> usize {
        unimplemented!()
    }

    /// Carries the plan out in one transaction.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] when somebody changed the same things since the plan was made.
    pub async fn execute(self) -> Result<Applied, ControlError> {
        unimplemented!()
    }
}
