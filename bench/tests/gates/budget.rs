//! Reads `bench/budget` and holds figures against it.

use allocation_counter::AllocationInfo;

const BUDGET: &str = include_str!("../../budget");

/// Fails where a figure is above its line.
pub fn hold(name: &str, measured: u64) {
    let most = most(name);
    println!("{name} {measured} (budget {most})");
    assert!(
        measured <= most,
        "{name} is {measured}, its budget {most}. If that must be, raise the line `{name}` in bench/budget and say in the \
         commit why it is worth it."
    );
}

/// The allocations of `times` requests, and their bytes, for each request.
pub fn hold_allocations(name: &str, counted: &AllocationInfo, times: u64) {
    hold(&format!("allocations.{name}"), counted.count_total.div_ceil(times));
    hold(&format!("bytes.{name}"), counted.bytes_total.div_ceil(times));
}

fn most(name: &str) -> u64 {
    let lines = BUDGET.lines().filter(|line| !line.starts_with('#'));
    let figure = lines.filter_map(|line| line.split_once(' ')).find(|(of, _)| *of == name).map(|(_, figure)| figure);
    let figure = figure.unwrap_or_else(|| panic!("bench/budget has no line `{name}`"));
    figure.trim().parse().unwrap_or_else(|error| panic!("bench/budget, line `{name}`: {error}"))
}
