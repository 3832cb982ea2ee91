//! Workflows.

use super::{
    blueprint::dialects,
    breed, health,
    report::{Cursor, Fields, Report},
    scale,
    traits::{self, Aliases},
    whole_name,
};
use crate::{
    model::{Argument, parse_timestamp},
    model::{
        Breed, Environment, Name, Ordered, Period, Reference, Schedule, Workflow, WorkflowInstance, WorkflowStatus,
    },
};
use std::time::SystemTime;

pub(super) fn workflow(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Workflow> {
    let mut fields = at.fields(report);
    fields.kind(report, &["workflows"]);
    // Counts of what runs.
    fields.ignore(&["lookup_name", "health"]);
    let name: Option<Name> = whole_name(&mut fields, report);
    let metadata = fields.metadata(report);
    let breed = fields.require(report, "breed").and_then(|at| breed::reference(&at, report));
    let schedule = schedule(&mut fields, report);
    let status = fields.get("status").map_or(Some(WorkflowStatus::default()), |at| status(&at, report));
    let variables = fields.either("environment_variables", "env");
    let environment = variables.map(|at| traits::environment(&at, report, Aliases::Dropped)).unwrap_or_default();
    let scale = fields.get("scale").and_then(|at| scale::reference(&at, report));
    let arguments = fields.get("arguments").map(|at| last_of_each(traits::arguments(&at, report)));
    let network = fields.get("network").and_then(|at| at.text(report));
    let health_checks = fields.get("health_checks").map(|at| health::checks(&at, report));
    let dialects = fields.either("dialects", "dialect").map(|at| dialects(&at));
    let instances = fields.get("instances").map(|at| instances(&at, report));
    fields.finish(report);
    let workflow = Workflow {
        name: name?,
        breed: breed?,
        schedule: schedule?,
        status: status?,
        scale,
        arguments: arguments.unwrap_or_default(),
        network: network.map(str::to_owned),
        health_checks,
        dialects: dialects.unwrap_or_default(),
        instances: instances.unwrap_or_default(),
        environment_variables: environment,
        metadata,
    };
    check(&workflow, report);
    Some(workflow)
}

fn check(workflow: &Workflow, report: &mut Report<'_>) {
    let root = super::report::Path::default();
    check_environment(&workflow.environment_variables, &workflow.breed, report);
    if let (Some(checks), Some(breed)) = (&workflow.health_checks, workflow.breed.inline()) {
        let ports: Vec<&str> = breed.ports.keys().collect();
        health::resolve_ports(checks, &ports, &root.join("health_checks"), report);
    }
}

/// A variable has a value, and a breed in place declares it.
fn check_environment(environment: &Environment, breed: &Reference<Breed>, report: &mut Report<'_>) {
    let at: super::report::Path = ["environment_variables"].into_iter().collect();
    for (name, variable) in environment.iter() {
        if variable.value.is_none() {
            report.refuse(&at.join(name), "MissingEnvironmentVariableError", format!("`{name}` has no value"), "");
        }
        let Some(breed) = breed.inline().filter(|breed| !breed.environment_variables.contains(name)) else { continue };
        let message = format!("`{name}` is no variable of breed `{}`", breed.name);
        report.refuse(&at.join(name), "UnresolvedDependencyInTraitValueError", message, "declare it in the breed");
    }
}

fn last_of_each(arguments: Vec<Argument>) -> Vec<Argument> {
    let mut kept: Vec<Argument> = Vec::new();
    for argument in arguments {
        kept.retain(|other| other.key != argument.key);
        kept.push(argument);
    }
    kept
}

const SCHEDULES: &str = "write `daemon`, `{event: tag}` or `{time: {period: PT5M}}`";

fn schedule(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Schedule> {
    const CODE: &str = "UndefinedWorkflowScheduleError";
    let Some(at) = fields.get("schedule") else {
        report.refuse(&fields.path.join("schedule"), CODE, "`schedule` is missing", SCHEDULES);
        return None;
    };
    if let Some(text) = at.node.text() {
        if !text.eq_ignore_ascii_case("daemon") {
            report.refuse(&at.path, CODE, format!("`{text}` is no schedule"), SCHEDULES);
            return None;
        }
        return Some(Schedule::Daemon);
    }
    let mut inner = at.fields(report);
    let (event, time) = (inner.get("event"), inner.get("time"));
    inner.finish(report);
    match (event, time) {
        (Some(at), None) => event_tags(&at, report).map(Schedule::Event),
        (None, Some(at)) => times(&at, report),
        _ => {
            report.refuse(&at.path, CODE, "a schedule is either `event` or `time`", SCHEDULES);
            None
        }
    }
}

fn event_tags(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    if at.node.entries().is_some() {
        let mut fields = at.fields(report);
        let tags = fields.require(report, "tags").and_then(|at| tags(&at, report));
        fields.finish(report);
        return tags;
    }
    tags(at, report)
}

fn tags(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Vec<String>> {
    let tags: Option<Vec<String>> = at.items_or_one().iter().map(|tag| tag.text(report).map(str::to_owned)).collect();
    if tags.as_ref().is_some_and(Vec::is_empty) {
        let message = "the event has no tag";
        report.refuse(&at.path, "UndefinedWorkflowScheduleError", message, "write a tag such as `deployments`");
    }
    tags
}

fn times(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Schedule> {
    if at.node.text().is_some() {
        return Some(Schedule::Time { period: period(at, report)?, repeat: None, start: None });
    }
    let mut fields = at.fields(report);
    let period = fields.require(report, "period").and_then(|at| period(&at, report));
    let repeat = fields.get("repeat").map_or(Some(None), |at| at.whole_number(report).map(Some));
    let start = fields.get("start").map_or(Some(None), |at| start(&at, report));
    fields.finish(report);
    Some(Schedule::Time { period: period?, repeat: repeat?, start: start? })
}

fn period(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Period> {
    at.parse(report, "IllegalWorkflowSchedulePeriod")
}

fn start(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<Option<SystemTime>> {
    let text = at.text(report)?;
    if text == "now" {
        return Some(None);
    }
    let time = parse_timestamp(text);
    if time.is_none() {
        let hint = "write a date and time with an offset, such as `2026-01-31T09:05:00Z`, or `now`";
        report.refuse(&at.path, "UnexpectedTypeError", format!("`{text}` is not a point in time"), hint);
    }
    time.map(Some)
}

fn status(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<WorkflowStatus> {
    let text = at.text(report)?;
    let word = text.trim_matches(['"', '\'']);
    let found = WorkflowStatus::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(word));
    if found.is_none() {
        let hint = "write `starting`, `running`, `stopping`, `suspended`, `suspending` or `restarting`";
        report.refuse(&at.path, "IllegalWorkflowStatus", format!("`{text}` is no status of a workflow"), hint);
    }
    found
}

fn instances(at: &Cursor<'_>, report: &mut Report<'_>) -> Vec<WorkflowInstance> {
    at.items_or_one().iter().filter_map(|item| instance(item, report)).collect()
}

fn instance(at: &Cursor<'_>, report: &mut Report<'_>) -> Option<WorkflowInstance> {
    let mut fields = at.fields(report);
    fields.ignore(&["health", "metadata"]);
    let name = fields.require(report, "name").and_then(|at| at.text(report));
    let host = fields.require(report, "host").and_then(|at| at.text(report));
    let mut ports = Ordered::new();
    for (port, at) in fields.get("ports").map(|at| at.entries(report)).unwrap_or_default() {
        let number = at.read(report, "a port", |text| text.parse().map_err(|_| "write a number up to 65535"));
        number.map(|number: u16| ports.insert(port, number));
    }
    let deployed = fields.get("deployed").map_or(Some(false), |at| at.truth(report));
    fields.finish(report);
    Some(WorkflowInstance { name: name?.to_owned(), host: host?.to_owned(), ports, deployed: deployed? })
}
