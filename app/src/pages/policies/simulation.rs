//! What a policy would have done over the last days, and the button that switches it on.

use chrono::{DateTime, Utc};
use control::{HitGroup, MAX_DAYS, Simulation, Untried};
use domain::PolicyId;
use domain::policy::PolicyState;
use domain::view::PolicyView;
use leptos::prelude::*;

use super::{about, does, switch};
use crate::components::format::{exact, grouped, money};
use crate::components::{EmptyState, Money, Notice, Page, Symbol, Table, Time, Tokens, Tone, load};
use crate::pages::address;
use crate::{AppError, server};

/// Days to choose from.
const DAYS: [u16; 4] = [1, 7, 30, MAX_DAYS];
/// Unless another is chosen.
const USUAL: u16 = 7;

/// What would it have done?
#[component]
pub fn SimulationPage() -> impl IntoView {
    let team = address::part("team");
    let asked = address::query().get_str("days").and_then(|days| days.parse().ok());
    let days = asked.filter(|days| (1..=MAX_DAYS).contains(days)).unwrap_or(USUAL);
    load(find(team.clone(), address::part("id"), days), move |data| show(&team, days, data))
}

struct Data {
    policy: PolicyView,
    told: Told,
    may_edit: bool,
}

enum Told {
    Played(Box<Simulation>),
    Untried(Untried),
    /// Somebody else tries a policy; seconds to wait.
    Busy(u32),
}

async fn find(team: String, id: String, days: u16) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::EditPolicies>(&team).await.is_ok();
    let id: PolicyId = id.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let policy = control.find_policy(&grant, id).await?;
    let told = match control.simulate_policy(&grant, id, days).await.map_err(AppError::from) {
        Ok(Ok(simulation)) => Told::Played(Box::new(simulation)),
        Ok(Err(reason)) => Told::Untried(reason),
        Err(AppError::Throttled { retry_after_s }) => Told::Busy(retry_after_s),
        Err(error) => return Err(error),
    };
    Ok(Data { policy, told, may_edit })
}

fn show(team: &str, days: u16, data: Data) -> impl IntoView + use<> {
    let Data { policy, told, may_edit } = data;
    let page = format!("/{team}/policies/{}", policy.id);
    let now = server::now();
    let content = match told {
        Told::Played(played) => result(&played, now).into_any(),
        Told::Untried(reason) => untried(reason).into_any(),
        Told::Busy(seconds) => busy(seconds).into_any(),
    };
    let choices = DAYS.map(|choice| {
        let open = (choice == days).then_some("true");
        let word = if choice == 1 { "1 day".to_owned() } else { format!("{choice} days") };
        view! { <a href=format!("{page}/simulation?days={choice}") aria-current=open>{word}</a> }
    });
    let words = policy.policy.as_ref().map(|policy| format!("{}, for {}.", does(policy, now), about(&policy.when)));
    let switch = (may_edit && policy.state != PolicyState::On).then(|| switch(team, &policy, false));
    view! {
        <Page title="What would it have done?" above=(page, "Policy") toolbar=move || switch>
            <p class="lead"><strong>{policy.name.clone()}</strong>": "{words}</p>
            <nav class="choices" aria-label="Days">{choices.into_iter().collect_view()}</nav>
            {content}
        </Page>
    }
}

fn result(played: &Simulation, now: DateTime<Utc>) -> impl IntoView + use<> {
    if played.requests == 0 {
        return view! {
            <EmptyState symbol=Symbol::Requests title="No requests in these days">
                <p>"Choose more days, or come back once there was some traffic."</p>
            </EmptyState>
        }
        .into_any();
    }
    let moment = |ms: i64| DateTime::from_timestamp_millis(ms).unwrap_or_default();
    let incomplete = (!played.complete).then(|| {
        let until = exact(moment(played.to_ms));
        view! {
            <Notice tone=Tone::Warn>
                <p>{format!("There is more than is looked at here at once: what follows is the time until {until}. Choose fewer days.")}</p>
            </Notice>
        }
    });
    let first = played.first_ms.map(|ms| view! { <div><dt>"First"</dt><dd><Time at=moment(ms) now /></dd></div> });
    let unpriced = (played.unpriced > 0).then(|| format!(" and {} of unknown price", grouped(played.unpriced)));
    let groups = (!played.groups.is_empty()).then(|| groups(&played.groups, now));
    view! {
        {incomplete}
        <p class="verdict">{verdict(played)}</p>
        <dl class="facts">
            <div><dt>"Requests looked at"</dt><dd class="number">{grouped(played.requests)}</dd></div>
            <div><dt>"Refused"</dt><dd class="number">{grouped(played.refused)}</dd></div>
            <div><dt>"Answered by the other model"</dt><dd class="number">{grouped(played.diverted)}</dd></div>
            <div><dt>"Warned"</dt><dd class="number">{grouped(played.warned)}</dd></div>
            <div><dt>"What those cost"</dt><dd class="number">{money(played.cost)}{unpriced}</dd></div>
            {first}
        </dl>
        {groups}
        <p class="help">
            "Played from the ledger by the code that counts in earnest. Requests that were refused at the time are not in it. An estimate that \
             is taken before an answer is known may refuse a little earlier than what was really used, which is what is counted here."
        </p>
    }
    .into_any()
}

