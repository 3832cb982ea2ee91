//! [`Node`].

use serde_json::{Map, Value};

/// A place in a text, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A value of a document, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub content: Content,
    /// Where it begins.
    pub position: Position,
    /// Where the text of a scalar begins, if it stands there character by character: on one line, without escapes.
    pub(super) verbatim: Option<Position>,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// `null`, `~` or nothing.
    Absent,
    /// A scalar as it was written.
    Text {
        /// The text, quotes and escapes resolved.
        text: String,
        /// Neither quoted nor a block: may be meant as a number or a truth value.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in order of declaration, without duplicate keys.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key's text; of a list in the place of a key, its items in brackets.
    pub key: String,
    /// Where the key begins.
    pub position: Position,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is `null`, `~` or nothing.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self.content, Content::Absent)
    }

    /// The entries of a map.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value under a key of a map; `None` also when it is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entry = self.entries()?.iter().find(|entry| entry.key == key)?;
        Some(&entry.value).filter(|value| !value.is_absent())
    }

    /// Moves it, with everything in it, to one place: it came from another text.
    pub(crate) fn stand_at(&mut self, place: Position) {
        (self.position, self.verbatim) = (place, None);
        match &mut self.content {
            Content::Absent | Content::Text { .. } => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.stand_at(place)),
            Content::Map(entries) => {
                for entry in entries {
                    entry.position = place;
                    entry.value.stand_at(place);
                }
            }
        }
    }

    /// What it is, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.content {
            Content::Absent => "null",
            Content::Text { .. } => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// Where the character at this byte of the [text](Node::text) stands; the beginning of the node when the text is
    /// not in the document as it is.
    #[must_use]
    pub fn position_of(&self, offset: usize) -> Position {
        let (Some(start), Some(text)) = (self.verbatim, self.text()) else { return self.position };
        let before = text.char_indices().take_while(|(index, _)| *index < offset).count();
        Position { line: start.line, column: start.column.saturating_add(u32::try_from(before).unwrap_or(u32::MAX)) }
    }

    /// Where the value stands that a path such as `routes/[127.0.0.1:9101]/weight` leads to: as far as the path goes.
    /// Keys may contain `/`.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        self.find(path).unwrap_or(self.position)
    }

    /// `None` when not even the first part of the path is here.
    fn find(&self, path: &str) -> Option<Position> {
        if let Some(items) = self.items() {
            let (index, rest) = path.split_once('/').unwrap_or((path, ""));
            return Some(items.get(index.parse::<usize>().ok()?)?.locate(rest));
        }
        let rest_behind = |key: &str| path.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let entries = self.entries().unwrap_or_default().iter();
        let fitting = entries.filter_map(|entry| Some((entry, rest_behind(&entry.key)?)));
        let (entry, rest) = fitting.min_by_key(|(_, rest)| rest.len())?;
        Some(rest.strip_prefix('/').and_then(|rest| entry.value.find(rest)).unwrap_or(entry.position))
    }

    /// The JSON that this is: plain scalars that JSON writes the same way are numbers and truth values, all others
    /// text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Absent => Value::Null,
            Content::Text { text, plain: true } => typed(text),
            Content::Text { text, plain: false } => Value::String(text.clone()),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => Value::Object(entries_to_json(entries)),
        }
    }
}

/// The JSON of a map's entries.
pub(crate) fn entries_to_json(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// Nothing may get lost: `1.10` is not the number 1.1.
fn typed(text: &str) -> Value {
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    match text.parse::<serde_json::Number>() {
        Ok(number) if number.to_string() == text => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

impl From<&Value> for Node {
    /// A node without a place.
    fn from(value: &Value) -> Self {
        let text = |text: String, plain| Content::Text { text, plain };
        let content = match value {
            Value::Null => Content::Absent,
            Value::Bool(truth) => text(truth.to_string(), true),
            Value::Number(number) => text(number.to_string(), true),
            Value::String(string) => text(string.clone(), false),
            Value::Array(items) => Content::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => Content::Map(map.iter().map(Entry::from).collect()),
        };
        Self { content, position: Position::default(), verbatim: None }
    }
}

impl From<(&String, &Value)> for Entry {
    fn from((key, value): (&String, &Value)) -> Self {
        Self { key: key.clone(), position: Position::default(), value: value.into() }
    }
}
