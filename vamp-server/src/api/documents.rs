//! Several documents in one request: all are read before anything is done, and then done in order.

use super::{
    Api, artifact,
    body::{self, Change},
    error::Problem,
    extract::{Ask, Body},
};
use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use serde_json::Value;
use vamp_core::{
    engine::Options,
    model::{
        read::{self, Artifact, Document, Kind},
        write,
    },
    yaml::{self, Limits},
};

/// Whether a text has more than one document, or is a list of several.
pub(super) fn are_several(source: &str) -> bool {
    let begins = source.trim_start();
    if !begins.starts_with(['-', '[', '#', '%']) && !source.contains("\n---") {
        return false;
    }
    let items = |node: &yaml::Node| node.items().map_or(usize::from(!node.is_absent()), <[yaml::Node]>::len);
    yaml::documents(source, Limits::default()).is_ok_and(|documents| documents.iter().map(items).sum::<usize>() > 1)
}

/// `POST`, `PUT` and `DELETE` at the root: documents of any kind.
pub(super) async fn root(method: Method, mut ask: Ask, Body(source): Body) -> Result<Response, Problem> {
    ask.precondition.none()?;
    ask.query.delete |= method == Method::DELETE;
    ask.carry_out(&source, None).await
}

impl<P> Ask<P> {
    /// Does what the documents of a text say, in order. What is wrong with one is told before anything is done, but for
    /// what only shows when those before it are done.
    pub(super) async fn carry_out(&self, source: &str, kind: Option<Kind>) -> Result<Response, Problem> {
        let documents = match kind {
            Some(kind) => read::artifacts(source, Some(kind))?.into_iter().map(Document::Artifact).collect(),
            None => read::documents(source)?,
        };
        for document in &documents {
            self.api.check(document, self.query).await.map_err(|problem| problem.located(source))?;
        }
        let mut done = Vec::new();
        for document in &documents {
            match self.api.do_one(document, self.query).await {
                Ok(shown) => done.extend(shown),
                Err(problem) if done.is_empty() => return Err(problem.located(source)),
                Err(problem) => {
                    let done = format!("{} of {} documents are done", done.len(), documents.len());
                    return Err(problem.located(source).after(&done));
                }
            }
        }
        Ok(body::answer(StatusCode::ACCEPTED, &self.headers, &Value::Array(done)))
    }
}

impl Api {
    /// What can be told without those before it.
    async fn check(&self, document: &Document, change: Change) -> Result<(), Problem> {
        match document {
            Document::Artifact(artifact) if !change.delete => {
                self.check_native(&artifact::show(artifact)?)?;
                if let Artifact::Gateway(gateway) = artifact {
                    self.engine.check_gateway(gateway).await?;
                }
            }
            Document::Artifact(Artifact::Gateway(gateway)) => {
                self.engine.check_delete_gateway(gateway.name.as_str()).await?;
            }
            Document::Artifact(_) | Document::Deployment { .. } => {}
        }
        Ok(())
    }

    async fn do_one(&self, document: &Document, change: Change) -> Result<Option<Value>, Problem> {
        match document {
            Document::Artifact(artifact) if change.delete => self.remove_one(artifact, change).await,
            Document::Artifact(Artifact::Gateway(gateway)) => {
                Ok(Some(self.store_gateway(gateway, change, None).await?.0))
            }
            Document::Artifact(artifact) => {
                if !change.validate_only {
                    self.store_breeds(&artifact::breeds_in(artifact)).await?;
                    self.engine.store_any(artifact, None).await?;
                }
                artifact::show(artifact).map(Some)
            }
            Document::Deployment { name, request } => {
                let blueprint = self.requested(request.clone()).await?;
                self.check_native(&write::blueprint(&blueprint))?;
                let options = if change.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT };
                let deployment = match change.delete {
                    true => self.engine.undeploy(name.as_str(), &blueprint, options).await?,
                    false => self.engine.deploy(name.as_str(), &blueprint, options).await?,
                };
                let gateways = self.engine.gateways_of(name.as_str()).await;
                Ok(Some(write::deployment(&deployment, &gateways)))
            }
        }
    }

    async fn remove_one(&self, artifact: &Artifact, change: Change) -> Result<Option<Value>, Problem> {
        match artifact {
            _ if change.validate_only => {}
            Artifact::Gateway(gateway) => drop(self.engine.delete_gateway(gateway.name.as_str(), None).await?),
            other => drop(self.engine.remove_any(other.kind(), other.name(), None).await?),
        }
        artifact::show(artifact).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_documents_are_told_from_one() {
        for one in
            ["name: a", "---\nname: a\n", "[{name: a}]", "- name: a\n", "{\"name\": \"a\"}", "", "# x\nname: a\n---\n"]
        {
            assert!(!are_several(one), "{one}");
        }
        for several in ["name: a\n---\nname: b\n", "[{name: a}, {name: b}]", "- name: a\n- name: b\n", "# x\n- a\n- b"]
        {
            assert!(are_several(several), "{several}");
        }
    }
}
