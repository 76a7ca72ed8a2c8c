//! From a caller's API to a provider's and back. Used only where the two differ.

use crate::api::{Api, Encoded, Path, StreamDecoder, StreamEncoder, Target};
use crate::chat::{Answer, Asked, Assembly, BlockKind, Event, Finish, Losses, Names, Refused, replay};

#[cfg(test)]
mod tests;

/// How the answer to one request is put into the caller's words. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Translation {
    front: Api,
    provider: Api,
    asked: Asked,
    names: Names,
    output_tool: Option<String>,
}

/// A request in the provider's words.
#[derive(Debug)]
pub struct Translated {
    /// The JSON body.
    pub body: Vec<u8>,
    /// What could not be said.
    pub losses: Losses,
    /// The way back.
    pub translation: Translation,
}

/// Translates a request.
///
/// # Errors
/// When it cannot be read, or cannot be said in the provider's API at all. What merely gets lost is in
/// [`Translated::losses`].
pub fn request(
    (front, provider): (Api, Api),
    body: &[u8],
    path: Path<'_>,
    target: Target<'_>,
    asked: Asked,
) -> Result<Translated, Refused> {
    let request = front.decode_request(body, path)?;
    let Encoded { body, losses, names, output_tool } = provider.encode_request(&request, target)?;
    let asked = Asked { include_usage: request.include_usage, ..asked };
    Ok(Translated { body, losses, translation: Translation { front, provider, asked, names, output_tool } })
}

impl Translation {
    /// The caller's API.
    #[must_use]
    pub fn front(&self) -> Api {
        self.front
    }

    /// The provider's API.
    #[must_use]
    pub fn provider(&self) -> Api {
        self.provider
    }

    /// A whole answer.
    ///
    /// # Errors
    /// When it is no answer of the provider's API.
    pub fn answer(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let answer = self.provider.decode_answer(body)?;
        self.front.encode_answer(&self.restore(answer), &self.asked)
    }

    /// A stream, from its start.
    ///
    /// # Errors
    /// Never where [`request`] came through: it is an API that callers speak.
    pub fn stream(&self) -> Result<Stream, Refused> {
        Ok(Stream {
            decoder: StreamDecoder::new(self.provider),
            encoder: StreamEncoder::new(self.front, &self.asked)?,
            names: self.names.clone(),
            output: OutputTool { name: self.output_tool.clone(), block: None },
            events: Vec::new(),
        })
    }

    /// The answer with the caller's names, and text where a tool was made up for it.
    fn restore(&self, answer: Answer) -> Answer {
        if self.names.is_empty() && self.output_tool.is_none() {
            return answer;
        }
        let service_tier = answer.service_tier.clone();
        let mut output = OutputTool { name: self.output_tool.clone(), block: None };
        let mut assembly = Assembly::default();
        for mut event in replay(answer.clone()) {
            restore(&mut event, &self.names, &mut output);
            assembly.push(event);
        }
        assembly.finish().map_or(answer, |restored| Answer { service_tier, ..restored })
    }
}

/// A running stream on its way from the provider to the caller.
pub struct Stream {
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    names: Names,
    output: OutputTool,
    /// Kept for its memory.
    events: Vec<Event>,
}

impl Stream {
    /// Takes the provider's next bytes and adds the caller's to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut events = std::mem::take(&mut self.events);
        self.decoder.push(bytes, &mut events);
        self.write(events, out);
    }

    /// The provider has sent everything.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let mut events = std::mem::take(&mut self.events);
        self.decoder.finish(&mut events);
        self.write(events, out);
    }

    /// Whether the caller has been sent the last event.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.decoder.is_over()
    }

    fn write(&mut self, mut events: Vec<Event>, out: &mut Vec<u8>) {
        for mut event in events.drain(..) {
            restore(&mut event, &self.names, &mut self.output);
            self.encoder.push(event, out);
        }
        self.events = events;
    }
}

/// The made-up tool whose arguments are the answer.
#[derive(Debug)]
struct OutputTool {
    name: Option<String>,
    block: Option<u32>,
}

fn restore(event: &mut Event, names: &Names, output: &mut OutputTool) {
    match event {
        Event::BlockStart { block, kind, .. } => {
            if let BlockKind::ToolCall { name, .. } = kind {
                if output.name.as_deref() == Some(name) {
                    output.block = Some(*block);
                    *kind = BlockKind::Text;
                } else if !names.is_empty() {
                    *name = names.asked(name).to_owned();
                }
            }
        }
        Event::Arguments { block, json } if output.block == Some(*block) => {
            *event = Event::Text { block: *block, text: std::mem::take(json) };
        }
        Event::Finish { finish, .. } if output.block.is_some() && *finish == Finish::ToolCalls => {
            *finish = Finish::Stop;
        }
        _ => {}
    }
}
