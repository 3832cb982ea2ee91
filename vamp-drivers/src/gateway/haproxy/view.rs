//! The configuration text of one gateway and of what all share.

use super::{
    certificates,
    condition::{Conditions, Lines},
    config::HaproxyConfig,
    escape, forwarded, guard, outline,
    placement::{self, Below, Placed, PlacedRoute},
    settings,
};
use askama::Template;
use std::{borrow::Cow, net::SocketAddr};
use vamp_core::routing::{Balance, Gateway, Protocol, Rewrite, Sticky};

/// For these numbers of places the rules are in a shared `defaults` section.
const SHARED_SIZES: [usize; 5] = [4, 8, 16, 32, MOST_PLACES];
/// The largest of them.
pub(super) const MOST_PLACES: usize = 64;

/// What most texts fit into, in bytes.
const TYPICAL_LENGTH: usize = 2048;

/// The part of the configuration that belongs to no gateway.
#[derive(Debug, Template)]
#[template(path = "haproxy/global.cfg", escape = "none")]
pub(super) struct Global<'a> {
    pub(super) digest: &'a str,
    pub(super) max_connections: u64,
    pub(super) hard_stop_after: u64,
    checks_every: usize,
    /// The networks of trusted proxies, in groups that fit on a line.
    trusted: Vec<String>,
    /// Whether requests are told.
    access_log: bool,
    sizes: [usize; 5],
    /// Of gateways with one decision.
    sticky: StickyView,
}

impl<'a> Global<'a> {
    pub(super) fn new(digest: &'a str, config: &HaproxyConfig, max_connections: u64, checks_every: usize) -> Self {
        let trusted = forwarded::groups(&config.trusted_proxies);
        let hard_stop_after = config.hard_stop_after.as_secs().max(1);
        let sticky = StickyView::shared();
        Self {
            digest,
            max_connections,
            hard_stop_after,
            checks_every,
            trusted,
            access_log: config.access_log.is_some(),
            sizes: SHARED_SIZES,
            sticky,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "haproxy/gateway.cfg", escape = "none")]
struct Frontend<'a> {
    section: &'a str,
    bind: String,
    defaults: String,
    backend_defaults: &'static str,
    settings: Vec<String>,
    decisions: Vec<DecisionView>,
    backends: Vec<BackendView>,
    /// The empty slots of a backend.
    servers: String,
}

/// The conditions of a decision, and what follows from it unless the shared rules say that.
#[derive(Debug)]
struct DecisionView {
    acls: Vec<String>,
    rules: Vec<String>,
    /// The name of its cookie. For requests; connections have none.
    cookie: Option<String>,
    own: Option<OwnView>,
}

/// One draw with rules of its own.
#[derive(Debug)]
struct OwnView {
    prefix: String,
    /// The key of its weights, as an expression.
    key: String,
    /// The variable that holds the backend chosen.
    result: String,
    places: Vec<PlaceView>,
    sticky: Option<StickyView>,
}

impl OwnView {
    /// The key of the weights of a class of requests.
    fn class_key(&self) -> String {
        format!("{},concat(,txn.c)", self.key)
    }

    /// What the key of a token begins with.
    fn seat_key(&self) -> String {
        format!("{},concat(,txn.c,/s/)", self.key)
    }
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
    /// Where that leads, and the instance there, if to one.
    pub(super) seat: String,
    pub(super) server: String,
    /// The token of where the request went.
    pub(super) token: String,
    /// Whether the client does not have that.
    pub(super) new: String,
}

impl StickyView {
    /// For the decision of a gateway by the shared rules, wherever the name of its cookie stands.
    pub(super) fn shared() -> Self {
        Self::with(String::new(), |stem| ["txn.", stem].concat())
    }

    /// For a decision with rules of its own; its variables are none of the shared rules.
    fn own(cookie: String, prefix: &str) -> Self {
        Self::with(cookie, |stem| own_variable(stem, prefix))
    }

    fn with(cookie: String, variable: impl Fn(&str) -> String) -> Self {
        Self {
            cookie,
            ttl: variable("tt"),
            idle: variable("ti"),
            sent: variable("ck"),
            given: variable("cg"),
            renewed: variable("cr"),
            seat: variable("st"),
            server: variable("sv"),
            token: variable("tk"),
            new: variable("nw"),
        }
    }

