//! From the parser's events to nodes, within limits.

use super::node::{Content, Entry, Node, Position};
use crate::violation::{Violation, Violations};
use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use std::collections::{BTreeMap, BTreeSet};

/// What a document may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text; 1 MiB by default.
    pub bytes: usize,
    /// Lists and maps within each other; 64 by default.
    pub depth: usize,
    /// Entries of one list or map; 10 000 by default.
    pub entries: usize,
    /// What anchors and aliases may add: one for each node and each byte of text; 256 Ki by default.
    pub copies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 64, entries: 10_000, copies: 1 << 18 }
    }
}

/// More violations than these help nobody.
pub(crate) const MOST_VIOLATIONS: usize = 1_000;

/// The text of bytes.
///
/// # Errors
///
/// When they are not UTF-8: the message says where.
pub fn utf8(bytes: &[u8]) -> Result<&str, Violations> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        let violation = Violation::new("YamlParsingError", "", "the document is not UTF-8");
        Violations::from(violation.at(narrow(line), narrow(column)))
    })
}

/// Every document of a text: YAML separated by `---`, or JSON.
///
/// # Errors
///
/// When the text is not YAML, exceeds the limits, or has duplicate keys or custom tags.
pub fn documents(source: &str, limits: Limits) -> Result<Vec<Node>, Violations> {
    if source.len() > limits.bytes {
        let message = format!("the document has {} bytes, but at most {} are read", source.len(), limits.bytes);
        return Err(Violation::new("YamlParsingError", "", message).into());
    }
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let mut builder = Builder::new(source, limits);
    for next in Parser::new_from_str_with_options(source, options) {
        let step = next.map_err(|error| unreadable(&error)).and_then(|(event, span)| builder.take(event, &span));
        if let Err(violation) = step {
            builder.violations.push(violation);
            break;
        }
        if builder.violations.len() >= MOST_VIOLATIONS {
            break;
        }
    }
    if builder.violations.is_empty() { Ok(builder.documents) } else { Err(Violations(builder.violations)) }
}

fn unreadable(error: &ScanError) -> Violation {
    let place = position(error.marker());
    Violation::new("YamlParsingError", "", error.info()).at(place.line, place.column)
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn position(marker: &Marker) -> Position {
    Position { line: narrow(marker.line()), column: narrow(marker.col() + 1) }
}

/// A list or map that is not complete yet.
struct Frame {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(String, Position)>,
    keys: BTreeSet<String>,
    size: Size,
    nodes: usize,
}

/// What a copy of a node costs.
#[derive(Clone, Copy, Default)]
struct Size {
    units: usize,
    depth: usize,
}

impl Size {
    fn hold(&mut self, inner: Self) {
        self.units = self.units.saturating_add(inner.units);
        self.depth = self.depth.max(inner.depth + 1);
    }
}

struct Builder<'s> {
    source: &'s str,
    limits: Limits,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, Size)>,
    copied: usize,
    documents: Vec<Node>,
    violations: Vec<Violation>,
}

