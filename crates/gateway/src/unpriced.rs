//! Models whose consumption was counted and has no price: their costs are unknown, budgets do not see them, and somebody has to
//! say what they cost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most models that are told apart; those beyond share one count without names.
const MOST: usize = 500;

/// A model without a price, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpriced {
    /// Empty where there were too many to tell apart.
    pub provider: String,
    /// As the provider names it; empty where nothing names one, or there were too many to tell apart.
    pub model: String,
    /// Calls that were counted and not priced.
    pub attempts: u64,
}

/// All of them. The lock is taken only where a price is missing.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<(String, String), u64>>);

impl Counts {
    /// Counts a call.
    pub(crate) fn add(&self, provider: &str, model: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (provider.to_owned(), model.to_owned());
        if counts.len() >= MOST && !counts.contains_key(&key) {
            key = Default::default();
        }
        let count = counts.entry(key).or_default();
        *count += 1;
        if *count == 1 {
            tracing::warn!(provider.name = provider, model.id = model, "a model has no price: its costs are unknown");
        }
    }

    /// Those without a price, most calls first.
    pub(crate) fn read(&self) -> Vec<Unpriced> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |((provider, model), attempts): (&(String, String), &u64)| Unpriced {
            provider: provider.clone(),
            model: model.clone(),
            attempts: *attempts,
        };
        let mut all: Vec<_> = counts.iter().map(one).collect();
        drop(counts);
        all.sort_unstable_by(|a, b| (b.attempts, &a.provider, &a.model).cmp(&(a.attempts, &b.provider, &b.model)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_counted_apart_up_to_a_bound() {
        let counts = Counts::default();
        for number in 0..MOST + 20 {
            counts.add("custom-own", &format!("model-{number}"));
        }
        counts.add("custom-own", "model-7");
        let all = counts.read();
        assert_eq!(all.len(), MOST + 1);
        assert_eq!((all[0].model.as_str(), all[0].attempts), ("", 20));
        assert_eq!((all[1].model.as_str(), all[1].attempts), ("model-7", 2));
    }
}
