//! The tests of a condition: what stands between `and`, `or`, `not` and parentheses.

use super::{Cidr, Expr, Host, Match, Needle, Pattern, Predicate, UserAgent, native, text};
use crate::boolean::{Parsed, blank, blanks, fail, fail_with, keyword};
use std::{borrow::Cow, cell::Cell};

type Test<'a> = Parsed<'a, Expr<Predicate>>;

const EXPECTED: &str = "a test such as `host == x`, `user-agent has x`, `has header x`, `cookie x == y`, `path starts \
                        with /x`, `method == GET`, `client ip in 10.0.0.0/8`";
const COMPARISON: &str = "==, !=, has, misses, starts with, ends with or matches";

/// How many regular expressions a condition may have: each takes its time to compile, and memory.
pub(super) const MAX_PATTERNS: usize = 64;

/// One test; `patterns` counts the regular expressions up to now.
pub(super) fn test<'a>(input: &'a str, patterns: &Cell<usize>) -> Test<'a> {
    let parsed = match input.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'<') => input.strip_prefix('<').map(raw),
        Some(b'u') => user_agent_keyword(input).map(user_agent),
        Some(b'c') => keyword(input, "cookie")
            .map(|rest| cookie(rest, patterns))
            .or_else(|| client_ip_keyword(input).map(client_ip))
            .or_else(|| presence(input)),
        Some(b'h') => keyword(input, "host")
            .map(host)
            .or_else(|| keyword(input, "header").map(|rest| header(rest, patterns)))
            .or_else(|| presence(input)),
        Some(b'p') => keyword(input, "path").map(|rest| path(rest, patterns)),
        Some(b'm') => keyword(input, "method").map(method).or_else(|| presence(input)),
        _ => None,
    };
    parsed.unwrap_or_else(|| fail_with(input, EXPECTED, "HAProxy's own tests stand between < and >"))
}

/// How a value is compared.
#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Equals,
    Differs,
    Has,
    Misses,
    StartsWith,
    EndsWith,
    Matches,
}

/// A comparison and the blanks around it.
fn comparison(input: &str) -> Option<(&str, Comparison)> {
    use Comparison::{Differs, EndsWith, Equals, Has, Matches, Misses, StartsWith};
    let text = blanks(input);
    let apart = text.len() < input.len();
    let sign = match text.as_bytes() {
        [b'=', b'=', ..] => Some((2, Equals)),
        [b'=', ..] => Some((1, Equals)),
        [b'!', b'=', ..] => Some((2, Differs)),
        [b'!', ..] => Some((1, Differs)),
        _ => None,
    };
    if let Some((length, comparison)) = sign {
        return text.get(length..).map(|rest| (blanks(rest), comparison));
    }
    let word = |words, comparison| Some((spaced(text, words)?, comparison));
    match text.as_bytes().first().map(u8::to_ascii_lowercase) {
        Some(b'h') => word(&["has"], Has),
        Some(b'c') => word(&["contains"], Has),
        Some(b'm') => word(&["misses"], Misses).or_else(|| word(&["matches"], Matches)),
        Some(b's') => word(&["starts", "with"], StartsWith),
        Some(b'e') => word(&["ends", "with"], EndsWith),
        Some(b'i') if apart => word(&["is"], Equals),
        Some(b'n') if apart => word(&["not"], Differs),
        _ => None,
    }
}

/// `input` after `words`, each with a blank behind it.
fn spaced<'a>(input: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().try_fold(input, |rest, word| keyword(rest, word).filter(|rest| rest.starts_with(blank)).map(blanks))
}

/// `leaf`, or its negation.
fn leaf(leaf: Predicate, negated: bool) -> Expr<Predicate> {
    let leaf = Expr::Leaf(leaf);
    if negated { Expr::negation(leaf) } else { leaf }
}

/// A comparison that is equality or its opposite, by the words that mean that for this subject.
fn equality<'a>(input: &'a str, also_has: bool, expected: &'static str, hint: &'static str) -> Parsed<'a, bool> {
    match comparison(input) {
        Some((rest, Comparison::Equals)) => Ok((rest, false)),
        Some((rest, Comparison::Differs)) => Ok((rest, true)),
        Some((rest, Comparison::Has)) if also_has => Ok((rest, false)),
        Some((rest, Comparison::Misses)) if also_has => Ok((rest, true)),
        _ => fail_with(blanks(input), expected, hint),
    }
}

fn host(input: &str) -> Test<'_> {
    const HINT: &str = "`header host` can be compared in other ways, as in: header host ends with .example.com";
    let (rest, negated) = equality(input, true, "==, !=, is, not, has or misses", HINT)?;
    let (rest, value) = text::value(rest)?;
    Ok((rest, leaf(Predicate::Host(Host::new(&value)), negated)))
}

fn user_agent_keyword(input: &str) -> Option<&str> {
    let rest = keyword(input, "user")?;
    keyword(rest.strip_prefix(['-', '.']).unwrap_or(rest), "agent")
}

fn user_agent(input: &str) -> Test<'_> {
    const HINT: &str = "`header user-agent` can be compared in other ways, as in: header user-agent starts with curl/";
    let (rest, negated) = equality(input, true, "==, !=, is, not, has or misses", HINT)?;
    let (rest, value) = text::value(rest)?;
    Ok((rest, leaf(Predicate::UserAgent(UserAgent::new(&value)), negated)))
}

