//! Ports for tests that run at the same time: each process of tests has blocks of its own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

/// Below the ports that the process driver gives to instances, and those that the system gives to clients.
const FIRST: u16 = 10_000;
const BLOCKS: u16 = 200;
const SIZE: u16 = 50;

/// The block that ports are taken from, locked by its file until this process ends.
struct Block {
    _lock: File,
    next: u16,
    end: u16,
}

/// The blocks of this process, the current one last. They stay locked: what got a port may still listen on it.
static TAKEN: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// A port that nobody listens on, and that no other process of tests gets while this one runs.
#[allow(unreachable_pub)] // Some test binaries pass it on.
pub fn free_port() -> u16 {
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(port) = taken.last_mut().and_then(next_of) {
            return port;
        }
        taken.push(reserve());
    }
}

fn next_of(block: &mut Block) -> Option<u16> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = (block.next..block.end).find(is_free)?;
    block.next = port + 1;
    Some(port)
}

/// Processes that follow each other begin at different blocks: what the one before left may still be ending.
fn reserve() -> Block {
    let folder = std::env::temp_dir().join("vamp-test-ports");
    fs::create_dir_all(&folder).expect("a folder for the locks of ports");
    let begin = (std::process::id() % u32::from(BLOCKS)) as u16;
    let lock = |number: u16| Some((number, locked(folder.join(number.to_string()))?));
    let found = (0..BLOCKS).map(|offset| (begin + offset) % BLOCKS).find_map(lock);
    let (number, lock) = found.expect("fewer than 200 processes of tests at a time");
    let first = FIRST + number * SIZE;
    Block { _lock: lock, next: first, end: first + SIZE }
}

fn locked(path: PathBuf) -> Option<File> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).expect("the lock of a block of ports");
    file.try_lock().is_ok().then_some(file)
}
