//! The plan for people.

use std::fmt::Write;

use super::step::{Mark, TeamPlan};

pub(super) fn render(teams: &[TeamPlan]) -> String {
    let mut out = String::new();
    let (mut created, mut changed, mut same) = (0, 0, 0);
    for (index, step) in teams.iter().flat_map(|team| team.steps.iter().enumerate()) {
        let sign = match step.mark {
            Mark::Create => '+',
            Mark::Change => '~',
            Mark::Same => '=',
        };
        let indent = if index == 0 { "" } else { "  " };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{indent}{sign} {}", step.what);
        for difference in &step.differences {
            let old = difference.old.as_ref().map_or_else(String::new, |old| format!("{old} → "));
            let _ = writeln!(out, "{indent}    {}: {old}{}", difference.field, difference.new);
        }
        match step.mark {
            Mark::Create => created += 1,
            Mark::Change => changed += 1,
            Mark::Same => same += 1,
        }
    }
    let _ = writeln!(out, "{created} to create, {changed} to change, {same} unchanged");
    out
}
