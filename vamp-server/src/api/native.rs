//! Conditions in HAProxy's own language, `< … >`, where a server does not take them: wherever a condition can stand.

use serde_json::Value;
use vamp_core::{Violation, Violations, condition::Condition};

/// Refuses every native condition of an artifact, as it is written.
pub(super) fn refuse(artifact: &Value) -> Result<(), Violations> {
    let mut found = Vec::new();
    collect(artifact, &mut Vec::new(), &mut found);
    let refuse = |path: String| {
        Violation::new("NativeConditionError", path, "this server takes no conditions in HAProxy's own language")
            .hint("write a condition such as `User-Agent == Chrome`")
    };
    let violations: Vec<Violation> = found.into_iter().map(refuse).collect();
    if violations.is_empty() { Ok(()) } else { Err(Violations(violations)) }
}

/// The paths of those that are HAProxy's own. Whatever is called a condition is taken for one, in whatever part: to
/// refuse too much is better than to miss one.
fn collect<'a>(value: &'a Value, path: &mut Vec<&'a str>, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let native = match (key.as_str(), value) {
                    ("condition", Value::String(text)) => is_native(text),
                    ("rewrites", Value::Array(rewrites)) => {
                        found.extend(
                            native_rewrites(rewrites).map(|index| format!("{}/rewrites/{index}", path.join("/"))),
                        );
                        false
                    }
                    _ => false,
                };
                let inner = path.last() == Some(&"condition") && key == "condition";
                if native && inner {
                    // `condition: {condition: …}` is the long form of `condition: …`.
                    found.push(path.join("/"));
                } else if native {
                    found.push([path.as_slice(), &[key.as_str()]].concat().join("/"));
                }
                path.push(key);
                collect(value, path, found);
                path.pop();
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, found)),
        _ => {}
    }
}

fn is_native(text: &str) -> bool {
    text.parse::<Condition>().is_ok_and(|condition| condition.is_native())
}

/// A rewrite is `PATH if CONDITION`.
fn native_rewrites(rewrites: &[Value]) -> impl Iterator<Item = usize> {
    let native = |rewrite: &Value| {
        let text = rewrite.as_str().or_else(|| rewrite.get("path").and_then(Value::as_str));
        text.and_then(|text| text.split_once(" if ")).is_some_and(|(_, condition)| {
            let condition = condition.trim();
            condition.starts_with('{') || is_native(condition)
        })
    };
    rewrites.iter().enumerate().filter(move |(_, rewrite)| native(rewrite)).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::model::read::{self, Kind};

    fn native(source: &str, kind: Kind) -> Vec<String> {
        let artifact = read::artifact(source, kind).unwrap();
        let refused = refuse(&serde_json::to_value(artifact).unwrap());
        refused.err().map(|found| found.0.into_iter().map(|one| one.path).collect()).unwrap_or_default()
    }

    #[test]
    fn a_native_condition_is_found_wherever_it_can_stand() {
        let gateway = "
name: a
port: 9050/http
routes:
  '[127.0.0.1:9101]': {condition: '< hdr(x) -m found > and User-Agent == Chrome'}
  '[127.0.0.1:9102]': {condition: User-Agent == Chrome, rewrites: [{path: '/b if { src 10.0.0.1 }'}]}
";
        let found = native(gateway, Kind::Gateway);
        assert_eq!(found, ["routes/[127.0.0.1:9101]/condition", "routes/[127.0.0.1:9102]/rewrites/0"]);

        let blueprint = "
name: b
gateways:
  9050: {routes: {sava/web: {condition: < src 10.0.0.1 >}}}
clusters:
  metadata:
    gateways: {routes: {x: {condition: < src 10.0.0.1 >}}}
    services:
      breed: {name: x, deployable: sava, ports: {web: 8080/http}}
  sava:
    services:
      breed: {name: y, deployable: sava, ports: {web: 8080/http}}
";
        let found = native(blueprint, Kind::Blueprint);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("gateways/9050/routes/sava/web"), "{found:?}");
        assert!(found[1].starts_with("clusters/metadata/gateways/"), "{found:?}");

        assert_eq!(native("name: c\ncondition: < src 10.0.0.1 >", Kind::Condition), ["condition"]);
    }

    #[test]
    fn an_ordinary_condition_passes() {
        let gateway = "name: a\nport: 80\nroutes: {'[127.0.0.1:1]': {condition: User-Agent == Chrome}}";
        assert_eq!(native(gateway, Kind::Gateway), Vec::<String>::new());
    }
}
