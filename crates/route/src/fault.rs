//! Why a model has no answer, as outputs of its element name it.

/// Why a model has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody is there, or the connection broke.
    Unreachable,
    /// Nothing came in time.
    Timeout,
    /// What came is no answer.
    InvalidAnswer,
    /// The provider has a fault: a status of 500 or above, or one that says it is busy.
    ServerError,
    /// It is asked too often (429).
    RateLimited,
    /// Its key is not taken, not paid for, or not allowed to ask this.
    KeyRefused,
    /// The question is too long for it.
    ContextLength,
    /// Its provider does not want to answer such a question.
    ContentPolicy,
    /// The provider refuses the question otherwise.
    Refused,
    /// A limit or a policy of the team does not let it be asked.
    LimitReached,
    /// It cannot be asked: there is no key for it, or its API cannot express the question.
    NotPossible,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::Timeout,
        Self::InvalidAnswer,
        Self::ServerError,
        Self::RateLimited,
        Self::KeyRefused,
        Self::ContextLength,
        Self::ContentPolicy,
        Self::Refused,
        Self::LimitReached,
        Self::NotPossible,
    ];

    /// The name of the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::InvalidAnswer => "invalid_answer",
            Self::ServerError => "server_error",
            Self::RateLimited => "rate_limited",
            Self::KeyRefused => "key_refused",
            Self::ContextLength => "context_length",
            Self::ContentPolicy => "content_policy",
            Self::Refused => "refused",
            Self::LimitReached => "limit_reached",
            Self::NotPossible => "not_possible",
        }
    }

    /// The fault that an output is for.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == name)
    }
}
