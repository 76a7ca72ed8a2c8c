//! The conversation: turns of user and model in turn, results of tools right behind their calls.

use std::collections::{HashMap, VecDeque};

use super::super::extras::Extras;
use super::super::members::Members;
use super::super::result;
use super::super::signature::PLACEHOLDER;
use super::super::write::{ModelTurn, Out, Written, content, mark_for_provider};
use super::{Writing, name};
use crate::api::Api;
use crate::chat::{Content, Message, Part, Refused, Role, Signature, Source};

/// Neighbouring messages of one side.
#[derive(Default)]
struct Turn {
    is_model: bool,
    parts: Vec<Out>,
    /// The calls of a model, in order: id and name as it is sent.
    calls: Vec<(String, String)>,
    /// Results, before everything else: the call and the part.
    results: Vec<(String, Out)>,
}

#[derive(Default)]
struct Conversation {
    turns: Vec<Turn>,
    /// The calls of the model's last turn: names by id.
    calls: HashMap<String, String>,
}

/// Writes `systemInstruction` and `contents`.
pub(super) fn write(writing: &mut Writing<'_>, body: &mut Members) -> Result<(), Refused> {
    let (mut system, mut conversation) = (Vec::new(), Conversation::default());
    for (i, message) in writing.request.messages.iter().enumerate() {
        match message.role {
            Role::System | Role::Developer => instructions(writing, message, i, &mut system),
            Role::User => user(writing, message, i, &mut conversation)?,
            Role::Assistant => model(writing, message, &mut conversation),
        }
    }
    let mut turns = conversation.turns;
    for at in 1..turns.len() {
        let (before, rest) = turns.split_at_mut(at);
        if let (Some(model), Some(user)) = (before.last(), rest.first_mut()) {
            pair(&model.calls, user);
        }
    }
    let mut contents: Vec<Members> = Vec::with_capacity(turns.len());
    for turn in turns {
        let role = if turn.is_model { "model" } else { "user" };
        let parts: Vec<Out> = turn.results.into_iter().map(|(_, out)| out).chain(turn.parts).collect();
        if !parts.is_empty() {
            contents.push(content(role, &parts));
        }
    }
    if contents.is_empty() {
        // There must be a turn to answer.
        contents.push(content("user", &system));
        system.clear();
    }
    if !system.is_empty() {
        let mut instruction = Members::default();
        instruction.put("parts", &system);
        body.put("systemInstruction", &instruction);
    }
    body.put("contents", &contents);
    Ok(())
}

impl Conversation {
    /// The turn that a message of this side belongs to.
    fn turn(&mut self, is_model: bool) -> &mut Turn {
        if self.turns.last().is_none_or(|last| last.is_model != is_model) {
            self.turns.push(Turn { is_model, ..Turn::default() });
            if is_model {
                self.calls.clear();
            }
        }
        let last = self.turns.len() - 1;
        &mut self.turns[last]
    }
}

fn instructions(writing: &mut Writing<'_>, message: &Message, i: usize, system: &mut Vec<Out>) {
    for (j, part) in message.parts.iter().enumerate() {
        match &part.content {
            Content::Text { text, .. } if text.is_empty() => {}
            Content::Text { text, .. } => system.push(Written::text(text.as_str()).into()),
            _ => writing.losses.grave(format!("messages[{i}].content[{j}]"), "Gemini takes only text as instructions"),
        }
    }
}

fn user(
    writing: &mut Writing<'_>,
    message: &Message,
    i: usize,
    conversation: &mut Conversation,
) -> Result<(), Refused> {
    if message.name.is_some() {
        writing.losses.harmless(format!("messages[{i}].name"), "Gemini has no names of speakers");
    }
    conversation.turn(false);
    let Conversation { turns, calls } = conversation;
    let Some(turn) = turns.last_mut() else { return Ok(()) };
    for (j, part) in message.parts.iter().enumerate() {
        let place = || format!("messages[{i}].content[{j}]");
        match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => {
                if !text.is_empty() {
                    turn.parts.push(Written::text(text.as_str()).into());
                }
            }
            Content::ToolResult { call_id, content, is_error, .. } => {
                let Some(name) = calls.get(call_id) else { return Err(orphan(i, call_id)) };
                answer(writing, (call_id, name), content, *is_error, turn).map_err(|id| foreign_file(&place(), &id))?;
            }
            Content::Opaque { api: Api::Gemini, value } => turn.parts.push(Out::Raw(value.clone())),
            Content::Opaque { .. } => writing.losses.harmless(place(), "only its own API knows this part"),
            media => {
                let written = Written::media(media, writing.model.is_third_generation());
                turn.parts.extend(written.map_err(|id| foreign_file(&place(), &id))?.map(Out::from));
            }
        }
    }
    Ok(())
}

