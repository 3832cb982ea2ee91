//! [`Pattern`]: regular expressions that HAProxy and this crate read alike.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassSetBinaryOp, ClassSetItem, GroupKind, HexLiteralKind, Literal, LiteralKind,
    RepetitionKind, RepetitionRange, Span, SpecialLiteralKind, parse::ParserBuilder,
};
use std::fmt::{self, Debug};

/// How often a counted repetition may repeat: what POSIX promises.
const MAX_COUNT: u32 = 255;
/// How large the compiled expression may be, in bytes; more could be too large for PCRE2.
const MAX_SIZE: usize = 128 * 1024;
/// How deep groups may nest.
const MAX_NEST: u32 = 32;

/// A regular expression over bytes, searched anywhere in a value.
///
/// Only what means the same in PCRE2 (HAProxy) and in Rust is taken: ASCII literals, `.`, classes with ranges, names
/// as `[:alpha:]` and `\d \s \w`, anchors, `\b`, groups, alternation, and repetition, counted up to 255. `(?i)` at the
/// beginning ignores the case of ASCII letters. Refused are back-references and look-around, named groups, other flags,
/// Unicode classes, set operations inside classes, and repetition of a repetition without a group.
///
/// In HAProxy a pattern that backtracks far takes long, and finds nothing when it exceeds PCRE2's limits.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
}

/// Why a text is not a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct InvalidPattern {
    offset: usize,
    reason: String,
}

