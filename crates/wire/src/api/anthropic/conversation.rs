//! The turns of a conversation as Claude takes them: in turns, calls and results side by side, nothing empty.

mod pair;
mod part;

use serde::Serialize;

use super::blocks::{Block, Made};
use super::extras::{Extra, Extras};
use super::model::Model;
use crate::chat::{Losses, Message, Names, Refused, Request, Role};

/// A turn as it is written.
#[derive(Debug, Default, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
    #[serde(flatten, skip_serializing_if = "Extra::is_empty")]
    extra: Extra<'a>,
}

/// The system prompt and the turns.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// The tools that are called in it, each once.
    pub(super) called: Vec<&'a str>,
}

/// What the writers of turns and parts share.
struct Writer<'a, 'w> {
    extras: &'w Extras<'a>,
    names: &'w mut Names,
    losses: &'w mut Losses,
    called: Vec<&'a str>,
}

/// Puts the messages into Claude's order.
///
/// # Errors
/// When nothing is said at all.
pub(super) fn write<'a>(
    request: &'a Request,
    model: &Model,
    extras: &Extras<'a>,
    (names, losses): (&mut Names, &mut Losses),
) -> Result<Conversation<'a>, Refused> {
    let mut writer = Writer { extras, names, losses, called: Vec::new() };
    let mut whole = Conversation::default();
    // An Anthropic caller's own system prompt is our first message and has no number there.
    let shift = usize::from(request.messages.first().is_some_and(|message| message.role == Role::System));
    for (index, message) in request.messages.iter().enumerate() {
        whole.take(message, (index, shift), model, &mut writer);
    }
    whole.called = std::mem::take(&mut writer.called);
    whole.turns = pair::pair(whole.turns);
    whole.begin(model)?;
    whole.end(model, writer.losses);
    Ok(whole)
}

impl<'a> Conversation<'a> {
    fn take(
        &mut self,
        message: &'a Message,
        (index, shift): (usize, usize),
        model: &Model,
        writer: &mut Writer<'a, '_>,
    ) {
        let place = match index.checked_sub(shift) {
            Some(number) if !writer.extras.is_empty() => format!("messages[{number}]"),
            _ => String::new(),
        };
        let inside = if place.is_empty() { "system".to_owned() } else { format!("{place}.content") };
        if message.name.is_some() {
            writer.losses.harmless(format!("messages[{index}].name"), "Anthropic has no names of speakers");
        }
        let mut content = Vec::with_capacity(message.parts.len());
        for (number, part) in message.parts.iter().enumerate() {
            writer.part(part, &inside, number, &format!("messages[{index}].content[{number}]"), &mut content);
        }
        if message.role != Role::Assistant || content.iter().all(Block::is_blank) {
            content.retain(|block| !block.is_blank());
        }
        if content.is_empty() {
            return;
        }
        let role = match message.role {
            Role::System | Role::Developer if self.turns.is_empty() || !model.system_turns => {
                self.system.append(&mut content);
                return;
            }
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        match self.turns.last_mut().filter(|last| last.role == role) {
            Some(last) => last.content.append(&mut content),
            None => self.turns.push(Turn { role, content, extra: writer.extras.at(&place) }),
        }
    }

    /// The first turn must be there, and for older models the user's.
    fn begin(&mut self, model: &Model) -> Result<(), Refused> {
        if self.turns.is_empty() {
            let content = std::mem::take(&mut self.system);
            if content.is_empty() {
                return Err(Refused::field(
                    "messages",
                    "There is nothing to answer: add a message of the user's with some words.",
                ));
            }
            self.turns.push(Turn { role: "user", content, extra: Extra::default() });
        }
        if !model.assistant_first && self.turns.first().is_some_and(|first| first.role == "assistant") {
            self.turns.insert(0, said("Continue."));
        }
        Ok(())
    }

    /// The last turn may be the assistant's with older models only, and then without white space at its end.
    fn end(&mut self, model: &Model, losses: &mut Losses) {
        let Some(last) = self.turns.last_mut().filter(|last| last.role == "assistant") else { return };
        let Some(Block::Made(block)) = last.content.last_mut() else { return };
        let Made { kind: "text", text: Some(text), .. } = block.as_mut() else { return };
        *text = text.trim_end().to_owned().into();
        if !model.prefill {
            losses.harmless("messages", "the model does not continue an assistant's message; it was asked to continue");
            self.turns.push(said("Continue exactly where your last message ends."));
        }
    }

    /// Whether the assistant's turn comes last.
    pub(super) fn ends_with_assistant(&self) -> bool {
        self.turns.last().is_some_and(|last| last.role == "assistant")
    }

    /// Whether the model is amid calls of tools that began without thoughts. Such a turn cannot go on with thoughts.
    pub(super) fn lacks_thoughts(&self) -> bool {
        let has = |turn: &Turn<'_>, kind| turn.content.iter().any(|block| block.kind() == kind);
        let amid = |turn: &&Turn<'_>| turn.role != "user" || has(turn, "tool_result");
        let turns = self.turns.iter().rev().take_while(amid).filter(|turn| turn.role == "assistant");
        turns.last().is_some_and(|first| {
            let begin = first.content.first().map(Block::kind);
            has(first, "tool_use") && !matches!(begin, Some("thinking" | "redacted_thinking"))
        })
    }

    /// Marks the end of the system prompt as worth caching; false where there is none.
    pub(super) fn cache_system(&mut self) -> bool {
        match self.system.last_mut() {
            Some(Block::Made(block)) => {
                block.cache_control = Some(crate::chat::CacheTtl::Short.into());
                true
            }
            _ => false,
        }
    }
}

fn said(text: &str) -> Turn<'_> {
    Turn { role: "user", content: vec![Block::text(text, &[])], extra: Extra::default() }
}
