//! How answers are shown: in words with colours where somebody looks, or as a document where a program reads.

use super::Trouble;
use anstyle::{AnsiColor, Style};
use clap::{Args as ClapArgs, ValueEnum};
use comfy_table::{Attribute, Cell, Color, Table, presets};
use serde_json::Value;
use std::{fmt::Display, io::Write as _};

/// How to show an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// In words and tables.
    #[default]
    Text,
    /// As JSON.
    Json,
    /// As YAML.
    Yaml,
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(crate) struct Output {
    /// How to show the answer
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

impl Output {
    /// Shows a value: as a document, or in the words that `words` finds for it.
    pub(crate) fn show(self, value: &Value, words: impl FnOnce(&Value) -> String) -> Result<(), Trouble> {
        match self.output {
            Format::Text => say(words(value)),
            Format::Json => say(format!("{value:#}")),
            Format::Yaml => say(yaml(value)?),
        }
    }
}

/// The value as YAML.
pub(crate) fn yaml(value: &Value) -> Result<String, Trouble> {
    let text = serde_saphyr::to_string(value).map_err(|error| Trouble::Failed(error.to_string()))?;
    Ok(text.trim_end().to_owned())
}

/// Writes a text to standard output, without its colours unless that is a terminal that wants them.
pub(crate) fn say(text: impl AsRef<str>) -> Result<(), Trouble> {
    let mut out = anstream::stdout().lock();
    let text = text.as_ref();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

/// What a word means, which is its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// On its way, or not known.
    Busy,
    /// Wrong.
    Bad,
    /// Beside the point.
    Quiet,
    /// Nothing of that.
    Plain,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default(),
            Self::Quiet => Style::new().dimmed(),
            Self::Plain => Style::new(),
        }
    }

    const fn color(self) -> Option<Color> {
        match self {
            Self::Good => Some(Color::Green),
            Self::Busy => Some(Color::Yellow),
            Self::Bad => Some(Color::Red),
            Self::Quiet => Some(Color::DarkGrey),
            Self::Plain => None,
        }
    }

    /// The text in that colour.
    pub(crate) fn paint(self, text: impl Display) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }

    /// A cell in that colour.
    pub(crate) fn cell(self, text: impl ToString) -> Cell {
        let cell = Cell::new(text);
        self.color().into_iter().fold(cell, Cell::fg)
    }
}

/// A table without lines, as the original's.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().enforce_styling().style_text_only();
    table.set_header(head.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_head_and_no_lines_and_its_colours_can_be_taken_away() {
        let rows = [
            vec![Tone::Plain.cell("a"), Tone::Good.cell("Deployed")],
            vec![Tone::Plain.cell("bcd"), Tone::Bad.cell("-")],
        ];
        let shown = table(&["NAME", "STATUS"], rows);
        assert!(shown.contains('\u{1b}'), "{shown:?}");
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), "NAME  STATUS\na     Deployed\nbcd   -");
    }

    #[test]
    fn yaml_keeps_what_looks_like_a_number_a_text() {
        assert_eq!(yaml(&serde_json::json!({"a": "1.10", "b": 2})).expect("writes"), "a: \"1.10\"\nb: 2");
    }
}
