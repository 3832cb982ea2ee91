//! What `$config://path` and `$env://NAME` stand for.

use crate::support::{DEADLINE, Vamp};
use std::sync::Arc;
use vamp_core::{
    driver::Clock,
    engine::{Engine, Failure, Options},
    memory,
    model::{Workflow, read, resolve::Globals},
};
use vamp_drivers::SystemClock;

/// A server with one setting, and one variable that it shares.
#[derive(Debug)]
struct Server;

impl Globals for Server {
    fn configuration(&self, path: &str) -> Option<String> {
        (path == "vamp.namespace").then(|| "default".to_owned())
    }

    fn environment(&self, name: &str) -> Option<String> {
        (name == "DB_PASSWORD").then(|| "hush $$ ${not}".to_owned())
    }

    fn hint(&self) -> Option<&str> {
        Some("say it when the server starts")
    }
}

fn start(globals: bool) -> Vamp {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let builder = if globals { Engine::builder().globals(Arc::new(Server)) } else { Engine::builder() };
    Vamp::start_built(builder, memory::Containers::new(), Arc::default(), Arc::new(memory::Persistence::new(clock)))
}

fn blueprint(value: &str) -> String {
    format!(
        "name: shop
clusters:
  web:
    services:
      breed:
        name: web:1
        deployable: {{ type: command, definition: web }}
        env: {{ A: '{value}' }}
"
    )
}

async fn deploy(vamp: &Vamp, value: &str) -> Result<(), Failure> {
    let text = blueprint(value);
    let blueprint = read::blueprint(&text).unwrap_or_else(|violations| panic!("{violations}"));
    vamp.engine.deploy("shop", &blueprint, Options::DEFAULT).await.map(|_| ())
}

#[tokio::test]
async fn settings_and_shared_variables_reach_an_instance_as_they_are_and_no_answer_or_event() {
    let vamp = start(true);
    deploy(&vamp, "${env_var://DB_PASSWORD} in $config://vamp.namespace").await.expect("is accepted");
    vamp.engine.settled("shop", DEADLINE).await.expect("settles");
    let templates = vamp.containers.templates();
    let environment = &templates.values().next().expect("it runs").environment;
    assert_eq!(environment["A"], "hush $$ ${not} in default", "once, and not again");
    assert!(!format!("{templates:?}").contains("hush"));
    let (stored, _) = vamp.engine.deployment("shop").await.expect("reads").expect("is there");
    assert!(!serde_json::to_string(&stored).expect("serialises").contains("hush"), "it is resolved where it runs");
}

#[tokio::test]
async fn what_the_server_does_not_share_is_refused_with_its_place_and_what_to_do() {
    for (globals, value, hint) in [
        (true, "$env://HOME", Some("say it when the server starts")),
        (true, "$config://vamp.token", Some("say it when the server starts")),
        (false, "$env://DB_PASSWORD", None),
    ] {
        let vamp = start(globals);
        let Err(Failure::Invalid(violations)) = deploy(&vamp, value).await else { panic!("{value} is accepted") };
        let [violation] = violations.0.as_slice() else { panic!("{violations}") };
        assert_eq!(violation.code, "UnresolvedVariableValueError");
        assert_eq!(violation.path, "clusters/web/services/web:1/environment_variables/A");
        assert!(violation.message.contains(value), "{violations}");
        assert_eq!(violation.hint.as_deref(), hint);
        assert!(vamp.engine.deployment("shop").await.expect("reads").is_none());
    }
}

#[tokio::test]
async fn a_deployment_does_not_take_the_name_of_a_workflow() {
    let vamp = start(false);
    let workflow = read::workflow("name: shop\nbreed: x\nschedule: daemon\n").expect("reads");
    vamp.engine.store::<Workflow>(&workflow, None).await.expect("is stored");
    let Err(Failure::Invalid(violations)) = deploy(&vamp, "x").await else { panic!("is accepted") };
    assert_eq!((&*violations.0[0].code, violations.0[0].path.as_str()), ("DeploymentWorkflowNameCollision", "name"));
    vamp.engine.remove::<Workflow>("shop", None).await.expect("goes");
    deploy(&vamp, "x").await.expect("is accepted");
    vamp.engine.store::<Workflow>(&workflow, None).await.expect("is stored");
    deploy(&vamp, "y").await.expect("what is there can be changed");
}
