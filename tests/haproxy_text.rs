//! User text never becomes a line of HAProxy's configuration that the user did not mean.
//!
//! Random gateways with hostile texts in every field are read as the API reads them. Those that are accepted are
//! rendered twice: with these texts, and with harmless ones in their places. Line by line and word by word, as HAProxy
//! reads them, both must have the same form, made of known keywords; and HAProxy itself takes all of them.
#![cfg(test)]

#[path = "haproxy_text/artifact.rs"]
mod artifact;
#[path = "haproxy_text/form.rs"]
mod form;
mod haproxy_support;
#[path = "differential/random.rs"]
mod random;

use artifact::{FIELDS, Texts};
use form::Form;
use haproxy_support::Folder;
use random::Random;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    process::Command,
    sync::Arc,
};
use vamp_core::{
    driver::{Document, GatewayRenderer, Target},
    model,
    routing::{Instance, RoutingTable, ServicePath, Services, Traffic, compile},
};
use vamp_drivers::gateway::haproxy::{Files, HaproxyRenderer};

/// Gateways that are tried; `VAMP_SOAK=1` tries twenty times as many.
const GATEWAYS: usize = 1_500;
/// Gateways in one configuration that HAProxy checks.
const TOGETHER: usize = 250;

/// One instance of every service, with a hostile id.
struct Hostile;

impl Services for Hostile {
    fn instances(&self, path: &ServicePath) -> Result<Vec<Instance>, String> {
        let id = format!("{}' \"\\ ${{HOME}} %[env(HOME)] #", path.service_key());
        let port = NonZeroU16::MIN.saturating_add(8_000);
        Ok(vec![Instance { id, host: "10.0.0.7".to_owned(), port, traffic: Traffic::Ready }])
    }

    fn leaving(&self, _: &str, _: &str, _: &str) -> Vec<ServicePath> {
        Vec::new()
    }
}

/// The documents of this gateway, if it is accepted and can be rendered.
fn documents(text: &str) -> Option<BTreeMap<String, Document>> {
    let gateway = model::read::gateway(text).ok()?;
    let gateways = BTreeMap::from([(gateway.name.to_string(), Arc::new(gateway))]);
    let compiled = compile(&gateways, &Hostile).gateways;
    let gateways = compiled.into_iter().map(|(name, gateway)| Some((name, gateway.ok()?))).collect::<Option<_>>()?;
    let target = Target::new((2, 6), "127.0.0.1".parse().expect("an address"));
    let rendered = HaproxyRenderer.render(&RoutingTable { gateways }, &target);
    rendered.into_iter().map(|(name, document)| Some((name, document.ok()?))).collect()
}

/// What HAProxy reads for these documents.
fn files(folder: &Folder, documents: &BTreeMap<String, Document>) -> Files {
    Files::of(&folder.config(), documents).unwrap_or_else(|reason| panic!("{reason}"))
}

fn check(folder: &Folder, files: &Files, seed: u64) {
    std::fs::create_dir_all(folder.0.join("maps")).expect("a folder");
    std::fs::write(folder.0.join("haproxy.cfg"), &files.configuration).expect("written");
    for (path, map) in &files.maps {
        std::fs::write(folder.0.join(path), map).expect("written");
    }
    let mut command = Command::new(folder.config().program);
    let output = command.args(["-c", "-f", "haproxy.cfg"]).current_dir(&folder.0).output().expect("HAProxy runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !errors.contains("[WARNING]"), "seed {seed}: {errors}");
}

#[test]
fn no_text_of_an_accepted_gateway_becomes_a_line_or_a_word_of_the_configuration() {
    let seed = random::seed();
    println!("seed {seed}; repeat with VAMP_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = Folder::new("text");
    let tried = if std::env::var_os("VAMP_SOAK").is_some() { GATEWAYS * 20 } else { GATEWAYS };
    let mut accepted = [0; FIELDS.len()];
    let (mut together, mut names, mut taken) = (BTreeMap::new(), BTreeSet::new(), 0);
    for number in 0..tried {
        let texts = Texts::random(&mut random);
        let port = u16::try_from(20_000 + number % TOGETHER).expect("a port");
        let Some(hostile) = documents(&texts.artifact(port)) else { continue };
        let harmless = documents(&texts.harmless().artifact(port)).expect("harmless texts are accepted");
        let form =
            |documents: &BTreeMap<String, Document>| documents.values().map(|one| Form::of(&one.structure)).collect();
        let (found, expected): (Vec<Form>, Vec<Form>) = (form(&hostile), form(&harmless));
        assert_eq!(found, expected, "seed {seed}: {texts:?}");
        texts.hostile_fields().for_each(|field| accepted[field] += 1);
        taken += 1;
        together.extend(hostile.into_iter().filter(|(name, _)| names.insert(name.clone())));
        if number % TOGETHER == TOGETHER - 1 {
            let files = files(&folder, &together);
            Form::of(&files.configuration).assert_known_words(&format!("seed {seed}"));
            check(&folder, &files, seed);
            together.clear();
            names.clear();
        }
    }
    println!("{taken} of {tried} gateways are accepted; hostile and accepted by field:");
    for (field, count) in FIELDS.iter().zip(accepted) {
        println!("  {field:<20} {count:>6}");
        assert!(count >= 5, "seed {seed}: only {count} hostile texts of the field `{field}` are accepted");
    }
}
