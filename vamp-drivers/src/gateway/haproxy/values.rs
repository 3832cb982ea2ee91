//! What changes at run time, as it stands in a document.
//!
//! | name | value |
//! |---|---|
//! | `route/<path>` | the name of the route in that place |
//! | `server/<path>/<slot>` | `<instance id> <host> <port> <ready or drain>` |
//! | `class/<prefix>p` | the weights of a decision, in parts per million by place, e.g. `100000;900000;0;0` |
//! | `class/<prefix>c<digest>` | the same for requests that match a condition: its strength mixed in |
//! | `host/<name>` | empty: a virtual host, in lower case |
//! | `sticky/<prefix>` | `route` or `instance`, what clients of a decision stick to; and `<ttl> <idle>` in seconds, 0 = none |
//!
//! A path is the place of a route: `r0`, or `r1.r0` behind the chained route `r1`; the prefix of a decision is empty
//! or `r1.`.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    str::FromStr,
    time::Duration,
};
use vamp_core::routing::Sticky;

/// The class of requests that no condition took.
pub(super) const PLAIN: &str = "p";

/// One instance in its slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) ready: bool,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&server(&self.id, &self.host, self.port, self.ready))
    }
}

/// An instance as it stands in a document.
pub(super) fn server(id: &str, host: &str, port: u16, ready: bool) -> String {
    let state = if ready { "ready" } else { "drain" };
    let blanks_and_digits = 3 + 5;
    let mut text = String::with_capacity(id.len() + host.len() + state.len() + blanks_and_digits);
    // Writing to a String cannot fail.
    let _ = write!(text, "{id} {host} {port} {state}");
    text
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // From the right: an id may be any text.
        let words: Vec<&str> = text.rsplitn(4, ' ').collect();
        let ready = |state: &&str| matches!(*state, "ready" | "drain");
        if let [state, port, host, id] = words.as_slice()
            && ready(state)
            && let Ok(port) = port.parse()
        {
            let (id, host) = ((*id).to_owned(), (*host).to_owned());
            return Ok(Self { id, host, port, ready: *state == "ready" });
        }
        Err(format!("`{text}` is not `<instance id> <host> <port> <ready or drain>`"))
    }
}

/// The instances by place, `(path, slot)`.
pub(super) fn servers(values: &BTreeMap<String, String>) -> Result<BTreeMap<(String, usize), Server>, String> {
    let of = |(name, value): (&str, &String)| {
        let (path, slot) = name.rsplit_once('/').ok_or_else(|| format!("`server/{name}` names no slot"))?;
        let slot = slot.parse().map_err(|_| format!("`server/{name}` names no slot"))?;
        Ok(((path.to_owned(), slot), value.parse()?))
    };
    with_prefix(values, "server/").map(of).collect()
}

/// The weights by class, each by the place of the route.
pub(super) fn classes(values: &BTreeMap<String, String>) -> Result<BTreeMap<String, Vec<u32>>, String> {
    let of = |(class, value): (&str, &String)| {
        let weights: Result<Vec<u32>, _> = value.split(';').map(str::parse).collect();
        let weights = weights.map_err(|_| format!("`{value}` of `class/{class}` are not weights"))?;
        if weights.iter().map(|&weight| u64::from(weight)).sum::<u64>() > 1_000_000 {
            return Err(format!("`{value}` of `class/{class}` is more than 100 %"));
        }
        Ok((class.to_owned(), weights))
    };
    with_prefix(values, "class/").map(of).collect()
}

/// What clients stick to, by prefix of the decision.
pub(super) fn sticky(values: &BTreeMap<String, String>) -> Result<BTreeMap<String, Sticky>, String> {
    let of = |(prefix, value): (&str, &String)| {
        let read = read_sticky(value).ok_or_else(|| format!("`{value}` of `sticky/{prefix}` is nothing to stick to"));
        read.map(|sticky| (prefix.to_owned(), sticky))
    };
    with_prefix(values, "sticky/").map(of).collect()
}

/// What clients stick to, as it stands in a document.
pub(super) fn written_sticky(sticky: Sticky) -> String {
    let by = if sticky.is_by_instance() { "instance" } else { "route" };
    let [ttl, idle] = seconds(sticky);
    if sticky.is_timed() { format!("{by} {ttl} {idle}") } else { by.to_owned() }
}

