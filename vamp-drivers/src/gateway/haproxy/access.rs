//! The access log: HAProxy tells of each request by a pipe, and here it becomes a line of a file.
//!
//! The pipe is the standard output of HAProxy, so that it outlives reloads and us: what nobody reads stays in it, up to
//! its size, and what it has no room for is lost, never waited for.

use super::{
    actor::{Shared, View},
    escape,
    failure::Failure,
    folder::Folder,
    values,
};
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use std::{
    borrow::Cow,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, net::unix::pipe};

/// The pipe in the folder.
const PIPE: &str = "access.pipe";
/// What the pipe holds while nobody reads, in bytes: as much as anybody may ask for.
const PIPE_SIZE: usize = 1 << 20;
/// So much is read at once, in bytes.
const CHUNK: usize = 64 << 10;
/// Lines are collected for so long: one by one, they would cost more than the requests.
const COLLECT: Duration = Duration::from_millis(10);
/// A file that cannot be written is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);

/// Where requests are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The file. The one before it has `.1` at its end.
    pub file: PathBuf,
    /// A file that has become so long begins anew, in bytes.
    pub longest: u64,
}

impl AccessLog {
    /// In this file, of at most 64 MiB.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), longest: 64 << 20 }
    }
}

/// What HAProxy says of a request; `-` is nothing.
#[derive(Debug, Deserialize)]
struct Told<'t> {
    time: f64,
    #[serde(borrow)]
    frontend: Cow<'t, str>,
    section: Cow<'t, str>,
    backend: Cow<'t, str>,
    server: Cow<'t, str>,
    client: Cow<'t, str>,
    method: Cow<'t, str>,
    host: Cow<'t, str>,
    path: Cow<'t, str>,
    agent: Cow<'t, str>,
    status: i64,
    bytes: u64,
    duration: i64,
    end: Cow<'t, str>,
}

/// A line of the log.
#[derive(Debug, Serialize)]
struct Line<'t> {
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    client: &'t str,
    method: &'t str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'t str>,
    path: &'t str,
    status: i64,
    /// Milliseconds.
    duration: i64,
    bytes: u64,
    /// How it ended, in HAProxy's two letters; nothing when all was well.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'t str>,
    headers: Headers<'t>,
}

#[derive(Debug, Serialize)]
struct Headers<'t> {
    #[serde(rename = "user-agent", skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'t str>,
}

/// The end of the pipe that HAProxy writes to.
pub(super) fn pipe(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(PIPE);
    let failed = |error: io::Error| Failure::file(PIPE, &error);
    match mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error.into())),
    }
    // For reading, too: whoever writes must find somebody, always.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let pipe = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(&path).map_err(failed)?;
    if let Err(error) = rustix::pipe::fcntl_setpipe_size(&pipe, PIPE_SIZE) {
        tracing::debug!(%error, "the pipe of the access log stays small");
    }
    Ok(pipe)
}

/// Writes the log until there is no proxy any more.
pub(super) fn follow(folder: &Folder, shared: &Arc<Shared>, log: AccessLog) -> Result<(), Failure> {
    let path = folder.path().join(PIPE);
    drop(pipe(folder.path())?);
    let failed = |error: io::Error| Failure::file(PIPE, &error);
    let receiver = pipe::OpenOptions::new().read_write(true).open_receiver(path).map_err(failed)?;
    tokio::spawn(copy(receiver, Arc::downgrade(shared), log));
    Ok(())
}

