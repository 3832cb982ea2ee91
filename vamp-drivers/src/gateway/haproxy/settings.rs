//! The lines for what few routes and gateways say; where they say nothing, the shared sections hold.

use std::time::Duration;
use vamp_core::routing::{GatewaySettings, Outlier, Protocol, RouteSettings};

/// Between two checks of an instance that is not sure to live, as in the shared sections.
const CHECKS_EVERY: Duration = Duration::from_millis(200);
/// How long an instance is kept away that failed too often, unless it is said.
const BACK_AFTER: Duration = Duration::from_secs(10);
/// So many clients are counted; the least recent is forgotten.
const CLIENTS: &str = "100k";

/// The lines of a route's backend.
pub(super) fn of_route(backend: &str, protocol: Protocol, settings: &RouteSettings) -> Vec<String> {
    let RouteSettings { timeout, retries, maxconn, maxqueue, outlier, slow_start } = settings;
    let http = protocol == Protocol::Http;
    let timeouts = [
        ("connect", timeout.connect),
        ("server", timeout.server),
        ("queue", timeout.queue),
        ("tunnel", timeout.tunnel),
    ];
    let mut lines: Vec<String> = Vec::new();
    lines.extend(timeouts.iter().filter_map(|(what, time)| Some(format!("timeout {what} {}", millis((*time)?)))));
    lines.extend(retries.map(|retries| format!("retries {retries}")));
    lines.extend(maxqueue.map(|most| {
        let action =
            if http { "http-request deny deny_status 503 hdr Retry-After 1" } else { "tcp-request content reject" };
        format!("{action} if {{ queue({backend}) ge {most} }}")
    }));
    let of_servers: Vec<String> = maxconn
        .map(|most| format!("maxconn {most}"))
        .into_iter()
        .chain(slow_start.map(|time| format!("slowstart {}", millis(time))))
        .chain(outlier.map(|outlier| ejection(outlier, http)))
        .collect();
    if !of_servers.is_empty() {
        lines.push(format!("default-server {}", of_servers.join(" ")));
    }
    lines
}

/// An instance that was taken out is checked at once and comes back after so many checks in a row: the time is theirs.
fn ejection(Outlier { errors, back }: Outlier, http: bool) -> String {
    let checks = back.unwrap_or(BACK_AFTER).as_millis().div_ceil(CHECKS_EVERY.as_millis()).max(1);
    let layer = if http { "layer7" } else { "layer4" };
    format!("observe {layer} error-limit {errors} on-error mark-down rise {checks}")
}

/// The lines of a gateway's frontend.
pub(super) fn of_gateway(protocol: Protocol, settings: &GatewaySettings) -> Vec<String> {
    let Some(limit) = settings.rate_limit else { return Vec::new() };
    let table = format!("stick-table type ipv6 size {CLIENTS} expire 10s store gpc0_rate(1s)");
    let full = format!("{{ sc0_gpc0_rate ge {limit} }}");
    // Only what is accepted counts: whoever goes on asking gets as much as is allowed.
    let rules = match protocol {
        // The shared rules refuse what is over the limit.
        Protocol::Http => [
            // A rule that did not depend on the request would track connections.
            "tcp-request content track-sc0 src if HTTP".to_owned(),
            format!("tcp-request content set-var(txn.full) bool(true) if {full}"),
            "tcp-request content sc-inc-gpc0(0) if !{ var(txn.full) -m bool }".to_owned(),
        ],
        Protocol::Tcp => [
            "tcp-request connection track-sc0 src".to_owned(),
            format!("tcp-request connection reject if {full}"),
            "tcp-request connection sc-inc-gpc0(0)".to_owned(),
        ],
    };
    [table].into_iter().chain(rules).collect()
}

fn millis(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_has_no_line() {
        assert!(of_route("g.r0", Protocol::Http, &RouteSettings::default()).is_empty());
        assert!(of_gateway(Protocol::Http, &GatewaySettings::default()).is_empty());
    }

    #[test]
    fn an_instance_is_away_for_as_many_checks_as_fit_in_its_time() {
        let of = |back| ejection(Outlier { errors: 3.try_into().unwrap(), back }, true);
        assert!(of(None).ends_with("error-limit 3 on-error mark-down rise 50"), "{}", of(None));
        assert!(of(Some(Duration::from_millis(1))).ends_with("rise 1"));
        assert!(of(Some(Duration::from_millis(201))).ends_with("rise 2"));
    }
}
