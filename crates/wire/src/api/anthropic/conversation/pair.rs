//! Brings every call and its result together: the results of one turn stand first in the next, in the order of the calls.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};

use super::super::blocks::{Block, Made};
use super::super::extras::Extra;
use super::Turn;

/// What a call is told whose result the caller left out.
const MISSING: &str = "The tool gave no result.";

/// Calls that wait for their results: place among the calls and id, by the id they came with.
type Open = HashMap<String, VecDeque<(usize, String)>>;

/// Puts results behind their calls, fills in those that are missing, makes plain words of those nobody called for, and
/// tells calls apart that have the same id.
pub(super) fn pair(turns: Vec<Turn<'_>>) -> Vec<Turn<'_>> {
    let mut out = Vec::with_capacity(turns.len() + 1);
    let mut used = HashSet::new();
    let mut open = Open::new();
    let mut held = Vec::new();
    for mut turn in turns {
        match turn.role {
            // Nothing may stand between a call and its result.
            "system" if !open.is_empty() => {
                held.push(turn);
                continue;
            }
            "assistant" => {
                answer_missing(&mut open, &mut out);
                out.append(&mut held);
                open = calls(&mut turn, &mut used);
            }
            "user" => {
                results(&mut turn, &mut open);
                out.push(turn);
                out.append(&mut held);
                continue;
            }
            _ => {}
        }
        out.push(turn);
    }
    answer_missing(&mut open, &mut out);
    out.append(&mut held);
    out.retain(|turn| !turn.content.is_empty());
    out
}

fn calls(turn: &mut Turn<'_>, used: &mut HashSet<String>) -> Open {
    let mut open = Open::new();
    let made = turn.content.iter_mut().filter_map(as_made).filter(|block| block.kind == "tool_use");
    for (place, block) in made.enumerate() {
        let came = block.id.take().unwrap_or_default().into_owned();
        let mut id = came.clone();
        if !used.insert(id.clone()) {
            // The place in the whole conversation is free: only such made-up ids end like this.
            id = format!("{came}_{}", used.len());
            used.insert(id.clone());
        }
        block.id = Some(Cow::Owned(id.clone()));
        open.entry(came).or_default().push_back((place, id));
    }
    open
}

fn results<'a>(turn: &mut Turn<'a>, open: &mut Open) {
    let (mut answers, mut strays, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for block in turn.content.drain(..) {
        match block {
            Block::Made(made) if made.kind == "tool_result" => {
                match made.tool_use_id.as_deref().and_then(|id| open.get_mut(id)?.pop_front()) {
                    Some(call) => answers.push(answer(call, made)),
                    None => strays.push(made),
                }
            }
            other => rest.push(other),
        }
    }
    let mut waiting: Vec<(usize, String)> = std::mem::take(open).into_values().flatten().collect();
    waiting.sort_unstable();
    if strays.len() == waiting.len() {
        // Ids got lost on the way, so the order tells.
        answers.extend(waiting.into_iter().zip(strays).map(|(call, made)| answer(call, made)));
    } else {
        answers.extend(waiting.into_iter().map(missing));
        // Nobody called for these: their words stay, as words.
        let words = strays.into_iter().flat_map(|mut made| made.content.take().unwrap_or_default());
        rest = words.chain(rest).collect();
    }
    answers.sort_by_key(|(place, _)| *place);
    turn.content = answers.into_iter().map(|(_, block)| block).chain(rest).collect();
}

fn answer<'a>((place, id): (usize, String), mut made: Box<Made<'a>>) -> (usize, Block<'a>) {
    made.tool_use_id = Some(Cow::Owned(id));
    (place, Block::Made(made))
}

fn missing<'a>((place, id): (usize, String)) -> (usize, Block<'a>) {
    let content = Some(vec![Block::text(MISSING, &[])]);
    let tool_use_id = Some(Cow::Owned(id));
    let made = Made { kind: "tool_result", tool_use_id, content, is_error: Some(true), ..Made::default() };
    (place, made.into())
}

fn answer_missing(open: &mut Open, out: &mut Vec<Turn<'_>>) {
    if open.values().all(VecDeque::is_empty) {
        open.clear();
        return;
    }
    let mut turn = Turn { role: "user", content: Vec::new(), extra: Extra::default() };
    results(&mut turn, open);
    out.push(turn);
}

fn as_made<'b, 'a>(block: &'b mut Block<'a>) -> Option<&'b mut Made<'a>> {
    match block {
        Block::Made(made) => Some(made),
        Block::Kept(_) => None,
    }
}
