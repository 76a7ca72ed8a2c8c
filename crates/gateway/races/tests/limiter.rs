//! Lets each scenario happen in many orders: at random, in orders that change hands rarely but at the worst moments (PCT),
//! and, where there are few enough, in all of them. A failure prints the seed and the order; with
//! `SHUTTLE_RANDOM_SEED=` that seed the same happens again.

use races::{limits, windows};
use shuttle::{check_dfs, check_pct, check_random};

/// Orders of each kind.
const ORDERS: usize = 1_000;

fn in_many_orders(scenario: fn()) {
    check_random(scenario, ORDERS);
    check_pct(scenario, ORDERS, 3);
}

#[test]
fn no_limit_is_exceeded() {
    in_many_orders(limits::no_limit_is_exceeded);
}

#[test]
fn exactly_those_that_fit_pass() {
    in_many_orders(limits::exactly_those_that_fit_pass);
}

#[test]
fn a_refusal_takes_nothing() {
    check_dfs(limits::a_refusal_takes_nothing, None);
}

#[test]
fn nobody_waits_for_ever() {
    in_many_orders(limits::nobody_waits_for_ever);
}

#[test]
fn two_versions_share_their_counts() {
    in_many_orders(limits::two_versions_share_their_counts);
}

#[test]
fn a_place_is_given_once() {
    in_many_orders(windows::a_place_is_given_once);
}

#[test]
fn a_new_window_has_its_own_place() {
    in_many_orders(windows::a_new_window_has_its_own_place);
}

#[test]
fn a_group_has_one_count() {
    in_many_orders(windows::a_group_has_one_count);
}
