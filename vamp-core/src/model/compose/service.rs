//! One service of a docker-compose file.

use super::{Reading, text_of};
use crate::{
    model::{Breed, Constants, Deployable, Dialects, Environment, Metadata, Name, Ordered, Port, Reference, Variable},
    routing::Protocol,
    yaml::Node,
};
use serde_json::json;
use std::num::NonZeroU16;

/// The version that every breed gets: a docker-compose file has none.
const VERSION: &str = "1.0.0";

/// A service, before it becomes a cluster.
pub(super) struct Compose {
    pub(super) name: Name,
    pub(super) breed: Breed,
    pub(super) dialects: Dialects,
}

pub(super) fn read(key: &str, node: &Node, reading: &mut Reading) -> Option<Compose> {
    let at = format!("services/{key}");
    let (Ok(name), Ok(full)) = (key.parse::<Name>(), format!("{key}:{VERSION}").parse::<Name>()) else {
        reading.refuse(node, &at, "IllegalName", &format!("`{key}` is not a name"));
        return None;
    };
    let mut service = Compose { name, breed: empty(full), dialects: Dialects::new() };
    for (field, value) in reading.entries(node, &at) {
        let at = format!("{at}/{field}");
        match field {
            "image" => image(value, &at, &mut service.breed, reading),
            "ports" | "expose" => ports(value, &at, key, &mut service.breed, reading),
            "environment" => environment(value, &at, &mut service.breed, reading),
            "command" => command(value, &mut service.dialects),
            "depends_on" => dependencies(value, &at, &mut service.breed, reading),
            _ => reading.leave(Some(key), &format!("`{field}`")),
        }
    }
    if service.breed.deployable.definition.is_empty() {
        reading.refuse(node, &format!("{at}/image"), "MissingPathValueError", "`image` is missing");
    }
    Some(service)
}

fn empty(name: Name) -> Breed {
    Breed {
        name,
        deployable: Deployable { kind: Some("container/docker".to_owned()), definition: String::new() },
        ports: Ordered::new(),
        environment_variables: Environment::new(),
        constants: Constants::new(),
        arguments: Vec::new(),
        dependencies: Ordered::new(),
        health_checks: None,
        metadata: Metadata::new(),
    }
}

fn image(node: &Node, at: &str, breed: &mut Breed, reading: &mut Reading) {
    match node.text() {
        Some(text) => text.clone_into(&mut breed.deployable.definition),
        None => reading.refuse(node, at, "UnexpectedTypeError", "the image is text"),
    }
}

/// A list, or one item.
fn items(node: &Node) -> &[Node] {
    node.items().unwrap_or_else(|| std::slice::from_ref(node))
}

fn ports(node: &Node, at: &str, service: &str, breed: &mut Breed, reading: &mut Reading) {
    for (index, item) in items(node).iter().enumerate() {
        let at = format!("{at}/{index}");
        let Some(text) = item.text() else {
            reading.refuse(item, &at, "UnexpectedTypeError", "a port is text such as `8080` or `80:8080/tcp`");
            continue;
        };
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "http"));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "tcp" => Protocol::Tcp,
            other => {
                reading.refuse(item, &at, "UnsupportedProtocolError", &format!("`{other}` is neither http nor tcp"));
                continue;
            }
        };
        let (host, container) = numbers.rsplit_once(':').map_or((None, numbers), |(host, own)| (Some(host), own));
        let (first, range) = container.split_once('-').map_or((container, false), |(first, _)| (first, true));
        let number = first.parse::<NonZeroU16>();
        let Ok(number) = number else {
            reading.refuse(item, &at, "UnexpectedTypeError", &format!("`{text}` is not a port"));
            continue;
        };
        if let Some(host) = host {
            reading.leave(Some(service), &format!("the host port `{host}` of port {number}"));
        }
        if range {
            reading.leave(Some(service), &format!("the range `{container}` beside its first port"));
        }
        declare(breed, number, protocol);
    }
}

/// Adds the port, unless it is there.
pub(super) fn declare(breed: &mut Breed, number: NonZeroU16, protocol: Protocol) {
    let name = format!("port_{number}");
    if !breed.ports.contains(&name) {
        breed.ports.insert(name, Port { number: Some(number), protocol });
    }
}

/// A list of `NAME=value`, or a map. A `$` of docker-compose is text here.
fn environment(node: &Node, at: &str, breed: &mut Breed, reading: &mut Reading) {
    if node.entries().is_some() {
        for (name, value) in reading.entries(node, at) {
            if value.text().is_none() && !value.is_absent() {
                reading.refuse(
                    value,
                    &format!("{at}/{name}"),
                    "UnexpectedTypeError",
                    "the value of a variable is text",
                );
                continue;
            }
            set(name, value.text().map(str::to_owned), value, at, breed, reading);
        }
        return;
    }
    for item in items(node) {
        let Some(text) = item.text() else {
            reading.refuse(item, at, "UnexpectedTypeError", "a variable is written `NAME=value`");
            continue;
        };
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
        set(name, value, item, at, breed, reading);
    }
}

fn set(name: &str, value: Option<String>, node: &Node, at: &str, breed: &mut Breed, reading: &mut Reading) {
    if name.parse::<Name>().is_err() {
        reading.refuse(node, at, "IllegalName", &format!("`{name}` is not the name of a variable"));
        return;
    }
    let value = value.map(|value| value.replace('$', "$$"));
    breed.environment_variables.insert(name, Variable { alias: None, value });
}

fn command(node: &Node, dialects: &mut Dialects) {
    let text = node
        .items()
        .map_or_else(|| text_of(node), |items| items.iter().map(text_of).collect::<Vec<String>>().join(" "));
    dialects.insert("docker".to_owned(), json!({"command": text.replace('$', "$$")}));
}

/// A list of names, or a map by names.
fn dependencies(node: &Node, at: &str, breed: &mut Breed, reading: &mut Reading) {
    let names: Vec<&str> = match node.entries() {
        Some(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        None => items(node).iter().filter_map(Node::text).collect(),
    };
    for name in names {
        match format!("{name}:{VERSION}").parse::<Name>() {
            Ok(full) if name.parse::<Name>().is_ok() => {
                breed.dependencies.insert(name, Reference::Reference(full));
            }
            _ => reading.refuse(node, at, "IllegalName", &format!("`{name}` is not a name")),
        }
    }
}
