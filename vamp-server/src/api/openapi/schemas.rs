//! The schemas that operations refer to.

use serde_json::{Value, json};

pub(super) fn all() -> Value {
    json!({
        "artifact": artifact(),
        "stored": {
            "description": "What was stored, which is more than one artifact when others stood in it.",
            "anyOf": [
                { "$ref": "#/components/schemas/artifact" },
                { "type": "array", "items": { "$ref": "#/components/schemas/artifact" } },
            ],
        },
        "documents": {
            "description": "Artifacts that say their kind; in YAML also several documents.",
            "anyOf": [
                { "$ref": "#/components/schemas/document" },
                { "type": "array", "items": { "$ref": "#/components/schemas/document" }, "minItems": 1 },
            ],
        },
        "document": {
            "type": "object",
            "required": ["kind", "name"],
            "properties": { "kind": { "type": "string" }, "name": { "type": "string", "minLength": 1 } },
        },
        "part": { "type": "object", "description": "A part of an artifact." },
        "event": event(),
        "events": {
            "anyOf": [
                { "type": "array", "items": { "$ref": "#/components/schemas/event" } },
                { "type": "object", "required": ["value"], "properties": { "value": { "type": ["number", "null"] } } },
            ],
        },
        "number": { "type": "number" },
        "object": { "type": "object" },
        "anything": {},
        "problem": problem(),
    })
}

fn artifact() -> Value {
    json!({
        "type": "object",
        "description": "The fields depend on the kind; `vamp schema KIND` prints them.",
        "properties": {
            "name": { "type": "string", "minLength": 1 },
            "kind": { "type": "string" },
            "metadata": { "type": "object" },
        },
    })
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