fn orphan(i: usize, call_id: &str) -> Refused {
    let message =
        format!("{call_id:?} is no call of the assistant's message before it: results of tools follow their calls.");
    Refused::field(format!("messages[{i}].tool_call_id"), message)
}

fn foreign_file(place: &str, id: &str) -> Refused {
    let message = format!("The file {id:?} lies at another provider: send its bytes, or a file of Gemini's.");
    Refused::field(place, message)
}

/// Media go into the result where the model takes them there, else behind it.
fn answer(
    writing: &mut Writing<'_>,
    (id, name): (&str, &str),
    parts: &[Part],
    failed: bool,
    turn: &mut Turn,
) -> Result<(), String> {
    let third = writing.model.is_third_generation();
    let (mut text, mut media) = (String::new(), Vec::new());
    for part in parts {
        match &part.content {
            Content::Text { text: more, .. } | Content::Document { source: Source::Text(more), .. } => {
                if !text.is_empty() && !more.is_empty() {
                    text.push('\n');
                }
                text.push_str(more);
            }
            other => media.extend(Written::media(other, false)?),
        }
    }
    let response = result::wrap(&text, failed);
    let inside = if third { std::mem::take(&mut media) } else { Vec::new() };
    turn.results.push((id.to_owned(), Written::response(id, name, response, inside).into()));
    turn.parts.extend(media.into_iter().map(Out::from));
    Ok(())
}

fn model(writing: &mut Writing<'_>, message: &Message, conversation: &mut Conversation) {
    let third = writing.model.is_third_generation();
    let mut written = ModelTurn::default();
    let mut calls = Vec::new();
    // The mark of reasoning, which a front without marks on calls may have kept instead of the call's own.
    let mut thought_mark = None;
    for part in &message.parts {
        match &part.content {
            Content::Text { text, .. } | Content::Refusal { text } => written.text(text),
            Content::Thinking { text, signature } => {
                thought_mark = thought(text, signature.as_ref(), &mut written);
            }
            Content::Redacted { data } => thought_mark = thought("", Some(data), &mut written),
            Content::ToolCall { id, name: asked, arguments, signature } => {
                let sent = name(&mut writing.names, asked);
                let mark = mark_for_provider(signature.as_ref());
                let mark = mark.or_else(|| thought_mark.take().filter(|_| third && calls.is_empty()));
                written.call(Written::call(id, &sent, arguments), mark);
                calls.push((id.clone(), sent));
            }
            // What was said about an answer is no part of it.
            Content::Opaque { api: Api::Gemini, value } if Extras::of(value).is_some() => {}
            Content::Opaque { api: Api::Gemini, value } => written.raw(value.clone()),
            media => {
                // Only a picture that the model made itself stands here: its bytes are at hand.
                if let Ok(Some(media)) = Written::media(media, false) {
                    written.media(media);
                }
            }
        }
    }
    let mut parts = written.finish();
    if third {
        stand_in(&mut parts);
    }
    let turn = conversation.turn(true);
    turn.parts.append(&mut parts);
    turn.calls.extend(calls.iter().cloned());
    conversation.calls.extend(calls);
}

/// Writes reasoning, unless somebody else signed it; hands back the mark on its words.
fn thought(text: &str, signature: Option<&Signature>, written: &mut ModelTurn) -> Option<String> {
    let mark = mark_for_provider(signature);
    if signature.is_some() && mark.is_none() {
        return None;
    }
    written.thought(text, mark.clone());
    mark.filter(|_| !text.is_empty())
}

/// The first call of a turn must be signed; one that another model made cannot be.
fn stand_in(parts: &mut [Out]) {
    let first = parts.iter_mut().find_map(|part| match part {
        Out::Part(part) if part.is_call() => Some(part),
        _ => None,
    });
    if let Some(call) = first.filter(|call| call.is_unsigned_call()) {
        **call = std::mem::take(&mut **call).signed(Some(PLACEHOLDER.to_owned()));
    }
}

/// Brings results into the order of the calls, and fills in what is missing: Gemini wants as many as there were calls.
fn pair(calls: &[(String, String)], user: &mut Turn) {
    if calls.is_empty() {
        return;
    }
    // Some models use an id twice.
    let mut given: HashMap<String, VecDeque<Out>> = HashMap::new();
    for (id, out) in user.results.drain(..) {
        given.entry(id).or_default().push_back(out);
    }
    for (id, name) in calls {
        let missing = || Written::response(id, name, result::wrap("The tool gave no answer.", true), Vec::new()).into();
        user.results.push((id.clone(), given.get_mut(id).and_then(VecDeque::pop_front).unwrap_or_else(missing)));
    }
}