fn method(input: &str) -> Test<'_> {
    let (rest, negated) = equality(input, false, "==, !=, is or not", "for several methods use `or`")?;
    let (after, value) = text::value(rest)?;
    match http::Method::from_bytes(value.as_bytes()) {
        Ok(_) => Ok((after, leaf(Predicate::Method(value.to_ascii_uppercase().into()), negated))),
        Err(_) => fail(rest, "the name of a method, such as GET"),
    }
}

/// `has header x`, `misses cookie x`.
fn presence(input: &str) -> Option<Test<'_>> {
    let has = spaced(input, &["has"]).or_else(|| spaced(input, &["contains"]));
    let (rest, negated) = match has {
        Some(rest) => (rest, false),
        None => (spaced(input, &["misses"])?, true),
    };
    if let Some(rest) = spaced(rest, &["header"]) {
        return Some(text::header_name(rest).map(|(rest, name)| (rest, leaf(Predicate::HeaderPresent(name), negated))));
    }
    if let Some(rest) = spaced(rest, &["cookie"]) {
        return Some(text::cookie_name(rest).map(|(rest, name)| (rest, leaf(Predicate::CookiePresent(name), negated))));
    }
    Some(fail(rest, "`header` or `cookie`, and its name"))
}

fn header<'a>(input: &'a str, patterns: &Cell<usize>) -> Test<'a> {
    let (rest, name) = text::header_name(subject(input, "a blank and the name of a header")?.0)?;
    compared(rest, patterns, |test| Predicate::Header { name, test })
}

fn cookie<'a>(input: &'a str, patterns: &Cell<usize>) -> Test<'a> {
    let (rest, name) = text::cookie_name(subject(input, "a blank and the name of a cookie")?.0)?;
    compared(rest, patterns, |test| Predicate::Cookie { name, test })
}

fn path<'a>(input: &'a str, patterns: &Cell<usize>) -> Test<'a> {
    compared(input, patterns, Predicate::Path)
}

/// What follows the blank after `header` or `cookie`.
fn subject<'a>(input: &'a str, expected: &'static str) -> Parsed<'a, ()> {
    if input.starts_with(blank) { Ok((blanks(input), ())) } else { fail(input, expected) }
}

/// A comparison and a value.
fn compared<'a>(input: &'a str, patterns: &Cell<usize>, predicate: impl FnOnce(Match) -> Predicate) -> Test<'a> {
    let Some((rest, comparison)) = comparison(input) else {
        let text = blanks(input);
        return fail_with(text, COMPARISON, "to test whether it is there at all: has header x, misses cookie x");
    };
    let (after, value) = text::value(rest)?;
    let (test, negated) = match comparison {
        Comparison::Equals => (Match::Equals(value.into()), false),
        Comparison::Differs => (Match::Equals(value.into()), true),
        Comparison::Has => (Match::Contains(Needle::new(&value)), false),
        Comparison::Misses => (Match::Contains(Needle::new(&value)), true),
        Comparison::StartsWith => (Match::StartsWith(value.into()), false),
        Comparison::EndsWith => (Match::EndsWith(value.into()), false),
        Comparison::Matches if patterns.replace(patterns.get() + 1) >= MAX_PATTERNS => {
            return fail_with(rest, "at most 64 regular expressions", "an alternation in one of them may do: (a|b)");
        }
        Comparison::Matches => (Match::Matches(pattern(rest, &value, matches!(value, Cow::Borrowed(_)))?.1), false),
    };
    Ok((after, leaf(predicate(test), negated)))
}

/// The regular expression `value`, which is written where `input` begins: `exactly` so, but for quotes around it.
fn pattern<'a>(input: &'a str, value: &str, exactly: bool) -> Parsed<'a, Pattern> {
    match Pattern::new(value) {
        Ok(pattern) => Ok((input, pattern)),
        Err(invalid) => {
            let quote = usize::from(input.starts_with(['\'', '"']));
            let shift = if exactly { quote + invalid.offset() } else { 0 };
            let at = input.get(input.floor_char_boundary(shift)..).unwrap_or(input);
            fail_with(at, "a regular expression that HAProxy reads alike", invalid.to_string())
        }
    }
}

fn client_ip_keyword(input: &str) -> Option<&str> {
    let rest = keyword(input, "client")?;
    let rest = rest.strip_prefix(['-', '.']).unwrap_or_else(|| blanks(rest));
    keyword(rest, "ip").filter(|rest| rest.starts_with(|c| blank(c) || c == '=' || c == '!'))
}

fn client_ip(input: &str) -> Test<'_> {
    let text = blanks(input);
    let (rest, negated) = match (spaced(text, &["in"]), spaced(text, &["not", "in"])) {
        (Some(rest), _) => (rest, false),
        (_, Some(rest)) => (rest, true),
        _ => equality(input, false, "in, not in, == or !=", "as in: client ip in 10.0.0.0/8")?,
    };
    let (after, value) = text::value(rest)?;
    match value.parse::<Cidr>() {
        Ok(network) => Ok((after, leaf(Predicate::ClientIp(network), negated))),
        Err(_) => fail(rest, "an address, or a network such as 10.0.0.0/8 or 2001:db8::/32"),
    }
}

fn raw(input: &str) -> Test<'_> {
    let Some(end) = input.find(['<', '>']).filter(|end| input.as_bytes().get(*end) == Some(&b'>')) else {
        return fail(input, "a test of HAProxy and its closing >, without < or > inside");
    };
    let (text, rest) = input.split_at(end);
    match native::check(text.trim()) {
        Ok(()) => Ok((rest.get(1..).unwrap_or_default(), Expr::Leaf(Predicate::Native(text.trim().into())))),
        Err(reason) => fail_with(input, "a test of HAProxy that is safe to pass on", reason.to_string()),
    }
}
