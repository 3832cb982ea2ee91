use super::*;
use crate::violation::{Violation, Violations};
use std::time::{Duration, Instant};

fn read(source: &str) -> Node {
    let mut documents = documents(source, Limits::default()).expect(source);
    assert_eq!(documents.len(), 1, "{source}");
    documents.remove(0)
}

fn refused(source: &str) -> Violation {
    let Violations(mut violations) = documents(source, Limits::default()).expect_err(source);
    assert_eq!(violations.len(), 1, "{violations:?}");
    violations.remove(0)
}

#[test]
fn scalars_keep_their_text() {
    let node = read("a: 1.10\nb: yes\nc: 0777\nd: 12:30\ne: 2001-01-01\nf: 'null'\ng: \"~\"\n");
    let texts: Vec<&str> = node.entries().expect("a map").iter().filter_map(|entry| entry.value.text()).collect();
    assert_eq!(texts, ["1.10", "yes", "0777", "12:30", "2001-01-01", "null", "~"]);
}

#[test]
fn null_tilde_and_nothing_are_absent() {
    let node = read("a: null\nb: ~\nc:\nd: NULL\n");
    assert!(node.entries().expect("a map").iter().all(|entry| entry.value.is_absent()));
    assert!(node.get("a").is_none());
}

#[test]
fn json_reads_like_the_same_yaml() {
    let json = read(r#"{"a": [1, "x", null, true], "b": {"c": "\u00e9\n"}}"#);
    let yaml = read("a: [1, 'x', ~, true]\nb:\n  c: \"é\\n\"\n");
    assert_eq!(json.to_json(), yaml.to_json());
    assert_eq!(json.to_json(), serde_json::json!({"a": [1, "x", null, true], "b": {"c": "é\n"}}));
}

#[test]
fn json_conversion_loses_nothing() {
    let node = read("a: 1.10\nb: 12\nc: -0.5\nd: 'true'\ne: true\nf: 1e3\ng: 99999999999999999999\n");
    let json = serde_json::json!({"a": "1.10", "b": 12, "c": -0.5, "d": "true", "e": true, "f": "1e3",
        "g": "99999999999999999999"});
    assert_eq!(node.to_json(), json);
    assert_eq!(Node::from(&json).to_json(), json);
}

#[test]
fn every_node_knows_its_place() {
    let node = read("routes:\n  a:\n    condition: \"héader == x\"\n");
    let condition = node.get("routes").and_then(|n| n.get("a")).and_then(|n| n.get("condition")).expect("there");
    assert_eq!((condition.position.line, condition.position.column), (3, 16));
    let at = condition.position_of("héader ".len());
    assert_eq!((at.line, at.column), (3, 24), "after the quote, in characters");
}

#[test]
fn a_place_inside_of_escapes_is_the_beginning() {
    let node = read("a: \"x\\ty\"\n");
    let text = node.get("a").expect("there");
    assert_eq!(text.position_of(2), text.position);
}

#[test]
fn a_list_as_a_key_is_an_address_in_brackets() {
    let node = read("[10.0.0.1:80]: {}\n'[::1]': {}\n8080: x\n");
    let keys: Vec<&str> = node.entries().expect("a map").iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["[10.0.0.1:80]", "[::1]", "8080"]);
}

#[test]
fn duplicate_keys_are_refused_all_at_once() {
    let Violations(found) = documents("a: {x: 1, x: 2}\nb: 1\nb: 2\n", Limits::default()).expect_err("duplicates");
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "line 1, column 11: a/x: the key `x` appears twice in the same map (YamlParsingError); keep one of them",
            "line 3, column 1: b: the key `b` appears twice in the same map (YamlParsingError); keep one of them",
        ]
    );
}

#[test]
fn custom_tags_are_refused_and_core_tags_are_text() {
    assert!(refused("a: !secret x\n").message.contains("!secret"));
    assert!(refused("a: !!java.net.URL [x]\n").message.contains("java.net.URL"));
    assert_eq!(read("a: !!str 1\n").get("a").and_then(Node::text), Some("1"));
}

#[test]
fn aliases_and_merge_keys_copy_what_they_refer_to() {
    let node = read("base: &b {cpu: 1, memory: 2}\nx: *b\ny: {<<: *b, cpu: 9}\n");
    let json = serde_json::json!({"base": {"cpu": 1, "memory": 2}, "x": {"cpu": 1, "memory": 2},
        "y": {"cpu": 9, "memory": 2}});
    assert_eq!(node.to_json(), json);
}

#[test]
fn a_bomb_of_aliases_is_refused_in_bounded_time() {
    let mut bomb = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..30 {
        let before = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 9].join(", ")));
    }
    let begin = Instant::now();
    assert!(refused(&bomb).message.contains("aliases"));
    assert!(begin.elapsed() < Duration::from_secs(10));
    assert!(refused("a: &a [*a]\n").message.contains("inside"));
}

#[test]
fn aliases_do_not_circumvent_the_limit_of_depth() {
    let nested = |inner: &str| format!("{}{inner}{}", "[".repeat(40), "]".repeat(40));
    let source = format!("a: &a {}\nb: {}\n", nested("x"), nested("*a"));
    assert!(refused(&source).message.contains("deep"));
}

#[test]
fn what_is_too_deep_or_too_long_is_refused() {
    assert_eq!(refused(&"[".repeat(100_000)).code, "YamlParsingError");
    assert_eq!(refused(&"- ".repeat(100_000)).code, "YamlParsingError");
    assert!(refused(&"x".repeat((1 << 20) + 1)).message.contains("1048577 bytes"));
    let entries = |count: usize| format!("[{}]", "x,".repeat(count));
    assert!(documents(&entries(10_000), Limits::default()).is_ok());
    assert!(refused(&entries(10_001)).message.contains("more than 10000 entries"));
    let Violations(found) = utf8(b"a: 1\nb: \xc3\xa9\xff\n").expect_err("not UTF-8");
    assert_eq!((found[0].line, found[0].column), (Some(2), Some(5)));
}

#[test]
fn documents_are_separated_by_dashes() {
    let read = documents("a: 1\n---\nb: 2\n---\n- c\n", Limits::default()).expect("three documents");
    assert_eq!(read.len(), 3);
    assert!(documents("", Limits::default()).expect("nothing").is_empty());
}

#[test]
fn broken_yaml_says_where() {
    let violation = refused("a: [1, 2\nb: 3\n");
    assert_eq!(violation.code, "YamlParsingError");
    assert!(violation.line.is_some_and(|line| line >= 1), "{violation}");
}

#[test]
fn a_place_is_found_also_where_a_value_begins_with_it() {
    let document = read("a:\n  b/c:\n    d: 1\nlist:\n  - x: 1\n  - y: 2\n");
    let line = |path: &str| document.locate(path).line;
    assert_eq!([line("a"), line("a/b/c"), line("a/b/c/d"), line("a/b/c/none"), line("a/none")], [1, 2, 3, 2, 1]);
    assert_eq!([line("list/1"), line("list/1/y"), line("list/9"), line("none")], [6, 6, 4, 1]);
}