async fn copy(receiver: pipe::Receiver, shared: Weak<Shared>, log: AccessLog) {
    let mut received = Vec::with_capacity(CHUNK);
    let mut output = Output { log, file: None };
    loop {
        // Now and then somebody has to see that the proxy is gone.
        let ready = tokio::time::timeout(RETRY, receiver.readable()).await;
        let Some(shared) = shared.upgrade() else { return };
        match ready {
            Err(_) => continue,
            Ok(Err(error)) => return tracing::warn!(%error, "the access log ends: its pipe cannot be read"),
            Ok(Ok(())) => {}
        }
        match receiver.try_read_buf(&mut received) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return tracing::warn!(%error, "the access log ends: its pipe cannot be read"),
        }
        let whole = received.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = shared.look(|view| lines(&received[..whole], view));
        received.drain(..whole);
        if received.len() >= CHUNK {
            // No line is that long.
            received.clear();
        }
        drop(shared);
        if let Err(error) = output.write(&text).await {
            tracing::warn!(%error, file = %output.log.file.display(), "requests are not logged");
            output.file = None;
            tokio::time::sleep(RETRY).await;
        }
        if whole < CHUNK / 2 {
            tokio::time::sleep(COLLECT).await;
        }
    }
}

/// The file, and how long it is.
#[derive(Debug)]
struct Output {
    log: AccessLog,
    file: Option<(tokio::fs::File, u64)>,
}

impl Output {
    async fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let added = text.len() as u64;
        if self.file.as_ref().is_some_and(|(_, length)| *length > 0 && length + added > self.log.longest) {
            self.file = None;
            let mut old = self.log.file.clone().into_os_string();
            old.push(".1");
            tokio::fs::rename(&self.log.file, old).await?;
        }
        let (mut file, length) = match self.file.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        file.write_all(text).await?;
        file.flush().await?;
        self.file = Some((file, length + added));
        Ok(())
    }

    /// Addresses of clients are in it: it is nobody else's to read.
    async fn open(&self) -> io::Result<(tokio::fs::File, u64)> {
        let mut options = tokio::fs::OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(&self.log.file).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }
}

/// The lines of the log for what HAProxy told; what is no request is left out.
fn lines(told: &[u8], view: &View) -> Vec<u8> {
    let mut text = Vec::with_capacity(told.len());
    for one in told.split(|byte| *byte == b'\n') {
        let Ok(told) = serde_json::from_slice::<Told<'_>>(one) else { continue };
        let Some(line) = line(&told, view) else { continue };
        // Our own texts always serialise.
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
        }
    }
    text
}

fn line<'t>(told: &'t Told<'_>, view: &'t View) -> Option<Line<'t>> {
    let path = said(&told.path)?;
    // A route has a backend, which is named by it; whoever got no route asked a frontend, or for a host.
    let (section, place) = match told.backend.split_once('.') {
        Some((section, place)) if !section.is_empty() => (Some(section), Some(place)),
        _ => (said(&told.section).or(said(&told.frontend).filter(|name| !name.starts_with('.'))), None),
    };
    let gateway = section.and_then(escape::gateway);
    let live = gateway.as_ref().and_then(|gateway| view.live.get(gateway));
    let value = |name: String| live.and_then(|live| live.document.values.get(&name)).map(String::as_str);
    let server = place.and_then(|place| value(format!("server/{place}/{}", told.server.strip_prefix('s')?)));
    Some(Line {
        time: told.time,
        route: place.and_then(|place| value(["route/", place].concat())),
        instance: server.and_then(|server| server.parse::<values::Server>().ok()).map(|server| server.id),
        gateway,
        client: &told.client,
        method: &told.method,
        host: said(&told.host),
        path: origin(path),
        status: told.status,
        duration: told.duration,
        bytes: told.bytes,
        end: said(told.end.trim_matches('-')).filter(|end| !end.is_empty()),
        headers: Headers { user_agent: said(&told.agent) },
    })
}

fn said(text: &str) -> Option<&str> {
    (text != "-").then_some(text)
}

/// The path with its query, of what may be a whole address.
fn origin(uri: &str) -> &str {
    let Some((_, rest)) = uri.split_once("://").filter(|_| !uri.starts_with('/')) else { return uri };
    rest.find('/').map_or("/", |path| &rest[path..])
}
