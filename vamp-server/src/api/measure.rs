//! Health and metrics: the last value that somebody told of a gateway, a route, a deployment, a cluster or a service.

use super::{
    Api, body,
    error::Problem,
    event,
    extract::{Path, Query},
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use vamp_core::{
    driver::{self, InstanceState, Page},
    model::Deployment,
};

/// How old a value may be, if the request does not say.
const WINDOW: u64 = 120;

/// The query.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Within {
    window: String,
}

impl Default for Within {
    fn default() -> Self {
        Self { window: WINDOW.to_string() }
    }
}

impl Within {
    /// What is no number of seconds is the default, as in the original.
    fn begins(&self) -> Option<SystemTime> {
        let seconds = self.window.parse().ok().filter(|seconds| *seconds > 0).unwrap_or(WINDOW);
        SystemTime::now().checked_sub(Duration::from_secs(seconds))
    }
}

/// What is asked about: keys and names in turn, as in `gateways/NAME/routes/NAME`.
#[derive(Debug, PartialEq)]
enum Subject {
    Gateway {
        gateway: String,
        route: Option<String>,
    },
    Deployment {
        deployment: String,
        cluster: Option<String>,
        service: Option<String>,
    },
    /// Of one instance nothing is kept.
    Instance,
}

pub(super) async fn health(
    State(api): State<Api>,
    Path(path): Path<String>,
    Query(within): Query<Within>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let subject = subject(&path).ok_or_else(|| unknown(&path))?;
    let mut tags = subject.tags().ok_or_else(|| nothing(&path))?;
    tags.push("health".to_owned());
    let told = last(&api, tags, within.begins()).await?;
    let value = match told {
        Some(value) => value,
        // Nobody told, but instances say it themselves.
        None => observed(&api, &subject).await?.ok_or_else(|| nothing(&path))?,
    };
    Ok(body::answer(StatusCode::OK, &headers, &value))
}

pub(super) async fn metrics(
    State(api): State<Api>,
    Path(path): Path<String>,
    Query(within): Query<Within>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (of, metric) = path.rsplit_once('/').ok_or_else(|| unknown(&path))?;
    let mut tags = ports(of).or_else(|| subject(of)?.tags()).ok_or_else(|| unknown(&path))?;
    if of.contains("/instances/") {
        let message = "metrics of single instances are not kept; ask for those of the service";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, message));
    }
    tags.push(format!("metrics:{metric}"));
    let value = last(&api, tags, within.begins()).await?.ok_or_else(|| nothing(&path))?;
    Ok(body::answer(StatusCode::OK, &headers, &value))
}

fn unknown(path: &str) -> Problem {
    let message = format!(
        "`{path}` names nothing that has a value; write gateways/GATEWAY[/routes/ROUTE] or \
         deployments/DEPLOYMENT[/clusters/CLUSTER[/services/SERVICE]]"
    );
    Problem::new(StatusCode::NOT_FOUND, message)
}

fn nothing(path: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("nobody told a value of `{path}` lately"))
}

/// The last number told with all these tags.
async fn last(api: &Api, tags: Vec<String>, from: Option<SystemTime>) -> Result<Option<Value>, Problem> {
    let query = driver::Query { tags, kind: None, from, to: None };
    let found = api.engine.events(&query, &Page { after: None, limit: 1 }).await?;
    Ok(found.first().map(event::value).filter(Value::is_number))
}

/// The share of healthy instances.
async fn observed(api: &Api, subject: &Subject) -> Result<Option<Value>, Problem> {
    let Subject::Deployment { deployment, cluster, service } = subject else { return Ok(None) };
    let Some((deployment, _)) = api.engine.deployment(deployment).await? else { return Ok(None) };
    let states = states(&deployment, cluster.as_deref(), service.as_deref());
    let healthy = states.iter().filter(|state| **state == InstanceState::Healthy).count();
    Ok((!states.is_empty()).then(|| event::number(healthy as f64 / states.len() as f64)))
}

