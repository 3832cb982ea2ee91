//! The API as an OpenAPI 3.1 document, and as a page for people. Both are made of the table in [`operations`].

mod kinds;
mod operations;
mod page;
mod schemas;

use super::body;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use operations::{Answer, Body, Operation, PARAMETERS, Parameter, operations};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&operations()));

/// The document.
pub(super) async fn json(headers: HeaderMap) -> Response {
    body::answer(StatusCode::OK, &headers, &DOCUMENT)
}

/// The page.
pub(super) async fn html() -> Response {
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, page::render(&operations())).into_response()
}

fn document(operations: &[Operation]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        path[operation.method] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vamp",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Canary releases and programmable routing. Bodies are JSON or YAML; every error is a problem document.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "parameters": PARAMETERS.iter().map(|one| (one.key.to_owned(), parameter(one))).collect::<Map<_, _>>(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema: Value = serde_json::from_str(parameter.schema).unwrap_or_default();
    let mut shown = json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.text,
        "schema": schema,
    });
    if parameter.repeats {
        shown["schema"] = json!({ "type": "array", "items": schema });
        shown["explode"] = json!(true);
    }
    shown
}

fn described(operation: &Operation) -> Value {
    let refer = |key: &&str| json!({ "$ref": format!("#/components/parameters/{key}") });
    let mut shown = json!({
        "operationId": operation.id(),
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": answers(operation),
    });
    if !operation.parameters.is_empty() {
        shown["parameters"] = operation.parameters.iter().map(refer).collect();
    }
    let schema = match &operation.body {
        Body::None => return shown,
        Body::Required(schema) | Body::Optional(schema) => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    };
    shown["requestBody"] = json!({
        "required": matches!(operation.body, Body::Required(_)),
        "content": both(&schema),
    });
    shown
}

fn answers(operation: &Operation) -> Value {
    let mut answers = Map::new();
    for (status, answer) in &operation.answers {
        let described = match answer {
            Answer::Nothing => json!({ "description": "Done." }),
            Answer::Text(kind) => {
                json!({ "description": "As text.", "content": { *kind: { "schema": { "type": "string" } } } })
            }
            Answer::One(schema) => {
                let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
                json!({ "description": "One.", "content": both(&schema) })
            }
            Answer::List(schema) => {
                let items = json!({ "$ref": format!("#/components/schemas/{schema}") });
                json!({ "description": "A list.", "content": both(&json!({ "type": "array", "items": items })) })
            }
        };
        answers.insert(status.to_string(), described);
    }
    let problem = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/problem" } } });
    answers
        .insert("4XX".to_owned(), json!({ "description": "What is wrong, with every violation.", "content": problem }));
    let late = json!({ "description": "Not now, or not within the deadline.", "content": problem });
    answers.insert("503".to_owned(), late.clone());
    if operation.parameters.contains(&"wait") {
        answers.insert("504".to_owned(), late);
    }
    Value::Object(answers)
}

fn both(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema }, "application/x-yaml": { "schema": schema } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_refers_to_nothing_that_it_does_not_have() {
        let document = document(&operations());
        let text = document.to_string();
        let references = text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next());
        let all: BTreeSet<&str> = references.collect();
        assert!(all.len() > 20, "{all:?}");
        for reference in all {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_place_in_a_path_a_parameter() {
        let operations = operations();
        let names: BTreeSet<String> = operations.iter().map(Operation::id).collect();
        assert_eq!(names.len(), operations.len());
        for operation in &operations {
            for place in operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                let is_place = |key: &&str| PARAMETERS.iter().any(|one| one.key == *key && one.name == place);
                assert!(operation.parameters.iter().any(is_place), "{} {place}", operation.path);
            }
        }
    }

    #[test]
    fn every_schema_of_a_parameter_is_json() {
        for parameter in PARAMETERS {
            assert!(
                serde_json::from_str::<Value>(parameter.schema).is_ok_and(|schema| schema.is_object()),
                "{}",
                parameter.key
            );
        }
    }
}