    /// What the client sent.
    fn read(&self) -> String {
        format!("req.cook({})", self.cookie)
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
    /// The variable with the instance of a client that sticks to that.
    server: Option<Cow<'static, str>>,
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
    let flat = SHARED_SIZES.contains(&placed.routes.len()) && placed.routes.iter().flatten().all(PlacedRoute::is_last);
    let mut decisions = Vec::new();
    let kind = Kind { protocol, flat };
    add_decisions(placed, (&gateway.name, section), "k", kind, &mut decisions);
    let mut backends = Vec::with_capacity(placed.routes.len());
    add_backends(placed, section, kind, &[], &mut backends)?;
    let spoken = if http { "http" } else { "tcp" };
    let defaults = if flat { format!("vamp-{spoken}-{}", placed.routes.len()) } else { format!("vamp-{spoken}") };
    let backend_defaults = if http { "vamp-http-backend" } else { "vamp-tcp-backend" };
    let bind = format!("{bind}{}", certificates::bind_words(section, gateway));
    let servers = (0..slots).map(|slot| format!("\n  server s{slot} {}", outline::EMPTY)).collect();
    let mut view = Frontend { section, bind, defaults, backend_defaults, settings, decisions, backends, servers };
    let mut text = String::with_capacity(TYPICAL_LENGTH);
    view.render_into(&mut text).map_err(|error| error.to_string())?;
    let shared = flat && view.settings.is_empty() && view.decisions.iter().all(|decision| decision.rules.is_empty());
    if !gateway.virtual_hosts.is_empty() && !shared {
        view.backends.clear();
        view.decisions.clear();
        add_decisions(placed, (&gateway.name, section), &guard::stem(section), kind, &mut view.decisions);
        text.push_str(&guard::lines(section, &view.render().map_err(|error| error.to_string())?, flat));
    }
    text.shrink_to_fit();
    Ok(text)
}

/// What is spoken, and whether the shared rules decide.
#[derive(Clone, Copy, Debug)]
struct Kind {
    protocol: Protocol,
    flat: bool,
}

/// Decisions behind others come first: their result is known when the decision before them needs it.
fn add_decisions(
    placed: &Placed<'_>,
    (gateway, section): (&str, &str),
    stem: &str,
    kind: Kind,
    into: &mut Vec<DecisionView>,
) {
    for one in placed.routes.iter().flatten() {
        if let Below::Decision(inner) = &one.below {
            add_decisions(inner, (gateway, section), stem, kind, into);
        }
    }
    let Lines { acls, rules } = condition_rules(placed, stem);
    let behind = (!placed.prefix.is_empty()).then_some(placed.decision.gateway.as_str());
    let cookie = (kind.protocol == Protocol::Http).then(|| Sticky::cookie(gateway, behind));
    let own = (!kind.flat).then(|| own_rules(placed, section, cookie.as_deref()));
    into.push(DecisionView { acls, rules, cookie, own });
}

fn own_rules(placed: &Placed<'_>, section: &str, cookie: Option<&str>) -> OwnView {
    let below = |one: &Option<PlacedRoute<'_>>| match &one.as_ref()?.below {
        Below::Decision(inner) => Some(variable("be", &inner.prefix)),
        Below::Instances(_) => None,
    };
    let places = placed.routes.iter().enumerate().map(|(index, one)| PlaceView { index, below: below(one) });
    OwnView {
        prefix: placed.prefix.clone(),
        key: format!("str({section}/{})", placed.prefix),
        result: variable("be", &placed.prefix),
        places: places.collect(),
        sticky: cookie.map(|cookie| StickyView::own(cookie.to_owned(), &placed.prefix)),
    }
}

/// `txn.be`, or `txn.be_r1_r0` behind other decisions.
fn variable(stem: &str, prefix: &str) -> String {
    suffixed(["txn.", stem].concat(), prefix)
}

/// The same of a decision with rules of its own.
fn own_variable(stem: &str, prefix: &str) -> String {
    variable(&[stem, "_"].concat(), prefix)
}

fn suffixed(stem: String, prefix: &str) -> String {
    prefix.split_terminator('.').fold(stem, |name, place| format!("{name}_{place}"))
}

/// Last first: each rule that matches replaces the class, so the first declared has the last word.
fn condition_rules(placed: &Placed<'_>, stem: &str) -> Lines {
    let mut conditions = Conditions::new("tcp-request content", suffixed(stem.to_owned(), &placed.prefix));
    for PlacedRoute { route, class, .. } in placed.declared().rev() {
        if let (Some(condition), Some(class)) = (&route.condition, class) {
            conditions.when(&format!("set-var(txn.c) str({class})"), condition);
        }
    }
    conditions.into_lines()
}

fn add_backends(
    placed: &Placed<'_>,
    section: &str,
    kind: Kind,
    before: &[&Rewrite],
    into: &mut Vec<BackendView>,
) -> Result<(), String> {
    let protocol = kind.protocol;
    for (index, one) in placed.routes.iter().enumerate() {
        let path = placement::path(&placed.prefix, index);
        let server = (protocol == Protocol::Http).then(|| match kind.flat {
            true => Cow::Borrowed("txn.sv"),
            false => Cow::Owned(own_variable("sv", &placed.prefix)),
        });
        let Some(one) = one else {
            let balance = balance(Balance::RoundRobin);
            into.push(BackendView { path, balance, settings: Vec::new(), rewrites: Lines::default(), server });
            continue;
        };
        let rewrites: Vec<&Rewrite> = before.iter().copied().chain(&one.route.rewrites).collect();
        match &one.below {
            Below::Decision(inner) => add_backends(inner, section, kind, &rewrites, into)?,
            Below::Instances(_) if protocol == Protocol::Tcp && one.route.balance == Balance::Uri => {
                return Err(format!("route `{}`: balance uri needs requests", one.route.name));
            }
            Below::Instances(_) => {
                let rewrites = rewrite_rules(&rewrites)?;
                let settings = settings::of_route(&format!("{section}.{path}"), protocol, &one.route.settings);
                into.push(BackendView { path, balance: balance(one.route.balance), settings, rewrites, server });
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
