//! Artifacts whose kind is only known when the program runs, as in the path of a request.

use super::{Engine, Failure};
use crate::{
    Result,
    condition::Condition,
    driver::{Page, Record, Version},
    model::{
        Blueprint, Breed, Escalation, Gateway, Named, Route, Scale, Sla, Template, Workflow, expand,
        read::{Artifact, Kind},
    },
    routing::Rewrite,
};
use serde::{Serialize, Serializer};

/// A part of a list that is sorted by name.
#[derive(Clone, Debug)]
pub struct Part<T> {
    /// Those that were asked for.
    pub items: Vec<T>,
    /// How many there are altogether.
    pub total: usize,
}

macro_rules! any {
    ($($kind:ident => $type:ty),+ $(,)?) => {
        impl Engine {
            /// The artifact of that kind and name, and its version.
            ///
            /// # Errors
            ///
            /// As [`find`](Self::find).
            pub async fn find_any(&self, kind: Kind, name: &str) -> Result<Option<(Artifact, Version)>> {
                match kind {
                    $(Kind::$kind => {
                        let found = self.find::<$type>(name).await?;
                        Ok(found.map(|(artifact, version)| (Artifact::$kind(artifact.into()), version)))
                    })+
                }
            }

            /// Stores an artifact; see [`store`](Self::store).
            ///
            /// # Errors
            ///
            /// As [`store`](Self::store).
            pub async fn store_any(&self, artifact: &Artifact, expected: Option<&Version>) -> Result<Version, Failure> {
                match artifact {
                    $(Artifact::$kind(artifact) => self.store::<$type>(artifact, expected).await,)+
                }
            }

            /// Removes an artifact; see [`remove`](Self::remove).
            ///
            /// # Errors
            ///
            /// As [`remove`](Self::remove).
            pub async fn remove_any(
                &self,
                kind: Kind,
                name: &str,
                expected: Option<&Version>,
            ) -> Result<bool, Failure> {
                match kind {
                    $(Kind::$kind => self.remove::<$type>(name, expected).await,)+
                }
            }
        }

        fn parse(kind: Kind, record: &Record) -> Option<Artifact> {
            match kind {
                $(Kind::$kind => {
                    let (_, stored) = super::records::readable::<$type>(std::slice::from_ref(record)).next()?;
                    Some(Artifact::$kind(std::sync::Arc::unwrap_or_clone(stored.value).into()))
                })+
            }
        }

        impl Serialize for Artifact {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$kind(artifact) => artifact.serialize(serializer),)+
                }
            }
        }
    };
}

any! {
    Blueprint => Blueprint,
    Breed => Breed,
    Condition => Named<Condition>,
    Escalation => Named<Escalation>,
    Gateway => Gateway,
    Rewrite => Named<Rewrite>,
    Route => Named<Route<()>>,
    Scale => Named<Scale>,
    Sla => Named<Sla>,
    Template => Named<Template>,
    Workflow => Workflow,
}

impl Engine {
    /// A part of the artifacts of a kind, sorted by name. What is unreadable by itself counts, and is left out.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn list_any(&self, kind: Kind, skip: usize, limit: usize) -> Result<Part<Artifact>> {
        let records = self.shared.persistence.list(kind.plural(), &Page::ALL).await?;
        let shown = records.iter().skip(skip).take(limit);
        Ok(Part { items: shown.filter_map(|record| parse(kind, record)).collect(), total: records.len() })
    }

    /// An artifact with everything that it refers to in place.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] with every reference to nothing, [`Failure::Driver`] when the store cannot be read.
    pub async fn expand_any(&self, artifact: &Artifact) -> Result<Artifact, Failure> {
        self.expanded(|stored| expand::artifact(artifact, stored)).await
    }
}
