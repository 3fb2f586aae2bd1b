//! Tells the crate which rustls it was built with: the exact version that `Cargo.lock` names.

use std::{env, fs, path::Path};

fn main() {
    let path = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("Cargo.lock");
    println!("cargo:rerun-if-changed={}", path.display());
    let lock = fs::read_to_string(path).unwrap_or_default();
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"rustls\"");
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1)).unwrap_or("unknown");
    println!("cargo:rustc-env=RUSTLS_VERSION={version}");
}
