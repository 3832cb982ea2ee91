//! [`ParseError`].

use std::fmt::{self, Display};

/// How much of a long line an error shows on each side of its place, in characters.
const WINDOW: usize = 50;

/// Where a text stops being what it should be, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    input: Box<str>,
    offset: usize,
    expected: Box<str>,
    hint: Option<Box<str>>,
}

impl ParseError {
    /// An error at byte `offset` of `input`; an offset past the end, or inside a character, is moved back to the next
    /// place that exists.
    #[must_use]
    pub fn new(input: &str, offset: usize, expected: &str, hint: Option<&str>) -> Self {
        let offset = input.floor_char_boundary(offset);
        Self { input: input.into(), offset, expected: expected.into(), hint: hint.map(Into::into) }
    }

    /// The whole text.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The place of the error in the text, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The line of the error, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        1 + self.before().matches('\n').count()
    }

    /// The place of the error in its line, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        1 + self.before().rsplit('\n').next().unwrap_or_default().chars().count()
    }

    /// What was expected at that place.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// What would probably help.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn before(&self) -> &str {
        self.input.get(..self.offset).unwrap_or_default()
    }

    /// The part of the line around the error, fit for a terminal, and the place of the error in it.
    fn excerpt(&self) -> (String, usize) {
        let line = self.input.lines().nth(self.line() - 1).unwrap_or_default();
        let place = self.column() - 1;
        let start = place.saturating_sub(WINDOW);
        let mut text = String::from(if start > 0 { "…" } else { "" });
        let shift = text.chars().count();
        text.extend(line.chars().skip(start).take(2 * WINDOW).map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        }));
        if line.chars().nth(start + 2 * WINDOW).is_some() {
            text.push('…');
        }
        (text, place - start + shift)
    }
}

impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, place) = self.excerpt();
        writeln!(f, "line {}, column {}: expected {}", self.line(), self.column(), self.expected)?;
        writeln!(f, "  {text}")?;
        write!(f, "  {:place$}^", "")?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseError {}
