//! What a request that is only checked would change: artifacts, and the lines of the proxy.

use super::{Api, error::Problem};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use vamp_core::{
    driver::{Document, Target},
    engine::{Alteration, Preview, Request},
    model::write,
    routing::{Gateway, RoutingTable},
};

/// What the request would change, with the lines that the proxy beside this server would gain and lose.
pub(super) async fn of(api: &Api, request: Request<'_>) -> Result<Value, Problem> {
    let preview = api.engine.preview(request).await?;
    let mut shown = json!({ "gateways": gateways(&preview), "held_back": preview.held_back });
    if let Some(deployment) = &preview.deployment {
        shown["deployment"] = alteration(deployment, |of| write::deployment(of, &[]));
    }
    let target = match &api.parts.local {
        Some(local) => Some((local, local.proxy.target().await?)),
        None => None,
    };
    if let Some((local, target)) = target {
        let render = |table: &RoutingTable| local.renderer.render(table, &target);
        shown["proxy"] = Value::Object(lines(&preview.routing, &target, render));
    }
    Ok(shown)
}

fn gateways(preview: &Preview) -> Map<String, Value> {
    preview.gateways.iter().map(|(name, of)| (name.clone(), alteration(of, write::gateway))).collect()
}

fn alteration<T>(of: &Alteration<T>, show: impl Fn(&T) -> Value) -> Value {
    json!({ "before": of.before.as_deref().map(&show), "after": of.after.as_deref().map(&show) })
}

/// By gateway: lines that come and go, and whether that takes a reload.
fn lines(
    routing: &BTreeMap<String, Alteration<Gateway>>,
    target: &Target,
    render: impl Fn(&RoutingTable) -> BTreeMap<String, Result<Document, String>>,
) -> Map<String, Value> {
    let after = routing.iter().filter_map(|(name, of)| Some((name.clone(), Arc::clone(of.after.as_ref()?))));
    let mut rendered = render(&RoutingTable { gateways: after.collect() });
    let mut shown = Map::new();
    for name in routing.keys() {
        let before = target.serving.get(name).map(AsRef::as_ref);
        let change = match rendered.remove(name).transpose() {
            Err(reason) => json!({ "refused": reason }),
            Ok(after) => {
                let reload = before.map(|one| &one.structure) != after.as_ref().map(|one| &one.structure);
                let (old, new) =
                    (before.map(written).unwrap_or_default(), after.as_ref().map(written).unwrap_or_default());
                json!({ "removed": missing(&old, &new), "added": missing(&new, &old), "reload": reload })
            }
        };
        shown.insert(name.clone(), change);
    }
    shown
}

fn written(document: &Document) -> Vec<String> {
    let values = document.values.iter().map(|(key, value)| format!("{key}: {value}"));
    document.structure.lines().map(str::to_owned).chain(values).filter(|line| !line.trim().is_empty()).collect()
}

/// The lines that the other has not, or not as often.
fn missing<'l>(lines: &'l [String], other: &[String]) -> Vec<&'l str> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    other.iter().for_each(|line| *left.entry(line).or_default() += 1);
    let is_missing = |line: &&str| match left.get_mut(*line) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    lines.iter().map(String::as_str).filter(is_missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_as_often_as_they_are_there() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(missing(&lines("a b b c"), &lines("b d")), ["a", "b", "c"]);
        assert_eq!(missing(&lines("b d"), &lines("a b b c")), ["d"]);
    }
}
