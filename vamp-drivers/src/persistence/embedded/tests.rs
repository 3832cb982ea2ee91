//! What only a look into the file, or a failing disk, can show; the contract is tested from outside.

use super::{
    EmbeddedOptions, EmbeddedStore,
    file::StoreFile,
    schema::{EVENT_TERMS, EVENT_TIMES, EVENTS, META, RECORDS},
};
use async_trait::async_trait;
use redb::{
    Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, backends::FileBackend,
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};
use vamp_core::{
    ErrorKind,
    conformance::{
        event::{BreakableEvents, EventFixture},
        persistence::{BreakablePersistence, CorruptiblePersistence, PersistenceFixture},
    },
    conformance_tests,
    driver::{Aggregate, Draft, Event, EventStore, Page, PersistenceStore, Query},
    event_suite,
    memory::ManualClock,
    persistence_suite,
};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("vamp-embedded-{}-{}", std::process::id(), COUNT.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("vamp.redb")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// What a disk can do to us.
#[derive(Debug, Default)]
struct Disk {
    reads_fail: AtomicBool,
    full: AtomicBool,
    syncs_fail: AtomicBool,
    syncs: AtomicU64,
}

#[derive(Debug)]
struct OnDisk {
    file: FileBackend,
    disk: Arc<Disk>,
}

fn fails(when: &AtomicBool, kind: io::ErrorKind) -> io::Result<()> {
    if when.load(SeqCst) { Err(kind.into()) } else { Ok(()) }
}

impl StorageBackend for OnDisk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        fails(&self.disk.reads_fail, io::ErrorKind::TimedOut)?;
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        fails(&self.disk.full, io::ErrorKind::StorageFull)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        fails(&self.disk.syncs_fail, io::ErrorKind::TimedOut)?;
        self.disk.syncs.fetch_add(1, SeqCst);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        fails(&self.disk.full, io::ErrorKind::StorageFull)?;
        self.file.write(offset, data)
    }
}

struct Fixture {
    store: Arc<EmbeddedStore>,
    disk: Arc<Disk>,
    folder: Folder,
}

/// On a disk that can fail, without a cache that hides it.
fn open() -> Fixture {
    let (folder, disk) = (Folder::new(), Arc::new(Disk::default()));
    let (path, below) = (folder.file(), Arc::clone(&disk));
    let file = StoreFile::open_by(&folder.file(), move || {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        let backend = OnDisk { file: FileBackend::new(file)?, disk: Arc::clone(&below) };
        Builder::new().set_cache_size(0).create_with_backend(backend)
    });
    let store = EmbeddedStore::over(file.unwrap(), EmbeddedOptions::default()).unwrap();
    Fixture { store: Arc::new(store), disk, folder }
}

impl PersistenceFixture for Fixture {
    fn store(&self) -> Arc<dyn PersistenceStore> {
        Arc::<EmbeddedStore>::clone(&self.store)
    }
}

impl EventFixture for Fixture {
    fn store(&self) -> Arc<dyn EventStore> {
        Arc::<EmbeddedStore>::clone(&self.store)
    }
}

#[async_trait]
impl BreakablePersistence for Fixture {
    async fn break_reads(&mut self) {
        self.disk.reads_fail.store(true, SeqCst);
    }
}

#[async_trait]
impl BreakableEvents for Fixture {
    async fn break_reads(&mut self) {
        self.disk.reads_fail.store(true, SeqCst);
    }
}

#[async_trait]
impl CorruptiblePersistence for Fixture {
    async fn corrupt(&mut self, kind: &str, name: &str) {
        self.store.file.write_raw(|transaction| {
            let mut records = transaction.open_table(RECORDS)?;
            let revision = records.get((kind, name))?.unwrap().value().0;
            records.insert((kind, name), (revision, b"\0garbage".as_slice()))?;
            Ok(())
        });
    }
}

persistence_suite! { @each [conformance_tests] open(), breakable }
persistence_suite! { @each [conformance_tests] open(), corruptible }
event_suite! { @each [conformance_tests] open(), breakable }

fn draft(name: &str, body: &str) -> Draft {
    Draft { kind: "breeds".to_owned(), name: name.to_owned(), body: body.as_bytes().to_vec(), author: None }
}

