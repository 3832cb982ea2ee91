//! What a selector selects: a pure function of what runs.

use super::{Selector, SelectorTest, grammar};
use crate::boolean::Expr;
use regex::Regex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a namespace is written as that is the server's own.
const OWN_NAMESPACE: &str = "$namespace";

/// Instances of one template, as selectors see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// The name of what runs.
    pub name: String,
    /// What kind of thing that is on its platform.
    pub kind: String,
    /// Whose it is.
    pub namespace: String,
    /// The image, where there is one.
    pub image: Option<String>,
    /// What else is said about it.
    pub labels: BTreeMap<String, String>,
}

/// One port of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is an instance of.
    pub group: Arc<Group>,
    /// Where it is reached.
    pub ip: String,
    /// The numbers of the port: what is declared, and where it listens.
    pub ports: Vec<u16>,
    /// The place of the port in the list of ports, from 0.
    pub index: u16,
}

/// What the groups of the patterns captured.
pub type Tags = BTreeSet<String>;

/// A selector, ready to be asked about many.
#[derive(Debug)]
pub struct Matcher {
    expression: Expr<Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Text(Part, Regex),
    Label(Regex, Regex),
    Port(u16),
    Index(u16),
    /// A pattern that could not be compiled: nothing matches it. It was compiled when the selector was read.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Name,
    Kind,
    Namespace,
    Image,
    Ip,
}

impl Selector {
    /// The selector for a server with this namespace.
    #[must_use]
    pub fn matcher(&self, namespace: &str) -> Matcher {
        Matcher { expression: self.expression.replace(&mut |test| Expr::Leaf(compile(test, namespace))) }
    }
}

impl Matcher {
    /// What the patterns captured; `None` = it is not selected. `not` takes those that are not selected, without tags.
    #[must_use]
    pub fn tags(&self, candidate: &Candidate) -> Option<Tags> {
        tags(&self.expression, candidate)
    }
}

/// The name of the group of instances with these tags: each in parentheses. What would be no name is its digest.
#[must_use]
pub fn group_name(tags: &Tags) -> String {
    let shown: Vec<String> = tags.iter().map(|tag| format!("({tag})")).collect();
    let name = if shown.is_empty() { "()".to_owned() } else { shown.join(",") };
    let refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '[' | ']');
    if name.contains(refused) || name.len() > LONGEST {
        return format!("({})", sha1_smol::Sha1::from(name).digest());
    }
    name
}

/// A longer name is its digest.
const LONGEST: usize = 128;

fn tags(expression: &Expr<Compiled>, candidate: &Candidate) -> Option<Tags> {
    match expression {
        Expr::Constant(value) => value.then(Tags::new),
        Expr::Leaf(test) => test.tags(candidate),
        Expr::Not(inner) => tags(inner, candidate).is_none().then(Tags::new),
        Expr::And(operands) => operands.iter().try_fold(Tags::new(), |mut all, operand| {
            all.extend(tags(operand, candidate)?);
            Some(all)
        }),
        Expr::Or(operands) => {
            let found: Vec<Tags> = operands.iter().filter_map(|operand| tags(operand, candidate)).collect();
            (!found.is_empty()).then(|| found.into_iter().flatten().collect())
        }
    }
}

impl Compiled {
    fn tags(&self, candidate: &Candidate) -> Option<Tags> {
        let Candidate { group, ip, ports, index } = candidate;
        match self {
            Self::Text(part, pattern) => {
                let text = match part {
                    Part::Name => group.name.as_str(),
                    Part::Kind => group.kind.as_str(),
                    Part::Namespace => group.namespace.as_str(),
                    Part::Image => group.image.as_deref()?,
                    Part::Ip => ip.as_str(),
                };
                captured(pattern, text).map(|tag| tag.map(str::to_owned).into_iter().collect())
            }
            Self::Label(key, value) => group.labels.iter().find_map(|(label, text)| {
                let tag = match (captured(key, label)?, captured(value, text)?) {
                    (Some(key), Some(value)) => Some(format!("{key}={value}")),
                    (one, other) => one.or(other).map(str::to_owned),
                };
                Some(tag.into_iter().collect())
            }),
            Self::Port(number) => ports.contains(number).then(Tags::new),
            Self::Index(number) => (index == number).then(Tags::new),
            Self::Nothing => None,
        }
    }
}

/// What the group of the pattern captured, if it has one and the whole text matches.
fn captured<'t>(pattern: &Regex, text: &'t str) -> Option<Option<&'t str>> {
    let found = pattern.captures(text)?;
    Some(found.get(1).map(|group| group.as_str()))
}

