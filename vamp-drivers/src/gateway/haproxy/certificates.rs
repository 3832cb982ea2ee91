//! Certificates: read from the configured folder, kept in the data folder as they were last good, and changed at run time.
//!
//! A document only names a certificate. What the file of that name holds is read here, when the gateway is first served
//! with that name and then from time to time; what HAProxy took is kept, so that a file that has become bad stands in
//! nobody's way, not in that of a restart either.

use super::{
    config::HaproxyConfig, escape, failure::Failure, folder::Folder, master::Master, pem::Pem, plan::Live,
    reload::Gateways, store, worker::Worker,
};
use std::{collections::BTreeSet, path::Path};
use tokio::{
    fs::{self, File},
    io::AsyncReadExt,
};
use vamp_core::{
    driver::Document,
    routing::{Gateway, Protocol, is_certificate},
};

/// The name of the value that names a certificate.
const VALUE: &str = "certificate";
/// A larger file is not read.
const LONGEST_FILE: u64 = 256 << 10;

/// What stands behind the address on the `bind` line of a gateway.
pub(super) fn bind_words(section: &str, gateway: &Gateway) -> String {
    if gateway.settings.tls.is_none() {
        return String::new();
    }
    // No HTTP/2: without cutting idle connections, HAProxy 2.6 cannot ask its clients to leave a worker that leaves.
    let protocols = if gateway.protocol == Protocol::Http { " alpn http/1.1" } else { "" };
    format!(" ssl crt {}{protocols} ssl-min-ver TLSv1.2", file(section))
}

/// The value of a gateway, if it has a certificate.
pub(super) fn value(gateway: &Gateway) -> Result<Option<(String, String)>, String> {
    let Some(tls) = &gateway.settings.tls else { return Ok(None) };
    if is_certificate(&tls.certificate) {
        Ok(Some((VALUE.to_owned(), tls.certificate.clone())))
    } else {
        Err(format!("`{}` cannot name a certificate", tls.certificate.escape_debug()))
    }
}

/// Where the certificate of a gateway is kept, as HAProxy knows it.
fn file(section: &str) -> String {
    format!("certs/{section}.pem")
}

fn file_of(live: &Live) -> String {
    file(&escape::section(&live.gateway))
}

/// The name of the certificate of a document.
pub(super) fn name(document: &Document) -> Option<&str> {
    document.values.get(VALUE).map(String::as_str)
}

/// What a document is to be served with: what it is served with already, or what the file now holds. Another file than
/// that is no reason to refuse other weights.
pub(super) async fn find(
    config: &HaproxyConfig,
    served: Option<&Live>,
    document: &Document,
) -> Result<Option<Pem>, Failure> {
    let Some(wanted) = name(document) else { return Ok(None) };
    let same = served.filter(|live| name(&live.document) == Some(wanted));
    match same.and_then(|live| live.certificate.clone()) {
        Some(pem) => Ok(Some(pem)),
        None => read(config, wanted).await.map(Some),
    }
}

/// What the file of this name holds.
pub(super) async fn read(config: &HaproxyConfig, name: &str) -> Result<Pem, Failure> {
    let refused = |reason: &str| Failure::invalid(format!("certificate `{}`: {reason}", name.escape_debug()));
    let Some(folder) = &config.certificates else {
        return Err(refused("there is no folder of certificates; give one with `--certificates`"));
    };
    if !is_certificate(name) {
        return Err(refused("it cannot name one"));
    }
    let bytes = read_bytes(&folder.join(name)).await;
    let bytes = bytes.map_err(|error| Failure::file(&format!("certificate `{name}`"), &error))?;
    Pem::read(&bytes).map_err(|reason| refused(&reason))
}

async fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // To open what is no file, such as a pipe, may take for ever.
    if !fs::metadata(path).await?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path).await?.take(LONGEST_FILE).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Gives gateways that were served before the certificates that they were served with, or what the files hold now. One
/// that has neither is set aside: HAProxy would not start with it, nor reload for others.
pub(super) async fn load(folder: &Folder, config: &HaproxyConfig, gateways: &mut Gateways) {
    let mut lost = Vec::new();
    for live in gateways.values_mut() {
        let Some(wanted) = name(&live.document) else { continue };
        let kept = folder.read(&file_of(live)).await.ok().flatten();
        let found = match kept.and_then(|text| Pem::read(text.as_bytes()).ok()) {
            Some(pem) => Ok(pem),
            None => read(config, wanted).await,
        };
        match found {
            Ok(pem) => live.certificate = Some(pem),
            Err(failure) => lost.push((live.gateway.clone(), failure)),
        }
    }
    for (gateway, failure) in lost {
        store::set_aside(folder, &gateway, &failure.reason).await;
        gateways.remove(&gateway);
    }
}

/// Keeps the certificates of these gateways.
pub(super) async fn keep(folder: &Folder, gateways: impl Iterator<Item = &Live>) -> Result<(), Failure> {
    for live in gateways {
        let Some(pem) = &live.certificate else { continue };
        let file = file_of(live);
        if folder.read(&file).await?.as_deref() != Some(pem.text()) {
            folder.write_secret(&file, pem.text()).await?;
        }
    }
    Ok(())
}

