//! The same gateways in HAProxy and in the router.

use crate::{
    gateways::Places,
    haproxy_support::{Haproxy, table, until},
    requests::Sent,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};
use vamp_core::{
    condition::RequestParts,
    routing::{Decision, Gateway, Instance, Router, Target, router::Entry},
};

/// What a client and the instance see.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    /// The id of the instance, or 503.
    pub(crate) who: String,
    /// The path and query that arrived there.
    path: String,
    /// The cookies that are set.
    pub(crate) cookies: BTreeMap<String, String>,
}

pub(crate) struct Both {
    haproxy: Haproxy,
    router: Router,
    gateways: Vec<Gateway>,
    dead: BTreeSet<u16>,
    /// Answers as long as this lives.
    _places: Places,
}

impl Both {
    /// Serves these gateways, and waits until HAProxy knows who is dead.
    pub(crate) async fn start(name: &str, gateways: Vec<Gateway>, places: Places) -> Self {
        let haproxy = Haproxy::start(name).await;
        for (name, answer) in haproxy.serve(&gateways).await {
            answer.unwrap_or_else(|error| panic!("{name}: {}", error.report()));
        }
        let router = Router::compile(&table(&gateways)).unwrap_or_else(|error| panic!("{error}"));
        let dead = places.dead_ports().into_iter().collect();
        let both = Self { haproxy, router, gateways, dead, _places: places };
        until("HAProxy knows who is dead", || both.knows_the_dead()).await;
        both
    }

    pub(crate) fn gateway(&self, place: usize) -> &Gateway {
        &self.gateways[place]
    }

    async fn knows_the_dead(&self) -> bool {
        let mut master = UnixStream::connect(self.haproxy.folder.0.join("master.sock")).await.expect("a socket");
        master.write_all(b"@1 show servers state\n").await.expect("the master reads");
        master.shutdown().await.expect("the end of the question");
        let mut answer = String::new();
        master.read_to_string(&mut answer).await.expect("an answer");
        let rows: Vec<Vec<&str>> = answer.lines().map(|line| line.split(' ').collect()).collect();
        assert!(rows.iter().any(|row| row.len() > 18), "{answer}");
        // Backend, server, address, state (0: down, 2: up), …, port.
        let up = |row: &&Vec<&str>| row.len() > 18 && row[5] != "0";
        rows.iter().filter(up).all(|row| row[18].parse().map_or(true, |port| !self.dead.contains(&port)))
    }

    /// Who answers a request through HAProxy.
    pub(crate) async fn ask_haproxy(&self, place: usize, sent: &Sent) -> Answer {
        let port = self.gateways[place].port.get();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("HAProxy accepts");
        stream.write_all(sent.head().as_bytes()).await.expect("HAProxy reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("HAProxy answers");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?} for {sent:?}"));
        if !head.starts_with("HTTP/1.1 200") {
            return Answer { who: head.split(' ').nth(1).expect("a status").to_owned(), ..Answer::default() };
        }
        let values = |name: &str| {
            let name = format!("{name}: ");
            let lines = head.lines().filter_map(move |line| line.strip_prefix(&name).map(str::to_owned));
            lines.collect::<Vec<String>>()
        };
        let cookie = |line: &String| {
            let (name, value) = line.split(';').next()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        };
        let cookies = values("set-cookie").iter().map(|line| cookie(line).expect("a cookie")).collect();
        Answer { who: body.to_owned(), path: values("x-path").concat(), cookies }
    }

    /// Who answers it in this process.
    pub(crate) fn ask_router(&self, place: usize, parts: &http::request::Parts, seed: u64) -> Answer {
        let request = &RequestParts::new(parts).from_client(Ipv4Addr::LOCALHOST.into());
        let live = |instance: &Instance| !self.dead.contains(&instance.port.get());
        let entry = Entry::Port(self.gateways[place].port);
        let Ok(routed) = self.router.decide(entry, request, seed, live) else {
            return Answer { who: "503".to_owned(), ..Answer::default() };
        };
        let instance = routed.instance(live).expect("a route with a live instance");
        let set = routed.cookies(request, instance);
        let cookies = set.map(|cookie| (cookie.name.to_owned(), cookie.value)).collect();
        let rewritten = routed.rewritten(request);
        let path = rewritten.map_or(parts.uri.path(), |rewritten| rewritten.path);
        let query = rewritten.and_then(|rewritten| rewritten.query).or(parts.uri.query());
        let path = [path, &query.map(|query| format!("?{query}")).unwrap_or_default()].concat();
        Answer { who: instance.id.clone(), path, cookies }
    }

    /// Counts of instances as counts of routes.
    pub(crate) fn by_route(&self, place: usize, counts: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut routes = BTreeMap::new();
        names(&self.gateways[place].decision, "", &mut routes);
        let mut summed = BTreeMap::new();
        for (who, count) in counts {
            *summed.entry(routes.get(who).unwrap_or(who).clone()).or_insert(0) += count;
        }
        summed
    }
}

/// The route of every instance.
fn names(decision: &Decision, prefix: &str, into: &mut BTreeMap<String, String>) {
    for route in &decision.routes {
        let name = format!("{prefix}/{}", route.name);
        match &route.target {
            Target::Chained(inner) => names(inner, &name, into),
            Target::Instances(instances) => {
                into.extend(instances.iter().map(|instance| (instance.id.clone(), name.clone())));
            }
        }
    }
}
