//! The operands of a selector.

use super::SelectorTest;
use crate::boolean::{Expr, Parsed, blanks, fail, fail_with, keyword};

/// How long a pattern may be, in bytes.
const MAX_PATTERN: usize = 1_024;
/// What a compiled pattern may cost, in bytes.
const MAX_COMPILED: usize = 1 << 20;

type OnePattern = fn(Box<str>) -> SelectorTest;
type OneNumber = fn(u16) -> SelectorTest;

// A longer word stands before one that it begins with.
const PATTERNS: [(&str, OnePattern); 9] = [
    ("namespace", SelectorTest::Namespace),
    ("name", SelectorTest::Name),
    ("id", SelectorTest::Name),
    ("kind", SelectorTest::Kind),
    ("type", SelectorTest::Kind),
    ("group", SelectorTest::Namespace),
    ("image", SelectorTest::Image),
    ("ip", SelectorTest::Ip),
    ("host", SelectorTest::Ip),
];
const NUMBERS: [(&str, OneNumber); 3] =
    [("port_index", SelectorTest::PortIndex), ("port", SelectorTest::Port), ("index", SelectorTest::PortIndex)];
const CONSTANTS: [(&str, bool); 6] =
    [("true", true), ("false", false), ("t", true), ("f", false), ("1", true), ("0", false)];

/// One operand.
pub(super) fn test(input: &str) -> Parsed<'_, Expr<SelectorTest>> {
    if let Some(rest) = operand(input, "label") {
        let (rest, name) = pattern(rest)?;
        let (rest, value) = pattern(blanks(rest))?;
        return Ok((rest, Expr::Leaf(SelectorTest::Label(name, value))));
    }
    for (word, make) in PATTERNS {
        if let Some(rest) = operand(input, word) {
            return pattern(rest).map(|(rest, found)| (rest, Expr::Leaf(make(found))));
        }
    }
    for (word, make) in NUMBERS {
        if let Some(rest) = operand(input, word) {
            return number(rest).map(|(rest, found)| (rest, Expr::Leaf(make(found))));
        }
    }
    for (word, value) in CONSTANTS {
        let after = keyword(input, word);
        if let Some(rest) = after.filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')) {
            return Ok((rest, Expr::Constant(value)));
        }
    }
    fail_with(
        input,
        "`name`, `kind`, `namespace`, `image`, `label`, `ip`, `port`, `index`, `true` or `false`",
        "for example `label (app)(shop) and port (8080)`",
    )
}

/// `input` after an operand's word and the blanks behind it, if its parenthesis or the end follows.
fn operand<'a>(input: &'a str, word: &str) -> Option<&'a str> {
    let rest = keyword(input, word).map(blanks)?;
    (rest.is_empty() || rest.starts_with('(')).then_some(rest)
}

fn pattern(input: &str) -> Parsed<'_, Box<str>> {
    let Some(inner) = input.strip_prefix('(') else {
        return fail_with(input, "`(`", "the pattern stands in parentheses, as in `name (shop.*)`");
    };
    let (rest, text) = up_to_parenthesis(inner)?;
    if text.is_empty() || text.len() > MAX_PATTERN {
        return fail(inner, "a pattern of 1 to 1024 bytes");
    }
    match compiled(text) {
        Ok(regex) if regex.captures_len() <= 2 => Ok((rest, text.into())),
        Ok(_) => {
            fail_with(inner, "a pattern with at most one group", "write `(?: )` for a group that captures nothing")
        }
        Err(error) => fail_with(inner, "a regular expression", reason(&error)),
    }
}

/// The pattern, for the whole of a value.
pub(super) fn compiled(pattern: &str) -> Result<regex::Regex, regex::Error> {
    let whole = format!("^(?:{pattern})$");
    regex::RegexBuilder::new(&whole).size_limit(MAX_COMPILED).nest_limit(32).build()
}

/// The last line says what is wrong; those before show the pattern.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => "the pattern takes too much memory".to_owned(),
        other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// The text up to the parenthesis that closes it. One level of parentheses may stand in it; one behind `\` is text.
fn up_to_parenthesis(input: &str) -> Parsed<'_, &str> {
    let mut depth = 0;
    let mut escaped = false;
    for (at, c) in input.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' if depth == 1 => return fail(&input[at..], "no parentheses inside of a group"),
            '(' => depth += 1,
            ')' if depth == 0 => return Ok((&input[at + 1..], &input[..at])),
            ')' => depth -= 1,
            _ => {}
        }
    }
    fail(input, "a closing `)`")
}

fn number(input: &str) -> Parsed<'_, u16> {
    let digits = input.strip_prefix('(').and_then(|inner| inner.split_once(')'));
    let number = digits.and_then(|(digits, rest)| {
        let digits = digits.trim();
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten().map(|number| (rest, number))
    });
    match number {
        Some(found) => Ok(found),
        None => fail_with(input, "a number between 0 and 65535 in parentheses", "for example `port (8080)`"),
    }
}
