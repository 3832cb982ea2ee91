//! Whatever comes from outside: an answer, never a panic.

use crate::model::read::{self, Kind};
use proptest::prelude::*;

const DOCUMENTS: [&str; 2] = [
    "name: b\ngateways: {9050: {routes: {web/p: {weight: 100%, condition: 'host == x', rewrites: [{path: /a if host == b}]}}}}\n\
     clusters:\n  web: &w\n    services: [{breed: {name: a, deployable: x, ports: {p: 80}, env: {'A[B]': $$x}}, scale: {cpu: 1, memory: 1MB}}]\n\
     \x20   gateways: {p: {routes: {a: {}}}}\n  other: {<<: *w, services: c, gateways: {}}\n",
    r#"{"name": "g", "port": "80/http", "sticky": "route", "routes": {"[h:1]": {"weight": "50%"}, "a": {"weight": "50%"}}}"#,
];

fn read_as_everything(source: &str) {
    let _ = read::gateway(source);
    let _ = read::deployment(source);
    for kind in Kind::ALL {
        let _ = read::artifacts(source, Some(kind));
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(source in "\\PC{0,200}") {
        read_as_everything(&source);
    }

    #[test]
    fn any_damage_to_a_document_is_answered(
        document in 0..DOCUMENTS.len(),
        at in 0_usize..500,
        length in 0_usize..40,
        insert in "[-\\[\\]{}:,'\"$%&*!|> \n\t~0a/<\u{e9}]{0,4}",
    ) {
        let mut characters: Vec<char> = DOCUMENTS[document].chars().collect();
        let start = at.min(characters.len());
        let end = (start + length).min(characters.len());
        characters.splice(start..end, insert.chars());
        read_as_everything(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn the_documents_that_are_damaged_are_good() {
    assert!(read::blueprint(DOCUMENTS[0]).is_ok(), "{:?}", read::blueprint(DOCUMENTS[0]));
    assert!(read::gateway(DOCUMENTS[1]).is_ok());
}

/// Documents of the size that is still read, each the worst of its kind.
#[test]
fn the_worst_documents_are_answered_in_bounded_time() {
    let many = |entry: &dyn Fn(usize) -> String| (0..9_999).map(entry).collect::<String>();
    let begin = std::time::Instant::now();
    for source in [
        format!("name: g\nroutes:\n{}", many(&|n| format!("  r{n}: {{}}\n"))),
        format!("name: g\nroutes:\n{}", many(&|n| format!("- r{n}\n"))),
        format!("name: g\nroutes:\n{}", many(&|n| format!("  r{n}:\n"))),
        format!("name: b\ndeployable: x\nenv:\n{}", many(&|n| format!("  V{n}: $V{n}\n"))),
        format!("name: b\nclusters:\n{}", many(&|n| format!("  c{n}: b{n}\n"))),
        format!(
            "name: b\nenv:\n{}clusters:\n{}",
            many(&|n| format!("  c{n}.A: x\n")),
            many(&|n| format!("  c{n}: b{n}\n"))
        ),
        format!("name: g\n{}", many(&|n| format!("k{n}: x\n"))),
    ] {
        for kind in [Kind::Gateway, Kind::Breed, Kind::Blueprint] {
            let _ = read::artifacts(&source, Some(kind));
        }
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(120), "{:?}", begin.elapsed());
    assert_eq!(
        read::gateway(&format!("name: g\n{}", many(&|n| format!("k{n}: x\n")))).expect_err("unknown").0.len(),
        1_000
    );
}
