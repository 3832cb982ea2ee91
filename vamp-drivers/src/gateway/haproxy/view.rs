//! The configuration text of one gateway and of what all share.

use super::{
    condition::{Conditions, Lines},
    escape, guard, hosts, outline,
    placement::{self, Below, Placed, PlacedRoute},
    settings, sticky,
};
use askama::Template;
use std::net::SocketAddr;
use vamp_core::routing::{Balance, Gateway, Protocol, Rewrite};

/// For these numbers of routes the rules are in a shared `defaults` section.
const SHARED_SIZES: [usize; 5] = [4, 8, 16, 32, 64];

/// What most texts fit into, in bytes.
const TYPICAL_LENGTH: usize = 4096;

/// The part of the configuration that belongs to no gateway.
#[derive(Debug, Template)]
#[template(path = "haproxy/global.cfg", escape = "none")]
pub(super) struct Global<'a> {
    pub(super) digest: &'a str,
    pub(super) max_connections: u64,
    pub(super) hard_stop_after: u64,
    sizes: [usize; 5],
    /// Of gateways with one decision.
    sticky: StickyView,
}

impl<'a> Global<'a> {
    pub(super) fn new(digest: &'a str, max_connections: u64, hard_stop_after: u64) -> Self {
        let sticky = StickyView::new(String::new(), "");
        Self { digest, max_connections, hard_stop_after, sizes: SHARED_SIZES, sticky }
    }
}

#[derive(Debug, Template)]
#[template(path = "haproxy/gateway.cfg", escape = "none")]
struct Frontend<'a> {
    section: &'a str,
    bind: SocketAddr,
    map: String,
    defaults: String,
    backend_defaults: &'static str,
    flat: bool,
    /// Of connections, which come before requests.
    connections: Vec<String>,
    requests: Vec<String>,
    decisions: Vec<DecisionView>,
    backends: Vec<BackendView>,
    slots: usize,
    empty: &'static str,
}

/// One draw and what follows from it.
#[derive(Debug)]
struct DecisionView {
    prefix: String,
    /// The variable that holds the backend chosen.
    result: String,
    acls: Vec<String>,
    rules: Vec<String>,
    places: Vec<PlaceView>,
    /// For requests; connections have no cookies.
    sticky: Option<StickyView>,
}

/// The cookie of a decision and its variables. Whether it is used at all is a value: the times behind the weights.
#[derive(Debug)]
pub(super) struct StickyView {
    pub(super) cookie: String,
    /// The time that the client stays, and the time that it may be away; set while clients stick.
    pub(super) ttl: String,
    pub(super) idle: String,
    /// The token that the client sent, when it was given, and when it was renewed.
    pub(super) sent: String,
    pub(super) given: String,
    pub(super) renewed: String,
    /// Where that leads.
    pub(super) seat: String,
    /// The token of where the request went.
    pub(super) token: String,
    /// Whether the client does not have that.
    pub(super) new: String,
}

impl StickyView {
    pub(super) fn new(cookie: String, prefix: &str) -> Self {
        let own = |stem| variable(stem, prefix);
        Self {
            cookie,
            ttl: own("tt"),
            idle: own("ti"),
            sent: own("ck"),
            given: own("cg"),
            renewed: own("cr"),
            seat: own("st"),
            token: own("tk"),
            new: own("nw"),
        }
    }
}

#[derive(Debug)]
struct PlaceView {
    index: usize,
    /// The variable with the result of the decision behind.
    below: Option<String>,
}

#[derive(Debug)]
struct BackendView {
    /// What follows the section in its name.
    path: String,
    balance: &'static str,
    settings: Vec<String>,
    rewrites: Lines,
    /// The variable with the seat of a client that sticks, which has an instance when it sticks to that.
    seat: Option<String>,
}

/// The file with the weights of a gateway, as HAProxy knows it.
pub(super) fn map_path(section: &str) -> String {
    format!("maps/{section}.map")
}

/// The configuration text of a gateway, every slot empty.
pub(super) fn structure(
    section: &str,
    bind: SocketAddr,
    gateway: &Gateway,
    placed: &Placed<'_>,
    slots: usize,
) -> Result<String, String> {
    let protocol = gateway.protocol;
    let http = protocol == Protocol::Http;
    let settings = settings::of_gateway(protocol, &gateway.settings);
    let mut decisions = Vec::new();
    add_decisions(placed, section, "k", http, &mut decisions);
    let mut backends = Vec::new();
    add_backends(placed, section, protocol, &[], &mut backends)?;
    let shared = SHARED_SIZES.contains(&placed.routes.len());
    // The shared rules end with an answer or a route, before rules of its own.
    let without_settings = settings.is_empty();
    let flat = http && shared && decisions.len() == 1 && without_settings;
    let defaults = match (http, flat) {
        (true, true) => format!("vamp-http-{}", placed.routes.len()),
        (true, false) => "vamp-http".to_owned(),
        (false, _) => "vamp-tcp".to_owned(),
    };
    let (connections, requests) = if http { (Vec::new(), settings) } else { (settings, Vec::new()) };
    let backend_defaults = if http { "vamp-http-backend" } else { "vamp-tcp-backend" };
    let map = map_path(section);
    let empty = outline::EMPTY;
    let mut view = Frontend {
        section,
        bind,
        map,
        defaults,
        backend_defaults,
        flat,
        connections,
        requests,
        decisions,
        backends,
        slots,
        empty,
    };
    let mut text = String::with_capacity(TYPICAL_LENGTH);
    view.render_into(&mut text).map_err(|error| error.to_string())?;
    let only_weighs = without_settings && hosts::only_weighs(placed);
    if !gateway.virtual_hosts.is_empty() && !only_weighs {
        view.backends.clear();
        view.decisions.clear();
        add_decisions(placed, section, &guard::stem(section), http, &mut view.decisions);
        text.push_str(&guard::lines(section, &view.render().map_err(|error| error.to_string())?, flat));
    }
    text.shrink_to_fit();
    Ok(text)
}

