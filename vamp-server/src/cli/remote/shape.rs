//! What people want to see of an artifact, found in the JSON of the API.

use super::screen::Tone;
use comfy_table::Cell;
use serde_json::Value;

/// The text under a JSON pointer; empty if there is none.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).map(plain).unwrap_or_default()
}

/// A scalar without its quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The name of an artifact.
pub(crate) fn name(value: &Value) -> String {
    text(value, "/name")
}

/// The keys of the map under a pointer.
pub(crate) fn keys(value: &Value, pointer: &str) -> Vec<String> {
    entries(value, pointer).map(|(key, _)| key.clone()).collect()
}

/// The entries of the map under a pointer.
pub(crate) fn entries<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// The items of the list under a pointer.
pub(crate) fn items<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// An ordinary cell; what is not there is a dash.
pub(crate) fn cell(text: impl Into<String>) -> Cell {
    let text = text.into();
    if text.is_empty() { Tone::Quiet.cell("-") } else { Tone::Plain.cell(text) }
}

/// The services of a deployment, each with the name of its cluster.
pub(crate) fn services(deployment: &Value) -> impl Iterator<Item = (&String, &Value)> {
    entries(deployment, "/clusters").flat_map(|(name, cluster)| items(cluster, "/services").map(move |one| (name, one)))
}

/// How a service, or a deployment, is: what is worse counts for the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    Deployed,
    Deploying,
    Undeploying,
    Initiating,
    Failed,
}

impl State {
    /// The state of a deployment is the worst of its services.
    pub(crate) fn of_deployment(deployment: &Value) -> Option<Self> {
        services(deployment).map(|(_, service)| Self::of_service(service)).max()
    }

    pub(crate) fn of_service(service: &Value) -> Self {
        let phase = text(service, "/status/phase/name");
        let leaves = text(service, "/status/intention") == "Undeployment";
        match phase.as_str() {
            "Failed" => Self::Failed,
            _ if leaves => Self::Undeploying,
            "Initiated" => Self::Initiating,
            "Updating" => Self::Deploying,
            _ => Self::Deployed,
        }
    }

    pub(crate) fn cell(self) -> Cell {
        self.tone().cell(format!("{self:?}"))
    }

    const fn tone(self) -> Tone {
        match self {
            Self::Deployed => Tone::Good,
            Self::Failed => Tone::Bad,
            _ => Tone::Busy,
        }
    }
}

/// How many of the wanted instances are healthy, or run where nobody checks their health.
pub(crate) fn health(service: &Value) -> (u64, u64) {
    let count = |pointer: &str| service.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    let checked = items(service, "/breed/health_checks").next().is_some()
        || items(service, "/health_checks").next().is_some()
        || count("/health/healthy") > 0;
    let up = count(if checked { "/health/healthy" } else { "/health/running" });
    (up, count("/scale/instances"))
}

/// `up/wanted`, in its colour.
pub(crate) fn health_cell(up: u64, wanted: u64) -> Cell {
    let tone = if up >= wanted { Tone::Good } else { Tone::Busy };
    tone.cell(format!("{up}/{wanted}"))
}

/// The part of a route's path that people know it by: the service, if it leads to one.
pub(crate) fn short(route: &str) -> &str {
    match route.split('/').collect::<Vec<&str>>().as_slice() {
        [_, _, service, _] if !route.starts_with('[') => service,
        _ => route,
    }
}

/// The condition of a route, in words.
pub(crate) fn condition(route: &Value) -> String {
    let condition = text(route, "/condition/condition");
    if condition.is_empty() { text(route, "/condition/reference") } else { condition }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_is_as_its_worst_service_is() {
        let service =
            |intention: &str, phase: &str| json!({"status": {"intention": intention, "phase": {"name": phase}}});
        let deployment = |services: Vec<Value>| json!({"clusters": {"a": {"services": services}}});
        let (done, failed) = (service("Deployment", "Done"), service("Deployment", "Failed"));
        let (updating, leaving) = (service("Deployment", "Updating"), service("Undeployment", "Initiated"));
        for (services, expected) in [
            (vec![], None),
            (vec![done.clone()], Some(State::Deployed)),
            (vec![done.clone(), updating.clone()], Some(State::Deploying)),
            (vec![updating.clone(), leaving.clone(), done], Some(State::Undeploying)),
            (vec![service("Deployment", "Initiated"), leaving], Some(State::Initiating)),
            (vec![failed, updating], Some(State::Failed)),
        ] {
            assert_eq!(State::of_deployment(&deployment(services)), expected);
        }
    }

    #[test]
    fn a_route_is_known_by_its_service() {
        for (path, expected) in
            [("sava/sava/sava:1.0/web", "sava:1.0"), ("sava/web", "sava/web"), ("[127.0.0.1:80]", "[127.0.0.1:80]")]
        {
            assert_eq!(short(path), expected);
        }
    }
}
