//! The data folder: every file is replaced as a whole, and one proxy at a time works in it.

use super::failure::Failure;
use rustix::fs::{Mode, OFlags};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncSeekExt},
    time::Instant,
};

/// How long a start waits for the proxy before it to let go of the folder.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// A larger log of HAProxy is emptied.
const LONGEST_LOG: u64 = 1 << 20;

/// Who may use a file, beside what the folder allows.
const PUBLIC: u32 = 0o644;
const SECRET: u32 = 0o600;

/// The name of the master socket in the folder.
pub(super) const SOCKET: &str = "master.sock";
/// The name of the configuration in the folder.
pub(super) const CONFIGURATION: &str = "haproxy.cfg";
/// Where HAProxy's own messages go.
pub(super) const LOG: &str = "haproxy.log";
/// Where HAProxy writes its process id.
pub(super) const PID: &str = "haproxy.pid";

/// A data folder that is ours until this value is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
    _lock: File,
}

impl Folder {
    /// Creates what is missing and takes the lock.
    pub(super) async fn open(path: &Path) -> Result<Self, Failure> {
        let what = format!("data folder {}", path.display());
        for part in [path.to_path_buf(), path.join("certs"), path.join("maps"), path.join("state")] {
            let mut builder = fs::DirBuilder::new();
            let created = builder.recursive(true).mode(0o700).create(&part).await;
            created.map_err(|error| Failure::file(&what, &error))?;
        }
        let path = fs::canonicalize(path).await.map_err(|error| Failure::file(&what, &error))?;
        let handle = handle(&path).map_err(|error| Failure::file(&what, &error))?;
        let lock = File::create(path.join("lock")).map_err(|error| Failure::file(&what, &error))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path, handle, _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(Failure::file(&what, &error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(Failure::unavailable(format!("{what} is in use by another Vamp")));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The master socket under a name that is always short enough.
    pub(super) fn socket(&self) -> PathBuf {
        socket(&self.handle)
    }

    /// Replaces a file: after a crash, of the machine too, it holds the old text or the new.
    pub(super) async fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.replace(name, text, true, PUBLIC).await
    }

    /// As [`write`](Self::write), where only our user may read it.
    pub(super) async fn write_secret(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.replace(name, text, true, SECRET).await
    }

    /// Replaces a file that can be made again: after a crash of the machine it may be empty.
    pub(super) async fn write_derived(&self, name: &str, text: &str) -> Result<(), Failure> {
        self.replace(name, text, false, PUBLIC).await
    }

    async fn replace(&self, name: &str, text: &str, durable: bool, mode: u32) -> Result<(), Failure> {
        let target = self.path.join(name);
        let subject = target.display().to_string();
        let draft = self.path.join(format!("{name}.new"));
        let text = text.to_owned();
        // In one go: each step on its own would wait for a thread.
        let write = move || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&draft)?;
            file.write_all(text.as_bytes())?;
            if durable {
                file.sync_data()?;
            }
            std::fs::rename(&draft, &target)
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(io::Error::other).flatten().map_err(|error| Failure::file(&subject, &error))
    }

    /// Reads a file, whatever it holds; `None` when it does not exist.
    pub(super) async fn read(&self, name: &str) -> Result<Option<String>, Failure> {
        let path = self.path.join(name);
        match fs::read(&path).await {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file(&path.display().to_string(), &error)),
        }
    }

    /// How long a file is; none when it does not exist.
    pub(super) async fn length(&self, name: &str) -> Result<u64, Failure> {
        let path = self.path.join(name);
        match fs::metadata(&path).await {
            Ok(found) => Ok(found.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Failure::file(&path.display().to_string(), &error)),
        }
    }

    /// What stands in a file from there on.
    pub(super) async fn read_from(&self, name: &str, offset: u64) -> Result<String, Failure> {
        let path = self.path.join(name);
        let read = async {
            let mut file = fs::File::open(&path).await?;
            file.seek(io::SeekFrom::Start(offset)).await?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).await?;
            Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        };
        read.await.map_err(|error| Failure::file(&path.display().to_string(), &error))
    }

    /// Gives a file another name, so that somebody can look at it and nobody reads it; returns that name.
    pub(super) async fn set_aside(&self, name: &str, why: &str) -> Result<String, Failure> {
        let aside = format!("{name}.{why}");
        let moved = fs::rename(self.path.join(name), self.path.join(&aside)).await;
        moved.map(|()| aside).map_err(|error| Failure::file(name, &error))
    }

    /// Empties HAProxy's log when it has grown large, and keeps what stood in it once more.
    pub(super) async fn shorten_log(&self) -> Result<(), Failure> {
        if self.length(LOG).await? <= LONGEST_LOG {
            return Ok(());
        }
        let (log, old) = (self.path.join(LOG), self.path.join(format!("{LOG}.old")));
        let shorten = async {
            fs::copy(&log, &old).await?;
            // HAProxy appends to the same file: it must be emptied, not replaced.
            fs::OpenOptions::new().write(true).open(&log).await?.set_len(0).await
        };
        shorten.await.map_err(|error| Failure::file(LOG, &error))
    }

    /// Removes a file; it may be gone already.
    pub(super) async fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        match fs::remove_file(&path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::file(&path.display().to_string(), &error))
            }
            _ => Ok(()),
        }
    }

    /// The names of the files in a folder within.
    pub(super) async fn list(&self, name: &str) -> Result<Vec<String>, Failure> {
        let path = self.path.join(name);
        let failed = |error: io::Error| Failure::file(&path.display().to_string(), &error);
        let mut found = Vec::new();
        let mut entries = fs::read_dir(&path).await.map_err(failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            found.extend(entry.file_name().into_string());
        }
        found.sort();
        Ok(found)
    }
}

/// A handle on a folder, only to reach what is in it.
pub(super) fn handle(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// A Unix socket's path is limited to about 107 bytes; through the handle it never gets longer than that.
pub(super) fn socket(handle: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", handle.as_raw_fd()))
}
