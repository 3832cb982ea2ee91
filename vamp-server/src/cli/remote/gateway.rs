//! `vamp gateway`: moving traffic.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, encoded},
    deploy::Wait,
    describe::{self, missing},
    kind::Kind,
    screen::Output,
    shape::{self, short},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::{Value, json};
use std::str::FromStr;
use vamp_core::weight::Weight;

/// A change is tried again so often when somebody else changes the gateway at the same time.
const ATTEMPTS: usize = 5;

#[derive(Debug, ClapArgs)]
pub(crate) struct GatewayArgs {
    /// The gateway
    #[arg(value_name = "NAME")]
    name: String,
    /// New weights; routes not named keep theirs, and all together are 100 %
    #[arg(short, long, value_name = "ROUTE@WEIGHT,…", value_delimiter = ',', conflicts_with_all = ["condition", "strength"])]
    weights: Vec<Share>,
    /// The condition of a route; `null` clears it
    #[arg(short, long, value_name = "EXPR", requires = "route")]
    condition: Option<String>,
    /// The route that the condition is for
    #[arg(short, long, value_name = "ROUTE")]
    route: Option<String>,
    /// The share of matching requests that the condition takes
    #[arg(short, long, value_name = "WEIGHT", requires = "route")]
    strength: Option<Weight>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

/// `route@70%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    route: String,
    weight: Weight,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (route, weight) = text.rsplit_once('@').ok_or("write it as route@70%")?;
        let weight = weight.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { route: route.trim().to_owned(), weight })
    }
}

pub(super) async fn run(args: &GatewayArgs) -> Ended {
    let client = args.reach.client()?;
    let shown = match args.weights.is_empty() && args.route.is_none() {
        true => describe::one(&client, Kind::Gateways, &args.name).await?,
        false => change(&client, args).await?,
    };
    args.output.show(&shown, describe::gateway)?;
    Ok(Verdict::Yes)
}

/// Reads the gateway, and writes it back only if nobody else has done so meanwhile.
async fn change(client: &Client, args: &GatewayArgs) -> Result<Value, Trouble> {
    let path = format!("gateways/{}", encoded(&args.name));
    for attempt in 1.. {
        let found = client.get(path.as_str()).await?.ok_or_else(|| missing(Kind::Gateways, &args.name))?;
        let etag = found.etag();
        let changed = changed(found.value, args).map_err(Trouble::Usage)?;
        let ask = Ask::new(Method::PUT, &path).json(&changed).if_match(etag).wait(args.wait.wait);
        match client.unless_changed(ask).await? {
            Some(reply) => return Ok(reply.value),
            None if attempt < ATTEMPTS => {}
            None => break,
        }
    }
    Err(Trouble::Failed(format!("gateway `{}` changes all the time; try again", args.name)))
}

fn changed(mut gateway: Value, args: &GatewayArgs) -> Result<Value, String> {
    for share in &args.weights {
        route(&mut gateway, &share.route)?["weight"] = json!(share.weight);
    }
    if let Some(name) = &args.route {
        let route = route(&mut gateway, name)?;
        match args.condition.as_deref().map(str::trim) {
            Some("null" | "") => {
                route["condition"] = Value::Null;
                route["condition_strength"] = Value::Null;
            }
            Some(condition) => {
                route["condition"] = json!(condition);
                route["condition_strength"] = json!(args.strength.unwrap_or(Weight::FULL));
            }
            None => {
                let strength = args.strength.ok_or("say what to change: --condition or --strength")?;
                if shape::condition(route).is_empty() {
                    return Err(format!(
                        "route `{name}` has no condition whose strength this could be; add --condition"
                    ));
                }
                route["condition_strength"] = json!(strength);
            }
        }
    }
    Ok(gateway)
}

/// The route of that path, or the only one that leads to a service of that name.
fn route<'g>(gateway: &'g mut Value, name: &str) -> Result<&'g mut Value, String> {
    let paths = shape::keys(gateway, "/routes");
    let mut fitting = paths.iter().filter(|path| *path == name || short(path) == name);
    let exact = paths.iter().find(|path| *path == name);
    let path = match (exact, fitting.next(), fitting.next()) {
        (Some(path), ..) | (None, Some(path), None) => path,
        (None, Some(_), Some(_)) => {
            return Err(format!("more than one route is called `{name}`; write its whole path"));
        }
        (None, None, _) => {
            let known: Vec<&str> = paths.iter().map(|path| short(path)).collect();
            return Err(format!(
                "gateway `{}` has no route `{name}`; it has {}",
                shape::name(gateway),
                known.join(", ")
            ));
        }
    };
    gateway["routes"].get_mut(path).ok_or_else(|| format!("no route `{path}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway() -> Value {
        json!({"name": "g", "routes": {
            "d/c/s:1/web": {"weight": "90%", "condition": null},
            "d/c/s:2/web": {"weight": "10%", "condition": {"condition": "has cookie a"}},
            "e/c/s:2/web": {}, "[127.0.0.1:80]": {}}})
    }

    #[test]
    fn a_share_is_a_route_and_its_weight() {
        for (text, route, weight) in
            [("a:1@70%", "a:1", "70%"), ("[10.0.0.1:80]@0.1%", "[10.0.0.1:80]", "0.1%"), ("a@b@5%", "a@b", "5%")]
        {
            let share: Share = text.parse().expect(text);
            assert_eq!((share.route.as_str(), share.weight.to_string().as_str()), (route, weight));
        }
        for text in ["a", "a@", "a@120%", "a@x"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_route_is_found_by_its_path_or_by_its_service() {
        let mut found = gateway();
        assert_eq!(route(&mut found, "s:1").expect("by service")["weight"], "90%");
        assert_eq!(route(&mut found, "d/c/s:2/web").expect("by path")["weight"], "10%");
        assert!(route(&mut found, "[127.0.0.1:80]").is_ok());
        assert!(route(&mut found, "s:2").expect_err("two").contains("more than one"));
        assert!(route(&mut found, "s:3").expect_err("none").contains("it has s:1, s:2, s:2, [127.0.0.1:80]"));
    }
}
