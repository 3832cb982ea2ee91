//! Conditions as lines of HAProxy, of a number that is linear in the size of the condition.
//!
//! Negations are pushed to the tests. A test is an `acl`; whatever does not fit into HAProxy's `a b or c !d` becomes a
//! variable that is set to true by a rule before, and tested by an `acl` itself. What occurs twice is rendered once.

use std::{borrow::Cow, collections::HashMap};
use vamp_core::condition::{Condition, Expr, Match, Predicate};

/// The most tests of one rule: HAProxy takes 64 words a line, and each test may come with an `or`.
const MAX_TESTS: usize = 24;

/// What stands in a frontend or a backend: first the `acl` lines, then the rules, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// `acl <name> …`
    pub acls: Vec<String>,
    /// `<verb> <action> if …`, the last of which is the one that was asked for.
    pub rules: Vec<String>,
}

/// The lines that do `action` for requests that meet `condition`.
///
/// `verb` is what rules begin with: `http-request` or `tcp-request content`. `prefix` begins the names of ACLs and of
/// variables of the transaction; it consists of letters, digits and `_`, and no two calls for one section share it.
///
/// ```
/// # use vamp_core::condition::Condition;
/// # use vamp_drivers::gateway::haproxy::condition_lines;
/// let condition = Condition::parse("host == a and has cookie beta")?;
/// let lines = condition_lines("http-request", "c0", "set-var(txn.c) str(beta)", &condition);
/// assert_eq!(lines.acls, [
///     "acl c0_a0 req.fhdr(host),host_only,lower -m str -- a",
///     "acl c0_a1 req.cook(beta) -m found",
/// ]);
/// assert_eq!(lines.rules, ["http-request set-var(txn.c) str(beta) if c0_a0 c0_a1"]);
/// # Ok::<(), vamp_core::condition::ParseError>(())
/// ```
#[must_use]
pub fn condition_lines(verb: &'static str, prefix: &str, action: &str, condition: &Condition) -> Lines {
    let mut conditions = Conditions::new(verb, prefix.to_owned());
    conditions.when(action, condition);
    conditions.into_lines()
}

/// The conditions of one section, which share what they have in common.
#[derive(Debug)]
pub(super) struct Conditions {
    verb: &'static str,
    prefix: String,
    lines: Lines,
    /// Names by what they stand for: the text of an ACL, or the names that a variable is made of.
    names: HashMap<String, String>,
}

/// An alternative: names of ACLs that must all hold, some behind `!`.
type Term = Vec<String>;

impl Conditions {
    /// Nothing yet. The arguments are those of [`condition_lines`].
    pub(super) fn new(verb: &'static str, prefix: String) -> Self {
        Self { verb, prefix, lines: Lines::default(), names: HashMap::new() }
    }

    /// Does `action` once for requests that meet `condition`.
    pub(super) fn when(&mut self, action: &str, condition: &Condition) {
        match condition.expanded().into_nnf() {
            Expr::Constant(false) => {}
            Expr::Constant(true) => self.lines.rules.push(format!("{} {action}", self.verb)),
            expression => {
                let mut terms = self.terms(&expression);
                if terms.iter().map(Vec::len).sum::<usize>() > MAX_TESTS {
                    terms = vec![vec![self.variable(&terms)]];
                }
                self.rule(action, &terms);
            }
        }
    }

    /// All lines.
    pub(super) fn into_lines(self) -> Lines {
        self.lines
    }

    fn terms(&mut self, expression: &Expr<Cow<'_, Predicate>>) -> Vec<Term> {
        match expression {
            Expr::Or(operands) => operands.iter().map(|operand| self.term(operand)).collect(),
            other => vec![self.term(other)],
        }
    }

    fn term(&mut self, expression: &Expr<Cow<'_, Predicate>>) -> Term {
        let Expr::And(operands) = expression else { return vec![self.test(expression)] };
        let mut tests = Vec::new();
        for operand in operands {
            if tests.len() == MAX_TESTS {
                tests = vec![self.variable(&[tests])];
            }
            tests.push(self.test(operand));
        }
        tests
    }

