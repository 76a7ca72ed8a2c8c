//! How large a route may be. Everything that a request is compared with is small, so that a walk costs little.

/// Longest JSON text of a route, in bytes.
pub const MAX_BYTES: usize = 262_144;
/// Most elements of a route.
pub const MAX_ELEMENTS: usize = 200;
/// Most outputs of an element. A set of them is a `u32`.
pub const MAX_OUTPUTS: usize = 32;
/// Longest id of an element, name of an output, provider's slug and model's id, in bytes.
pub(crate) const MAX_NAME: usize = 256;
/// Longest name of a field, in bytes, and most parts of one in the body.
pub(crate) const MAX_FIELD: usize = 256;
pub(crate) const MAX_FIELD_PARTS: usize = 16;
/// Most different fields of the body that a route may look at. A set of them is a `u32`.
pub(crate) const MAX_BODY_FIELDS: usize = 32;
/// Deepest nesting of a condition.
pub(crate) const MAX_DEPTH: usize = 8;
/// Most comparisons in one condition.
pub(crate) const MAX_TESTS: usize = 200;
/// Most values in a `$in`.
pub(crate) const MAX_VALUES: usize = 200;
/// Longest text that a field is compared with, in bytes.
pub(crate) const MAX_TEXT: usize = 1_024;
/// Longest pattern, in bytes; largest compiled pattern, in bytes; most patterns in one condition.
pub(crate) const MAX_PATTERN: usize = 512;
pub(crate) const MAX_PATTERN_SIZE: usize = 262_144;
pub(crate) const MAX_PATTERNS: usize = 8;
/// How much of a text in the body is looked at, in bytes: more than [`MAX_TEXT`], so that equality is exact.
pub(crate) const MAX_SEEN: usize = 16_384;
/// Longest window of a limit, in seconds: a year.
pub(crate) const MAX_WINDOW: u32 = 366 * 86_400;
/// Largest limit: requests, or nano-dollars (a hundred million dollars).
pub(crate) const MAX_LIMIT: u64 = 100_000_000_000_000_000;
/// Most repetitions of a model's call.
pub(crate) const MAX_RETRIES: u8 = 5;
/// Largest weight in a balance.
pub(crate) const MAX_WEIGHT: u32 = 1_000;
/// Most steps of a walk that are recorded.
pub(crate) const MAX_PATH: usize = 64;
