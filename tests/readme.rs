//! What the README shows is what runs.
#![cfg(test)]

/// The only block of that language in the README.
fn block(language: &str) -> &'static str {
    let readme = include_str!("../README.md");
    let start = readme.find(&format!("```{language}\n")).expect("the block") + language.len() + 4;
    let end = readme[start..].find("```").expect("its end");
    &readme[start..start + end]
}

/// The program of an example, beside the folder of this test.
fn built(example: &str) -> std::path::PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(std::path::Path::parent).expect("target/<profile>/deps");
    profile.join("examples").join(example)
}

#[test]
fn the_embedding_example_is_the_one_that_runs() {
    let example = include_str!("../examples/embed.rs");
    let (_, code) = example.split_once("\n\n").expect("a comment first");
    assert_eq!(block("rust"), code);
    let output = std::process::Command::new(built("embed")).output().expect("`cargo test` builds the examples");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_files_that_the_documents_name_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let ends = [".rs", ".md", ".yml", ".cfg", ".toml", "/"];
    for (name, text) in [
        ("README.md", include_str!("../README.md")),
        ("ARCHITECTURE.md", include_str!("../ARCHITECTURE.md")),
        ("CONTRIBUTING.md", include_str!("../CONTRIBUTING.md")),
    ] {
        let quoted = text.split('`').skip(1).step_by(2);
        let paths = quoted.filter(|path| path.contains('/') && !path.contains([' ', '<', '*', ':']));
        for path in paths.filter(|path| ends.iter().any(|end| path.ends_with(end)) && !path.starts_with('/')) {
            assert!(root.join(path).exists(), "{name} names `{path}`, which does not exist");
        }
    }
}
