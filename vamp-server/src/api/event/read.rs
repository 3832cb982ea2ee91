//! Events and questions about events, as they are sent.

use super::Parameters;
use serde_json::Value;
use std::time::{Duration, SystemTime};
use vamp_core::{
    Violation, Violations,
    driver::{Aggregate, Query},
    model::parse_timestamp,
    yaml::{self, Content, Limits, Node},
};

/// How many tags one event, or one question, may have.
const MOST_TAGS: usize = 100;

/// An event that somebody tells.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    pub(super) kind: String,
    pub(super) tags: Vec<String>,
    /// JSON.
    pub(super) value: Vec<u8>,
    /// `None` = now.
    pub(super) at: Option<SystemTime>,
}

/// What somebody asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) query: Query,
    /// One number instead of a list.
    pub(super) by: Option<Aggregate>,
}

/// What was found, or everything that is wrong.
type Found<T> = Result<T, Violations>;

pub(super) fn told(source: &str) -> Found<Told> {
    let document = document(source)?;
    let mut wrong = Vec::new();
    let tags = tags(document.get("tags"), &document, &mut wrong);
    let kind = kind(document.get("type"), &mut wrong).unwrap_or_else(|| "event".to_owned());
    let at = document.get("timestamp").and_then(|at| {
        let time = at.text().and_then(parse_timestamp);
        if time.is_none() {
            let message = format!("`{}` is not a time", at.text().unwrap_or(at.kind()));
            wrong.push(refuse(at, "EventTimestampError", "timestamp", message).hint(TIME));
        }
        time
    });
    for entry in document.entries().unwrap_or_default() {
        if !["tags", "value", "timestamp", "type", "version", "id", "digest"].contains(&entry.key.as_str()) {
            let unknown =
                Violation::new("UnexpectedElement", entry.key.as_str(), format!("`{}` is unknown", entry.key));
            wrong.push(unknown.at(entry.position.line, entry.position.column));
        }
    }
    let value = document.get("value").map_or(Value::Null, value).to_string().into_bytes();
    if wrong.is_empty() { Ok(Told { kind, tags, value, at }) } else { Err(Violations(wrong)) }
}

const TIME: &str = "write it as 2026-01-31T10:00:00Z";

/// Here a plain number is a number, however it is written: `1.10` is a measurement, not a version.
fn value(at: &Node) -> Value {
    match &at.content {
        Content::Text { text, plain: true } => {
            let number = text.parse().ok().and_then(serde_json::Number::from_f64).filter(|_| !text.is_empty());
            match (at.to_json(), number) {
                (Value::String(_), Some(number)) => Value::Number(number),
                (other, _) => other,
            }
        }
        _ => at.to_json(),
    }
}

fn document(source: &str) -> Found<Node> {
    let mut documents = yaml::documents(source, Limits::default())?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) if document.entries().is_some() => Ok(document),
        (Some(other), true) => Err(refuse(&other, "UnexpectedTypeError", "", "a map is expected".to_owned()).into()),
        _ => Err(Violation::new("UnexpectedTypeError", "", "one document is expected").into()),
    }
}

fn refuse(at: &Node, code: &'static str, path: &str, message: String) -> Violation {
    Violation::new(code, path, message).at(at.position.line, at.position.column)
}

/// A tag, or a list of some.
fn tags(at: Option<&Node>, document: &Node, wrong: &mut Vec<Violation>) -> Vec<String> {
    let Some(at) = at else {
        wrong.push(refuse(document, "MissingPathValueError", "tags", "`tags` is missing".to_owned()));
        return Vec::new();
    };
    let nodes = at.items().unwrap_or(std::slice::from_ref(at));
    let texts: Vec<String> = nodes.iter().filter_map(Node::text).map(str::to_owned).collect();
    if texts.len() != nodes.len() || texts.iter().any(String::is_empty) {
        wrong.push(refuse(at, "UnexpectedTypeError", "tags", "a tag is a text".to_owned()));
    } else if texts.is_empty() {
        wrong.push(refuse(at, "NoTagEventError", "tags", "there is no tag".to_owned()));
    } else if texts.len() > MOST_TAGS {
        wrong.push(refuse(at, "UnexpectedTypeError", "tags", format!("more than {MOST_TAGS} tags")));
    }
    texts
}

