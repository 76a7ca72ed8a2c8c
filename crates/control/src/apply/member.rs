//! Plans the members of a team. A password is set when the account is created and never touched again.

use domain::validate::{self, Problem};
use domain::{Role, Secret};
use serde_json::json;

use super::file;
use super::planner::Planner;
use super::source;
use super::state::State;
use super::step::{Member, Operation, Step, differences, mark};
use crate::session::normal_email;

impl Planner<'_> {
    /// The members, owners first: a team must not be without one in between.
    pub(super) fn members(&mut self, path: &str, team: &file::Team, state: &State) -> Vec<Step> {
        let mut members: Vec<Member> = Vec::new();
        for (index, entry) in team.members.iter().enumerate() {
            members.extend(self.member(&format!("{path}.members[{index}]"), team, entry, state));
        }
        let kept = state.memberships.iter().filter(|row| {
            let declared = |member: &Member| member.user.as_ref().is_some_and(|user| user.id == row.user_id);
            !members.iter().any(declared)
        });
        let roles = kept.filter_map(|row| row.role.parse().ok()).chain(members.iter().map(|member| member.role));
        let roles: Vec<Role> = roles.collect();
        if members.len() == team.members.len() && !roles.is_empty() && !roles.contains(&Role::Owner) {
            let (line, field) = (team.slug.referenced.line(), format!("{path}.members"));
            self.report.add(line, field, "leaves the team without an owner");
        }
        members.sort_by_key(|member| Role::ALL.iter().position(|role| *role == member.role));
        members.into_iter().map(step).collect()
    }

    fn member(&mut self, path: &str, team: &file::Team, entry: &file::Member, state: &State) -> Option<Member> {
        let email = normal_email(&entry.email.value);
        let mut fine = self.report.check(path, "email", &entry.email, validate::email(&email));
        self.once(format!("member {}/{email}", team.slug.value), path, "email", &entry.email);
        if let Some(name) = &entry.name {
            fine &= self.report.check(path, "name", name, validate::name(&name.value));
        }
        let role = entry.role.value.parse::<Role>().map_err(|()| Problem::NotAChoice);
        fine &= self.report.check(path, "role", &entry.role, role.as_ref().map(drop).map_err(Clone::clone));
        let user = state.users.get(&email).cloned();
        let password = self.password(path, entry, user.is_some());
        let (Ok(role), Ok(password), true) = (role, password, fine) else { return None };
        let membership = user.as_ref().and_then(|user| state.memberships.iter().find(|row| row.user_id == user.id));
        let name = entry.name.as_ref().map_or_else(|| email.clone(), |name| name.value.trim().to_owned());
        let old_role = membership.and_then(|row| row.role.parse().ok());
        Some(Member { user, email, name: name.chars().take(validate::MAX_NAME).collect(), role, old_role, password })
    }

    /// The password of an account that is to be made. Of one that exists it is not even read: whoever runs the file again
    /// need not have it any more.
    fn password(&mut self, path: &str, entry: &file::Member, exists: bool) -> Result<Option<Secret>, ()> {
        let Some(text) = &entry.password else {
            if exists {
                return Ok(None);
            }
            let message = "is required: nobody has an account with this address yet";
            self.report.add(entry.email.referenced.line(), format!("{path}.password"), message);
            return Err(());
        };
        if exists && source::is_named(&text.value) {
            return Ok(None);
        }
        let password = self.secret(path, "password", text).ok_or(())?;
        let fine = self.report.check(path, "password", text, validate::password(password.expose()));
        if fine { Ok(Some(password)) } else { Err(()) }
    }
}

fn step(member: Member) -> Step {
    let before = member.old_role.map(|role| json!({ "role": role }));
    let differences = differences(before.as_ref(), &json!({ "role": member.role }));
    Step {
        mark: mark(member.old_role.is_some(), !differences.is_empty()),
        what: format!("member {}", member.email),
        differences,
        operation: Operation::Member(Box::new(member)),
    }
}