fn read_sticky(text: &str) -> Option<Sticky> {
    let mut words = text.split(' ');
    let sticky = match words.next()? {
        "route" => Sticky::ROUTE,
        "instance" => Sticky::INSTANCE,
        _ => return None,
    };
    let times: Vec<u64> = words.map(str::parse).collect::<Result<_, _>>().ok()?;
    let time = |seconds: &u64| (*seconds > 0).then(|| Duration::from_secs(*seconds));
    match times.as_slice() {
        [] => Some(sticky),
        [ttl, idle] => Some(Sticky { ttl: time(ttl), idle: time(idle), ..sticky }),
        _ => None,
    }
}

/// The times in seconds, 0 = none.
fn seconds(sticky: Sticky) -> [u64; 2] {
    [sticky.ttl, sticky.idle].map(|time| time.map_or(0, |time| time.as_secs()))
}

/// The names of the routes by path.
pub(super) fn routes(values: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    with_prefix(values, "route/").map(|(path, name)| (path, name.as_str())).collect()
}

/// The virtual hosts.
pub(super) fn hosts(values: &BTreeMap<String, String>) -> impl Iterator<Item = &str> {
    with_prefix(values, "host/").map(|(host, _)| host)
}

fn with_prefix<'a>(
    values: &'a BTreeMap<String, String>,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a str, &'a String)> {
    values.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value)))
}

/// A number behind these texts.
pub(super) fn numbered(texts: &[&str], number: usize) -> String {
    const MOST_DIGITS: usize = 4;
    let mut name = String::with_capacity(texts.iter().map(|text| text.len()).sum::<usize>() + MOST_DIGITS);
    name.extend(texts.iter().copied());
    // Writing to a String cannot fail.
    let _ = write!(name, "{number}");
    name
}

/// The weights as they stand in a document.
pub(super) fn listed(weights: impl ExactSizeIterator<Item = u32>) -> String {
    let mut list = String::with_capacity(weights.len() * "1000000;".len());
    for (place, weight) in weights.enumerate() {
        let separator = if place > 0 { ";" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(list, "{separator}{weight}");
    }
    list
}

/// The prefix of the decision that a class belongs to, and the class's own name.
pub(super) fn split_class(class: &str) -> (&str, &str) {
    class.rfind('.').map_or(("", class), |dot| class.split_at(dot + 1))
}

/// The key of a class of requests in the map of weights.
pub(super) fn class_key(section: &str, class: &str) -> String {
    [
        section,
        "/",
        class.strip_suffix(PLAIN).filter(|prefix| prefix.is_empty() || prefix.ends_with('.')).unwrap_or(class),
    ]
    .concat()
}

/// The weights as they stand in the map: `<cookie or ->/<ttl>/<idle>`, then for each place `/<bound>/<weight>`.
///
/// A draw below one million takes the first place whose bound is above it. A place without a weight has no bound, and a
/// draw above all of them takes none: what is missing to 100 % is answered with 503, for no route asked for it.
pub(super) fn entry(weights: &[u32], cookie: &str, sticky: Option<Sticky>) -> String {
    let cookie = sticky.map_or("-", |_| cookie);
    let [ttl, idle] = sticky.map_or([0; 2], seconds);
    let mut text = format!("{cookie}/{ttl}/{idle}");
    let mut sum = 0;
    for weight in weights {
        sum += weight;
        let bound = if *weight > 0 { sum } else { 0 };
        // Writing to a String cannot fail.
        let _ = write!(text, "/{bound}/{weight}");
    }
    text
}

/// The places that get requests by weights in the map.
pub(super) fn taken(entry: &str) -> impl Iterator<Item = usize> {
    let bounds = entry.split('/').skip(3).step_by(2).enumerate();
    bounds.filter(|(_, bound)| *bound != "0").map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_as_it_was_written() {
        let server = Server { id: "with a blank".into(), host: "::1".into(), port: 80, ready: false };
        assert_eq!(server.to_string().parse(), Ok(server));
        assert!("id host 80 gone".parse::<Server>().is_err());
    }

    #[test]
    fn a_draw_takes_the_first_place_whose_bound_is_above_it() {
        assert_eq!(entry(&[100_000, 0, 900_000], "vamp-1", None), "-/0/0/100000/100000/0/0/1000000/900000");
        let timed = Sticky { idle: Some(Duration::from_secs(60)), ..Sticky::ROUTE };
        let text = entry(&[0, 500_000, 0], "vamp-1", Some(timed));
        assert_eq!(text, "vamp-1/0/60/0/0/500000/500000/0/0");
        assert_eq!(taken(&text).collect::<Vec<_>>(), [1]);
    }
}