    /// One name, maybe behind `!`.
    fn test(&mut self, expression: &Expr<Cow<'_, Predicate>>) -> String {
        match expression {
            Expr::Leaf(predicate) => self.acl(predicate),
            Expr::Not(inner) => format!("!{}", self.test(inner)),
            Expr::And(_) | Expr::Or(_) | Expr::Constant(_) => {
                let terms = self.terms(expression);
                self.variable(&terms)
            }
        }
    }

    fn acl(&mut self, predicate: &Predicate) -> String {
        let text = acl_text(predicate);
        if let Some(name) = self.names.get(&text) {
            return name.clone();
        }
        let name = format!("{}_a{}", self.prefix, self.names.len());
        self.lines.acls.push(["acl ", &name, " ", &text].concat());
        self.names.insert(text, name.clone());
        name
    }

    /// The name of the test of a variable that is true if one of `terms` holds.
    fn variable(&mut self, terms: &[Term]) -> String {
        let text = alternatives(terms);
        if let Some(name) = self.names.get(&text) {
            return name.clone();
        }
        let name = format!("{}_n{}", self.prefix, self.names.len());
        self.lines.acls.push(format!("acl {name} var(txn.{name}) -m bool"));
        let action = format!("set-var(txn.{name}) bool(true)");
        let mut rest = terms;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            self.rule(&action, now);
            rest = later;
        }
        self.names.insert(text, name.clone());
        name
    }

    fn rule(&mut self, action: &str, terms: &[Term]) {
        self.lines.rules.push([self.verb, " ", action, " if ", &alternatives(terms)].concat());
    }
}

fn alternatives(terms: &[Term]) -> String {
    terms.iter().map(|term| term.join(" ")).collect::<Vec<_>>().join(" or ")
}

/// How many of `terms` fit into one rule; one at least, as no term is longer than that.
fn fitting(terms: &[Term]) -> usize {
    let mut tests = 0;
    let fit = terms.iter().take_while(|term| {
        tests += term.len();
        tests <= MAX_TESTS
    });
    fit.count().max(1)
}

/// What stands behind the name of an `acl`.
fn acl_text(predicate: &Predicate) -> String {
    match predicate {
        // A port is what `host_only` takes away: a value that has one is compared with the whole header.
        Predicate::Host(host) if host.has_port() => format!("req.fhdr(host),lower -m str -- {}", word(host.as_str())),
        Predicate::Host(host) => format!("req.fhdr(host),host_only,lower -m str -- {}", word(host.as_str())),
        Predicate::UserAgent(agent) => format!("req.fhdr(user-agent) -m sub -- {}", word(agent.as_str())),
        Predicate::HeaderPresent(name) => format!("{} -m found", fetch("req.fhdr", name.as_str())),
        Predicate::CookiePresent(name) => format!("{} -m found", fetch("req.cook", name)),
        Predicate::Header { name, test } => format!("{} {}", fetch("req.fhdr", name.as_str()), test_text(test)),
        Predicate::Cookie { name, test } => format!("{} {}", fetch("req.cook", name), test_text(test)),
        Predicate::Path(test) => format!("path {}", test_text(test)),
        Predicate::Method(method) => format!("method -- {}", word(method)),
        Predicate::ClientIp(network) => format!("src -- {network}"),
        Predicate::Native(text) => text.clone().into_string(),
    }
}

fn test_text(test: &Match) -> String {
    match test {
        Match::Equals(value) => format!("-m str -- {}", word(value)),
        Match::Contains(value) => format!("-m sub -- {}", word(value.as_str())),
        Match::StartsWith(value) => format!("-m beg -- {}", word(value)),
        Match::EndsWith(value) => format!("-m end -- {}", word(value)),
        Match::Matches(pattern) if pattern.ignores_case() => format!("-m reg -i -- {}", word(pattern.body())),
        Match::Matches(pattern) => format!("-m reg -- {}", word(pattern.body())),
    }
}

/// A fetch with a name as its argument, where HAProxy reads quotes once more.
fn fetch(method: &str, name: &str) -> String {
    let name = if name.contains('\'') { Cow::Owned(name.replace('\'', "\\'")) } else { Cow::Borrowed(name) };
    let text = [method, "(", &name, ")"].concat();
    match word(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(quoted) => quoted,
    }
}

