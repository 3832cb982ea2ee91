//! Which templates this driver can run.

use super::procfs;
use std::collections::BTreeMap;
use vamp_core::driver::Template;

/// The [setting](Template::dialect) that names the working directory; without it, the server's.
pub const DIRECTORY: &str = "directory";

/// Everything that is wrong with a template, for people; `None` = nothing.
pub(super) fn violations(template: &Template) -> Option<String> {
    let mut found = Vec::new();
    if template.command.first().is_none_or(String::is_empty) {
        found.push("no command: an instance is a program of this host, images are not run here".to_owned());
    }
    if template.command.iter().any(|part| part.contains('\0')) {
        found.push("the command contains a zero byte".to_owned());
    }
    ports(template, &mut found);
    environment(template, &mut found);
    health(template, &mut found);
    for name in template.dialect.keys().filter(|name| *name != DIRECTORY) {
        found.push(format!("unknown setting `{name}`; there is `{DIRECTORY}`"));
    }
    (!found.is_empty()).then(|| found.join("; "))
}

fn ports(template: &Template, found: &mut Vec<String>) {
    let mut variables = BTreeMap::new();
    for port in template.ports.keys() {
        if let Some(other) = variables.insert(Template::port_variable(port), port) {
            found
                .push(format!("ports `{other}` and `{port}` have the same variable {}", Template::port_variable(port)));
        }
    }
}

fn environment(template: &Template, found: &mut Vec<String>) {
    for (name, value) in &template.environment {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            found.push(format!("environment variable `{}` cannot be set", name.escape_debug()));
        }
        if [procfs::INSTANCE, procfs::DATA].contains(&name.as_str()) {
            found.push(format!("environment variable `{name}` is Vamp's own"));
        }
    }
}

fn health(template: &Template, found: &mut Vec<String>) {
    for probe in &template.health {
        if !template.ports.contains_key(&probe.port) {
            found.push(format!("health check of port `{}`, which the service does not have", probe.port));
        }
        let readable = |c: char| c.is_ascii_graphic();
        if probe.path.as_ref().is_some_and(|path| !path.starts_with('/') || !path.chars().all(readable)) {
            found.push(format!("health check of port `{}`: the path has to be like /health", probe.port));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use vamp_core::driver::HealthProbe;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut template = Template::default();
        template.ports = BTreeMap::from([("a-b".to_owned(), None), ("a_b".to_owned(), None)]);
        template.environment = BTreeMap::from([(procfs::DATA.to_owned(), "x".to_owned())]);
        template.dialect = BTreeMap::from([("user".to_owned(), "root".to_owned())]);
        template.health = vec![HealthProbe {
            port: "web".to_owned(),
            path: Some("/ HTTP/1.1\r\nX: y".to_owned()),
            initial_delay: Duration::ZERO,
            timeout: Duration::from_secs(1),
            interval: Duration::from_secs(1),
            failures: 3,
        }];
        let text = violations(&template).unwrap();
        for part in
            ["no command", "same variable PORT_A_B", "`VAMP_DATA` is Vamp's own", "`user`", "port `web`", "path"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_command_is_all_it_takes() {
        let mut template = Template::default();
        template.command = vec!["true".to_owned()];
        assert_eq!(violations(&template), None);
    }
}