fn compile(test: &SelectorTest, namespace: &str) -> Compiled {
    let text = |part, pattern: &str| grammar::compiled(pattern).map(|pattern| Compiled::Text(part, pattern));
    let found = match test {
        SelectorTest::Name(pattern) => text(Part::Name, pattern),
        SelectorTest::Kind(pattern) => text(Part::Kind, pattern),
        SelectorTest::Namespace(pattern) if &**pattern == OWN_NAMESPACE => {
            text(Part::Namespace, &regex::escape(namespace))
        }
        SelectorTest::Namespace(pattern) => text(Part::Namespace, pattern),
        SelectorTest::Image(pattern) => text(Part::Image, pattern),
        SelectorTest::Ip(pattern) => text(Part::Ip, pattern),
        SelectorTest::Label(key, value) => {
            grammar::compiled(key).and_then(|key| Ok(Compiled::Label(key, grammar::compiled(value)?)))
        }
        SelectorTest::Port(number) => Ok(Compiled::Port(*number)),
        SelectorTest::PortIndex(number) => Ok(Compiled::Index(*number)),
    };
    found.unwrap_or(Compiled::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two versions, two instances of each, two ports of each: the inventory of the original's tests.
    fn inventory() -> Vec<Candidate> {
        let group = |version: &str| {
            let labels = [("io.vamp.name".to_owned(), format!("sava:1.{version}"))].into();
            let text = str::to_owned;
            let image = Some("magneticio/sava".to_owned());
            Arc::new(Group {
                name: format!("sava:1.{version}"),
                kind: text("app"),
                namespace: text("vamp"),
                image,
                labels,
            })
        };
        let mut found = Vec::new();
        for (ip, group) in [group("0"), group("0"), group("1"), group("1")].into_iter().enumerate() {
            for (index, port) in [(0, 8080), (1, 8081)] {
                let ip = format!("172.17.0.{}", ip + 1);
                found.push(Candidate { group: Arc::clone(&group), ip, ports: vec![port], index });
            }
        }
        found
    }

    /// By group: the addresses in it.
    fn selected(selector: &str) -> BTreeMap<String, Vec<String>> {
        let matcher = Selector::parse(selector).expect(selector).matcher("vamp");
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in inventory() {
            if let Some(tags) = matcher.tags(&one) {
                let last = one.ip.rsplit('.').next().expect("an address");
                groups.entry(group_name(&tags)).or_default().push(format!("{last}:{}", one.ports[0]));
            }
        }
        groups
    }

    #[test]
    fn instances_are_selected_and_grouped_by_what_was_captured() {
        for (selector, expected) in [
            ("port(8080) and ip(172.17.0.2)", vec![("()", "2:8080")]),
            ("!(port(8080) || ip(172.17.0.2)) && true", vec![("()", "1:8081 3:8081 4:8081")]),
            ("label(io.vamp.*)(sava:1.(.*)) and index(0)", vec![("(0)", "1:8080 2:8080"), ("(1)", "3:8080 4:8080")]),
            (
                "label(io.vamp.*)(sava:1.(.*)) and ip(172.17.0.(.*)) and index(0)",
                vec![("(0),(1)", "1:8080"), ("(0),(2)", "2:8080"), ("(1),(3)", "3:8080"), ("(1),(4)", "4:8080")],
            ),
            ("label(io.(.*))(sava:1.(0)) and port(8081)", vec![("(vamp.name=0)", "1:8081 2:8081")]),
            ("namespace($namespace) and index(1) and name(.*1)", vec![("()", "3:8081 4:8081")]),
            (
                "name(sava:(.*)) and index(0) or ip(172.17.0.(1)) and index(0)",
                vec![("(1),(1.0)", "1:8080"), ("(1.0)", "2:8080"), ("(1.1)", "3:8080 4:8080")],
            ),
            ("kind(service) or image(sava)", vec![]),
            ("not name(sava:(.*))", vec![]),
            ("false", vec![]),
        ] {
            let found = selected(selector);
            let shown: Vec<(&str, String)> = found.iter().map(|(name, all)| (name.as_str(), all.join(" "))).collect();
            let expected: Vec<(&str, String)> =
                expected.into_iter().map(|(name, all)| (name, all.to_owned())).collect();
            assert_eq!(shown, expected, "{selector}");
        }
        assert_eq!(selected("true")["()"].len(), 8);
    }

    #[test]
    fn the_name_of_a_group_is_always_the_name_of_a_route() {
        for tags in [vec![], vec!["a b"], vec!["a/b", "[c]"], vec!["1.0", "x"], vec![""], vec!["\u{7}"]] {
            let name = group_name(&tags.iter().map(|tag| (*tag).to_owned()).collect());
            assert!(name.parse::<crate::model::Name>().is_ok() && name.starts_with('('), "{tags:?}: {name}");
        }
        assert!(group_name(&[String::from("x").repeat(1_000)].into()).len() < 50);
    }
}
