//! Workflows.

use super::{
    arguments, breed_reference, environment, insert_common, insert_health_checks, insert_scale, object, text, value,
};
use crate::model::{Schedule, Workflow, WorkflowInstance, format_timestamp, lookup};
use serde_json::{Map, Value, json};

/// A workflow.
#[must_use]
pub fn workflow(workflow: &Workflow) -> Value {
    let mut json = Map::new();
    json.insert("name".to_owned(), text(&workflow.name));
    json.insert("kind".to_owned(), json!("workflows"));
    json.insert("metadata".to_owned(), object(&workflow.metadata));
    json.insert("lookup_name".to_owned(), json!(lookup::workflow(workflow)));
    json.insert("breed".to_owned(), breed_reference(&workflow.breed));
    json.insert("status".to_owned(), value(&workflow.status));
    json.insert("schedule".to_owned(), schedule(&workflow.schedule));
    insert_scale(&mut json, workflow.scale.as_ref());
    json.insert("environment_variables".to_owned(), environment(&workflow.environment_variables));
    json.insert("arguments".to_owned(), arguments(&workflow.arguments));
    insert_health_checks(&mut json, workflow.health_checks.as_deref());
    insert_common(&mut json, workflow.network.as_deref(), &workflow.dialects);
    json.insert("instances".to_owned(), workflow.instances.iter().map(instance).collect());
    Value::Object(json)
}

fn schedule(schedule: &Schedule) -> Value {
    match schedule {
        Schedule::Daemon => json!("daemon"),
        Schedule::Event(tags) => json!({"event": {"tags": tags}}),
        Schedule::Time { period, repeat, start } => {
            let mut time = Map::new();
            time.insert("period".to_owned(), text(period));
            time.extend(repeat.map(|repeat| ("repeat".to_owned(), json!(repeat))));
            time.extend(start.map(|start| ("start".to_owned(), json!(format_timestamp(start)))));
            json!({"time": time})
        }
    }
}

fn instance(instance: &WorkflowInstance) -> Value {
    json!({"name": instance.name, "host": instance.host, "ports": instance.ports, "deployed": instance.deployed})
}