/// `text` as one word of the configuration, every byte literal.
fn word(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@()+*^[]".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        let condition = Condition::parse(text).unwrap_or_else(|error| panic!("{error}"));
        condition_lines("http-request", "c", "deny", &condition)
    }

    fn acl(text: &str) -> String {
        let lines = lines(text);
        assert_eq!((lines.acls.len(), lines.rules.len()), (1, 1), "{lines:?}");
        lines.acls[0].strip_prefix("acl c_a0 ").unwrap().to_owned()
    }

    #[test]
    fn every_test_has_its_acl() {
        for (condition, text) in [
            ("host == Shop.example", "req.fhdr(host),host_only,lower -m str -- shop.example"),
            ("host == shop.example:80", "req.fhdr(host),lower -m str -- shop.example:80"),
            ("host == [::1]", "req.fhdr(host),host_only,lower -m str -- [::1]"),
            ("user-agent == chrome", "req.fhdr(user-agent) -m sub -- Chrome"),
            ("has header X-A", "req.fhdr(x-a) -m found"),
            ("has header x'a", "'req.fhdr(x\\'\\''a)' -m found"),
            ("misses cookie a", "req.cook(a) -m found"),
            ("header a == 'b c'", "req.fhdr(a) -m str -- 'b c'"),
            ("header a has it's", "req.fhdr(a) -m sub -- 'it'\\''s'"),
            ("cookie a starts with $HOME", "req.cook(a) -m beg -- '$HOME'"),
            ("path ends with #\"\\", "path -m end -- '#\"\\'"),
            ("path matches ^/a$", "path -m reg -- '^/a$'"),
            ("path matches '(?i)^/a'", "path -m reg -i -- ^/a"),
            ("path == -f", "path -m str -- -f"),
            ("method == get", "method -- GET"),
            ("client ip in 10.1.0.0/8", "src -- 10.0.0.0/8"),
            ("< path_reg ^/a$ >", "path_reg ^/a$"),
        ] {
            assert_eq!(acl(condition), text);
        }
    }

    #[test]
    fn nested_alternatives_become_variables_and_what_occurs_twice_is_rendered_once() {
        let shared = "(has cookie a or has cookie b)";
        let lines = lines(&format!("{shared} and has cookie c or {shared} and not has cookie a"));
        assert_eq!(
            lines.acls,
            [
                "acl c_a0 req.cook(a) -m found",
                "acl c_a1 req.cook(b) -m found",
                "acl c_n2 var(txn.c_n2) -m bool",
                "acl c_a3 req.cook(c) -m found",
            ]
        );
        assert_eq!(
            lines.rules,
            [
                "http-request set-var(txn.c_n2) bool(true) if c_a0 or c_a1",
                "http-request deny if c_n2 c_a3 or c_n2 !c_a0",
            ]
        );
    }

    #[test]
    fn no_rule_has_more_words_than_haproxy_takes_and_the_action_stands_once() {
        let tests: Vec<String> = (0..200).map(|i| format!("has cookie c{i}")).collect();
        for text in [tests.join(" and "), tests.join(" or "), format!("not ({})", tests.join(" and "))] {
            let lines = lines(&text);
            assert!(lines.rules.len() <= 12, "{} rules", lines.rules.len());
            assert!(lines.rules.iter().all(|rule| rule.split(' ').count() <= 60), "{lines:?}");
            assert_eq!(lines.rules.iter().filter(|rule| rule.contains(" deny ")).count(), 1);
        }
    }

    #[test]
    fn the_number_of_lines_grows_with_the_text_and_not_with_its_normal_form() {
        let pairs: Vec<String> = (0..64).map(|i| format!("(has cookie a{i} or has cookie b{i})")).collect();
        let lines = lines(&pairs.join(" and "));
        assert!(
            lines.acls.len() < 64 * 3 + 8 && lines.rules.len() < 64 + 8,
            "{} {}",
            lines.acls.len(),
            lines.rules.len()
        );
    }
}
