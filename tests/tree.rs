//! What the tree promises about itself.
#![cfg(test)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CODE: [&str; 7] = ["vamp-core", "vamp-drivers", "vamp-server", "examples", "benches", "fuzz", "tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The crates that `package` depends on, as `cargo tree` sees them.
fn dependencies(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--package", package])
        .current_dir(root())
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut names: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != package)
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn no_rust_file_is_longer_than_400_lines() {
    let files: Vec<PathBuf> = CODE.iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    assert!(files.len() > 10, "the tree was found");
    let long: Vec<String> = files
        .iter()
        .map(|file| (file, fs::read_to_string(file).expect("a source file reads").lines().count()))
        .filter(|(_, lines)| *lines > 400)
        .map(|(file, lines)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn the_core_knows_neither_drivers_nor_server_and_stays_within_40_crates() {
    let crates = dependencies("vamp-core");
    assert!(!crates.iter().any(|name| name.starts_with("vamp-")), "{crates:?}");
    assert!(crates.len() <= 40, "{} crates: {crates:?}", crates.len());
}

#[test]
fn the_drivers_know_the_core_only() {
    let ours: Vec<String> = dependencies("vamp-drivers").into_iter().filter(|name| name.starts_with("vamp-")).collect();
    assert_eq!(ours, ["vamp-core"]);
}
