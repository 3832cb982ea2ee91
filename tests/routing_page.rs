//! The page on routing names every field, and for each a test that exists.
#![cfg(test)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::Value;
use std::{collections::BTreeSet, path::Path};
use vamp_core::model::{read::Kind, schema};

const PAGE: &str = include_str!("../docs/routing.md");

/// What artifacts of every kind have.
const COMMON: [&str; 2] = ["kind", "metadata"];

/// The rows of the tables below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = PAGE.split_once(&format!("\n## {heading}\n")).expect(heading);
    let section = below.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// The forms of a value that are maps with keys of their own, and how many others there are, but for null.
fn forms<'a>(of: &'a Value, maps: &mut Vec<&'a Value>, others: &mut usize) {
    match of["anyOf"].as_array() {
        Some(all) => all.iter().for_each(|one| forms(one, maps, others)),
        None if of["properties"].is_object() => maps.push(of),
        None if of["type"] == "null" => {}
        None => *others += 1,
    }
}

/// The fields that a schema has, those inside of others with a dot.
fn fields(of: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    for (name, inner) in of["properties"].as_object().into_iter().flatten() {
        // `true` is what is accepted and not read.
        if inner.is_boolean() || COMMON.contains(&name.as_str()) || name.starts_with("lookup") {
            continue;
        }
        let name = format!("{prefix}{name}");
        let (mut maps, mut others) = (Vec::new(), 0);
        forms(inner, &mut maps, &mut others);
        // A place with host and port is told as one.
        if others > 0 || name == "service" {
            into.insert(name.clone());
        }
        if name != "service" {
            maps.iter().for_each(|form| fields(form, &format!("{name}."), into));
        }
    }
}

#[test]
fn every_field_of_a_gateway_and_of_a_route_has_a_row() {
    for (kind, heading, not_here) in [(Kind::Gateway, "A gateway", ""), (Kind::Route, "A route", "name")] {
        let mut known = BTreeSet::new();
        fields(&schema(kind), "", &mut known);
        known.remove(not_here);
        known.retain(|name| name != "import");
        let told = rows(heading).iter().map(|row| row[0].trim_end_matches('`').to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(told, known, "{heading}: told on the page, and known to the schema");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quoted: Vec<&str> = PAGE.split('`').skip(1).step_by(2).collect();
    let mut proven = 0;
    for pair in quoted.windows(2) {
        let [file, test] = pair else { continue };
        if !file.starts_with("tests/") || !test.contains('_') || test.contains(['/', ' ', ':', '.']) {
            continue;
        }
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(source.contains(&format!("fn {test}(")), "{file} has no test `{test}`");
        proven += 1;
    }
    for heading in ["A gateway", "A route"] {
        for row in rows(heading) {
            let test = row.last().copied().unwrap_or_default();
            // What is told and not served.
            if test == "–" {
                continue;
            }
            assert!(test.starts_with("`tests/haproxy_") && test.ends_with('`'), "{}: {test}", row[0]);
        }
    }
    assert!(proven > 20, "{proven} tests are named");
}
