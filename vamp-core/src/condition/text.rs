//! Values and names: quoted or bare.

use crate::boolean::{Parsed, fail, fail_with};
use http::HeaderName;
use nom::{Parser, bytes::complete::take_while};
use std::borrow::Cow;

/// How long a value may be, in bytes.
pub const MAX_VALUE: usize = 8 * 1024;
/// How long a name of a header or a cookie may be, in bytes.
const MAX_NAME: usize = 256;

/// A value that is not empty.
pub(super) fn value(input: &str) -> Parsed<'_, Cow<'_, str>> {
    let (rest, value) = string(input)?;
    if value.is_empty() {
        return fail_with(input, "a value that is not empty", "`has` and `misses` test whether something is there");
    }
    if value.len() > MAX_VALUE {
        return fail(input, "a value of at most 8 KiB");
    }
    if let Some(control) = value.chars().find(|c| c.is_control() && *c != '\t') {
        let text = format!("a value without control characters; this one has U+{:04X}", u32::from(control));
        return fail_with(input, text, "no header can carry it");
    }
    Ok((rest, value))
}

/// The name of a header.
pub(super) fn header_name(input: &str) -> Parsed<'_, HeaderName> {
    let (rest, name) = name(input, "the name of a header")?;
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok((rest, name)),
        Err(_) => fail(input, "the name of a header: letters, digits and !#$%&'*+-.^_`|~"),
    }
}

/// The name of a cookie.
pub(super) fn cookie_name(input: &str) -> Parsed<'_, Box<str>> {
    let (rest, name) = name(input, "the name of a cookie")?;
    if !name.bytes().all(|byte| byte.is_ascii_graphic() && !br#"=;,"\()"#.contains(&byte)) {
        return fail(input, r#"the name of a cookie: visible ASCII without = ; , " \ ( and )"#);
    }
    Ok((rest, name.into()))
}

fn name<'a>(input: &'a str, expected: &'static str) -> Parsed<'a, Cow<'a, str>> {
    let (rest, name) = string(input)?;
    if name.contains('=') {
        return fail_with(input, expected, "put a blank between the name and the comparison");
    }
    if name.is_empty() || name.len() > MAX_NAME {
        return fail_with(input, expected, "1 to 256 characters");
    }
    Ok((rest, name))
}

fn string(input: &str) -> Parsed<'_, Cow<'_, str>> {
    match input.as_bytes().first() {
        Some(b'\'') => quoted(input, '\''),
        Some(b'"') => quoted(input, '"'),
        _ => bare(input),
    }
}

fn bare(input: &str) -> Parsed<'_, Cow<'_, str>> {
    const HINT: &str = "quote a value with blanks, parentheses or other than ASCII characters, as in 'a (b)'";
    let (rest, text) = take_while(|c: char| c.is_ascii_graphic() && c != '(' && c != ')').parse(input)?;
    if text.is_empty() {
        return fail_with(input, "a value", HINT);
    }
    match rest.chars().next() {
        Some(c) if c == '(' || !c.is_ascii() => fail_with(rest, "the end of a bare value", HINT),
        _ => Ok((rest, Cow::Borrowed(text))),
    }
}

fn quoted(input: &str, quote: char) -> Parsed<'_, Cow<'_, str>> {
    let mut text = Cow::Borrowed("");
    let mut rest = input;
    while let Some(opened) = rest.strip_prefix(quote) {
        let Some((part, after)) = opened.split_once(quote) else {
            return fail_with(input, "a closing quote", "a quote inside the value is doubled, as in 'it''s'");
        };
        if rest.len() == input.len() {
            text = Cow::Borrowed(part);
        } else {
            text.to_mut().push(quote);
            text.to_mut().push_str(part);
        }
        rest = after;
    }
    Ok((rest, text))
}

/// `text` as [`value`] and the names read it.
pub(super) fn quote(text: &str) -> Cow<'_, str> {
    let bare = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'(' && byte != b')');
    if bare && !text.is_empty() && !text.starts_with(['\'', '"']) {
        return Cow::Borrowed(text);
    }
    match text.contains('\'') && !text.contains('"') {
        true => Cow::Owned(format!("\"{text}\"")),
        false => Cow::Owned(format!("'{}'", text.replace('\'', "''"))),
    }
}
