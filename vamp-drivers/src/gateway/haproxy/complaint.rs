//! HAProxy's messages, reduced to whom they concern, the position and the reason.

use super::{compose::Configuration, escape, hosts, plan::Live};
use std::collections::BTreeMap;

/// So much of a reason is passed on.
const LONGEST_REASON: usize = 200;

/// What a new worker says when the one before did not hand over its sockets within HAProxy's own limit, a second.
pub(super) const SOCKETS_CAME_LATE: &str = "Failed to get the sockets from the old process";

/// One error that HAProxy told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// The gateway that it is about, if it is about one.
    pub(super) gateway: Option<String>,
    /// Position and reason.
    pub(super) text: String,
}

/// Reads what HAProxy wrote about a configuration.
pub(super) fn read(output: &str, configuration: &Configuration, next: &BTreeMap<String, Live>) -> Vec<Complaint> {
    let mut found: Vec<Complaint> = Vec::new();
    for line in output.lines() {
        let Some((_, message)) = line.strip_prefix("[ALERT]").and_then(|rest| rest.split_once(") : ")) else {
            continue;
        };
        let message = message.strip_prefix("config : ").unwrap_or(message);
        if is_summary(message) {
            continue;
        }
        let complaint = complaint(message, configuration, next);
        if !found.contains(&complaint) {
            found.push(complaint);
        }
    }
    found
}

/// The complaints about one gateway, or else about none, as one reason.
pub(super) fn reason(complaints: &[Complaint], gateway: &str) -> Option<String> {
    let concerns = |complaint: &&Complaint| complaint.gateway.as_deref().is_none_or(|found| found == gateway);
    let texts: Vec<&str> =
        complaints.iter().filter(concerns).take(3).map(|complaint| complaint.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Lines that only say that there were errors.
fn is_summary(message: &str) -> bool {
    ["Error(s) found", "Fatal errors", "[haproxy.main()]"].iter().any(|start| message.starts_with(start))
}

fn complaint(message: &str, configuration: &Configuration, next: &BTreeMap<String, Live>) -> Complaint {
    if let Some(address) =
        message.split_once("(Address already in use) for [").and_then(|(_, rest)| rest.split_once(']'))
    {
        let gateway = by_name(message, next);
        return Complaint { gateway, text: port_in_use(address.0) };
    }
    // `parsing [haproxy.cfg:82] : unknown keyword ...`
    let position = message.split_once('[').and_then(|(_, rest)| rest.split_once(']')).and_then(|(place, rest)| {
        let (_, line) = place.rsplit_once(':')?;
        configuration.locate(line.parse().ok()?).map(|(gateway, line)| (gateway.to_owned(), line, rest))
    });
    match position {
        Some((gateway, line, rest)) => {
            let reason = shortened(rest.trim_start_matches([' ', ':']));
            Complaint { gateway: Some(gateway), text: format!("HAProxy refuses line {line} of it: {reason}") }
        }
        None => Complaint { gateway: by_name(message, next), text: format!("HAProxy says: {}", shortened(message)) },
    }
}

/// Why a gateway cannot have its port.
pub(super) fn port_in_use(address: &str) -> String {
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    format!("port {port} is in use by another program")
}

fn by_name(message: &str, next: &BTreeMap<String, Live>) -> Option<String> {
    if message.contains(hosts::FRONTEND) {
        return None;
    }
    let words: Vec<&str> = message.split([' ', '\'', ':', '.', ',', '/']).collect();
    next.keys().find(|gateway| words.contains(&escape::section(gateway).as_str())).cloned()
}

fn shortened(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect();
    text.trim().to_owned()
}