fn kind(at: Option<&Node>, wrong: &mut Vec<Violation>) -> Option<String> {
    let at = at?;
    let text = at.text().filter(|text| is_kind(text));
    if text.is_none() {
        let message = format!("`{}` is not a type", at.text().unwrap_or(at.kind()));
        wrong.push(refuse(at, "EventTypeError", "type", message).hint("use letters, digits, `-` and `_`"));
    }
    text.map(str::to_owned)
}

fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| one.is_alphanumeric() || ['-', '_'].contains(&one))
}

impl Asked {
    /// `tag` (any number), `type`, `from`, `to`, `aggregator`; the rest is not about events.
    pub(super) fn of_parameters(parameters: &Parameters) -> Found<Self> {
        let (mut asked, mut wrong) = (Self::default(), Vec::new());
        for (key, text) in parameters {
            match key.as_str() {
                "tag" => asked.query.tags.push(text.clone()),
                "type" => asked.query.kind = Some(text.clone()),
                "from" => asked.query.from = time(key, text, &mut wrong),
                "to" => asked.query.to = time(key, text, &mut wrong),
                "aggregator" => asked.by = aggregate(key, text, &mut wrong),
                _ => {}
            }
        }
        if asked.query.tags.len() > MOST_TAGS {
            wrong.push(Violation::new("UnexpectedTypeError", "tag", format!("more than {MOST_TAGS} tags")));
        }
        if wrong.is_empty() { Ok(asked) } else { Err(Violations(wrong)) }
    }

    /// The document of the original: `tags`, `type`, `timestamp`, `aggregator`.
    pub(super) fn of_document(source: &str) -> Found<Self> {
        let document = document(source)?;
        let mut wrong = Vec::new();
        let tags = tags(document.get("tags"), &document, &mut wrong);
        let kind = kind(document.get("type"), &mut wrong);
        let (from, to) = document.get("timestamp").map(|at| span(at, &mut wrong)).unwrap_or_default();
        let by = document.get("aggregator").and_then(|at| {
            let field = at.get("field").and_then(Node::text).unwrap_or("value");
            if field != "value" {
                let message = format!("`{field}`: only `value` can be aggregated");
                wrong.push(refuse(at, "UnsupportedAggregatorError", "aggregator/field", message));
            }
            let name = at.get("type").unwrap_or(at);
            aggregate("aggregator/type", name.text().unwrap_or(name.kind()), &mut wrong)
        });
        let query = Query { tags, kind, from, to };
        if wrong.is_empty() { Ok(Self { query, by }) } else { Err(Violations(wrong)) }
    }
}

/// From when, and before when.
fn span(at: &Node, wrong: &mut Vec<Violation>) -> (Option<SystemTime>, Option<SystemTime>) {
    let mut bound = |including: &str, excluding: &str, later: bool| {
        let (with, without) = (at.get(including), at.get(excluding));
        if with.is_some() && without.is_some() {
            let message = format!("`{including}` and `{excluding}` exclude each other");
            wrong.push(refuse(at, "EventQueryTimeError", "timestamp", message));
        }
        let (node, shifted) = match (with, without) {
            (Some(node), _) => (node, later),
            (None, Some(node)) => (node, !later),
            (None, None) => return None,
        };
        let time = time("timestamp", node.text().unwrap_or(node.kind()), wrong)?;
        // Bounds are `from <= at` and `at < to`, to the nanosecond.
        time.checked_add(Duration::from_nanos(u64::from(shifted)))
    };
    let from = bound("gte", "gt", false);
    let to = bound("lte", "lt", true);
    (from, to)
}

