//! [`Matcher`]: the first of many conditions that holds, found by what the request has instead of one by one.
//!
//! Most conditions cannot hold without one of few simple tests: `host == a and (…)` not without that host. Those tests
//! are looked up all at once, by hash for equality, in sorted order for beginnings and by Aho-Corasick for parts, and
//! only the conditions found are evaluated, without the test that found them.

use super::{
    prefixes::Prefixes,
    program::{Coder, Tester},
};
use crate::condition::{Expr, Match, Predicate, Request, without_port};
use aho_corasick::{AhoCorasick, BuildError};
use http::{HeaderName, header};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// So few conditions are evaluated one by one.
const FEW: usize = 8;
/// The longest host that is looked up; no name may be longer.
const LONGEST_HOST: usize = 256;

/// A condition that may hold.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// The route that has it.
    place: u32,
    /// Its program.
    entry: u32,
}

/// The conditions of one decision.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    /// Those that only evaluation can tell about, in order.
    others: Box<[Candidate]>,
    indexes: Box<[Index]>,
}

impl Matcher {
    /// Prepares conditions, in order, each with the place of its route.
    pub(super) fn new(conditions: &[(u32, Expr<u32>)], coder: &mut Coder) -> Result<Self, BuildError> {
        let frequency = if conditions.len() > FEW { frequencies(conditions) } else { HashMap::new() };
        let mut others = Vec::new();
        let mut indexes: BTreeMap<Field, Texts> = BTreeMap::new();
        for (place, expression) in conditions {
            coder.next_route();
            let guard = (conditions.len() > FEW).then(|| guard(expression, coder, &frequency)).flatten();
            let Some(guard) = guard else {
                others.push(Candidate { place: *place, entry: coder.write(expression, None) });
                continue;
            };
            for test in guard {
                let candidate = Candidate { place: *place, entry: coder.write(expression, Some(test)) };
                if let Some((field, kind, text)) = coder.test(test).and_then(looked_up) {
                    let list = indexes.entry(field).or_default().list(kind, text);
                    list.push(candidate);
                }
            }
        }
        let indexes = indexes.into_iter().map(|(field, texts)| texts.index(field)).collect::<Result<_, _>>()?;
        Ok(Self { others: others.into(), indexes })
    }

    /// The first route in order whose condition holds.
    #[inline]
    pub(super) fn first<R: Request, const WORDS: usize>(&self, tester: &mut Tester<'_, R, WORDS>) -> Option<u32> {
        let request = tester.request;
        let mut first = None;
        let mut look = |candidates: &[Candidate]| {
            let before = |one: &&Candidate| first.is_none_or(|place| one.place < place);
            let found = candidates.iter().take_while(before).find(|one| tester.holds(one.entry));
            first = found.map(|one| one.place).or(first);
        };
        for index in &self.indexes {
            index.look_up(request, &mut look);
        }
        look(&self.others);
        first
    }
}

/// What a request is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    /// The host without its port.
    Host,
    /// The host as it is.
    HostAndPort,
    Header(Name),
    Cookie(Box<str>),
    Path,
    Method,
}

/// The name of a header, in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name(HeaderName);

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

/// How a text is looked up.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Equals,
    StartsWith,
    Contains,
}

/// Where and how a test is looked up; `None` for one that is not.
fn looked_up(test: &Predicate) -> Option<(Field, Kind, &str)> {
    match test {
        Predicate::Host(host) if host.as_str().len() > LONGEST_HOST => None,
        Predicate::Host(host) if host.has_port() => Some((Field::HostAndPort, Kind::Equals, host.as_str())),
        Predicate::Host(host) => Some((Field::Host, Kind::Equals, host.as_str())),
        Predicate::Method(method) => Some((Field::Method, Kind::Equals, method)),
        Predicate::Path(test) => text(test).map(|(kind, text)| (Field::Path, kind, text)),
        Predicate::Header { name, test } => {
            text(test).map(|(kind, text)| (Field::Header(Name(name.clone())), kind, text))
        }
        Predicate::Cookie { name, test } => text(test).map(|(kind, text)| (Field::Cookie(name.clone()), kind, text)),
        _ => None,
    }
}

fn text(test: &Match) -> Option<(Kind, &str)> {
    match test {
        Match::Equals(text) => Some((Kind::Equals, text)),
        Match::StartsWith(text) => Some((Kind::StartsWith, text)),
        Match::Contains(needle) => Some((Kind::Contains, needle.as_str())),
        Match::EndsWith(_) | Match::Matches(_) => None,
    }
}

