//! Several artifacts as one: all of them are stored, or none.

use super::{
    Change, Engine, Failure,
    gateways::replaced,
    records::CONTENDED,
    world::{Stored, World},
};
use crate::{
    Error, ErrorKind, Result, Violations,
    driver::{Draft, Record, Version},
    model::{Artifacts, expand, read::Artifact, validate},
};
use std::{collections::BTreeSet, sync::Arc};

impl Engine {
    /// Stores artifacts of any kinds, all or none; durable when it returns. They may refer to each other in any order, and
    /// gateways are checked as by [`put_gateway`](Self::put_gateway), each beside those before it. Of two with the same
    /// kind and name the last is stored. Answers each as it is stored, with its version.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] and [`Failure::Conflict`], which name the artifact to blame, `kind/name`, as their file;
    /// [`Failure::Driver`].
    pub async fn store_all(&self, artifacts: &[Artifact]) -> Result<Vec<(Artifact, Version)>, Failure> {
        let artifacts = self.all_in_place(artifacts).await?;
        let _structure = self.shared.structure.lock().await;
        let begun = self.shared.clock.elapsed();
        loop {
            let checked = self.beside_each_other(&artifacts).await?;
            let drafts = self.drafts(&checked).await?;
            match self.shared.persistence.put_all(&drafts).await {
                Ok(versions) => {
                    self.take_note(&checked, drafts, &versions).await;
                    return Ok(checked.into_iter().zip(versions).collect());
                }
                Err(error) => {
                    let in_time = self.shared.clock.elapsed().saturating_sub(begun) < CONTENDED;
                    if error.kind != ErrorKind::Conflict || !in_time {
                        return Err(error.into());
                    }
                }
            }
        }
    }

    /// Checks artifacts as [`store_all`](Self::store_all) does, and answers each as it would be stored.
    ///
    /// # Errors
    ///
    /// As [`store_all`](Self::store_all).
    pub async fn check_all(&self, artifacts: &[Artifact]) -> Result<Vec<Artifact>, Failure> {
        let artifacts = self.all_in_place(artifacts).await?;
        self.beside_each_other(&artifacts).await
    }

    /// The last of each kind and name, with what gateways refer to.
    async fn all_in_place(&self, artifacts: &[Artifact]) -> Result<Vec<Artifact>, Failure> {
        let shelf: Artifacts = artifacts.iter().cloned().collect();
        let mut all = last_of_each(artifacts);
        for artifact in &mut all {
            let Artifact::Gateway(gateway) = &*artifact else { continue };
            let in_place = self.expanded_beside(shelf.clone(), |stored| expand::gateway(gateway, stored)).await;
            let in_place = in_place.and_then(|gateway| Ok(validate::gateway(&gateway).map(|()| gateway)?));
            let in_place = in_place.map_err(|failure| blaming(failure, artifact))?;
            *artifact = Artifact::Gateway(Box::new(in_place));
        }
        Ok(all)
    }

    /// The artifacts as they are to be stored; each gateway sees those before it.
    async fn beside_each_other(&self, artifacts: &[Artifact]) -> Result<Vec<Artifact>, Failure> {
        let mut world: World = self.loaded().await;
        let mut checked = artifacts.to_vec();
        for artifact in &mut checked {
            let Artifact::Gateway(gateway) = &*artifact else { continue };
            let after = replaced(&world, self.shared.gateway_ports, gateway);
            let after = after.map_err(|failure| blaming(failure, artifact))?;
            if let Some(known) = &mut world.artifacts {
                let stored = Stored { value: Arc::new(after.clone()), version: Version(Box::default()) };
                known.gateways.insert(after.name.as_str(), stored);
            }
            *artifact = Artifact::Gateway(Box::new(after));
        }
        Ok(checked)
    }

    /// The records, each with the version that it replaces.
    async fn drafts(&self, artifacts: &[Artifact]) -> Result<Vec<(Draft, Option<Version>)>> {
        let mut drafts = Vec::with_capacity(artifacts.len());
        for artifact in artifacts {
            let (kind, name) = (artifact.kind().plural().to_owned(), artifact.name().to_owned());
            let unwritable = |error| Error::new(ErrorKind::Internal, "engine", "write", name.clone()).because(error);
            let body = serde_json::to_vec(artifact).map_err(unwritable)?;
            let present = self.shared.persistence.get(&kind, &name).await?;
            drafts.push((Draft { kind, name, body, author: None }, present.map(|record| record.version)));
        }
        Ok(drafts)
    }

    /// The world follows at once.
    async fn take_note(&self, artifacts: &[Artifact], drafts: Vec<(Draft, Option<Version>)>, versions: &[Version]) {
        let at = self.shared.clock.now();
        for ((artifact, (draft, replaced)), version) in artifacts.iter().zip(drafts).zip(versions) {
            let (kind, name) = (artifact.kind().plural(), draft.name.clone());
            let record = Record { draft, version: version.clone(), at };
            self.mirror(kind, &name, replaced.as_ref(), Some(&record));
            self.catch_up_with(kind, &name, Some(version)).await;
            self.tell(Change::Stored { kind, name });
        }
    }
}

fn last_of_each(artifacts: &[Artifact]) -> Vec<Artifact> {
    let mut seen = BTreeSet::new();
    let last = artifacts.iter().rev().filter(|one| seen.insert((one.kind(), one.name().to_owned())));
    let mut last: Vec<Artifact> = last.cloned().collect();
    last.reverse();
    last
}

/// The failure, with the artifact as the file that it is in.
fn blaming(failure: Failure, artifact: &Artifact) -> Failure {
    let file = format!("{}/{}", artifact.kind().plural(), artifact.name());
    match failure {
        Failure::Invalid(Violations(found)) => {
            Failure::Invalid(Violations(found.into_iter().map(|one| one.in_file(file.as_str())).collect()))
        }
        Failure::Conflict(violation) => Failure::Conflict(violation.in_file(file)),
        other => other,
    }
}