/// A date-time, `now`, or `now-10m`.
fn time(path: &str, text: &str, wrong: &mut Vec<Violation>) -> Option<SystemTime> {
    let relative = |ago: &str| match ago.strip_prefix('-') {
        None => ago.is_empty().then(SystemTime::now),
        Some(ago) => {
            let (number, unit) = ago.split_at_checked(ago.len().checked_sub(1)?)?;
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                "w" => 604_800,
                _ => return None,
            };
            let ago = number.parse::<u64>().ok()?.checked_mul(seconds)?;
            SystemTime::now().checked_sub(Duration::from_secs(ago))
        }
    };
    let time = text.strip_prefix("now").map_or_else(|| parse_timestamp(text), relative);
    if time.is_none() {
        let message = format!("`{text}` is not a time");
        wrong.push(Violation::new("EventTimestampError", path, message).hint(format!("{TIME}, or as now-10m")));
    }
    time
}

fn aggregate(path: &str, text: &str, wrong: &mut Vec<Violation>) -> Option<Aggregate> {
    match text.to_ascii_lowercase().as_str() {
        "count" => Some(Aggregate::Count),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        "average" => Some(Aggregate::Average),
        "sum" => Some(Aggregate::Sum),
        _ => {
            let refused = Violation::new("UnsupportedAggregatorError", path, format!("`{text}` is no aggregator"));
            wrong.push(refused.hint("write one of count, min, max, average, sum"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<T>(found: Found<T>) -> Vec<String> {
        found.err().map(|found| found.iter().map(|one| one.code.to_string()).collect()).unwrap_or_default()
    }

    #[test]
    fn an_event_is_read_in_the_forms_of_the_original() {
        let event = told("tags: a:b\nvalue: 1.10\n").unwrap();
        assert_eq!((event.kind.as_str(), event.tags.as_slice()), ("event", ["a:b".to_owned()].as_slice()));
        assert_eq!((event.value.as_slice(), event.at), (b"1.1".as_slice(), None));
        let event =
            told(r#"{"tags": ["a", "b"], "value": "x", "type": "x-1", "timestamp": "1970-01-01T00:00:01+00:00"}"#);
        let event = event.unwrap();
        assert_eq!(event.at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)));
        assert_eq!((event.value.as_slice(), event.tags.len()), (b"\"x\"".as_slice(), 2));
    }

    #[test]
    fn everything_that_is_wrong_with_an_event_is_told() {
        let wrong = codes(told("tags: []\ntype: 'a b'\ntimestamp: yesterday\nvlue: 1\n"));
        assert_eq!(wrong, ["NoTagEventError", "EventTypeError", "EventTimestampError", "UnexpectedElement"]);
        assert_eq!(codes(told("value: 1")), ["MissingPathValueError"]);
        assert_eq!(
            (codes(told("")), codes(told("[a]"))),
            (vec!["UnexpectedTypeError".into()], vec!["UnexpectedTypeError".into()])
        );
    }

    #[test]
    fn a_question_is_read_from_parameters_and_from_a_document() {
        let parameters = [("tag", "a"), ("tag", "b:c"), ("type", "x"), ("from", "now-10m"), ("page", "2")];
        let parameters = parameters.map(|(key, text)| (key.to_owned(), text.to_owned())).to_vec();
        let asked = Asked::of_parameters(&parameters).unwrap();
        assert_eq!((asked.query.tags.len(), asked.query.kind.as_deref()), (2, Some("x")));
        assert!(asked.query.from.is_some_and(|from| from.elapsed().unwrap().as_secs() >= 600));
        let document = "tags: a\ntimestamp: {gt: '1970-01-01T00:00:01Z', lte: '1970-01-01T00:00:02Z'}\naggregator: {type: AVERAGE}";
        let asked = Asked::of_document(document).unwrap();
        let at = |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        assert_eq!((asked.query.from, asked.query.to, asked.by), (at(1, 1), at(2, 1), Some(Aggregate::Average)));
        let wrong =
            codes(Asked::of_document("tags: a\ntimestamp: {lt: now, lte: now}\naggregator: {type: median, field: x}"));
        assert_eq!(wrong, ["EventQueryTimeError", "UnsupportedAggregatorError", "UnsupportedAggregatorError"]);
        assert_eq!(codes(Asked::of_parameters(&vec![("to".to_owned(), "soon".to_owned())])), ["EventTimestampError"]);
    }
}
