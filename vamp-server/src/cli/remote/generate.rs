//! `vamp generate`: a stored breed or blueprint with something replaced, to be stored under another name.

use super::{
    Ended, Trouble, Verdict,
    client::Reach,
    describe,
    kind::Kind,
    screen::{Format, say, yaml},
};
use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Map, Value, json};

#[derive(Debug, ClapArgs)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a stored breed with another name and another deployable.
    #[command(after_help = "Example:\n  vamp generate breed -s sava:1.0 -d sava -t sava:1.1 | vamp create breed -s")]
    Breed {
        /// The stored breed
        #[arg(short, long, value_name = "BREED")]
        source: String,
        /// What the new one runs
        #[arg(short, long, value_name = "DEFINITION")]
        deployable: String,
        /// The name of the new one
        #[arg(short, long, value_name = "NAME")]
        target: String,
        #[command(flatten)]
        shown: Shown,
    },
    /// Print a stored blueprint with another name, and with one breed as the only service of a cluster.
    #[command(
        after_help = "Example:\n  vamp generate blueprint -s sava:1.0 -c sava -b sava:1.1 -t sava:1.1 | vamp create blueprint -s"
    )]
    Blueprint {
        /// The stored blueprint
        #[arg(short, long, value_name = "BLUEPRINT")]
        source: String,
        /// The cluster
        #[arg(short, long, value_name = "CLUSTER")]
        cluster: String,
        /// The breed that takes the place of its services
        #[arg(short, long, value_name = "BREED")]
        breed: String,
        /// The name of the new one
        #[arg(short, long, value_name = "NAME")]
        target: String,
        #[command(flatten)]
        shown: Shown,
    },
}

#[derive(Debug, ClapArgs)]
struct Shown {
    /// How to show it
    #[arg(short, long, value_enum, default_value = "yaml", value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &GenerateArgs) -> Ended {
    let (shown, generated) = match &args.what {
        What::Breed { source, deployable, target, shown } => {
            let found = describe::one(&shown.reach.client()?, Kind::Breeds, source).await?;
            (shown, breed(found, deployable, target))
        }
        What::Blueprint { source, cluster, breed, target, shown } => {
            let found = describe::one(&shown.reach.client()?, Kind::Blueprints, source).await?;
            (shown, blueprint(found, cluster, breed, target)?)
        }
    };
    match shown.output {
        Format::Json => say(format!("{generated:#}"))?,
        Format::Text | Format::Yaml => say(yaml(&generated)?)?,
    }
    Ok(Verdict::Yes)
}

fn breed(mut breed: Value, deployable: &str, target: &str) -> Value {
    rename(&mut breed, target);
    let place = breed.pointer_mut("/deployable/definition");
    if let Some(place) = place {
        *place = json!(deployable);
    }
    breed
}

fn blueprint(mut blueprint: Value, cluster: &str, breed: &str, target: &str) -> Result<Value, Trouble> {
    rename(&mut blueprint, target);
    let clusters = blueprint.get_mut("clusters").and_then(Value::as_object_mut);
    let Some(found) = clusters.and_then(|clusters| clusters.get_mut(cluster)) else {
        return Err(Trouble::Usage(format!("the blueprint has no cluster `{cluster}`")));
    };
    found["services"] = json!([{"breed": {"reference": breed}}]);
    // Routes are known by the services that they lead to.
    for gateway in found.get_mut("gateways").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        gateway["routes"] = json!({});
    }
    Ok(blueprint)
}

fn rename(artifact: &mut Value, target: &str) {
    artifact["name"] = json!(target);
    // It is the digest of the name.
    if let Some(artifact) = artifact.as_object_mut() {
        artifact.shift_remove("lookup_name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_breed_has_the_new_name_and_deployable_and_everything_else() {
        let stored = json!({"name": "a:1", "kind": "breeds", "lookup_name": "x", "deployable": {"type": "command", "definition": "a"}, "ports": {"web": "1"}});
        let expected = json!({"name": "a:2", "kind": "breeds", "deployable": {"type": "command", "definition": "b"}, "ports": {"web": "1"}});
        assert_eq!(breed(stored, "b", "a:2"), expected);
    }

    #[test]
    fn a_generated_blueprint_runs_the_breed_alone_in_its_cluster() {
        let stored = json!({"name": "a", "clusters": {
            "web": {"services": [{"breed": {"reference": "a:1"}}], "gateways": {"web": {"routes": {"a:1": {}}}}}, "db": {}}});
        let made = blueprint(stored.clone(), "web", "a:2", "b").expect("a blueprint");
        assert_eq!(made["clusters"]["web"]["services"], json!([{"breed": {"reference": "a:2"}}]));
        assert_eq!(made["clusters"]["web"]["gateways"], json!({"web": {"routes": {}}}));
        assert!(blueprint(stored, "nowhere", "a:2", "b").is_err());
    }
}
