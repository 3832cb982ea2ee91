//! Several documents in one request: all are read before anything is done. Artifacts are stored together, all or none;
//! deployments follow in order.

use super::{
    Api, artifact,
    body::{self, Change},
    error::Problem,
    extract::{Ask, Body},
    targets,
};
use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use serde_json::Value;
use vamp_core::{
    engine::Options,
    model::{
        read::{self, Artifact, DeploymentRequest, Document, Kind},
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
    /// Does what the documents of a text say. Artifacts are one transaction; then come the deployments, and what is wrong
    /// with one of those is told together with what is done already.
    pub(super) async fn carry_out(&self, source: &str, kind: Option<Kind>) -> Result<Response, Problem> {
        let documents = match kind {
            Some(kind) => read::artifacts(source, Some(kind))?.into_iter().map(Document::Artifact).collect(),
            None => read::documents(source)?,
        };
        let done = match self.query.delete {
            true => self.api.delete_all(&documents, self.query).await,
            false => self.api.store_all(&documents, self.query).await,
        };
        let done = done.map_err(|problem| problem.located(source))?;
        Ok(body::answer(StatusCode::ACCEPTED, &self.headers, &Value::Array(done)))
    }
}

impl Api {
    /// What each document is shown as once it is stored, or checked.
    async fn store_all(&self, documents: &[Document], change: Change) -> Result<Vec<Value>, Problem> {
        let artifacts: Vec<&Artifact> = documents.iter().filter_map(artifact_of).collect();
        let mut stored = self.store_together(&artifacts, change).await?.into_iter();
        let (mut shown, mut done) = (Vec::new(), artifacts.len());
        for document in documents {
            match document {
                Document::Artifact(_) => shown.extend(stored.next()),
                Document::Deployment { name, request } => {
                    let deployed = self.deploy_one(name.as_str(), request, change).await;
                    shown.push(deployed.map_err(|problem| after(problem, done, documents))?);
                    done += 1;
                }
            }
        }
        Ok(shown)
    }

    /// Stores artifacts, all or none, or only checks them; answers each as it is shown.
    pub(super) async fn store_together(&self, artifacts: &[&Artifact], change: Change) -> Result<Vec<Value>, Problem> {
        let mut together = Vec::new();
        for &artifact in artifacts {
            self.check_native(&artifact::show(artifact)?)?;
            for breed in artifact::breeds_in(artifact) {
                together.extend(self.unknown_breed(breed).await?);
            }
            together.push(match artifact {
                Artifact::Gateway(gateway) => Artifact::Gateway(Box::new(targets::declared(self, gateway))),
                other => other.clone(),
            });
        }
        let stored: Vec<Artifact> = if change.validate_only {
            self.engine.check_all(&together).await?
        } else {
            self.engine.store_all(&together).await?.into_iter().map(|(artifact, _)| artifact).collect()
        };
        let mut shown = Vec::with_capacity(artifacts.len());
        for &artifact in artifacts {
            let same = |one: &&Artifact| one.kind() == artifact.kind() && one.name() == artifact.name();
            shown.push(match stored.iter().find(same) {
                Some(Artifact::Gateway(gateway)) => self.shown_gateway(gateway, change).await?,
                _ => artifact::show(artifact)?,
            });
        }
        Ok(shown)
    }

    async fn deploy_one(&self, name: &str, request: &DeploymentRequest, change: Change) -> Result<Value, Problem> {
        let blueprint = self.requested(request.clone()).await?;
        self.check_native(&write::blueprint(&blueprint))?;
        let options = if change.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT };
        let deployment = self.engine.deploy(name, &blueprint, options).await?;
        Ok(write::deployment(&deployment, &self.engine.gateways_of(name).await))
    }

    /// Removes in order, after a check of what can be told before.
    async fn delete_all(&self, documents: &[Document], change: Change) -> Result<Vec<Value>, Problem> {
        for artifact in documents.iter().filter_map(artifact_of) {
            if let Artifact::Gateway(gateway) = artifact {
                self.engine.check_delete_gateway(gateway.name.as_str()).await?;
            }
        }
        let mut shown = Vec::new();
        for document in documents {
            let removed = match document {
                Document::Artifact(artifact) => self.remove_one(artifact, change).await,
                Document::Deployment { name, request } => self.undeploy_one(name.as_str(), request, change).await,
            };
            shown.push(removed.map_err(|problem| after(problem, shown.len(), documents))?);
        }
        Ok(shown)
    }

    async fn undeploy_one(&self, name: &str, request: &DeploymentRequest, change: Change) -> Result<Value, Problem> {
        let blueprint = self.requested(request.clone()).await?;
        let options = if change.validate_only { Options::VALIDATE_ONLY } else { Options::DEFAULT };
        let deployment = self.engine.undeploy(name, &blueprint, options).await?;
        Ok(write::deployment(&deployment, &self.engine.gateways_of(name).await))
    }

    async fn remove_one(&self, artifact: &Artifact, change: Change) -> Result<Value, Problem> {
        match artifact {
            _ if change.validate_only => {}
            Artifact::Gateway(gateway) => drop(self.engine.delete_gateway(gateway.name.as_str(), None).await?),
            other => drop(self.engine.remove_any(other.kind(), other.name(), None).await?),
        }
        artifact::show(artifact)
    }
}

const fn artifact_of(document: &Document) -> Option<&Artifact> {
    match document {
        Document::Artifact(artifact) => Some(artifact),
        Document::Deployment { .. } => None,
    }
}

/// The problem, saying how many documents were done before.
fn after(problem: Problem, done: usize, documents: &[Document]) -> Problem {
    if done == 0 { problem } else { problem.after(&format!("{done} of {} documents are done", documents.len())) }
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
