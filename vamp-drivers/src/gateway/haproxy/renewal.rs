//! Notices that the file of a certificate holds something else, and serves that.

use super::{actor::Actor, certificates, failure::Failure, pem::Pem, plan::Live};
use std::collections::BTreeMap;

/// A file whose content is not served.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unusable {
    /// What HAProxy refused, if it got that far: it is not asked again.
    refused: Option<Pem>,
    reason: String,
}

/// Such files by gateway.
pub(super) type UnusableFiles = BTreeMap<String, Unusable>;

impl Actor {
    /// Compares what the files hold with what is served. A file that cannot be used is told; what was served still is.
    pub(super) async fn renew_certificates(&mut self) {
        if self.stopped || self.adrift || self.process.is_none() {
            return;
        }
        let mut found: BTreeMap<String, Result<Pem, Failure>> = BTreeMap::new();
        let mut unusable = UnusableFiles::new();
        let named =
            |live: &Live| certificates::name(&live.document).map(str::to_owned).map(|name| (live.clone(), name));
        for (live, name) in self.live.values().filter_map(named).collect::<Vec<_>>() {
            if !found.contains_key(&name) {
                found.insert(name.clone(), certificates::read(&self.shared.config, &name).await);
            }
            let trouble = match &found[&name] {
                Ok(pem) => self.renew(&live, pem).await,
                Err(failure) => Some(Unusable { refused: None, reason: failure.reason.clone() }),
            };
            if let Some(trouble) = trouble {
                unusable.insert(live.gateway, trouble);
            }
        }
        self.tell_unusable(unusable);
    }

    /// Serves this certificate; `None` when it is served.
    async fn renew(&mut self, live: &Live, pem: &Pem) -> Option<Unusable> {
        if live.certificate.as_ref() == Some(pem) {
            return None;
        }
        let before = self.unusable.get(&live.gateway).filter(|before| before.refused.as_ref() == Some(pem));
        if let Some(before) = before {
            return Some(before.clone());
        }
        let next = Live { certificate: Some(pem.clone()), ..live.clone() };
        match self.change_values(next).await {
            Ok(()) => {
                tracing::info!(gateway = live.gateway, certificate = ?pem, "serves another certificate");
                None
            }
            Err(failure) => {
                let refused = failure.is_refusal().then(|| pem.clone());
                Some(Unusable { refused, reason: failure.reason })
            }
        }
    }

    fn tell_unusable(&mut self, unusable: UnusableFiles) {
        for (gateway, trouble) in
            unusable.iter().filter(|(gateway, trouble)| self.unusable.get(*gateway) != Some(trouble))
        {
            tracing::warn!(gateway, reason = trouble.reason, "goes on with the certificate that it had");
        }
        let told = unusable.iter().map(|(gateway, trouble)| (gateway.clone(), trouble.reason.clone())).collect();
        // What is told may be older than we are: it is kept with the counters.
        if self.shared.look(|view| view.counters.old_certificates != told) {
            self.shared.change(|view| view.counters.old_certificates = told);
        }
        self.unusable = unusable;
    }
}