fn event(id: &str, at: SystemTime) -> Event {
    let tags = vec!["gateways:sava".to_owned(), "rate".to_owned()];
    Event { id: id.to_owned(), at, kind: "metrics".to_owned(), tags, value: b"1".to_vec() }
}

async fn names(store: &EmbeddedStore) -> Vec<String> {
    let records = PersistenceStore::list(store, "breeds", &Page::ALL).await.unwrap();
    records.into_iter().map(|record| record.draft.name).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_the_store_goes_on_when_there_is_space_again() {
    let Fixture { store, disk, folder: _folder } = open();
    let version = store.put(&draft("before", "{}"), None).await.unwrap();

    disk.full.store(true, SeqCst);
    for _ in 0..2 {
        let refused = store.put(&draft("during", "{}"), None).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::StorageFull, "{}", refused.report());
    }
    disk.full.store(false, SeqCst);

    store.put(&draft("after", "{}"), None).await.unwrap();
    assert_eq!(names(&store).await, ["after", "before"]);
    assert_eq!(store.get("breeds", "before").await.unwrap().unwrap().version, version);
}

#[tokio::test]
async fn a_commit_that_may_be_on_the_disk_or_not_is_ambiguous_and_nothing_else_is_lost() {
    let Fixture { store, disk, folder: _folder } = open();
    store.put(&draft("before", "{}"), None).await.unwrap();
    disk.syncs_fail.store(true, SeqCst);
    let unknown = store.put(&draft("during", "{}"), None).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::Ambiguous, "{}", unknown.report());
    disk.syncs_fail.store(false, SeqCst);
    store.put(&draft("after", "{}"), None).await.unwrap();
    let names = names(&store).await;
    assert!(names.starts_with(&["after".to_owned(), "before".to_owned()]), "{names:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_who_come_together_share_a_commit() {
    let Fixture { store, disk, folder: _folder } = open();
    let before = disk.syncs.load(SeqCst);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for n in 0..10 {
                store.put(&draft(&format!("{writer}/{n}"), "{}"), None).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let syncs = disk.syncs.load(SeqCst) - before;
    assert!(syncs < 320, "640 writes in {syncs} syncs");
    assert_eq!(names(&store).await.len(), 640);
}

#[tokio::test]
async fn what_changes_nothing_needs_no_commit() {
    let Fixture { store, disk, folder: _folder } = open();
    store.put(&draft("a", "{}"), None).await.unwrap();
    let before = disk.syncs.load(SeqCst);
    store.put(&draft("a", "{}"), None).await.unwrap_err();
    store.delete("breeds", "absent", None).await.unwrap();
    assert_eq!(disk.syncs.load(SeqCst), before);
}

#[tokio::test]
async fn a_file_in_use_is_refused_by_name_and_free_once_its_store_is_dropped() {
    let folder = Folder::new();
    let store = EmbeddedStore::open(folder.file()).unwrap();
    let refused = EmbeddedStore::open(folder.file()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.report().contains("vamp.redb is in use by another process"), "{}", refused.report());
    store.put(&draft("a", "{}"), None).await.unwrap();
    drop(store);
    assert_eq!(names(&EmbeddedStore::open(folder.file()).unwrap()).await, ["a"]);
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let folder = Folder::new();
    EmbeddedStore::open(folder.file()).unwrap().file.write_raw(|transaction| {
        transaction.open_table(META)?.insert("format", 2)?;
        Ok(())
    });
    let refused = EmbeddedStore::open(folder.file()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    assert!(refused.report().contains("format 2, this version reads up to 1"), "{}", refused.report());
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_its_name() {
    let folder = Folder::new();
    fs::write(folder.file(), "name: sava\n".repeat(1000)).unwrap();
    let refused = EmbeddedStore::open(folder.file()).unwrap_err();
    assert!(refused.report().contains("vamp.redb cannot be opened"), "{}", refused.report());
    let folderless = EmbeddedStore::open(folder.file().join("below a file")).unwrap_err();
    assert_eq!(folderless.kind, ErrorKind::Unavailable, "{}", folderless.report());
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.0.join("data/deeper/vamp.redb");
    let _store = EmbeddedStore::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_record_keeps_so_many_states() {
    let folder = Folder::new();
    let options = EmbeddedOptions { states: 3, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder.file(), options).unwrap();
    let mut version = None;
    for n in 0..6 {
        version = Some(store.put(&draft("a", &n.to_string()), version.as_ref()).await.unwrap());
        store.put(&draft(&format!("a/{n}"), "0"), None).await.unwrap();
    }
    let history = store.history("breeds", "a", &Page::ALL).await.unwrap();
    let bodies: Vec<_> = history.iter().map(|record| record.draft.body.as_slice()).collect();
    assert_eq!(bodies, [b"5", b"4", b"3"]);
}

/// Rows of the tables of events.
fn rows(path: &Path) -> [u64; 3] {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_read().unwrap();
    [
        transaction.open_table(EVENTS).unwrap().len().unwrap(),
        transaction.open_table(EVENT_TIMES).unwrap().len().unwrap(),
        transaction.open_table(EVENT_TERMS).unwrap().len().unwrap(),
    ]
}

#[tokio::test]
async fn the_oldest_events_go_when_there_are_too_many_and_leave_no_trace() {
    let folder = Folder::new();
    let options = EmbeddedOptions { events: 3, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder.file(), options).unwrap();
    for n in 0..5 {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(n);
        store.append(&[event(&n.to_string(), at)]).await.unwrap();
    }
    store.append(&[event("too old", SystemTime::UNIX_EPOCH)]).await.unwrap();
    let found = store.query(&Query::default(), &Page::ALL).await.unwrap();
    assert_eq!(found.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["4", "3", "2"]);
    drop(store);
    assert_eq!(rows(&folder.file()), [3, 3, 12], "a kind, two tags and a group for each");
}

#[tokio::test]
async fn events_that_are_too_old_go_with_the_next_one() {
    let folder = Folder::new();
    let clock = Arc::new(ManualClock::new(SystemTime::now()));
    let max_age = Some(Duration::from_secs(60));
    let options = EmbeddedOptions { max_age, clock: Arc::<ManualClock>::clone(&clock), ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder.file(), options).unwrap();
    let begin = vamp_core::driver::Clock::now(&*clock);
    store.append(&[event("old", begin), event("newer", begin + Duration::from_secs(30))]).await.unwrap();
    clock.advance(Duration::from_secs(61));
    store.append(&[event("new", vamp_core::driver::Clock::now(&*clock))]).await.unwrap();
    assert_eq!(store.aggregate(&Query::default(), Aggregate::Count).await.unwrap(), Some(2.0));
    drop(store);
    assert_eq!(rows(&folder.file()), [2, 2, 8]);
}

#[tokio::test]
async fn a_damaged_event_hides_no_other_and_goes_in_its_turn() {
    let folder = Folder::new();
    let options = EmbeddedOptions { events: 2, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open_with(folder.file(), options).unwrap();
    let at = |n| SystemTime::UNIX_EPOCH + Duration::from_secs(n);
    store.append(&[event("bad", at(1)), event("good", at(2))]).await.unwrap();
    store.file.write_raw(|transaction| {
        transaction.open_table(EVENTS)?.insert((1_000_000_000, "bad"), b"\0".as_slice())?;
        Ok(())
    });
    assert_eq!(store.query(&Query::default(), &Page::ALL).await.unwrap(), [event("good", at(2))]);
    store.append(&[event("new", at(3))]).await.unwrap();
    drop(store);
    assert_eq!(rows(&folder.file()), [2, 2, 8]);
}

#[tokio::test]
async fn an_event_out_of_time_is_invalid() {
    let folder = Folder::new();
    let store = EmbeddedStore::open(folder.file()).unwrap();
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000_000_000);
    assert_eq!(store.append(&[event("late", late)]).await.unwrap_err().kind, ErrorKind::Invalid);
    let early = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
    store.append(&[event("early", early)]).await.unwrap();
    let until_late = Query { to: Some(late), ..Query::default() };
    assert_eq!(store.query(&until_late, &Page::ALL).await.unwrap(), [event("early", early)]);
}
