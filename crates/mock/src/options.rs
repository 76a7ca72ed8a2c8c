//! The flags of `weir mock-provider`.

use crate::control::Control;

/// How every answer arrives unless its request says otherwise.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Milliseconds before the first byte of an answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub ttft: u64,
    /// Milliseconds between two events of a stream
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub pace: u64,
    /// Words in an answer
    #[arg(long, value_name = "COUNT")]
    pub tokens: Option<u32>,
    /// Answer every request with this status
    #[arg(long, value_name = "CODE")]
    pub status: Option<u16>,
    /// Send this `Retry-After` with errors
    #[arg(long, value_name = "SECONDS")]
    pub retry_after: Option<String>,
    /// Requests that `/mock/requests` can tell of; 256 without it
    #[arg(long, value_name = "COUNT")]
    pub keep: Option<usize>,
    /// Another control for every request, as NAME or NAME-VALUE (silent, reset-after-3, fail-first-2, …)
    #[arg(long = "control", value_name = "NAME[-VALUE]")]
    pub controls: Vec<String>,
}

impl Options {
    /// The controls these flags stand for; words that name none are ignored.
    pub(crate) fn control(&self) -> Control {
        let mut control = Control::default();
        control.set("ttft", &self.ttft.to_string());
        control.set("pace", &self.pace.to_string());
        if let Some(tokens) = self.tokens {
            control.set("tokens", &tokens.to_string());
        }
        if let Some(status) = self.status {
            control.set("status", &status.to_string());
        }
        if let Some(seconds) = &self.retry_after {
            control.set("retry-after", seconds);
        }
        for word in &self.controls {
            control.set_word(word);
        }
        control
    }
}
