//! Lookup names: the stable hashes by which the original's web page and stores find things.

use super::{Breed, Deployment, Gateway, Route, RoutePath, Workflow};

/// SHA-1 of the original's class and a text, in hexadecimal without leading zeros.
fn hash(class: &str, text: &str) -> String {
    let input = format!("class io.vamp.model.artifact.{class}@{text}v1");
    let digest = sha1_smol::Sha1::from(input).digest().to_string();
    digest.trim_start_matches('0').to_owned()
}

/// The lookup name of a gateway.
pub(super) fn gateway(gateway: &Gateway) -> String {
    hash("Gateway", gateway.name.as_str())
}

/// The lookup name of a route of a gateway. The gateway's name counts as one segment, whatever is in it.
pub(super) fn route(gateway: &Gateway, route: &Route) -> String {
    let path = route.path.to_string();
    let segments: Vec<&str> = match route.path {
        RoutePath::External(_) => vec![path.as_str()],
        _ => path.split('/').collect(),
    };
    let of_gateway = padded(&[gateway.name.as_str()]);
    hash("Gateway", &format!("{of_gateway}/{}", padded(&segments)))
}

fn padded(segments: &[&str]) -> String {
    let four: Vec<&str> = segments.iter().copied().chain(std::iter::repeat("*")).take(4).collect();
    four.join("/")
}

/// The lookup name of a deployment.
pub(super) fn deployment(deployment: &Deployment) -> String {
    hash("Deployment", deployment.name.as_str())
}

/// The lookup name of a breed.
pub(super) fn breed(breed: &Breed) -> String {
    hash("DefaultBreed", breed.name.as_str())
}

/// The lookup name of a workflow.
pub(super) fn workflow(workflow: &Workflow) -> String {
    hash("Workflow", workflow.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Port;

    #[test]
    fn the_hashes_are_those_that_the_original_published() {
        let mut sava = Gateway::new("sava:1.0/sava/web".parse().expect("a name"), Port::default());
        sava.routes.push(Route::new("sava:1.0/sava/sava:1.0/web".parse().expect("a path")));
        assert_eq!(gateway(&sava), "271118ac3851077c564ceb0e75f9c05f28e1acdd");
        assert_eq!(route(&sava, &sava.routes[0]), "1f2c9bf68395805af6ecd4c389c061dfdd24d62d");
        let sava = Deployment::new("sava".parse().expect("a name"));
        assert_eq!(deployment(&sava), "b745761242ab5566a44b556e62764beed46fa8de");
    }
}
