//! Makes sure the folder of site assets exists, so that the server compiles before the site has been built, and that a
//! rebuilt site is embedded anew.

use std::path::Path;

fn main() {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/site");
    if let Err(error) = std::fs::create_dir_all(&site) {
        println!("cargo::error=cannot create {}: {error}", site.display());
    }
    println!("cargo::rerun-if-changed=target/site");
}
