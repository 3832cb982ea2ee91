//! The REST API: a translation between HTTP and the [`Engine`].
//!
//! | verb and path, below `/api/v1` | answer |
//! |---|---|
//! | GET `/info` | 200: what this server is and how its parts are |
//! | GET `/agents` · DELETE `/agents/{name}` | 200 · 204: who serves what; forget one that will not come back |
//! | GET `/gateways`, `/breeds`, `/blueprints`, `/scales`, `/conditions` | 200: a sorted list; `page`, `per_page` |
//! | GET, PUT, DELETE `/{kind}/{name}` · POST `/{kind}` | 200, 202 (gateways) or 200, 204 · 201 |
//! | GET `/deployments` · GET `/deployments/{name}` | 200 |
//! | POST `/deployments` · PUT `/deployments/{name}` | 202: merges a blueprint |
//! | DELETE `/deployments/{name}` | 202: removes the services that the body names; without a body, all |
//!
//! Bodies are YAML or JSON; with a name in the path they may leave it out. `If-Match` with the `ETag` of an answer
//! changes only what was seen, 412 otherwise. `?validate_only=true` checks without storing. `?wait=SECONDS` answers when what was asked for
//! has taken effect, 504 with the reason if it has not by then. Every error is a problem document (RFC 9457) with every
//! violation at once.

mod artifact;
mod body;
mod carry;
mod deployment;
mod error;
mod extract;
mod gateway;
mod guard;
mod kind;
mod native;
mod negotiate;
mod page;
mod precondition;
mod serve;
mod status;

pub use error::{Problem, status_of};
pub use serve::serve;

use crate::config::Config;
use axum::{
    Router, middleware,
    routing::{delete, get},
};
use precondition::Precondition;
use std::sync::Arc;
use vamp_core::{
    condition::Condition,
    driver::Version,
    engine::{Artifact, Engine, Failure},
    model::{Blueprint, Breed, Named, Scale},
};

/// What every request may need.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    engine: Engine,
    identity: Arc<status::Identity>,
    native_conditions: bool,
}

impl Api {
    /// Refuses conditions in HAProxy's own language, if this server does not take them.
    fn check_native(&self, artifact: &impl native::Conditions) -> Result<(), Failure> {
        if self.native_conditions { Ok(()) } else { Ok(native::refuse(artifact)?) }
    }

    /// The version that a change of this artifact expects to find.
    async fn expected<T: Artifact>(&self, name: &str, precondition: &Precondition) -> Result<Option<Version>, Problem> {
        let found = self.engine.find::<T>(name).await?;
        precondition.expected(found.as_ref().map(|(_, version)| version))
    }
}

/// The API of an engine, with the rules of its listener. Serve it alone, or nest it in a router of your own.
pub fn router(engine: &Engine, config: &Config) -> Router {
    let api = Api {
        engine: engine.clone(),
        identity: Arc::new(status::Identity::new(&config.namespace)),
        native_conditions: config.native_conditions,
    };
    let v1 = Router::new()
        .route("/info", get(status::info))
        .route("/agents", get(status::agents))
        .route("/agents/{name}", delete(status::forget_agent))
        .route("/gateways", get(gateway::list).post(gateway::create))
        .route("/gateways/{*name}", get(gateway::one).put(gateway::put).delete(gateway::remove))
        .route("/deployments", get(deployment::list).post(deployment::create))
        .route("/deployments/{name}", get(deployment::one).put(deployment::merge).delete(deployment::remove))
        .merge(artifact::routes::<Breed>())
        .merge(artifact::routes::<Blueprint>())
        .merge(artifact::routes::<Named<Scale>>())
        .merge(artifact::routes::<Named<Condition>>())
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::no_such_method)
        .with_state(api);
    let guard = Arc::new(guard::Guard::new(config));
    Router::new()
        .nest("/api/v1", v1)
        .fallback(error::no_such_path)
        .layer(middleware::from_fn(carry::out))
        .layer(middleware::from_fn(negotiate::check))
        .layer(middleware::from_fn_with_state(guard, guard::check))
}
