//! [`Pem`]: a certificate, those that vouch for it, and its key, as HAProxy is told.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls_pki_types::pem::{PemObject as _, SectionKind};
use sha1_smol::Sha1;
use std::{fmt, sync::Arc};

/// HAProxy takes 16 kB at run time, the command included.
const LONGEST: usize = 15_000;
const LINE: usize = 64;

/// A certificate with its key. `Debug` shows the certificate's fingerprint, which is public.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pem {
    text: Arc<str>,
    fingerprint: Arc<str>,
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pem").field(&self.fingerprint).finish()
    }
}

impl Pem {
    /// Reads what a file holds. Certificates and the key are written anew and everything else is left out, so that no
    /// line of the file is a line that HAProxy is told.
    ///
    /// # Errors
    ///
    /// The reason, for people: it never quotes the file.
    pub(super) fn read(file: &[u8]) -> Result<Self, String> {
        let (mut certificates, mut keys) = (Vec::new(), Vec::new());
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(file) {
            let (kind, content) = section.map_err(|_| damaged(file))?;
            match kind {
                SectionKind::Certificate => certificates.push(content),
                SectionKind::PrivateKey => keys.push(("PRIVATE KEY", content)),
                SectionKind::RsaPrivateKey => keys.push(("RSA PRIVATE KEY", content)),
                SectionKind::EcPrivateKey => keys.push(("EC PRIVATE KEY", content)),
                _ => {}
            }
        }
        let Some(first) = certificates.first() else { return Err("it holds no certificate in PEM".to_owned()) };
        let fingerprint = Sha1::from(first).digest().to_string().to_uppercase();
        let [(label, key)] = keys.as_slice() else { return Err(not_one_key(file, keys.len())) };
        let mut text: String = certificates.iter().map(|one| section("CERTIFICATE", one)).collect();
        text.push_str(&section(label, key));
        if text.len() > LONGEST {
            return Err(format!("it is {} bytes long: HAProxy takes {LONGEST} at run time", text.len()));
        }
        Ok(Self { text: text.into(), fingerprint: fingerprint.into() })
    }

    /// Certificates first; ends with a line break, and no line is empty.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Of the certificate, as HAProxy shows it.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

fn section(label: &str, content: &[u8]) -> String {
    let code = BASE64_STANDARD.encode(content);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = code.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.extend([line, "\n"]);
        rest = after;
    }
    text.extend(["-----END ", label, "-----\n"]);
    text
}

/// HAProxy would ask its terminal for the password, and wait.
fn is_encrypted(file: &[u8]) -> bool {
    file.windows(b"ENCRYPTED".len()).any(|part| part == b"ENCRYPTED")
}

fn damaged(file: &[u8]) -> String {
    if is_encrypted(file) { encrypted() } else { "it is damaged: it is no PEM".to_owned() }
}

fn encrypted() -> String {
    "its key is encrypted, and nobody is there to type the password: write the key without one".to_owned()
}

fn not_one_key(file: &[u8], keys: usize) -> String {
    match keys {
        0 if is_encrypted(file) => encrypted(),
        0 => "it holds no private key: put the certificate, those that vouch for it, and the key into one file"
            .to_owned(),
        _ => format!("it holds {keys} private keys, and one is needed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";

    #[test]
    fn only_certificates_and_the_key_are_taken_and_no_line_is_left_to_the_file() {
        let file = format!("# a\n\nshutdown sessions\n{KEY}\n\nset x\n{CERTIFICATE}# b\n{CERTIFICATE}");
        let pem = Pem::read(file.as_bytes()).unwrap();
        assert_eq!(pem.text(), [CERTIFICATE, CERTIFICATE, KEY].concat());
        assert_eq!(pem.fingerprint(), "0C7A623FD2BBC05B06423BE359E4021D36E721AD");
        assert_eq!(Pem::read(pem.text().as_bytes()).unwrap(), pem);
    }

    #[test]
    fn the_key_is_not_shown() {
        let pem = Pem::read([CERTIFICATE, KEY].concat().as_bytes()).unwrap();
        assert!(!format!("{pem:?}").contains("c2VjcmV0"), "{pem:?}");
    }

    #[test]
    fn what_is_missing_or_damaged_is_told_without_quoting_it() {
        let long: String = (0..500).map(|_| CERTIFICATE).chain([KEY]).collect();
        for (file, reason) in [
            ("", "no certificate"),
            (KEY, "no certificate"),
            (CERTIFICATE, "no private key"),
            (&[CERTIFICATE, KEY, KEY].concat(), "2 private keys"),
            (&[CERTIFICATE, &KEY.replace("c2V", "?!?")].concat(), "damaged"),
            (&[CERTIFICATE, &KEY.replace("PRIVATE", "ENCRYPTED PRIVATE")].concat(), "encrypted"),
            (&[CERTIFICATE, &KEY.replace("c2V", "Proc-Type: 4,ENCRYPTED\n\nc2V")].concat(), "encrypted"),
            (&long, "bytes long"),
        ] {
            let told = Pem::read(file.as_bytes()).unwrap_err();
            assert!(told.contains(reason) && !told.contains("c2Vj"), "{told}");
        }
    }
}