fn states(deployment: &Deployment, cluster: Option<&str>, service: Option<&str>) -> Vec<InstanceState> {
    let clusters = deployment.clusters.iter().filter(|one| cluster.is_none_or(|cluster| one.name == cluster));
    let services = clusters.flat_map(|cluster| &cluster.services);
    let services = services.filter(|one| service.is_none_or(|service| one.breed.name == service));
    services.flat_map(|service| &service.instances).map(|instance| instance.state).collect()
}

/// Names of gateways and routes may have slashes.
fn subject(path: &str) -> Option<Subject> {
    if let Some(rest) = path.strip_prefix("gateways/").filter(|rest| !rest.is_empty()) {
        let (gateway, route) = rest.split_once("/routes/").map_or((rest, None), |(of, route)| (of, Some(route)));
        return Some(Subject::Gateway { gateway: gateway.to_owned(), route: route.map(str::to_owned) });
    }
    let named = |name: &&str| Some((*name).to_owned()).filter(|name| !name.is_empty());
    let segments: Vec<&str> = path.split('/').collect();
    let (deployment, cluster, service) = match segments.as_slice() {
        ["deployments", deployment] => (named(deployment)?, None, None),
        ["deployments", deployment, "clusters", cluster] => (named(deployment)?, Some(named(cluster)?), None),
        ["deployments", deployment, "clusters", cluster, "services", service] => {
            (named(deployment)?, Some(named(cluster)?), Some(named(service)?))
        }
        ["deployments", _, "clusters", _, "services", _, "instances", _] => return Some(Subject::Instance),
        _ => return None,
    };
    Some(Subject::Deployment { deployment, cluster, service })
}

/// A port of a cluster has the values of its gateway; a port of a service those of a route of that.
fn ports(path: &str) -> Option<Vec<String>> {
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["deployments", deployment, "clusters", cluster, "ports", port] => {
            Some(vec![format!("gateways:{deployment}/{cluster}/{port}")])
        }
        ["deployments", deployment, "clusters", cluster, "services", service, "ports", port]
        | ["deployments", deployment, "clusters", cluster, "services", service, "instances", _, "ports", port] => {
            let gateway = format!("gateways:{deployment}/{cluster}/{port}");
            Some(vec![gateway, format!("routes:{deployment}/{cluster}/{service}")])
        }
        _ => None,
    }
}

impl Subject {
    /// The tags of events about it.
    fn tags(&self) -> Option<Vec<String>> {
        let tag = |key: &str, name: &Option<String>| name.as_ref().map(|name| format!("{key}:{name}"));
        match self {
            Self::Gateway { gateway, route } => {
                Some([Some(format!("gateways:{gateway}")), tag("routes", route)].into_iter().flatten().collect())
            }
            Self::Deployment { deployment, cluster, service } => {
                let first = Some(format!("deployments:{deployment}"));
                Some([first, tag("clusters", cluster), tag("services", service)].into_iter().flatten().collect())
            }
            Self::Instance => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_about_is_found_in_the_path() {
        let tags = |path: &str| subject(path).and_then(|subject| subject.tags());
        assert_eq!(tags("gateways/a/b/c").unwrap(), ["gateways:a/b/c"]);
        assert_eq!(tags("gateways/a/b/routes/c/d").unwrap(), ["gateways:a/b", "routes:c/d"]);
        let service = tags("deployments/a/clusters/b/services/c").unwrap();
        assert_eq!(service, ["deployments:a", "clusters:b", "services:c"]);
        assert_eq!(subject("deployments/a/clusters/b/services/c/instances/d"), Some(Subject::Instance));
        for wrong in ["", "gateways/", "gateways", "deployments/", "deployments/a/clusters", "other/a"] {
            assert_eq!(subject(wrong), None, "{wrong}");
        }
        let port = ports("deployments/a/clusters/b/services/c/ports/web").unwrap();
        assert_eq!(port, ["gateways:a/b/web", "routes:a/b/c"]);
    }

    #[test]
    fn a_window_that_is_no_number_is_the_default() {
        for window in ["", "x", "-1", "0"] {
            let begins = Within { window: window.to_owned() }.begins().unwrap();
            assert!((119..=121).contains(&begins.elapsed().unwrap().as_secs()), "{window}");
        }
    }
}