impl<'s> Builder<'s> {
    const fn new(source: &'s str, limits: Limits) -> Self {
        Self {
            source,
            limits,
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            copied: 0,
            documents: Vec::new(),
            violations: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Violation> {
        let start = position(&span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.check_tag(tag.as_deref(), start);
                let node = self.scalar(text.into_owned(), style, tag.as_deref(), span);
                let size = Size { units: node.text().map_or(1, |text| text.len() + 1), depth: 0 };
                self.place(node, size, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => self.open(Content::List(Vec::new()), anchor, tag.as_deref(), start),
            Event::MappingStart(_, anchor, tag) => self.open(Content::Map(Vec::new()), anchor, tag.as_deref(), start),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id) else {
                    return Err(self.refuse(start, "an alias stands inside of what it refers to"));
                };
                let (mut node, size) = (node.clone(), *size);
                node.position = start;
                self.pay(size, start)?;
                self.place(node, size, 0)
            }
            _ => Ok(()),
        }
    }

    fn scalar(&self, text: String, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Node {
        let plain = style == ScalarStyle::Plain && tag.is_none();
        let position = position(&span.start);
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let source = span.slice(self.source).unwrap_or_default();
        let inner = if quoted { source.get(1..source.len().saturating_sub(1)).unwrap_or_default() } else { source };
        let shift = u32::from(quoted);
        let verbatim = (inner == text).then_some(Position { column: position.column + shift, ..position });
        let absent = plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        let content = if absent { Content::Absent } else { Content::Text { text, plain } };
        Node { content, position, verbatim }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, at: Position) {
        if let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) {
            let message = format!("the tag `{}` is not known", tag.original());
            let violation = self.refuse(at, &message).hint("leave the tag out");
            self.violations.push(violation);
        }
    }

    fn open(&mut self, content: Content, anchor: usize, tag: Option<&Tag>, at: Position) -> Result<(), Violation> {
        self.check_tag(tag, at);
        self.check_depth(1, at)?;
        let node = Node { content, position: at, verbatim: None };
        let size = Size { units: 1, depth: 1 };
        self.stack.push(Frame { node, anchor, key: None, keys: BTreeSet::new(), size, nodes: 0 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Violation> {
        let Some(mut frame) = self.stack.pop() else { return Ok(()) };
        if let Content::Map(entries) = &mut frame.node.content {
            merge(entries).map_err(|(at, message)| self.refuse(at, message))?;
        }
        self.place(frame.node, frame.size, frame.anchor)
    }

    /// Puts a complete node where it belongs.
    fn place(&mut self, node: Node, size: Size, anchor: usize) -> Result<(), Violation> {
        self.check_depth(size.depth, node.position)?;
        if anchor != 0 {
            self.pay(size, node.position)?;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        frame.size.hold(size);
        frame.nodes += 1;
        // A map has two nodes for each entry.
        let each = if matches!(frame.node.content, Content::Map(_)) { 2 } else { 1 };
        let allowed = self.limits.entries.saturating_mul(each);
        if frame.nodes > allowed {
            let message = format!("a list or map has more than {} entries", self.limits.entries);
            return Err(self.refuse(node.position, &message));
        }
        let entries = match &mut frame.node.content {
            Content::List(items) => {
                items.push(node);
                return Ok(());
            }
            Content::Map(entries) => entries,
            Content::Absent | Content::Text { .. } => return Ok(()),
        };
        if let Some((key, position)) = frame.key.take() {
            entries.push(Entry { key, position, value: node });
            return Ok(());
        }
        let Some(key) = key_text(&node) else {
            return Err(self.refuse(node.position, "a key is text"));
        };
        let duplicate = !frame.keys.insert(key.clone());
        frame.key = Some((key.clone(), node.position));
        if duplicate {
            let message = format!("the key `{key}` appears twice in the same map");
            let violation = self.refuse(node.position, &message).hint("keep one of them");
            self.violations.push(violation);
        }
        Ok(())
    }

    fn check_depth(&self, inner: usize, at: Position) -> Result<(), Violation> {
        if self.stack.len() + inner <= self.limits.depth {
            return Ok(());
        }
        Err(self.refuse(at, &format!("lists and maps are nested more than {} deep", self.limits.depth)))
    }

    fn pay(&mut self, size: Size, at: Position) -> Result<(), Violation> {
        self.copied = self.copied.saturating_add(size.units);
        if self.copied <= self.limits.copies {
            return Ok(());
        }
        Err(self.refuse(at, "the aliases of the document expand to more than is read").hint("write it out, shorter"))
    }

    fn refuse(&self, at: Position, message: &str) -> Violation {
        let keys: Vec<&str> = self.stack.iter().filter_map(|frame| Some(frame.key.as_ref()?.0.as_str())).collect();
        Violation::new("YamlParsingError", keys.join("/"), message).at(at.line, at.column)
    }
}

/// A key as text; a list of scalars, as in `[10.0.0.1:80]: {}`, in brackets.
fn key_text(node: &Node) -> Option<String> {
    match &node.content {
        Content::Absent => Some("null".to_owned()),
        Content::Text { text, .. } => Some(text.clone()),
        Content::List(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Node::text).collect();
            Some(format!("[{}]", texts?.join(", ")))
        }
        Content::Map(_) => None,
    }
}

/// Resolves the merge key `<<`: entries of the merged maps that the map itself does not have.
fn merge(entries: &mut Vec<Entry>) -> Result<(), (Position, &'static str)> {
    let Some(index) = entries.iter().position(|entry| entry.key == "<<") else { return Ok(()) };
    let merged = entries.remove(index).value;
    let at = merged.position;
    let sources = match merged.content {
        Content::List(items) => items,
        _ => vec![merged],
    };
    let mut keys: BTreeSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    for source in sources {
        let Content::Map(inherited) = source.content else { return Err((at, "`<<` takes a map or a list of maps")) };
        entries.extend(inherited.into_iter().filter(|entry| keys.insert(entry.key.clone())));
    }
    Ok(())
}
