//! What a provider's API cannot express. Whether that is an error or a warning is the caller's choice.

use std::fmt;

/// Something the caller asked for that the provider's API has no word for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The field, as the caller's API names it: `logit_bias`, `messages[3].content[1]`.
    pub field: String,
    /// Why it cannot be kept, as half a sentence: `Anthropic has no counterpart`.
    pub why: String,
    /// Whether the answer means something else without it. Such a loss is refused however patient the caller is.
    pub changes_meaning: bool,
}

/// The losses of one translation. Bounded: beyond [`Losses::MOST`] only their number grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    kept: Vec<Loss>,
    more: usize,
}

impl Losses {
    /// How many are kept in full.
    pub const MOST: usize = 32;

    /// Notes a loss that does no harm.
    pub fn harmless(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.add(Loss { field: field.into(), why: why.into(), changes_meaning: false });
    }

    /// Notes a loss that changes what the answer means.
    pub fn grave(&mut self, field: impl Into<String>, why: impl Into<String>) {
        self.add(Loss { field: field.into(), why: why.into(), changes_meaning: true });
    }

    /// Notes all of `others` too.
    pub fn append(&mut self, others: Self) {
        self.more += others.more;
        others.kept.into_iter().for_each(|loss| self.add(loss));
    }

    fn add(&mut self, loss: Loss) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.field == loss.field) {
            if loss.changes_meaning && !kept.changes_meaning {
                *kept = loss;
            }
            return;
        }
        if self.kept.len() < Self::MOST || loss.changes_meaning {
            self.kept.truncate(Self::MOST - usize::from(self.kept.len() >= Self::MOST));
            self.kept.push(loss);
        } else {
            self.more += 1;
        }
    }

    /// The losses, in the order they were found.
    #[must_use]
    pub fn all(&self) -> &[Loss] {
        &self.kept
    }

    /// How many were found beyond those kept.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }

    /// The first loss that may not be: any for a strict caller, else one that changes the meaning.
    #[must_use]
    pub fn refused(&self, strict: bool) -> Option<&Loss> {
        self.kept.iter().find(|loss| loss.changes_meaning || strict)
    }

    /// The names of the fields, for a warning header: `seed, logit_bias`. At most a kilobyte of visible ASCII.
    #[must_use]
    pub fn fields(&self) -> String {
        const LONGEST: usize = 1024;
        let all = self.kept.iter().map(|loss| loss.field.as_str()).collect::<Vec<_>>().join(", ");
        all.chars().take(LONGEST).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
    }
}

/// A request or an answer that cannot be read in the API it is said to be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refused {
    /// The field at fault, as its API names it.
    pub field: Option<String>,
    /// What is wrong and what would be right, as a sentence.
    pub message: String,
}

impl Refused {
    /// A fault of one field.
    #[must_use]
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), message: message.into() }
    }

    /// Refuses a whole request.
    #[must_use]
    pub fn whole(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into() }
    }
}

impl From<serde_json::Error> for Refused {
    /// serde's sentence names the fault, and its place where it knows it.
    fn from(error: serde_json::Error) -> Self {
        Self { field: None, message: error.to_string() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
