//! From a caller's API to a provider's and back. Used only where the two differ.

use crate::api::openai_responses::opening;
use crate::api::{Api, Encoded, Path, StreamDecoder, StreamEncoder, Target};
use crate::chat::{
    Answer, Asked, Assembly, Event, Fetched, Json, Losses, Refused, Remote, Request, StreamError, replay,
};
use crate::usage::Observed;

mod foreign;
mod restore;

#[cfg(test)]
mod tests;

pub use foreign::has_foreign_marks;
use restore::{Changes, Restorer};

/// Most tools of a request: some rules compare each call with each of them.
const MOST_TOOLS: usize = 1_024;

/// Most values of a request that is read in the common form, where each takes many times the bytes that it is written in.
pub const MOST_VALUES: usize = 200_000;

/// What a value takes at most on the average while a request is read, in bytes; texts come on top, as long as the body.
pub const VALUE_BYTES: usize = 128;

/// How the answer to one request is put into the caller's words. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Translation {
    front: Api,
    provider: Api,
    asked: Asked,
    changes: Changes,
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

/// A caller's question for a provider of another API, read and not yet written.
#[derive(Clone, Debug)]
pub struct Question {
    front: Api,
    provider: Api,
    request: Request,
}

/// Reads a question.
///
/// # Errors
/// When it is none in the caller's API.
pub fn read((front, provider): (Api, Api), body: &[u8], path: Path<'_>) -> Result<Question, Refused> {
    let request = front.decode_request(body, path)?;
    if request.tools.len() > MOST_TOOLS {
        return Err(Refused::field("tools", format!("has more than {MOST_TOOLS} tools; send fewer")));
    }
    Ok(Question { front, provider, request })
}

impl Question {
    /// What must be fetched before it can be written; see [`Request::remotes`].
    #[must_use]
    pub fn remotes(&self, fetches: bool) -> Vec<Remote> {
        self.request.remotes(self.provider, fetches)
    }

    /// Puts what was fetched into its places; see [`Request::bring`].
    pub fn bring(&mut self, fetches: bool, fetched: impl IntoIterator<Item = Fetched>) {
        self.request.bring(self.provider, fetches, fetched);
    }

    /// Writes it in the provider's words.
    ///
    /// # Errors
    /// When it cannot be said in the provider's API at all. What merely gets lost is in [`Translated::losses`].
    pub fn write(&self, target: Target<'_>, asked: Asked) -> Result<Translated, Refused> {
        let Self { front, provider, request } = self;
        let Encoded { body, losses, names, output_tool, custom } = provider.encode_request(request, target)?;
        let asked = Asked { include_usage: request.include_usage, ..asked };
        let changes = Changes { names, custom, output_tool };
        Ok(Translated { body, losses, translation: Translation { front: *front, provider: *provider, asked, changes } })
    }
}

