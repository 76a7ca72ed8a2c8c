//! Every caller's API before every provider's.

#[path = "pairs/answers.rs"]
mod answers;
#[path = "pairs/features.rs"]
mod features;
#[path = "pairs/golden.rs"]
mod golden;
#[path = "pairs/matrix.rs"]
mod matrix;
