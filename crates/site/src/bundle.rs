//! The site's files in memory, and on disk without touching what did not change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result, bail};

/// Files below this many bytes are not worth a compressed copy.
const WORTH_COMPRESSING: usize = 256;
/// Extensions whose content is compressed already.
const COMPRESSED: [&str; 7] = ["png", "jpg", "webp", "avif", "woff2", "ico", "br"];

/// Files by path, with `/` between folders.
#[derive(Debug, Default)]
pub struct Bundle(BTreeMap<String, Vec<u8>>);

impl Bundle {
    /// Adds a file.
    pub fn add(&mut self, path: &str, content: Vec<u8>) {
        self.0.insert(path.to_owned(), content);
    }

    /// Adds everything in a folder and below it.
    ///
    /// # Errors
    /// When a file cannot be read or has a name that is not text.
    pub fn add_folder(&mut self, folder: &Path) -> Result<()> {
        self.add_folder_as(folder, "")
    }

    /// Adds everything in a folder and below it, under a prefix.
    ///
    /// # Errors
    /// When a file cannot be read or has a name that is not text.
    pub fn add_folder_as(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        for path in files(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let Some(name) = path.strip_prefix(folder)?.to_str() else {
                bail!("{} has a name that is not UTF-8", path.display());
            };
            let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            self.add(&format!("{prefix}{name}"), content);
        }
        Ok(())
    }

    /// Adds a brotli copy of each file that shrinks; one that `out` holds for the same content is taken over.
    pub fn compress(&mut self, out: &Path) {
        let worth = |(path, content): &(&String, &Vec<u8>)| {
            let extension = path.rsplit('.').next().unwrap_or_default();
            content.len() >= WORTH_COMPRESSING && !COMPRESSED.contains(&extension)
        };
        let packed: Vec<(String, Vec<u8>)> = self
            .0
            .iter()
            .filter(worth)
            .map(|(path, content)| {
                let name = format!("{path}.br");
                let same = fs::read(out.join(path)).is_ok_and(|old| old == *content);
                let old = if same { fs::read(out.join(&name)).ok() } else { None };
                (name, old.unwrap_or_else(|| brotli(content)))
            })
            .filter(|(name, packed)| packed.len() < self.0[name.trim_end_matches(".br")].len())
            .collect();
        self.0.extend(packed);
    }

    /// Makes the folder hold exactly these files; a file that is the same keeps its time stamp.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
        let wanted: BTreeSet<PathBuf> = self.0.keys().map(|path| out.join(path)).collect();
        for path in files(out)?.into_iter().filter(|path| !wanted.contains(path)) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        for (path, content) in &self.0 {
            let path = out.join(path);
            if fs::read(&path).is_ok_and(|old| old == *content) {
                continue;
            }
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// A file's size in bytes.
    pub fn size(&self, path: &str) -> Option<usize> {
        self.0.get(path).map(Vec::len)
    }

    /// The files with their sizes, raw and compressed.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (path, content) in self.0.iter().filter(|(path, _)| !path.ends_with(".br")) {
            let packed = self.size(&format!("{path}.br")).map_or_else(|| "-".to_owned(), |size| size.to_string());
            // Writing to a String cannot fail.
            writeln!(table, "site: {path:<28} {:>9} bytes {packed:>9} brotli", content.len()).ok();
        }
        table
    }
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 22, ..Default::default() };
    let mut packed = Vec::new();
    let written = brotli::BrotliCompress(&mut io::Cursor::new(content), &mut packed, &parameters);
    // Reading from and writing to memory cannot fail; an uncompressed copy would be dropped by the caller.
    if written.is_ok() { packed } else { content.to_vec() }
}

/// Every file in a folder and below it; none where the folder is missing.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_ends_up_with_exactly_the_bundle_and_same_files_stay_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let text = "body { color: red }\n".repeat(100);
        let mut bundle = Bundle::default();
        bundle.add("pkg/weir.css", text.clone().into_bytes());
        bundle.compress(out);
        bundle.write(out).expect("written");
        let before = fs::metadata(out.join("pkg/weir.css.br")).and_then(|data| data.modified()).expect("a time");
        fs::write(out.join("old.txt"), "old").expect("a file");
        let mut again = Bundle::default();
        again.add("pkg/weir.css", text.into_bytes());
        again.compress(out);
        again.write(out).expect("written");
        assert!(!out.join("old.txt").exists());
        let after = fs::metadata(out.join("pkg/weir.css.br")).and_then(|data| data.modified()).expect("a time");
        assert_eq!(before, after);
        assert!(again.size("pkg/weir.css.br") < Some(100), "{again:?}");
    }

    #[test]
    fn what_is_small_or_compressed_gets_no_copy() {
        let mut bundle = Bundle::default();
        bundle.add("a.svg", vec![b' '; 100]);
        bundle.add("b.png", vec![b' '; 1000]);
        bundle.compress(Path::new("/nonexistent"));
        assert_eq!((bundle.size("a.svg.br"), bundle.size("b.png.br")), (None, None));
    }
}
