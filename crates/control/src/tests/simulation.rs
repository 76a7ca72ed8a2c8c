//! Policies tried on what passed already, with a data plane that knows little.

use std::time::Duration;

use domain::ledger::{AttemptRow, CacheStatus, Outcome};
use domain::policy::{Action, Field, NamedPolicy, Policy, PolicyState, Rule};
use domain::{GatewayId, Nanos, PolicyId, TeamId, TokenId};
use store::{Store, db_test, fixture};

use super::fixture::{ann, gateway, grant, open};
use crate::policy::Bounds;
use crate::{
    Actor, Control, ControlError, NewPolicy, PastRequest, PolicyEngine, PolicyUsage, Replay, Simulation, TokenTerms,
    Untried, Verdict, can,
};

const HOUR_MS: i64 = 3_600_000;

/// Knows conditions on tokens, and limits of requests for all time; of several policies, those that allow.
struct Toy;

struct ToyReplay {
    policy: Policy,
    others: Vec<NamedPolicy>,
    used: u64,
}

impl PolicyEngine for Toy {
    fn usage(&self, team: TeamId) -> Vec<PolicyUsage> {
        vec![PolicyUsage { id: PolicyId(team.0), used: 3, amount: 4, group: Vec::new(), groups: 1, reset_ms: None }]
    }

    fn replay(&self, policies: &[NamedPolicy]) -> Box<dyn Replay> {
        let (first, others) = policies.split_first().expect("a policy");
        Box::new(ToyReplay { policy: first.policy.clone(), others: others.to_vec(), used: 0 })
    }
}

fn concerns(policy: &Policy, past: PastRequest<'_>) -> bool {
    let tokens = &policy.when.token;
    tokens.is_empty() || past.token.is_some_and(|token| tokens.iter().any(|name| name == token))
}

impl Replay for ToyReplay {
    fn count(&mut self, past: PastRequest<'_>) {
        self.used += u64::from(past.spent.is_request && concerns(&self.policy, past));
    }

    fn judge(&mut self, past: PastRequest<'_>) -> Verdict {
        let room = match &self.policy.rule {
            Rule::Allow => {
                concerns(&self.policy, past) || self.others.iter().any(|other| concerns(&other.policy, past))
            }
            Rule::Deny => !concerns(&self.policy, past),
            Rule::Limit(limit) => !concerns(&self.policy, past) || self.used < limit.amount,
        };
        match (room, &self.policy.action) {
            (true, _) => {
                self.count(past);
                Verdict::Pass
            }
            (false, Action::Refuse) => Verdict::Refuse,
            (false, Action::Warn) => Verdict::Warn,
            (false, Action::Fallback(_)) => Verdict::Fallback,
        }
    }
}

struct World {
    control: Control,
    ann: Actor,
    gateway: GatewayId,
    app: TokenId,
    batch: TokenId,
}

/// Acme with a gateway and two tokens.
async fn world(store: &Store) -> World {
    let control = open(store).await;
    control.set_policy_engine(Toy);
    let ann = ann(&control).await;
    let gateway = control.create_gateway(&grant(&ann), gateway("main")).await.expect("created").id;
    let issue = async |name: &str| {
        let new = TokenTerms { name: name.into(), ..TokenTerms::default() };
        control.issue_token(&grant::<can::ManageTokens>(&ann), new).await.expect("issued").token.id
    };
    let (app, batch) = (issue("app").await, issue("batch").await);
    World { control, ann, gateway, app, batch }
}

impl World {
    async fn create(&self, name: &str, state: PolicyState, text: &str) -> PolicyId {
        let policy = serde_json::from_str(text).expect("a policy");
        let new = NewPolicy { name: name.into(), state, policy };
        self.control.create_policy(&grant(&self.ann), new).await.expect("created").id
    }

    async fn tried(&self, id: PolicyId, days: u16) -> Result<Simulation, Untried> {
        self.control.simulate_policy(&grant(&self.ann), id, days).await.expect("answered")
    }

    /// A request of some hours ago that cost three nano-dollars.
    fn asked(&self, token: TokenId, hours: i64, number: u64) -> AttemptRow {
        let at_ms = chrono::Utc::now().timestamp_millis() - hours * HOUR_MS;
        let row = fixture::row(at_ms, number, 1);
        AttemptRow { gateway_id: Some(self.gateway), token_id: Some(token), cost: Some(Nanos(3)), ..row }
    }
}

