//! The most bytes each file may have.

use anyhow::{Context, Result};

use crate::bundle::Bundle;

/// Limits by file name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Budget(Vec<(String, usize)>);

impl Budget {
    /// Reads lines of `FILE BYTES`; `#` begins a comment.
    ///
    /// # Errors
    /// A line that is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let limits = lines.filter(|line| !line.is_empty()).map(|line| {
            let (file, bytes) =
                line.split_once(char::is_whitespace).with_context(|| format!("budget: no number in {line:?}"))?;
            let bytes = bytes.trim().parse().with_context(|| format!("budget: {bytes:?} is no number of bytes"))?;
            Ok((file.to_owned(), bytes))
        });
        limits.collect::<Result<_>>().map(Self)
    }

    /// A line for each file that is missing or too large.
    pub fn exceeded(&self, bundle: &Bundle) -> Vec<String> {
        let check = |(file, limit): &(String, usize)| match bundle.size(file) {
            None => Some(format!("{file} has a budget but was not built")),
            Some(size) if size > *limit => Some(format!("{file} has {size} bytes; the budget allows {limit}")),
            Some(_) => None,
        };
        self.0.iter().filter_map(check).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_above_its_limit_and_a_missing_one_are_named() {
        let budget = Budget::parse("# sizes\npkg/a.wasm 3\npkg/b.js  9 # glue\n\n").expect("a budget");
        let mut bundle = Bundle::default();
        bundle.add("pkg/a.wasm", vec![0; 4]);
        let lines = budget.exceeded(&bundle);
        assert_eq!(lines, ["pkg/a.wasm has 4 bytes; the budget allows 3", "pkg/b.js has a budget but was not built"]);
    }

    #[test]
    fn a_line_without_a_number_is_refused() {
        assert!(Budget::parse("pkg/a.wasm").is_err());
        assert!(Budget::parse("pkg/a.wasm many").is_err());
    }
}
