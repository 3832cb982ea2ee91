//! Which server uses a data folder.

use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

const FILE: &str = "server.json";

/// A running server, told from any later process with the same number by when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) pid: u32,
    began: u64,
}

impl Server {
    /// Writes down that this process uses the folder.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn claim(folder: &Path) -> io::Result<()> {
        let pid = std::process::id();
        let began = began(pid)?;
        let text = serde_json::to_vec(&Self { pid, began })?;
        let new = folder.join("server.json.new");
        fs::write(&new, text)?;
        fs::rename(new, folder.join(FILE))
    }

    /// The server that uses the folder, if one is running.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let server: Self = serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()?;
        server.is_running().then_some(server)
    }

    pub(crate) fn is_running(self) -> bool {
        began(self.pid).is_ok_and(|began| began == self.began)
    }
}

/// When a process began, in clock ticks since the machine did.
fn began(pid: u32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may contain anything, and ends at the last parenthesis.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
    let (state, began) = fields.map(|mut fields| (fields.next(), fields.nth(18))).unwrap_or_default();
    match (state, began.and_then(|text| text.parse().ok())) {
        (Some("Z" | "X"), _) => Err(io::Error::from(io::ErrorKind::NotFound)),
        (_, Some(began)) => Ok(began),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_told_from_a_later_process_with_its_number() {
        let folder = std::env::temp_dir().join(format!("vamp-server-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(Server::of(&folder), None);
        Server::claim(&folder).unwrap();
        let ours = Server::of(&folder).unwrap();
        assert_eq!(ours.pid, std::process::id());
        let later = Server { began: ours.began + 1, ..ours };
        fs::write(folder.join(FILE), serde_json::to_vec(&later).unwrap()).unwrap();
        assert_eq!(Server::of(&folder), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
