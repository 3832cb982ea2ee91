//! The artifacts under `examples/` are what they say: they read, and their services can run.
#![cfg(test)]

use std::{collections::BTreeMap, fs, path::Path};
use vamp_core::model::{Blueprint, read, write};

fn examples() -> BTreeMap<String, Blueprint> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/artifacts");
    let files = fs::read_dir(folder).expect("there are examples").map(|entry| entry.expect("a file").path());
    let read = |path: &Path| {
        let source = fs::read_to_string(path).expect("an example reads");
        read::blueprint(&source).unwrap_or_else(|violations| panic!("{}\n{violations}", path.display()))
    };
    files.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), read(&path))).collect()
}

#[test]
fn every_example_reads_and_survives_being_written() {
    let examples = examples();
    assert!(examples.contains_key("sava-1.0.yml") && examples.contains_key("sava-1.1.yml"), "{:?}", examples.keys());
    for (file, blueprint) in examples {
        let written = write::blueprint(&blueprint).to_string();
        assert_eq!(read::blueprint(&written).as_ref(), Ok(&blueprint), "{file}");
    }
}

#[test]
fn both_versions_of_sava_share_a_cluster() {
    let examples = examples();
    let services = |file: &str| {
        let cluster = examples[file].cluster("sava").expect("the cluster `sava`");
        let name = |service: &vamp_core::model::Service| service.breed.name().to_string();
        cluster.services.iter().map(name).collect::<Vec<String>>()
    };
    assert_eq!(services("sava-1.0.yml"), ["sava:1.0"]);
    assert_eq!(services("sava-1.1.yml"), ["sava:1.1"]);
    let gateway = examples["sava-1.0.yml"].gateways.get("9050").expect("the gateway 9050");
    assert_eq!(gateway.routes[0].path, "sava/web");
}
