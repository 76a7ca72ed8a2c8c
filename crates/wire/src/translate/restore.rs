//! Puts right what a request had to change for its provider: names of tools, tools that take free text, and the tool that
//! was made up for an answer's shape.

use crate::api::unwrap_custom;
use crate::chat::{Answer, BlockKind, Content, Event, Finish, Names, StreamError};

/// Most bytes of a free text that waits until it is complete.
const MOST_WAITING: usize = if cfg!(test) { 1024 } else { 16 * 1024 * 1024 };

/// What was changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) names: Names,
    /// Tools that take free text, by the caller's names, and are offered as functions.
    pub(super) custom: Vec<String>,
    /// The made-up tool whose arguments are the answer's text.
    pub(super) output_tool: Option<String>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.custom.is_empty() && self.output_tool.is_none()
    }

    fn is_output(&self, name: &str) -> bool {
        self.output_tool.as_deref() == Some(name)
    }

    fn is_custom(&self, asked: &str) -> bool {
        self.custom.iter().any(|custom| custom == asked)
    }

    /// The answer in the caller's words.
    pub(super) fn restore(&self, mut answer: Answer) -> Answer {
        if self.is_empty() {
            return answer;
        }
        for choice in &mut answer.choices {
            let mut has_output = false;
            for part in &mut choice.parts {
                let Content::ToolCall { name, arguments, .. } = &mut part.content else { continue };
                if self.is_output(name) {
                    has_output = true;
                    part.content = Content::text(std::mem::take(arguments));
                    continue;
                }
                *name = self.names.asked(name).to_owned();
                if self.is_custom(name) {
                    *arguments = unwrap_custom(std::mem::take(arguments));
                }
            }
            if has_output && choice.finish == Finish::ToolCalls {
                let calls = choice.parts.iter().any(|part| matches!(part.content, Content::ToolCall { .. }));
                choice.finish = if calls { Finish::ToolCalls } else { Finish::Stop };
            }
        }
        answer
    }
}

/// The same for a running stream.
#[derive(Debug, Default)]
pub(super) struct Restorer {
    changes: Changes,
    /// The block that is the answer, and its choice.
    output: Option<(u32, u32)>,
    /// Choices that call tools of the caller's.
    calling: Vec<u32>,
    /// Free texts that are not complete.
    waiting: Vec<(u32, String)>,
}

impl Restorer {
    pub(super) fn new(changes: &Changes) -> Self {
        Self { changes: changes.clone(), ..Self::default() }
    }

    /// Hands out what an event is to the caller.
    pub(super) fn push(&mut self, mut event: Event, mut out: impl FnMut(Event)) {
        match &mut event {
            _ if self.changes.is_empty() => {}
            Event::BlockStart { block, choice, kind } => self.begin(*block, *choice, kind),
            Event::Arguments { block, json } if self.output.is_some_and(|(output, _)| output == *block) => {
                event = Event::Text { block: *block, text: std::mem::take(json) };
            }
            Event::Arguments { block, json } => {
                if let Some((_, text)) = self.waiting.iter_mut().find(|(waiting, _)| waiting == block) {
                    if text.len() + json.len() > MOST_WAITING {
                        return out(Event::Error(too_large()));
                    }
                    text.push_str(json);
                    return;
                }
            }
            Event::BlockStop { block } => {
                if let Some(place) = self.waiting.iter().position(|(waiting, _)| waiting == block) {
                    complete(self.waiting.remove(place), &mut out);
                }
            }
            Event::Finish { choice, finish } => {
                self.waiting.drain(..).for_each(|text| complete(text, &mut out));
                let only = self.output.is_some_and(|(_, c)| c == *choice) && !self.calling.contains(choice);
                if only && *finish == Finish::ToolCalls {
                    *finish = Finish::Stop;
                }
            }
            _ => {}
        }
        out(event);
    }

    /// Bytes of texts that wait until they are complete.
    pub(super) fn held(&self) -> usize {
        self.waiting.iter().map(|(_, text)| text.len()).sum()
    }

    fn begin(&mut self, block: u32, choice: u32, kind: &mut BlockKind) {
        let BlockKind::ToolCall { name, .. } = kind else { return };
        if self.changes.is_output(name) {
            self.output = Some((block, choice));
            *kind = BlockKind::Text;
            return;
        }
        if self.changes.output_tool.is_some() && !self.calling.contains(&choice) {
            self.calling.push(choice);
        }
        if !self.changes.names.is_empty() {
            *name = self.changes.names.asked(name).to_owned();
        }
        if self.changes.is_custom(name) {
            self.waiting.push((block, String::new()));
        }
    }
}

fn too_large() -> StreamError {
    StreamError {
        status: 502,
        code: "upstream_too_large".to_owned(),
        message: "The text of a call is longer than the gateway keeps.".to_owned(),
    }
}

fn complete((block, text): (u32, String), out: &mut impl FnMut(Event)) {
    out(Event::Arguments { block, json: unwrap_custom(text) });
}
