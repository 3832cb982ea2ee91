//! [`Change`]: what a subscriber hears.

use std::time::SystemTime;

/// Something that the engine did or noticed. Typed twin of the events in the event store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// An artifact was stored.
    Stored {
        /// The plural kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// An artifact was removed.
    Removed {
        /// The plural kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A service reached another phase.
    Phase {
        /// The deployment.
        deployment: String,
        /// The cluster in it.
        cluster: String,
        /// The service in it.
        service: String,
        /// E.g. `Deployment/Done`.
        phase: String,
        /// Why it waits or failed.
        notification: Option<String>,
    },
    /// Gateways were published to the agents.
    Published {
        /// Those that changed.
        gateways: Vec<String>,
    },
}

impl Change {
    /// Kind, tags and value of the event that records this change.
    pub(super) fn event(&self, at: SystemTime, id: String) -> crate::driver::Event {
        let (kind, tags, value) = match self {
            Self::Stored { kind, name } => {
                ("archive", vec![format!("{kind}:{name}"), "archive:update".to_owned()], None)
            }
            Self::Removed { kind, name } => {
                ("archive", vec![format!("{kind}:{name}"), "archive:delete".to_owned()], None)
            }
            Self::Phase { deployment, cluster, service, phase, notification } => {
                let tags = vec![
                    format!("deployments:{deployment}"),
                    format!("clusters:{cluster}"),
                    format!("services:{service}"),
                    format!("synchronization:{phase}"),
                ];
                ("synchronization", tags, notification.as_deref())
            }
            Self::Published { gateways } => {
                let tags = gateways.iter().map(|name| format!("gateways:{name}")).chain(["deployed".to_owned()]);
                ("event", tags.collect(), None)
            }
        };
        let value = serde_json::Value::from(value).to_string().into_bytes();
        crate::driver::Event { id, at, kind: kind.to_owned(), tags, value }
    }
}
