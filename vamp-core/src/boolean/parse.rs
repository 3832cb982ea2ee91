//! The parser of the skeleton around operands that a caller brings.

use super::{Expr, ParseError};
use nom::{
    IResult, Parser,
    bytes::complete::take_while,
    error::{ErrorKind, ParseError as NomError},
};
use std::borrow::Cow;

/// How deep parentheses may nest.
pub const MAX_DEPTH: usize = 128;
/// How long a text may be, in bytes; the number of operands follows from it.
pub const MAX_TEXT: usize = 64 * 1024;

/// What a parser of a part of `'a` returns.
pub(crate) type Parsed<'a, T> = IResult<&'a str, T, Problem<'a>>;

/// What was expected where `at` begins.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    at: &'a str,
    expected: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
}

impl<'a> NomError<&'a str> for Problem<'a> {
    fn from_error_kind(at: &'a str, _: ErrorKind) -> Self {
        Self { at, expected: Cow::Borrowed("something else"), hint: None }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// Ends parsing: `expected` is missing where `at` begins.
pub(crate) fn fail<'a, T>(at: &'a str, expected: &'static str) -> Parsed<'a, T> {
    Err(nom::Err::Failure(Problem { at, expected: Cow::Borrowed(expected), hint: None }))
}

/// Ends parsing, with a word about what would help.
pub(crate) fn fail_with<'a, T>(
    at: &'a str,
    expected: impl Into<Cow<'static, str>>,
    hint: impl Into<Cow<'static, str>>,
) -> Parsed<'a, T> {
    Err(nom::Err::Failure(Problem { at, expected: expected.into(), hint: Some(hint.into()) }))
}

/// Whether `c` is white space in these grammars.
pub(crate) const fn blank(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t' | '\x0c')
}

/// `input` after any blanks.
pub(crate) fn blanks(input: &str) -> &str {
    let skipped: Parsed<'_, &str> = take_while(blank).parse(input);
    skipped.map_or(input, |(rest, _)| rest)
}

/// `input` after `word`, taken in any case.
pub(crate) fn keyword<'a>(input: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = input.split_at_checked(word.len())?;
    head.eq_ignore_ascii_case(word).then_some(rest)
}

/// Parses `input` as an expression over what `operand` parses.
pub(crate) fn parse<'a, P>(
    input: &'a str,
    operand: impl Fn(&'a str) -> Parsed<'a, Expr<P>>,
) -> Result<Expr<P>, ParseError> {
    if input.len() > MAX_TEXT {
        let start = input.get(..input.floor_char_boundary(MAX_TEXT)).unwrap_or_default();
        return Err(ParseError::new(start, MAX_TEXT, "at most 64 KiB of text", None));
    }
    let parsed = expression(input, 0, &operand).and_then(|(rest, parsed)| match blanks(rest) {
        "" => Ok(parsed),
        rest => unexpected(rest),
    });
    parsed.map_err(|error| match error {
        nom::Err::Error(problem) | nom::Err::Failure(problem) => {
            ParseError::new(input, input.len() - problem.at.len(), &problem.expected, problem.hint.as_deref())
        }
        nom::Err::Incomplete(_) => ParseError::new(input, input.len(), "more", None),
    })
}

fn unexpected<T>(rest: &str) -> Result<T, nom::Err<Problem<'_>>> {
    const EXPECTED: &str = "`and`, `or` or the end";
    let problem = match rest.starts_with(')') {
        true => fail_with(rest, EXPECTED, "no parenthesis is open here; a value with parentheses needs quotes"),
        false => fail_with(rest, EXPECTED, "maybe quote the value, as in 'a value with blanks'"),
    };
    problem.map(|(_, never)| never)
}

fn expression<'a, P>(
    input: &'a str,
    depth: usize,
    operand: &impl Fn(&'a str) -> Parsed<'a, Expr<P>>,
) -> Parsed<'a, Expr<P>> {
    let (mut rest, first) = conjunction(input, depth, operand)?;
    let Some(mut next) = operator(rest, "or", '|') else { return Ok((rest, first)) };
    let mut operands = Vec::with_capacity(4);
    operands.push(first);
    loop {
        let (after, parsed) = conjunction(next, depth, operand)?;
        operands.push(parsed);
        rest = after;
        match operator(rest, "or", '|') {
            Some(after) => next = after,
            None => return Ok((rest, Expr::or(operands))),
        }
    }
}

fn conjunction<'a, P>(
    input: &'a str,
    depth: usize,
    operand: &impl Fn(&'a str) -> Parsed<'a, Expr<P>>,
) -> Parsed<'a, Expr<P>> {
    let (mut rest, first) = factor(input, depth, operand)?;
    let Some(mut next) = operator(rest, "and", '&') else { return Ok((rest, first)) };
    let mut operands = Vec::with_capacity(4);
    operands.push(first);
    loop {
        let (after, parsed) = factor(next, depth, operand)?;
        operands.push(parsed);
        rest = after;
        match operator(rest, "and", '&') {
            Some(after) => next = after,
            None => return Ok((rest, Expr::and(operands))),
        }
    }
}

/// `input` after the operator that is written `word`, or as one or two of `symbol`.
fn operator<'a>(input: &'a str, word: &str, symbol: char) -> Option<&'a str> {
    let input = blanks(input);
    match input.strip_prefix(symbol) {
        Some(rest) => Some(rest.strip_prefix(symbol).unwrap_or(rest)),
        None => whole_word(input, word),
    }
}

/// `input` after `word`, if a blank or a parenthesis follows.
fn whole_word<'a>(input: &'a str, word: &str) -> Option<&'a str> {
    keyword(input, word).filter(|rest| rest.starts_with(|c| blank(c) || c == '('))
}

fn factor<'a, P>(
    input: &'a str,
    depth: usize,
    operand: &impl Fn(&'a str) -> Parsed<'a, Expr<P>>,
) -> Parsed<'a, Expr<P>> {
    let input = blanks(input);
    let Some(rest) = negation(input) else { return plain(input, depth, operand) };
    if negation(rest).is_some() {
        return fail_with(rest, "what is negated", "write a double negation as not (not …)");
    }
    plain(rest, depth, operand).map(|(rest, parsed)| (rest, Expr::negation(parsed)))
}

fn negation(input: &str) -> Option<&str> {
    input.strip_prefix('!').or_else(|| whole_word(input, "not")).map(blanks)
}

fn plain<'a, P>(
    input: &'a str,
    depth: usize,
    operand: &impl Fn(&'a str) -> Parsed<'a, Expr<P>>,
) -> Parsed<'a, Expr<P>> {
    let Some(inner) = input.strip_prefix('(') else { return operand(input) };
    if depth >= MAX_DEPTH {
        return fail(input, "at most 128 parentheses inside each other");
    }
    let (rest, parsed) = expression(inner, depth + 1, operand)?;
    let rest = blanks(rest);
    match rest.strip_prefix(')') {
        Some(rest) => Ok((rest, parsed)),
        None => fail_with(rest, "`and`, `or` or `)`", "maybe quote the value, as in 'a value with blanks'"),
    }
}
