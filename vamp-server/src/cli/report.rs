//! Violations for people: where, the line itself, what is wrong, and what to do.

use super::{input::Source, screen::Tone};
use std::fmt::Write as _;
use vamp_core::Violation;

/// How much of a line is shown on each side of a violation, in characters.
const WINDOW: usize = 50;

/// How many, and all of them, each in the file that it names.
pub(crate) fn in_files(sources: &[Source], violations: &[Violation]) -> String {
    let together = Source { name: "the files together".to_owned(), text: String::new() };
    // Of one file, nobody asks which.
    let unnamed = if let [only] = sources { only } else { &together };
    let shown = violations.iter().map(|one| {
        let named = |source: &&Source| one.file.as_deref() == Some(source.name.as_str());
        violation(sources.iter().find(named).unwrap_or(unnamed), one)
    });
    format!("{}\n{}", mistakes(violations.len()), shown.collect::<Vec<_>>().join("\n"))
}

/// How many, in words.
fn mistakes(count: usize) -> String {
    if count == 1 { "1 mistake".to_owned() } else { format!("{count} mistakes") }
}

fn violation(source: &Source, violation: &Violation) -> String {
    let mut text = source.name.clone();
    // Writing to a string cannot fail.
    if let (Some(line), Some(column)) = (violation.line, violation.column) {
        let _ = write!(text, ":{line}:{column}");
    }
    if !violation.path.is_empty() {
        let _ = write!(text, ": {}", violation.path);
    }
    // A message may be of several lines; those behind the first are indented.
    let message = violation.message.replace('\n', "\n  ");
    let _ = write!(text, ": {} {}", message, Tone::Quiet.paint(format!("({})", violation.code)));
    text.push_str(&excerpt(&source.text, violation).unwrap_or_default());
    if let Some(hint) = &violation.hint {
        let _ = write!(text, "\n  hint: {hint}");
    }
    text
}

/// The line with a mark under its place. `None` = there is no such place in this text.
fn excerpt(text: &str, violation: &Violation) -> Option<String> {
    let line = text.lines().nth(usize::try_from(violation.line?).ok()?.checked_sub(1)?)?;
    let place = usize::try_from(violation.column?).ok()?.checked_sub(1)?;
    let start = place.saturating_sub(WINDOW);
    let shown: String =
        line.chars().skip(start).take(2 * WINDOW).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = if start > 0 { "…" } else { "" };
    let number = violation.line?.to_string();
    let (edge, indent) = (" ".repeat(number.len()), " ".repeat(place - start + before.chars().count()));
    Some(format!("\n  {number} | {before}{}\n  {edge} | {indent}{}", shown.trim_end(), Tone::Bad.paint('^')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, violation: &Violation) -> String {
        let source = Source { name: "a.yml".to_owned(), text: text.to_owned() };
        anstream::adapter::strip_str(&super::violation(&source, violation)).to_string()
    }

    #[test]
    fn a_violation_is_shown_under_its_line_with_a_hint() {
        let violation =
            Violation::new("UnexpectedElement", "nam", "nobody knows this").at(1, 1).hint("did you mean `name`?");
        let expected = "a.yml:1:1: nam: nobody knows this (UnexpectedElement)\n  1 | nam: a\n    | ^\n  hint: did you mean `name`?";
        assert_eq!(shown("nam: a\n", &violation), expected);
    }

    #[test]
    fn a_violation_far_to_the_right_is_shown_with_what_is_around_it() {
        let text = format!("{}x", " ".repeat(200));
        let shown = shown(&text, &Violation::new("A", "", "m").at(1, 201));
        assert!(shown.lines().all(|line| line.chars().count() < 110), "{shown}");
        let at = |c: char| shown.lines().find_map(|line| line.chars().position(|found| found == c));
        assert_eq!(at('x'), at('^'), "{shown}");
    }

    #[test]
    fn a_violation_without_a_place_or_past_the_end_has_no_excerpt() {
        assert_eq!(shown("a: 1", &Violation::new("A", "b", "m")), "a.yml: b: m (A)");
        assert_eq!(shown("a: 1", &Violation::new("A", "b", "m").at(9, 1)), "a.yml:9:1: b: m (A)");
    }
}