/// Translates a request.
///
/// # Errors
/// When it cannot be read, or cannot be said in the provider's API at all. What merely gets lost is in
/// [`Translated::losses`].
pub fn request(
    pair: (Api, Api),
    body: &[u8],
    path: Path<'_>,
    target: Target<'_>,
    asked: Asked,
) -> Result<Translated, Refused> {
    read(pair, body, path)?.write(target, asked)
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

    /// Whether answers need not be translated, because both sides speak the same API and nothing was renamed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.front == self.provider && self.changes.is_empty()
    }

    /// Whether a stream is to come as one long list (Gemini without `alt=sse`).
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.asked.list
    }

    /// What a caller of Responses is told before there is an answer; callers of other APIs are told nothing.
    #[must_use]
    pub fn opening(&self) -> Option<Json> {
        (self.front == Api::OpenaiResponses).then(|| opening(&self.asked))
    }

    /// A whole answer, and what was seen in it.
    ///
    /// # Errors
    /// When it is no answer of the provider's API.
    pub fn answer(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), Refused> {
        let answer = self.provider.decode_answer(body)?;
        let observed = observe(&answer);
        Ok((self.front.encode_answer(&self.changes.restore(answer), &self.asked)?, observed))
    }

    /// A whole answer for a caller who asked for a stream.
    ///
    /// # Errors
    /// As [`Translation::answer`].
    pub fn answer_as_stream(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), Refused> {
        let answer = self.provider.decode_answer(body)?;
        let observed = observe(&answer);
        let mut encoder = StreamEncoder::new(self.front, &self.asked)?;
        let mut out = Vec::new();
        for event in replay(self.changes.restore(answer)) {
            encoder.push(event, &mut out);
        }
        Ok((out, observed))
    }

    /// A whole stream for a caller who asked for none.
    ///
    /// # Errors
    /// When the stream is broken, or says that the provider failed.
    pub fn stream_as_answer(&self, body: &[u8]) -> Result<(Vec<u8>, Observed), StreamError> {
        let mut decoder = StreamDecoder::new(self.provider);
        let mut events = Vec::new();
        decoder.push(body, &mut events);
        decoder.finish(&mut events);
        let mut assembly = Assembly::default();
        events.into_iter().for_each(|event| assembly.push(event));
        let answer = assembly.finish()?;
        let observed = observe(&answer);
        let written = self.front.encode_answer(&self.changes.restore(answer), &self.asked);
        written.map(|written| (written, observed)).map_err(|refused| StreamError {
            status: 502,
            code: "upstream_invalid".to_owned(),
            message: refused.to_string(),
        })
    }

    /// A stream, from its start.
    ///
    /// # Errors
    /// Never where [`request`] came through: it is an API that callers speak.
    pub fn stream(&self) -> Result<Stream, Refused> {
        Ok(Stream {
            decoder: StreamDecoder::new(self.provider),
            encoder: StreamEncoder::new(self.front, &self.asked)?,
            restorer: Restorer::new(&self.changes),
            events: Vec::new(),
            observed: Observed::default(),
        })
    }
}

/// A running stream on its way from the provider to the caller.
pub struct Stream {
    decoder: StreamDecoder,
    encoder: StreamEncoder,
    restorer: Restorer,
    /// Kept for its memory.
    events: Vec<Event>,
    observed: Observed,
}

impl Stream {
    /// Takes the provider's next bytes and adds the caller's to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut events = std::mem::take(&mut self.events);
        self.decoder.push(bytes, &mut events);
        self.write(events, out);
    }

    /// The provider has sent everything. Tells whether that was all of the answer; if not, the caller's stream ends with
    /// an error.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> bool {
        let failed_before = self.observed.error;
        let mut events = std::mem::take(&mut self.events);
        self.decoder.finish(&mut events);
        self.write(events, out);
        failed_before || !self.observed.error
    }

    /// Ends the caller's stream with an error of the gateway's own. Nothing happens where it has ended already.
    pub fn fail(&mut self, error: StreamError, out: &mut Vec<u8>) {
        if !self.is_over() {
            self.decoder.close();
            self.encoder.push(Event::Error(error), out);
        }
    }

    /// Tells the caller that the answer is still being made, while what comes of it is held. Google's SDKs bear nothing of the
    /// kind between events, so their callers are told nothing.
    pub fn keep_alive(&mut self, out: &mut Vec<u8>) {
        self.encoder.push(Event::KeepAlive, out);
    }

    /// What was seen in the stream so far.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Whether the caller has been sent the last event.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.decoder.is_over()
    }

    /// Bytes that the translation holds now: pieces of what is not complete, and what the last event repeats.
    #[must_use]
    pub fn held(&self) -> usize {
        self.decoder.held() + self.restorer.held() + self.encoder.held()
    }

    fn write(&mut self, mut events: Vec<Event>, out: &mut Vec<u8>) {
        for event in events.drain(..) {
            let is_last = matches!(event, Event::Error(_) | Event::End);
            self.observed.note(&event);
            self.restorer.push(event, |event| self.encoder.push(event, out));
            if !is_last && self.encoder.is_over() {
                // There was more to hold than the encoder does, and the caller has been told.
                self.observed.error = true;
                self.decoder.close();
                break;
            }
        }
        self.events = events;
    }
}

/// What a whole answer says of itself.
fn observe(answer: &Answer) -> Observed {
    Observed {
        usage: answer.usage,
        model: Some(answer.model.clone()).filter(|model| !model.is_empty()),
        finished: true,
        ended: true,
        ..Observed::default()
    }
}

impl Observed {
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Start { model, .. } if !model.is_empty() => self.model = Some(model.clone()),
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { .. } => self.finished = true,
            Event::End => (self.finished, self.ended) = (true, true),
            Event::Error(_) => self.error = true,
            _ => {}
        }
    }
}
