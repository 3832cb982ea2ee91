//! A gateway as a document of its own JSON, and back: for proxies that understand gateways as they are.
//!
//! Weights, strengths and instances are values, named by the places of the routes on the way (`weight/1.0`: the first
//! route behind the second one); the rest is structure.

use super::{Decision, Gateway, Target};
use crate::driver::Document;
use std::{collections::BTreeMap, mem::take};

type Values = BTreeMap<String, String>;

/// The document of a gateway.
pub(crate) fn write(gateway: &Gateway) -> Result<Document, serde_json::Error> {
    let mut bare = gateway.clone();
    let mut values = Values::new();
    take_values(&mut bare.decision, "", &mut values)?;
    Ok(Document { structure: serde_json::to_string(&bare)?, values })
}

/// The gateway of a document.
pub(crate) fn read(document: &Document) -> Result<Gateway, serde_json::Error> {
    let mut gateway: Gateway = serde_json::from_str(&document.structure)?;
    give_values(&mut gateway.decision, "", &document.values)?;
    Ok(gateway)
}

fn take_values(decision: &mut Decision, prefix: &str, values: &mut Values) -> Result<(), serde_json::Error> {
    for (place, route) in decision.routes.iter_mut().enumerate() {
        let path = format!("{prefix}{place}");
        values.insert(format!("weight/{path}"), serde_json::to_string(&take(&mut route.weight))?);
        values.insert(format!("strength/{path}"), serde_json::to_string(&take(&mut route.strength))?);
        match &mut route.target {
            Target::Chained(inner) => take_values(inner, &format!("{path}."), values)?,
            Target::Instances(instances) => {
                values.insert(format!("instances/{path}"), serde_json::to_string(&take(instances))?);
            }
        }
    }
    Ok(())
}

fn give_values(decision: &mut Decision, prefix: &str, values: &Values) -> Result<(), serde_json::Error> {
    // What is missing is not JSON, which is what the error then says.
    let value = |name: &str, path: &str| values.get(&format!("{name}/{path}")).map_or("", String::as_str);
    for (place, route) in decision.routes.iter_mut().enumerate() {
        let path = format!("{prefix}{place}");
        route.weight = serde_json::from_str(value("weight", &path))?;
        route.strength = serde_json::from_str(value("strength", &path))?;
        match &mut route.target {
            Target::Chained(inner) => give_values(inner, &format!("{path}."), values)?,
            Target::Instances(instances) => *instances = serde_json::from_str(value("instances", &path))?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        routing::{Instance, Route, Traffic},
        weight::Weight,
    };

    fn route(name: &str, target: Target) -> Route {
        let condition = Some("has cookie beta".parse().unwrap());
        let strength = Weight::from_percent(30).unwrap();
        Route { condition, strength, ..Route::new(name, Weight::from_percent(50).unwrap(), target) }
    }

    #[test]
    fn a_gateway_is_read_as_it_was_written_and_a_missing_value_is_an_error() {
        let port = 9101.try_into().unwrap();
        let one = Instance { id: "one".into(), host: "127.0.0.1".into(), port, traffic: Traffic::Draining };
        let decision = |routes| Decision { gateway: "g".into(), sticky: None, routes };
        let inner = decision(vec![route("c", Target::Instances(Vec::new()))]);
        let routes = vec![route("a", Target::Instances(vec![one])), route("b", Target::Chained(inner))];
        let virtual_hosts = vec!["shop.example".into()];
        let gateway = Gateway { virtual_hosts, ..Gateway::new("g", port, decision(routes)) };
        let mut document = write(&gateway).unwrap();
        assert_eq!(read(&document).unwrap(), gateway);
        assert_eq!(document.values["weight/1.0"], "\"50%\"");
        assert!(document.values["instances/0"].contains("draining"));
        document.values.remove("strength/1.0");
        assert!(read(&document).is_err());
    }
}