/// The answer in one sentence.
fn verdict(played: &Simulation) -> String {
    let all = grouped(played.requests);
    match (played.refused, played.diverted, played.warned) {
        (0, 0, 0) => format!("Nothing: all {all} requests would have passed."),
        (0, 0, warned) => format!("It would have warned of {} of {all} requests.", grouped(warned)),
        (refused, 0, _) => format!("It would have refused {} of {all} requests.", grouped(refused)),
        (0, diverted, _) => format!("Another model would have answered {} of {all} requests.", grouped(diverted)),
        (refused, diverted, _) => format!(
            "It would have refused {} and sent {} to another model, of {all} requests.",
            grouped(refused),
            grouped(diverted)
        ),
    }
}

fn groups(groups: &[HitGroup], now: DateTime<Utc>) -> impl IntoView + use<> {
    let heads = groups.iter().find(|group| !group.values.is_empty()).map(|group| {
        group.values.iter().map(|(field, _)| view! { <th class="mono">{field.to_string()}</th> }).collect_view()
    });
    let columns = groups.iter().map(|group| group.values.len()).max().unwrap_or(1).max(1);
    let rows = groups.iter().map(|group| {
        let at = DateTime::from_timestamp_millis(group.first_ms).unwrap_or_default();
        let values = if group.values.is_empty() {
            view! { <td class="muted" colspan=columns.to_string()>"Others, too many to be told apart"</td> }.into_any()
        } else {
            group.values.iter().map(|(_, value)| cell(value)).collect_view().into_any()
        };
        view! {
            <tr>
                {values}
                <td class="right"><Tokens count=group.requests /></td>
                <td class="right"><Money amount=group.cost /></td>
                <td><Time at now /></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section>
            <h2>"Whom it would have hit hardest"</h2>
            <Table label="Whom it would have hit hardest">
                <thead>
                    <tr>{heads}<th class="right">"Requests"</th><th class="right">"Cost"</th><th>"First"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
}

fn cell(value: &str) -> AnyView {
    if value.is_empty() {
        view! { <td class="muted">"none"</td> }.into_any()
    } else {
        view! { <td class="cut" title=value.to_owned()>{value.to_owned()}</td> }.into_any()
    }
}

fn untried(reason: Untried) -> impl IntoView {
    let why = match reason {
        Untried::NoEngine => "This process serves no requests, so it has nothing to play them with.",
        Untried::Damaged => "This version of Weir cannot read the policy.",
        Untried::Concurrency => "The ledger does not say which requests were under way at the same time.",
        Untried::Origin => "The ledger does not keep addresses and countries.",
    };
    view! {
        <EmptyState symbol=Symbol::Info title="This policy cannot be tried on the past">
            <p>{why}" With the action \"warn\" it can be switched on without refusing anybody."</p>
        </EmptyState>
    }
}

fn busy(seconds: u32) -> impl IntoView {
    server::set_status(503);
    view! {
        <EmptyState symbol=Symbol::Clock title="Somebody else tries a policy right now">
            <p>{format!("One at a time, so that requests are not slowed down. Reload in {seconds} seconds.")}</p>
        </EmptyState>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_one_sentence() {
        let told = |refused, diverted, warned| {
            verdict(&Simulation { requests: 1_234, refused, diverted, warned, ..Simulation::default() })
        };
        assert_eq!(told(0, 0, 0), "Nothing: all 1,234 requests would have passed.");
        assert_eq!(told(12, 0, 0), "It would have refused 12 of 1,234 requests.");
        assert_eq!(told(0, 0, 7), "It would have warned of 7 of 1,234 requests.");
        assert_eq!(told(0, 3, 0), "Another model would have answered 3 of 1,234 requests.");
        assert_eq!(told(1, 2, 0), "It would have refused 1 and sent 2 to another model, of 1,234 requests.");
    }
}
