//! [`Store`]: the folder with one record file per workload, held by one server at a time.

use super::record::Stored;
use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    hash::{BuildHasher, RandomState},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use vamp_core::{digest, driver::WorkloadId};

/// The folder of a driver. While this exists, no other driver can open it.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Marks every process of this folder; made once.
    pub(super) data: String,
    _lock: File,
}

impl Store {
    /// Opens the folder, made when absent, and waits at most `patience` for another server to let go of it.
    ///
    /// # Errors
    /// `WouldBlock` when another server uses it.
    pub(super) fn open(folder: &Path, patience: Duration) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        for folder in [folder, &folder.join("workloads"), &folder.join("output"), &folder.join("ends")] {
            builder.create(folder).map_err(|error| at(folder, &error))?;
        }
        let folder = folder.canonicalize()?;
        let lock = lock(&folder.join("lock"), patience)?;
        let data = identity(&folder.join("id"))?;
        Ok(Self { folder, data, _lock: lock })
    }

    /// Every workload there is. One file that cannot be read is an error: what it says may be running.
    pub(super) fn load(&self) -> io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder.join("workloads"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let bytes = fs::read(&path).map_err(|error| at(&path, &error))?;
                let stored = serde_json::from_slice(&bytes).map_err(|error| {
                    let text =
                        format!("{error}; what it records may be running: repair it, or stop that and remove it");
                    at(&path, &io::Error::new(io::ErrorKind::InvalidData, text))
                });
                found.push(stored?);
            }
        }
        Ok(found)
    }

    /// Durable when it returns.
    pub(super) fn save(&self, stored: &Stored) -> io::Result<()> {
        write_durably(&self.path(&stored.workload.id)?, &serde_json::to_vec_pretty(stored)?)
    }

    /// Forgets a workload, durably.
    pub(super) fn delete(&self, id: &WorkloadId) -> io::Result<()> {
        let path = self.path(id)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&path, &error)),
            _ => sync_folder_of(&path),
        }
    }

    /// Where the output of an instance goes.
    pub(super) fn output(&self, instance: &str) -> PathBuf {
        self.folder.join("output").join(format!("{instance}.log"))
    }

    /// The folder of all outputs.
    pub(super) fn outputs(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// Where an instance that runs once leaves its exit status.
    pub(super) fn end(&self, instance: &str) -> PathBuf {
        self.folder.join("ends").join(instance)
    }

    fn path(&self, id: &WorkloadId) -> io::Result<PathBuf> {
        // Names may contain anything; their digest is a file name.
        let name = digest::of(&serde_json::to_vec(id)?);
        Ok(self.folder.join("workloads").join(format!("{name}.json")))
    }
}

/// The error with the place it happened at.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn lock(path: &Path, patience: Duration) -> io::Result<File> {
    let mut file = private().truncate(false).read(true).open(path).map_err(|error| at(path, &error))?;
    let deadline = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder)?;
                let text = format!(
                    "{}: in use by the server with process id {}; stop it first, or choose another folder",
                    path.display(),
                    holder.trim()
                );
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            Err(TryLockError::Error(error)) => return Err(at(path, &error)),
        }
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

fn identity(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(id) if id.len() >= 16 => Ok(id),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{}: not an id", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = unique();
            write_durably(path, id.as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(at(path, &error)),
    }
}

/// 16 hexadecimal digits that no one has.
pub(super) fn unique() -> String {
    let now = std::time::SystemTime::now();
    format!("{:016x}", RandomState::new().hash_one((now, std::process::id())))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

/// The former content or the new one, whenever the power fails.
fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let write = || -> io::Result<()> {
        let mut file = private().open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().map_err(|error| at(path, &error))?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, &error))
}
