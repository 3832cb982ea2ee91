//! Certificates made for a test, a client that sees which one it is shown, and a backend that tells what it was asked.

use super::haproxy_support::{Folder, free_port, instance};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http1::{SendRequest, handshake},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
    convert::Infallible,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};
use vamp_core::routing::Instance;

pub(crate) const HOST: &str = "shop.example";

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A certificate and its key.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Made {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
        let made = Self { certificate: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() };
        TRUSTED.lock().expect("no panic").push(made.der.clone());
        made
    }

    pub(crate) fn pem(&self) -> String {
        [self.certificate.as_str(), &self.key].concat()
    }

    pub(crate) fn is(&self, shown: &CertificateDer<'_>) -> bool {
        self.der == *shown
    }
}

/// Whatever this test made.
static TRUSTED: LazyLock<Mutex<Vec<CertificateDer<'static>>>> = LazyLock::new(Mutex::default);

/// A folder of certificates beside that of HAProxy; it is removed at the end.
#[derive(Debug)]
pub(crate) struct Certificates(pub(crate) PathBuf);

impl Certificates {
    pub(crate) fn new(folder: &Folder) -> Self {
        let path = Self::of(folder);
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn of(folder: &Folder) -> PathBuf {
        folder.0.with_extension("certificates")
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn connector(protocols: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(TRUSTED.lock().expect("no panic").iter().cloned());
    assert!(added > 0);
    let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = versions.with_safe_default_protocol_versions().expect("versions");
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// A connection whose certificate was verified.
pub(crate) async fn connect(port: u16, protocols: &[&str]) -> Result<TlsStream<TcpStream>, Failed> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(connector(protocols).connect(ServerName::try_from(HOST)?, stream).await?)
}

/// What a new connection is shown.
pub(crate) async fn shown(port: u16) -> CertificateDer<'static> {
    let stream = connect(port, &[]).await.expect("a connection");
    let certificates = stream.get_ref().1.peer_certificates().expect("certificates");
    certificates[0].clone().into_owned()
}

/// A client that keeps its connection while it may.
#[derive(Debug)]
pub(crate) struct Client {
    port: u16,
    connection: Option<SendRequest<Empty<Bytes>>>,
    connections: Arc<AtomicUsize>,
}

impl Client {
    pub(crate) fn new(port: u16, connections: &Arc<AtomicUsize>) -> Self {
        Self { port, connection: None, connections: Arc::clone(connections) }
    }

    /// Status and body of the answer.
    pub(crate) async fn get(&mut self, headers: &[(&str, &str)]) -> Result<(u16, String), Failed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let mut request = Request::get("/").header("host", HOST);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = connection.send_request(request.body(Empty::new())?).await?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await?.to_bytes();
        if connection.ready().await.is_ok() {
            self.connection = Some(connection);
        }
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn open(&self) -> Result<SendRequest<Empty<Bytes>>, Failed> {
        let stream = connect(self.port, &["http/1.1"]).await?;
        let (connection, running) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(running);
        self.connections.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }
}

/// An instance that answers the headers of each request.
pub(crate) async fn echo() -> Instance {
    let port = free_port();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("a free port");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let serve = hyper::server::conn::http1::Builder::new();
            tokio::spawn(serve.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    instance("echo", port)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let line = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap_or_default())
    };
    let told: String = request.headers().iter().map(line).collect();
    Ok(Response::new(Full::new(Bytes::from(told))))
}