/// Decisions behind others come first: their result is known when the decision before them needs it.
fn add_decisions(placed: &Placed<'_>, section: &str, stem: &str, http: bool, into: &mut Vec<DecisionView>) {
    let mut places = Vec::new();
    for (index, one) in placed.routes.iter().enumerate() {
        let mut below = None;
        if let Some(Below::Decision(inner)) = one.as_ref().map(|one| &one.below) {
            add_decisions(inner, section, stem, http, into);
            below = Some(variable("be", &inner.prefix));
        }
        places.push(PlaceView { index, below });
    }
    let Lines { acls, rules } = condition_rules(placed, stem);
    let result = variable("be", &placed.prefix);
    let sticky = http.then(|| StickyView::new(sticky::cookie(section, &placed.decision.gateway), &placed.prefix));
    into.push(DecisionView { prefix: placed.prefix.clone(), result, acls, rules, places, sticky });
}

/// `txn.be`, or `txn.be_r1_r0` behind other decisions.
fn variable(stem: &str, prefix: &str) -> String {
    suffixed(["txn.", stem].concat(), prefix)
}

fn suffixed(stem: String, prefix: &str) -> String {
    prefix.split_terminator('.').fold(stem, |name, place| format!("{name}_{place}"))
}

/// Last first: each rule that matches replaces the class, so the first declared has the last word.
fn condition_rules(placed: &Placed<'_>, stem: &str) -> Lines {
    let mut conditions = Conditions::new("tcp-request content", suffixed(stem.to_owned(), &placed.prefix));
    for PlacedRoute { route, class, .. } in placed.declared().rev() {
        if let (Some(condition), Some(class)) = (&route.condition, class) {
            conditions.when(&format!("set-var(txn.c) str({}{class})", placed.prefix), condition);
        }
    }
    conditions.into_lines()
}

fn add_backends(
    placed: &Placed<'_>,
    section: &str,
    protocol: Protocol,
    before: &[&Rewrite],
    into: &mut Vec<BackendView>,
) -> Result<(), String> {
    for (index, one) in placed.routes.iter().enumerate() {
        let path = placement::path(&placed.prefix, index);
        let seat = (protocol == Protocol::Http).then(|| variable("st", &placed.prefix));
        let Some(one) = one else {
            let balance = balance(Balance::RoundRobin);
            into.push(BackendView { path, balance, settings: Vec::new(), rewrites: Lines::default(), seat });
            continue;
        };
        let rewrites: Vec<&Rewrite> = before.iter().copied().chain(&one.route.rewrites).collect();
        match &one.below {
            Below::Decision(inner) => add_backends(inner, section, protocol, &rewrites, into)?,
            Below::Instances(_) if protocol == Protocol::Tcp && one.route.balance == Balance::Uri => {
                return Err(format!("route `{}`: balance uri needs requests", one.route.name));
            }
            Below::Instances(_) => {
                let rewrites = rewrite_rules(&rewrites)?;
                let settings = settings::of_route(&format!("{section}.{path}"), protocol, &one.route.settings);
                into.push(BackendView { path, balance: balance(one.route.balance), settings, rewrites, seat });
            }
        }
    }
    Ok(())
}

/// In order: each changes what the one before left.
fn rewrite_rules(rewrites: &[&Rewrite]) -> Result<Lines, String> {
    let mut conditions = Conditions::new("http-request", "w".to_owned());
    for Rewrite { path, condition } in rewrites {
        let quoted = escape::path(path).ok_or_else(|| {
            format!("rewrite to `{}`: a path begins with `/` and has no blanks or quotes", path.escape_debug())
        })?;
        let action = if path.contains('?') { "set-pathq" } else { "set-path" };
        conditions.when(&format!("{action} {quoted}"), condition);
    }
    Ok(conditions.into_lines())
}

/// Hashes are consistent: only then can slots and weights change at run time.
const fn balance(balance: Balance) -> &'static str {
    match balance {
        Balance::LeastConn => "leastconn",
        Balance::First => "first",
        Balance::Source => "source\n  hash-type consistent",
        Balance::Uri => "uri\n  hash-type consistent",
        Balance::Random => "random",
        _ => "roundrobin",
    }
}
