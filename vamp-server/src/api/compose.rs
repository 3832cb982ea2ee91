//! docker-compose files, as the blueprints that they become.

use super::{
    Api, artifact,
    body::Change,
    error::Problem,
    extract::{Body, Query},
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use vamp_core::{
    Violation, Violations,
    model::{compose, read::Artifact, write},
};

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    name: String,
}

/// Answers the blueprint as YAML, behind a comment for each part that is not in it; stores it, unless it is only checked.
pub(super) async fn import(
    State(api): State<Api>,
    Query(named): Query<Named>,
    Query(change): Query<Change>,
    Body(source): Body,
) -> Result<Response, Problem> {
    if named.name.is_empty() {
        let missing = Violation::new("MissingPathValueError", "name", "`?name=` is missing");
        return Err(Violations::from(missing.hint("say what the blueprint is called")).into());
    }
    let imported = compose::blueprint(&source, &named.name)?;
    let defect = |error: String| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error);
    let yaml =
        serde_saphyr::to_string(&write::blueprint(&imported.blueprint)).map_err(|error| defect(error.to_string()))?;
    let text = imported.to_yaml(&yaml);
    if !change.validate_only {
        let blueprint = Artifact::Blueprint(Box::new(imported.blueprint));
        api.store_breeds(&artifact::breeds_in(&blueprint)).await?;
        api.engine.store_any(&blueprint, None).await?;
    }
    Ok((StatusCode::CREATED, [(header::CONTENT_TYPE, "application/x-yaml")], text).into_response())
}