/// Certificates for a check only: those of gateways that are served must stay what they are.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<String>);

impl Candidates {
    /// Writes those that differ from what is kept, and lets the configuration name them.
    pub(super) async fn write(
        folder: &Folder,
        gateways: impl Iterator<Item = &Live>,
        configuration: &mut String,
    ) -> Result<Self, Failure> {
        let mut candidates = Self::default();
        for live in gateways {
            let Some(pem) = &live.certificate else { continue };
            let file = file_of(live);
            match folder.read(&file).await? {
                Some(kept) if kept == pem.text() => {}
                Some(_) => {
                    let candidate = format!("{file}.candidate");
                    folder.write_secret(&candidate, pem.text()).await?;
                    *configuration = configuration.replace(&format!(" crt {file} "), &format!(" crt {candidate} "));
                    candidates.0.push(candidate);
                }
                None => folder.write_secret(&file, pem.text()).await?,
            }
        }
        Ok(candidates)
    }

    /// Keys are not left lying about.
    pub(super) async fn remove(self, folder: &Folder) -> Result<(), Failure> {
        for file in self.0 {
            folder.remove(&file).await?;
        }
        Ok(())
    }
}

/// Removes the certificates of gateways that are not served, as far as that can be done.
pub(super) async fn sweep(folder: &Folder, served: &Gateways) {
    let wanted: BTreeSet<String> = served.values().filter(|live| name(&live.document).is_some()).map(file_of).collect();
    let sweep = async {
        for found in folder.list("certs").await? {
            let found = format!("certs/{found}");
            if !wanted.contains(&found) {
                folder.remove(&found).await?;
            }
        }
        Ok::<(), Failure>(())
    };
    if let Err(failure) = sweep.await {
        tracing::warn!(%failure, "certificates that nobody needs are not removed");
    }
}

/// Makes every worker that takes connections show the certificate of this gateway from now on. One that leaves takes no
/// connection any more, so nobody sees what it has.
pub(super) async fn serve(master: &Master, live: &Live) -> Result<(), Failure> {
    let (Some(pem), Some(name)) = (&live.certificate, name(&live.document)) else { return Ok(()) };
    let file = file_of(live);
    for pid in master.processes().await?.serving {
        let worker = Worker { master, pid };
        if let Err(failure) = tell(worker, name, &file, pem).await {
            if let Err(left) = abort(worker, &file).await {
                tracing::warn!(worker = pid, %left, "a certificate that was refused is not taken away");
            }
            return Err(failure);
        }
    }
    Ok(())
}

async fn tell(worker: Worker<'_>, name: &str, file: &str, pem: &Pem) -> Result<(), Failure> {
    let mut told = set_and_commit(worker, file, pem).await?;
    // Who was cut off between the two steps left the first one done.
    if let Err(said) = &told
        && let Some((_, rest)) = said.split_once("ongoing transaction is about '")
    {
        abort(worker, rest.split('\'').next().unwrap_or_default()).await?;
        told = set_and_commit(worker, file, pem).await?;
    }
    told.map_err(|said| refusal(name, file, &said))?;
    let shown = worker.run(&[format!("show ssl cert {file}")]).await?;
    let fingerprint = shown.lines().find_map(|line| line.strip_prefix("SHA1 FingerPrint: "));
    if fingerprint == Some(pem.fingerprint()) {
        return Ok(());
    }
    Err(Failure::internal(format!("certificate `{name}`: HAProxy does not show what it was told")))
}

/// Both steps; the inner error is what HAProxy says.
async fn set_and_commit(worker: Worker<'_>, file: &str, pem: &Pem) -> Result<Result<(), String>, Failure> {
    let said = worker.ask(&format!("@!{} set ssl cert {file} <<\n{}", worker.pid, pem.text())).await?;
    if !said.contains("Transaction created") && !said.contains("Transaction updated") {
        return Ok(Err(said));
    }
    let said = worker.run(&[format!("commit ssl cert {file}")]).await?;
    Ok(if said.contains("Success") { Ok(()) } else { Err(said) })
}

async fn abort(worker: Worker<'_>, file: &str) -> Result<(), Failure> {
    worker.run(&[format!("abort ssl cert {file}")]).await.map(drop)
}

/// What HAProxy says when it refuses a certificate, for people.
fn refusal(name: &str, file: &str, said: &str) -> Failure {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = lines.join(" ").replace(file, name);
    let said: String = said.chars().filter(|letter| !letter.is_control()).take(200).collect();
    if said.is_empty() {
        return Failure::unavailable(format!("certificate `{name}`: HAProxy did not answer"));
    }
    Failure::invalid(format!("certificate `{name}`: HAProxy does not take it: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_file_of_the_user_and_no_other() {
        let said =
            "inconsistencies between private key and certificate loaded 'certs/g.pem'.\nCan't commit certs/g.pem!\n\n";
        let reason = refusal("shop.pem", "certs/g.pem", said).reason;
        assert!(reason.contains("loaded 'shop.pem'. Can't commit shop.pem!") && !reason.contains("certs/"), "{reason}");
    }
}