/// In how many conditions each test occurs.
fn frequencies(conditions: &[(u32, Expr<u32>)]) -> HashMap<u32, usize> {
    let mut all = HashMap::new();
    for (_, expression) in conditions {
        let mut own = BTreeSet::new();
        expression.any_leaf(&mut |test| {
            own.insert(*test);
            false
        });
        own.into_iter().for_each(|test| *all.entry(test).or_insert(0) += 1);
    }
    all
}

/// Tests without one of which the condition cannot hold, those that say most: the rarest.
fn guard(expression: &Expr<u32>, coder: &Coder, frequency: &HashMap<u32, usize>) -> Option<BTreeSet<u32>> {
    match expression {
        Expr::Leaf(test) => coder.test(*test).and_then(looked_up).map(|_| BTreeSet::from([*test])),
        Expr::And(operands) => {
            let conditions = |tests: &BTreeSet<u32>| tests.iter().filter_map(|test| frequency.get(test)).sum::<usize>();
            operands.iter().filter_map(|one| guard(one, coder, frequency)).min_by_key(conditions)
        }
        Expr::Or(operands) => {
            let all: Option<Vec<_>> = operands.iter().map(|one| guard(one, coder, frequency)).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        Expr::Not(_) | Expr::Constant(_) => None,
    }
}

type List = Box<[Candidate]>;
type Lists = BTreeMap<Box<str>, Vec<Candidate>>;

/// The texts that are looked up in one field, while they are gathered.
#[derive(Debug, Default)]
struct Texts {
    equals: Lists,
    starts_with: Lists,
    contains: Lists,
}

impl Texts {
    fn list(&mut self, kind: Kind, text: &str) -> &mut Vec<Candidate> {
        let lists = match kind {
            Kind::Equals => &mut self.equals,
            Kind::StartsWith => &mut self.starts_with,
            Kind::Contains => &mut self.contains,
        };
        lists.entry(text.into()).or_default()
    }

    fn index(self, field: Field) -> Result<Index, BuildError> {
        let parts = if self.contains.is_empty() {
            None
        } else {
            let search = AhoCorasick::new(self.contains.keys().map(|text| text.as_bytes()))?;
            Some((search, self.contains.into_values().map(Vec::into_boxed_slice).collect()))
        };
        Ok(Index {
            field,
            equals: self.equals.into_iter().map(|(text, list)| (text.into_boxed_bytes(), list.into())).collect(),
            starts_with: Prefixes::new(self.starts_with.into_iter().map(|(text, list)| (text, list.into()))),
            parts,
        })
    }
}

/// The conditions that a field leads to.
#[derive(Debug)]
struct Index {
    field: Field,
    equals: HashMap<Box<[u8]>, List>,
    starts_with: Prefixes<List>,
    /// By the number of the text in the search.
    parts: Option<(AhoCorasick, Box<[List]>)>,
}

impl Index {
    fn look_up(&self, request: &impl Request, look: &mut impl FnMut(&[Candidate])) {
        match &self.field {
            Field::Host => {
                request.header_values(&header::HOST).for_each(|host| self.look_up_host(without_port(host), look));
            }
            Field::HostAndPort => request.header_values(&header::HOST).for_each(|host| self.look_up_host(host, look)),
            Field::Header(name) => request.header_values(&name.0).for_each(|value| self.look_up_value(value, look)),
            Field::Cookie(name) => request.cookie_values(name).for_each(|value| self.look_up_value(value, look)),
            Field::Path => self.look_up_value(request.path().as_bytes(), look),
            Field::Method => self.look_up_value(request.method().as_bytes(), look),
        }
    }

    fn look_up_host(&self, host: &[u8], look: &mut impl FnMut(&[Candidate])) {
        let mut lower = [0; LONGEST_HOST];
        let Some(lower) = lower.get_mut(..host.len()) else { return };
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        if let Some(list) = self.equals.get(&*lower) {
            look(list);
        }
    }

    fn look_up_value(&self, value: &[u8], look: &mut impl FnMut(&[Candidate])) {
        if let Some(list) = self.equals.get(value) {
            look(list);
        }
        self.starts_with.of(value).for_each(|list| look(list));
        if let Some((search, lists)) = &self.parts {
            let found = search.find_overlapping_iter(value).filter_map(|found| lists.get(found.pattern().as_usize()));
            found.for_each(|list| look(list));
        }
    }
}
