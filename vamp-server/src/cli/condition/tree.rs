//! A condition as a tree, with what each part of it says about a request, and which tests decided.

use crate::cli::screen::Tone;
use serde_json::{Map, Value, json};
use vamp_core::condition::{Expr, Needle, Predicate, Request};

/// A part of a condition.
#[derive(Debug)]
pub(super) struct Branch {
    /// `and`, `or`, `not`, or a test in the words of conditions.
    text: String,
    /// What a test stands for beyond its words.
    note: Option<String>,
    verdict: Verdict,
    /// Whether the whole has its value because of this one.
    decides: bool,
    of: Vec<Self>,
}

/// What a part says about the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no request.
    Unasked,
    Yes,
    No,
    /// Only HAProxy knows.
    Unknown,
}

impl Verdict {
    const fn of(value: Option<bool>) -> Self {
        match value {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }

    const fn value(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No => Some(false),
            Self::Unasked | Self::Unknown => None,
        }
    }

    fn word(self) -> Option<String> {
        match self {
            Self::Unasked => None,
            Self::Yes => Some(Tone::Good.paint("yes")),
            Self::No => Some(Tone::Bad.paint("no")),
            Self::Unknown => Some(Tone::Busy.paint("only HAProxy knows")),
        }
    }
}

impl Branch {
    /// The tree of a condition, tried on a request if there is one.
    pub(super) fn grow(condition: &Expr<Predicate>, request: Option<&impl Request>) -> Self {
        let mut tree = Self::of(condition, request);
        if request.is_some() {
            tree.mark();
        }
        tree
    }

    fn of(condition: &Expr<Predicate>, request: Option<&impl Request>) -> Self {
        let value = |request| condition.evaluate(&mut |test: &Predicate| test.matches(request));
        let verdict = request.map_or(Verdict::Unasked, |request| Verdict::of(value(request)));
        let many = |operands: &[Expr<Predicate>]| operands.iter().map(|one| Self::of(one, request)).collect();
        let (text, of) = match condition {
            Expr::And(operands) => ("and".to_owned(), many(operands)),
            Expr::Or(operands) => ("or".to_owned(), many(operands)),
            Expr::Not(inner) if !matches!(**inner, Expr::Leaf(_)) => ("not".to_owned(), vec![Self::of(inner, request)]),
            test => (test.to_string(), Vec::new()),
        };
        Self { text, note: note(condition), verdict, decides: false, of }
    }

    /// Marks the tests that the value comes from: where one is enough, the first that has that value.
    fn mark(&mut self) {
        if self.of.is_empty() {
            self.decides = true;
            return;
        }
        let (value, single) = (self.verdict.value(), self.text != "not");
        let one_is_enough = single && value == Some(self.text == "or");
        let of = self.of.iter_mut();
        if one_is_enough {
            of.filter(|one| one.verdict.value() == value).take(1).for_each(Self::mark);
        } else {
            // What is unknown is so because of its unknown parts.
            of.filter(|one| value.is_some() || one.verdict == Verdict::Unknown).for_each(Self::mark);
        }
    }

    /// The tests that decided, from left to right, each with its verdict.
    pub(super) fn decisive(&self) -> Vec<String> {
        if self.of.is_empty() {
            return if self.decides { vec![self.text.clone()] } else { Vec::new() };
        }
        self.of.iter().flat_map(Self::decisive).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = Map::new();
        let key = if self.of.is_empty() { "test" } else { "operator" };
        json.insert(key.to_owned(), json!(self.text));
        json.extend(self.note.iter().map(|note| ("note".to_owned(), json!(note))));
        if self.verdict != Verdict::Unasked {
            json.insert("value".to_owned(), json!(self.verdict.value()));
            json.extend(self.of.is_empty().then(|| ("decides".to_owned(), json!(self.decides))));
        }
        if !self.of.is_empty() {
            json.insert("of".to_owned(), self.of.iter().map(Self::to_json).collect());
        }
        Value::Object(json)
    }