db_test! {
    async fn a_limit_is_tried_on_what_passed_since_its_window_began(store: Store) {
        let world = world(&store).await;
        let failed = AttemptRow { last: false, outcome: Outcome::UpstreamError, ..world.asked(world.batch, 2, 4) };
        let rows = [
            // Before the day that is asked for, within the month.
            world.asked(world.app, 100, 1),
            world.asked(world.app, 20, 2),
            AttemptRow { attempt: 0, cache: CacheStatus::Hit, ..world.asked(world.app, 10, 3) },
            failed.clone(),
            AttemptRow { attempt: 2, last: true, outcome: Outcome::Ok, ..failed },
            AttemptRow { cost: None, ..world.asked(world.app, 1, 5) },
            AttemptRow { team_id: Some(TeamId(9)), gateway_id: Some(GatewayId(9)), ..world.asked(world.app, 1, 6) },
        ];
        fixture::write(&store, &rows, None).await;
        let limit = world.create("Two", PolicyState::Draft, r#"{"limit":{"requests":2,"per":"month"}}"#).await;
        let told = world.tried(limit, 1).await.expect("tried");
        assert_eq!((told.requests, told.refused, told.warned, told.diverted, told.complete), (3, 2, 0, 0, true));
        // The second attempt is paid for too; one of the two has no known cost.
        assert_eq!((told.cost, told.unpriced, told.first_ms), (Nanos(6), 1, Some(rows[3].at_ms)));
        let groups: Vec<_> = told.groups.iter().map(|group| (group.values.clone(), group.requests, group.cost)).collect();
        let token = |name: &str| vec![(Field::Token, name.to_owned())];
        assert_eq!(groups, [(token("app"), 1, Nanos(0)), (token("batch"), 1, Nanos(6))]);
        let whole = world.tried(limit, 30).await.expect("tried");
        assert_eq!((whole.requests, whole.refused), (4, 2));
        let warning = world.create("W", PolicyState::On, r#"{"limit":{"requests":0,"per":"1h"},"action":"warn"}"#).await;
        let told = world.tried(warning, 1).await.expect("tried");
        assert_eq!((told.warned, told.refused, told.cost), (3, 0, Nanos(0)));
        let other = r#"{"limit":{"requests":0,"per":"1h"},"action":{"fallback":"openai/gpt-5-nano"}}"#;
        let told = world.tried(world.create("F", PolicyState::Draft, other).await, 1).await.expect("tried");
        assert_eq!((told.diverted, told.cost), (3, Nanos(9)));
    }

    async fn denials_and_permissions_are_tried_on_cached_answers_too(store: Store) {
        let world = world(&store).await;
        let rows = [
            world.asked(world.app, 3, 1),
            AttemptRow { attempt: 0, cache: CacheStatus::Hit, cost: Some(Nanos(0)), ..world.asked(world.batch, 2, 2) },
            AttemptRow { token_id: None, ..world.asked(world.app, 1, 3) },
        ];
        fixture::write(&store, &rows, None).await;
        let deny = world.create("Deny", PolicyState::Draft, r#"{"when":{"token":["batch"]},"deny":true}"#).await;
        let told = world.tried(deny, 7).await.expect("tried");
        assert_eq!((told.requests, told.refused, told.first_ms), (3, 1, Some(rows[1].at_ms)));
        world.create("App", PolicyState::On, r#"{"when":{"token":["app"]},"allow":true}"#).await;
        world.create("Not yet", PolicyState::Draft, r#"{"allow":true}"#).await;
        let allow = world.create("Batch", PolicyState::Draft, r#"{"when":{"token":["batch"]},"allow":true}"#).await;
        let told = world.tried(allow, 7).await.expect("tried");
        assert_eq!((told.requests, told.refused), (3, 1), "only what no policy allows is refused");
        assert_eq!(told.groups[0].values, [(Field::Token, String::new())]);
    }

    async fn what_the_ledger_does_not_know_is_not_tried(store: Store) {
        let world = world(&store).await;
        let untried = async |text: &str| world.tried(world.create(text, PolicyState::Draft, text).await, 7).await.err();
        assert_eq!(untried(r#"{"limit":{"concurrency":1}}"#).await, Some(Untried::Concurrency));
        assert_eq!(untried(r#"{"when":{"not":{"ip":["::1"]}},"deny":true}"#).await, Some(Untried::Origin));
        assert_eq!(untried(r#"{"group_by":["country"],"limit":{"cost":1,"per":"day"}}"#).await, Some(Untried::Origin));
        assert_eq!(untried(r#"{"deny":true}"#).await, None);
        assert_eq!(world.control.policy_usage(&grant(&world.ann))[0].used, 3);
        let nobody = world.control.simulate_policy(&grant(&world.ann), PolicyId(99), 7).await;
        assert_eq!(nobody, Err(ControlError::NotFound("policy")));
    }

    async fn what_is_too_much_is_told_as_far_as_it_was_read(store: Store) {
        let world = world(&store).await;
        let rows: Vec<_> = (0..9).map(|number| world.asked(world.app, 20 - number, number.unsigned_abs())).collect();
        fixture::write(&store, &rows, None).await;
        let deny = world.create("Deny", PolicyState::Draft, r#"{"deny":true}"#).await;
        let within = async |rows, patience| {
            let bounds = Bounds { rows, page: 2, patience };
            world.control.simulate_within(&grant(&world.ann), deny, 1, bounds).await.expect("answered").expect("tried")
        };
        let minute = Duration::from_secs(60);
        let part = within(5, minute).await;
        assert_eq!((part.requests, part.refused, part.complete, part.to_ms), (6, 6, false, rows[5].at_ms));
        let hasty = within(100, Duration::ZERO).await;
        assert_eq!((hasty.requests, hasty.complete), (2, false));
        let whole = within(100, minute).await;
        assert_eq!((whole.requests, whole.complete), (9, true));
    }

    async fn one_at_a_time_is_tried(store: Store) {
        let world = world(&store).await;
        let deny = world.create("Deny", PolicyState::Draft, r#"{"deny":true}"#).await;
        let place = world.control.inner.simulations.acquire().await.expect("a place");
        let taken = world.control.simulate_policy(&grant(&world.ann), deny, 7).await;
        assert!(matches!(taken, Err(ControlError::Throttled { .. })), "{taken:?}");
        drop(place);
        assert!(world.tried(deny, 7).await.is_ok());
    }
}
