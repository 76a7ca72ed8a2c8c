//! `weir apply`: a file that declares teams, gateways and their routes, provider keys, custom providers, tokens, policies, prices and members is
//! checked as a whole, compared with what is stored, and carried out in one transaction. What it does not mention stays.

mod custom_provider;
mod execute;
mod file;
mod gateway;
mod member;
mod planner;
mod policy;
mod price;
mod provider_key;
mod render;
mod report;
mod route;
mod source;
mod state;
mod step;
mod team;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;

use domain::view::IssuedToken;

use crate::{Control, ControlError};
use planner::Planner;
use step::TeamPlan;

/// Where a file's `env:NAME` values come from.
pub type EnvLookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyError {
    pub file: String,
    /// Counted from 1; 0 where the whole file is meant.
    pub line: u64,
    /// Path of the field, such as `teams[0].gateways[1].slug`; empty where the whole file is meant.
    pub field: String,
    pub message: String,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ApplyError {}

/// What would be done. It holds credentials, and its `Debug` shows none.
pub struct Plan {
    control: Control,
    /// The configuration the plan was made for.
    version: i64,
    teams: Vec<TeamPlan>,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("version", &self.version).field("changes", &self.changes()).finish()
    }
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
    let whole = |message: String| vec![ApplyError { file: file.to_owned(), line: 0, field: String::new(), message }];
    let parsed = file::parse(yaml, file)?;
    let version = store::config::version(&control.inner.store).await.map_err(|error| whole(error.to_string()))?;
    let mut planner = Planner::new(control, file, env);
    let mut teams = Vec::new();
    for (index, entry) in parsed.teams.iter().enumerate() {
        let state = state::load(control, entry, env).await.map_err(|error| whole(error.to_string()))?;
        teams.push(planner.team(&format!("teams[{index}]"), entry, &state));
    }
    planner.finish()?;
    Ok(Plan { control: control.clone(), version, teams })
}

impl Plan {
    /// The plan for people: `+` creates, `~` changes with old → new, `=` is the same. Never shows a secret.
    #[must_use]
    pub fn render(&self) -> String {
        render::render(&self.teams)
    }

    /// How many things would be created or changed.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.teams.iter().map(TeamPlan::changes).sum()
    }

    /// Carries the plan out in one transaction; a plan without changes writes nothing at all.
    ///
    /// # Errors
    /// [`ControlError::Outdated`] when the configuration was changed since the plan was made.
    pub async fn execute(self) -> Result<Applied, ControlError> {
        execute::execute(self).await
    }
}
