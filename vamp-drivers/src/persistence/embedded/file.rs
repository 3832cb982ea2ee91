//! [`StoreFile`]: the open file, which is opened again after an error of the disk.

use super::{
    failure::Failure,
    schema::{EVENT_TERMS, EVENT_TIMES, EVENTS, FORMAT, HISTORY, META, RECORDS},
};
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction,
    backends::FileBackend,
};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Memory for pages of the file.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

type Open = dyn Fn() -> Result<Database, DatabaseError> + Send + Sync;

/// The file. After an error of the disk, redb refuses everything until the file is opened again; who needs it next does
/// that.
pub(super) struct StoreFile {
    path: PathBuf,
    open: Box<Open>,
    state: RwLock<State>,
}

enum State {
    Open(Database),
    Failed,
    Closed,
}

impl fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl StoreFile {
    /// Opens the file; creates it, readable by its owner only, and its folder when they are not there.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = path.to_owned();
        Self::open_by(path, move || {
            let backend = FileBackend::new(create(&file)?)?;
            Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend)
        })
    }

    pub(super) fn open_by(
        path: &Path,
        open: impl Fn() -> Result<Database, DatabaseError> + Send + Sync + 'static,
    ) -> Result<Self, Failure> {
        let state = RwLock::new(State::Failed);
        let file = Self { path: path.to_owned(), open: Box::new(open), state };
        file.ensure_open()?;
        Ok(file)
    }

    /// Whether the file can be read without waiting.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.try_read().as_deref(), Ok(State::Open(_)))
    }

    /// Reads one state of the file.
    pub(super) fn read<T>(&self, run: impl FnOnce(&ReadTransaction) -> Result<T, Failure>) -> Result<T, Failure> {
        self.with(|database| run(&database.begin_read().map_err(Failure::read)?))
    }

    /// Commits what `run` writes, durably, unless it answers that nothing changed.
    pub(super) fn write<T>(
        &self,
        run: impl FnOnce(&WriteTransaction) -> Result<(T, Changed), redb::Error>,
    ) -> Result<T, Failure> {
        self.with(|database| {
            let mut transaction = database.begin_write().map_err(not_written)?;
            transaction.set_durability(Durability::Immediate).map_err(not_written)?;
            let before = revision(&transaction).map_err(not_written)?;
            let (answer, changed) = run(&transaction).map_err(not_written)?;
            match changed {
                Changed::Nothing => transaction.abort().map_err(not_written)?,
                Changed::Something => {
                    transaction
                        .commit()
                        .map_err(|error| Failure::Unknown { before, source: Arc::new(error.into()) })?;
                }
            }
            Ok(answer)
        })
        .map_err(|failure| self.after_failed_commit(failure))
    }

    /// When the file, opened again, still has the revision from before, nothing was written.
    fn after_failed_commit(&self, failure: Failure) -> Failure {
        let Failure::Unknown { before, source } = failure else { return failure };
        let now = self.read(|transaction| {
            let meta = transaction.open_table(META).map_err(Failure::read)?;
            let revision = meta.get("revision").map_err(Failure::read)?;
            Ok(revision.map_or(0, |revision| revision.value()))
        });
        match now {
            Ok(revision) if revision == before => Failure::NotWritten(source),
            _ => Failure::Unknown { before, source },
        }
    }

    /// Writes to the tables themselves.
    #[cfg(test)]
    pub(super) fn write_raw(&self, run: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>) {
        self.write(|transaction| Ok((run(transaction)?, Changed::Something))).unwrap();
    }

    /// Nobody can use it any more; waits for those who do.
    pub(super) fn close(&self) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Closed;
    }

    fn with<T>(&self, run: impl FnOnce(&Database) -> Result<T, Failure>) -> Result<T, Failure> {
        self.ensure_open()?;
        let result = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => run(database),
            State::Failed | State::Closed => Err(Failure::Closed),
        };
        if result.as_ref().is_err_and(Failure::is_of_the_disk) {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Open(_)) {
                *state = State::Failed;
            }
        }
        result
    }

    fn ensure_open(&self) -> Result<(), Failure> {
        if matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Open(_)) {
            return Ok(());
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Open(_) => Ok(()),
            State::Closed => Err(Failure::Closed),
            State::Failed => {
                let database = (self.open)().map_err(|error| self.cannot_open(error))?;
                prepare(&database).map_err(|error| self.cannot_open(error))??;
                *state = State::Open(database);
                Ok(())
            }
        }
    }

    fn cannot_open(&self, error: impl Into<redb::Error>) -> Failure {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Failure::InUse(self.path.clone()),
            error => Failure::Open { path: self.path.clone(), source: Arc::new(error) },
        }
    }
}

/// Whether a transaction has to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Nothing,
    Something,
}

fn not_written(error: impl Into<redb::Error>) -> Failure {
    Failure::NotWritten(Arc::new(error.into()))
}

fn revision(transaction: &WriteTransaction) -> Result<u64, redb::Error> {
    let meta = transaction.open_table(META)?;
    let revision = meta.get("revision")?;
    Ok(revision.map_or(0, |revision| revision.value()))
}

/// Creates every table once, so that readers find them; refuses a format that a newer version wrote.
fn prepare(database: &Database) -> Result<Result<(), Failure>, redb::Error> {
    let transaction = database.begin_write()?;
    let found = transaction.open_table(META)?.get("format")?.map(|format| format.value());
    match found {
        Some(FORMAT) => transaction.abort()?,
        Some(found) => {
            transaction.abort()?;
            return Ok(Err(Failure::NewerFormat { found, known: FORMAT }));
        }
        None => {
            {
                let mut meta = transaction.open_table(META)?;
                meta.insert("format", FORMAT)?;
                meta.insert("identity", RandomState::new().hash_one("identity"))?;
                meta.insert("revision", 0)?;
                transaction.open_table(RECORDS)?;
                transaction.open_table(HISTORY)?;
                transaction.open_table(EVENTS)?;
                transaction.open_table(EVENT_TIMES)?;
                transaction.open_table(EVENT_TERMS)?;
            }
            transaction.commit()?;
        }
    }
    Ok(Ok(()))
}

fn create(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let new = !path.exists();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    if new {
        // Or a power cut may take the whole file with all that was acknowledged.
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(file)
}