    /// The tree with lines between its parts, and the verdicts in a column.
    pub(super) fn draw(&self) -> String {
        let mut rows = Vec::new();
        self.rows("", "", &mut rows);
        let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
        let line = |(left, branch): &(String, &Self)| {
            let pad = width - left.chars().count();
            let verdict = branch.verdict.word().map(|word| format!("{:pad$}  {word}", ""));
            let mark = if branch.decides { "  ◄ decides" } else { "" };
            let note = branch.note.as_ref().map(|note| format!("  {}", Tone::Quiet.paint(format!("({note})"))));
            format!("{left}{}{mark}{}\n", verdict.unwrap_or_default(), note.unwrap_or_default())
        };
        rows.iter().map(line).collect()
    }

    fn rows<'b>(&'b self, first: &str, rest: &str, into: &mut Vec<(String, &'b Self)>) {
        into.push((format!("{first}{}", self.text), self));
        for (place, branch) in self.of.iter().enumerate() {
            let last = place + 1 == self.of.len();
            let (corner, line) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            branch.rows(&format!("{rest}{corner}"), &format!("{rest}{line}"), into);
        }
    }
}

/// What the name of a browser stands for.
fn note(condition: &Expr<Predicate>) -> Option<String> {
    let test = match condition {
        Expr::Not(inner) => inner,
        other => other,
    };
    let Expr::Leaf(Predicate::UserAgent(agent)) = test else { return None };
    let parts: Vec<&str> = agent.parts().iter().map(Needle::as_str).collect();
    (parts != [agent.as_str()]).then(|| format!("the header has {}", parts.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vamp_core::condition::{Condition, RequestParts};

    fn tree(condition: &str, header: Option<(&str, &str)>) -> Branch {
        let condition = Condition::parse(condition).expect("a condition");
        let request = header.map(|(name, value)| {
            let request = http::Request::get("/").header(name, value).body(()).expect("a request");
            request.into_parts().0
        });
        let view = request.as_ref().map(RequestParts::new);
        Branch::grow(condition.expression(), view.as_ref())
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_tree_is_drawn_with_the_verdict_of_every_part() {
        let tree = tree("has header x and (header x == 2 or not (has header y or has header x))", Some(("x", "1")));
        let expected = "\
and                   no
├─ has header x       yes
└─ or                 no
   ├─ header x == 2   no  ◄ decides
   └─ not             no
      └─ or           yes
         ├─ has header y  no
         └─ has header x  yes  ◄ decides
";
        let squeezed = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&plain(&tree.draw())), squeezed(expected));
    }

    #[test]
    fn the_tests_that_decide_are_the_ones_that_the_value_comes_from() {
        for (condition, expected) in [
            ("has header a and has header x", vec!["has header a"]),
            ("has header a or has header x or header x == 1", vec!["has header x"]),
            ("has header a or has header b", vec!["has header a", "has header b"]),
            ("has header x and header x == 1", vec!["has header x", "header x == 1"]),
            ("misses header a", vec!["misses header a"]),
            ("not (has header a or header x == 1)", vec!["header x == 1"]),
            ("< src 10.0.0.1 > and has header x", vec!["< src 10.0.0.1 >"]),
            ("< src 10.0.0.1 > and has header a", vec!["has header a"]),
        ] {
            assert_eq!(tree(condition, Some(("x", "1"))).decisive(), expected, "{condition}");
        }
    }

    #[test]
    fn without_a_request_nothing_is_decided_and_browsers_say_what_they_stand_for() {
        let tree = tree("User-Agent == Safari", None);
        assert_eq!(plain(&tree.draw()), "user-agent has Safari  (the header has Safari and Version)\n");
        assert!(tree.decisive().is_empty());
        assert_eq!(
            tree.to_json(),
            json!({"test": "user-agent has Safari", "note": "the header has Safari and Version"})
        );
    }
}
