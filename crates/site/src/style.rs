//! The style sheet: nesting and prefixes made plain for the browsers of the last years, and minified.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions, StyleSheet};
use lightningcss::targets::{Browsers, Targets};

/// A version as Lightning CSS writes it.
const fn version(major: u32, minor: u32) -> Option<u32> {
    Some(major << 16 | minor << 8)
}

/// The oldest browsers that get the whole look: those with cascade layers, `:has` and `color-mix`.
const OLDEST: Browsers = Browsers {
    android: None,
    chrome: version(111, 0),
    edge: version(111, 0),
    firefox: version(121, 0),
    ie: None,
    ios_saf: version(16, 4),
    opera: None,
    safari: version(16, 4),
    samsung: None,
};

/// The minified style sheet.
///
/// # Errors
/// When the file cannot be read or is not CSS; the message names line and column.
pub fn minified(path: &Path) -> Result<Vec<u8>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.display().to_string();
    let options = ParserOptions { filename: name.clone(), ..ParserOptions::default() };
    let mut sheet = StyleSheet::parse(&text, options).map_err(|error| anyhow!("{error}"))?;
    let targets = Targets::from(OLDEST);
    sheet.minify(MinifyOptions { targets, ..MinifyOptions::default() }).map_err(|error| anyhow!("{name}: {error}"))?;
    let printed = sheet
        .to_css(PrinterOptions { minify: true, targets, ..PrinterOptions::default() })
        .map_err(|error| anyhow!("{name}: {error}"))?;
    Ok(printed.code.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minify(css: &str) -> Result<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("main.css");
        fs::write(&path, css).expect("a file");
        minified(&path).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    #[test]
    fn a_sheet_is_minified() {
        let css = minify("@layer base { main { color: #ff0000; a { margin: 0px } } }").expect("css");
        assert!(css.starts_with("@layer base{main{color:red"), "{css}");
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let error = minify("main { color: red; } }").expect_err("a mistake").to_string();
        assert!(error.contains("main.css:0:"), "{error}");
    }
}