impl InvalidPattern {
    /// The place in the text, in bytes.
    pub(super) const fn offset(&self) -> usize {
        self.offset
    }
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Self, InvalidPattern> {
        let (ignore_case, body) = split(text);
        let start = text.len() - body.len();
        if body.is_empty() {
            return Err(InvalidPattern {
                offset: start,
                reason: "an empty expression finds nothing in HAProxy".into(),
            });
        }
        let parsed = ParserBuilder::new().nest_limit(MAX_NEST).build().parse(body).map_err(|error| InvalidPattern {
            offset: start + error.span().start.offset,
            reason: error.kind().to_string(),
        })?;
        ast::visit(&parsed, Subset { body }).map_err(|(span, reason)| InvalidPattern {
            offset: start + span.start.offset,
            reason: reason.to_owned(),
        })?;
        let regex = RegexBuilder::new(body)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(MAX_SIZE)
            .nest_limit(MAX_NEST)
            .build()
            .map_err(|error| InvalidPattern { offset: 0, reason: last_line(&error.to_string()) })?;
        Ok(Self { text: text.into(), regex })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the case of ASCII letters is ignored.
    #[must_use]
    pub fn ignores_case(&self) -> bool {
        split(&self.text).0
    }

    /// The expression without `(?i)`.
    #[must_use]
    pub fn body(&self) -> &str {
        split(&self.text).1
    }

    /// Whether it is found in `value`.
    #[must_use]
    pub fn is_match(&self, value: &[u8]) -> bool {
        self.regex.is_match(value)
    }
}

fn split(text: &str) -> (bool, &str) {
    text.strip_prefix("(?i)").map_or((false, text), |body| (true, body))
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

/// Finds what only one of the two understands, or both in their own way.
struct Subset<'t> {
    body: &'t str,
}

type Verdict = Result<(), (Span, &'static str)>;

impl Subset<'_> {
    fn text(&self, span: &Span) -> &str {
        self.body.get(span.start.offset..span.end.offset).unwrap_or_default()
    }

    fn repetition(&self, repetition: &ast::Repetition) -> Verdict {
        let span = repetition.op.span;
        if matches!(*repetition.ast, Ast::Repetition(_) | Ast::Assertion(_) | Ast::Empty(_)) {
            return Err((span, "what is repeated here needs a group: (…)"));
        }
        let RepetitionKind::Range(range) = &repetition.op.kind else { return Ok(()) };
        let most = match range {
            RepetitionRange::Exactly(count) | RepetitionRange::AtLeast(count) => *count,
            RepetitionRange::Bounded(_, most) => *most,
        };
        if most > MAX_COUNT {
            return Err((span, "at most 255 repetitions can be counted"));
        }
        if self.text(&span).contains(char::is_whitespace) {
            return Err((span, "no blanks inside braces"));
        }
        Ok(())
    }

    /// A class in brackets: PCRE2 refuses names outside of a second pair, and a name as the end of a range.
    fn class(&self, class: &ast::ClassBracketed) -> Verdict {
        let text = self.text(&class.span);
        if ["[:", "[.", "[="].iter().any(|start| text.starts_with(start)) {
            return Err((class.span, "a class by name needs two pairs of brackets: [[:alpha:]]"));
        }
        // To PCRE2 these begin a range.
        if ["[]-", "[^]-", "[--", "[^--"].iter().any(|start| text.starts_with(start)) {
            return Err((class.span, "a hyphen behind a bracket or a hyphen; put it last"));
        }
        if text.contains(":]-") && !text.contains(":]-]") {
            return Err((class.span, "a hyphen behind a class by name; put it last"));
        }
        Ok(())
    }
}

impl ast::Visitor for Subset<'_> {
    type Output = ();
    type Err = (Span, &'static str);

    fn finish(self) -> Verdict {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Verdict {
        match ast {
            Ast::Flags(flags) => Err((flags.span, "the only flag is (?i) at the beginning")),
            Ast::ClassUnicode(class) => Err((class.span, "Unicode classes are not known to HAProxy")),
            Ast::Literal(found) => literal(found),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText
                | AssertionKind::WordBoundary
                | AssertionKind::NotWordBoundary => Ok(()),
                _ => Err((assertion.span, "this word boundary is not known to HAProxy; use \\b")),
            },
            Ast::Repetition(repetition) => self.repetition(repetition),
            Ast::Group(group) => match &group.kind {
                GroupKind::CaptureName { name, .. } => Err((name.span, "groups have no names here; use (…)")),
                GroupKind::NonCapturing(flags) if !flags.items.is_empty() => {
                    Err((flags.span, "the only flag is (?i) at the beginning"))
                }
                _ => Ok(()),
            },
            Ast::ClassBracketed(class) => self.class(class),
            Ast::Empty(_) | Ast::Dot(_) | Ast::ClassPerl(_) | Ast::Alternation(_) | Ast::Concat(_) => Ok(()),
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Verdict {
        match item {
            ClassSetItem::Literal(found) => literal(found),
            // To PCRE2 `-[:` is the begin of a class by name.
            ClassSetItem::Range(range) if range.end.c == '[' && range.end.kind == LiteralKind::Verbatim => {
                Err((range.span, "escape a bracket inside a class: \\["))
            }
            ClassSetItem::Range(range) => literal(&range.start).and_then(|()| literal(&range.end)),
            ClassSetItem::Unicode(class) => Err((class.span, "Unicode classes are not known to HAProxy")),
            ClassSetItem::Bracketed(class) => Err((class.span, "escape a bracket inside a class: \\[")),
            ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) | ClassSetItem::Perl(_) | ClassSetItem::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, operation: &ClassSetBinaryOp) -> Verdict {
        Err((operation.span, "&&, -- and ~~ inside a class are not known to HAProxy; escape them"))
    }
}

fn literal(literal: &Literal) -> Verdict {
    match literal.kind {
        _ if !literal.c.is_ascii() => Err((literal.span, "only ASCII characters; for others use `has`")),
        LiteralKind::Special(SpecialLiteralKind::VerticalTab | SpecialLiteralKind::Space) | LiteralKind::Octal => {
            Err((literal.span, "this escape means something else to HAProxy"))
        }
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err((literal.span, "this escape is not known to HAProxy; use \\x"))
        }
        _ => Ok(()),
    }
}
