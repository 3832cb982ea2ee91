//! The schemas that operations refer to.

use super::kinds;
use serde_json::{Map, Value, json};

pub(super) fn all() -> Map<String, Value> {
    let mut all = kinds::all();
    let others = [
        ("event", event()),
        (
            "events",
            json!({
                "anyOf": [
                    { "type": "array", "items": { "$ref": "#/components/schemas/event" } },
                    { "type": "object", "required": ["value"], "properties": { "value": { "type": ["number", "null"] } } },
                ],
            }),
        ),
        ("number", json!({ "type": "number" })),
        ("text", json!({ "type": "string" })),
        ("object", json!({ "type": "object" })),
        ("anything", json!({})),
        ("problem", problem()),
    ];
    all.extend(others.map(|(name, schema)| (name.to_owned(), schema)));
    all
}

fn event() -> Value {
    json!({
        "type": "object",
        "required": ["tags"],
        "properties": {
            "id": { "type": "string" },
            "tags": {
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    { "type": "array", "minItems": 1, "maxItems": 100, "items": { "type": "string", "minLength": 1 } },
                ],
            },
            "type": { "type": "string", "pattern": "^[A-Za-z0-9_-]+$" },
            "value": {},
            "timestamp": { "type": "string", "format": "date-time" },
        },
    })
}

fn problem() -> Value {
    let violation = json!({
        "type": "object",
        "required": ["code", "path", "message"],
        "properties": {
            "code": { "type": "string" },
            "path": { "type": "string" },
            "line": { "type": "integer", "minimum": 0 },
            "column": { "type": "integer", "minimum": 0 },
            "message": { "type": "string" },
            "hint": { "type": "string" },
        },
    });
    json!({
        "type": "object",
        "description": "RFC 9457, with the original's `message`.",
        "required": ["type", "title", "status", "detail", "message"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "message": { "type": "string", "minLength": 1 },
            "errors": { "type": "array", "items": violation },
        },
    })
}
