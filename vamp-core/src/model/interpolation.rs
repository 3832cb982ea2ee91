//! `$` references in values.

use super::text::ParseTextError;

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it is.
    Text(String),
    /// `$name`: an environment variable or a constant of the service itself.
    Local(String),
    /// `$db.ports.sql`: of the cluster or dependency `of`.
    Trait {
        /// A cluster, or the alias of a dependency.
        of: String,
        /// `ports`, `environment_variables`, `constants`, `hosts`.
        group: String,
        /// The name in that group.
        name: String,
    },
    /// `$db.host`: where the gateways of the cluster or dependency are.
    Host(String),
    /// `$config://path`: a value of Vamp itself.
    Global(String),
}

/// Splits a value into text and references; `$$` is a `$`.
pub(crate) fn parse(value: &str) -> Result<Vec<Piece>, ParseTextError> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        push_text(&mut pieces, &rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            push_text(&mut pieces, "$");
            rest = tail;
            continue;
        }
        let (piece, tail) = if let Some(braced) = after.strip_prefix('{') { in_braces(braced) } else { target(after) }
            .map_err(|reason| ParseTextError::new("value", value, reason))?;
        pieces.push(piece);
        rest = tail;
    }
    push_text(&mut pieces, rest);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn in_braces(text: &str) -> Result<(Piece, &str), &'static str> {
    let (inner, tail) = text.split_once('}').ok_or("the closing `}` is missing")?;
    match target(inner.trim())? {
        (piece, "") => Ok((piece, tail)),
        _ => Err("between `${` and `}` stands one reference"),
    }
}

/// The longest reference at the beginning of a text, in the order that the grammar tries them.
fn target(text: &str) -> Result<(Piece, &str), &'static str> {
    let (first, rest) = part(text).ok_or("`$` begins a reference; a `$` itself is written `$$`")?;
    if let Some(path) = rest.strip_prefix("://") {
        let end = path.find(|c: char| c != '.' && !is_part(c)).unwrap_or(path.len());
        return match &path[..end] {
            "" => Err("after `://` stands a path"),
            found => Ok((Piece::Global(format!("{first}://{found}")), &path[end..])),
        };
    }
    let second = rest.strip_prefix('.').and_then(part);
    let third = second.and_then(|(group, rest)| Some((group, rest.strip_prefix('.').and_then(part)?)));
    if let Some((group, (name, tail))) = third {
        return Ok((Piece::Trait { of: first.to_owned(), group: group.to_owned(), name: name.to_owned() }, tail));
    }
    if let Some(tail) = rest.strip_prefix(".host").filter(|tail| !tail.starts_with(is_part)) {
        return Ok((Piece::Host(first.to_owned()), tail));
    }
    Ok((Piece::Local(first.to_owned()), rest))
}

fn part(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

const fn is_part(c: char) -> bool {
    !matches!(c, ' ' | '\t' | '\r' | '\n' | '/' | '[' | ']' | '.' | '{' | '}' | ':' | ';' | ',' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(name: &str) -> Piece {
        Piece::Local(name.to_owned())
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn part_of(of: &str, group: &str, name: &str) -> Piece {
        Piece::Trait { of: of.to_owned(), group: group.to_owned(), name: name.to_owned() }
    }

    #[test]
    fn references_and_text_are_told_apart() {
        for (value, pieces) in [
            ("", vec![]),
            ("plain", vec![text("plain")]),
            ("a$$b", vec![text("a$b")]),
            ("$a", vec![local("a")]),
            ("${ a }b", vec![local("a"), text("b")]),
            ("$a.b", vec![local("a"), text(".b")]),
            ("$db.host:$db.ports.sql", vec![Piece::Host("db".to_owned()), text(":"), part_of("db", "ports", "sql")]),
            ("$db.hostname", vec![local("db"), text(".hostname")]),
            ("$a.b.c.d", vec![part_of("a", "b", "c"), text(".d")]),
            ("$env://HOME/x", vec![Piece::Global("env://HOME".to_owned()), text("/x")]),
        ] {
            assert_eq!(parse(value), Ok(pieces), "{value}");
        }
    }

    #[test]
    fn a_dangling_reference_is_refused() {
        for bad in ["$", "a$ b", "${a", "${a b}", "$.a", "${}", "$conf://"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
