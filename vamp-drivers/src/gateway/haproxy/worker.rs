//! One worker: what it serves and how it is told otherwise.

use super::{entries::Map, failure::Failure, master::Master};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use vamp_core::ErrorKind;

/// HAProxy's command buffer takes 16 kB.
const LONGEST_COMMAND: usize = 12_000;

/// What is answered for a map that a worker does not have.
const UNKNOWN_MAP: &str = "Unknown map identifier";

/// A master that is busy may not reach a worker at once. It is asked again for so long.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(20);

/// A server slot: the name of its backend and its number.
pub(super) type SlotName = (String, usize);

/// One worker of a master.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worker<'a> {
    pub(super) master: &'a Master,
    pub(super) pid: i32,
}

/// A server slot as a worker has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SlotState {
    pub(super) address: Option<SocketAddr>,
    /// In no kind of maintenance or drain.
    pub(super) ready: bool,
    /// In good health, as far as checks know.
    pub(super) up: bool,
    pub(super) weight: u32,
}

/// What a worker has under a key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    NoMap,
    Nothing,
    Value(String),
}

/// What a worker has of a gateway.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: BTreeMap<SlotName, SlotState>,
    /// By key, in the order asked for.
    pub(super) found: Vec<Found>,
    /// What was answered to the commands before.
    pub(super) said: String,
}

impl Worker<'_> {
    /// Runs commands in order, in as few batches as the command buffer allows, and returns all that was answered.
    pub(super) async fn run(&self, commands: &[String]) -> Result<String, Failure> {
        let mut answers = String::new();
        let mut batch = String::new();
        for command in commands {
            if !batch.is_empty() && batch.len() + command.len() > LONGEST_COMMAND {
                answers.push_str(&self.ask(&format!("@!{};{batch}", self.pid)).await?);
                batch.clear();
            }
            batch.push(' ');
            batch.push_str(command);
            batch.push(';');
        }
        if !batch.is_empty() {
            answers.push_str(&self.ask(&format!("@!{};{}", self.pid, batch.trim_end_matches(';'))).await?);
        }
        Ok(answers)
    }

    /// Says a line that begins with whom it is for, or a line and a text.
    pub(super) async fn ask(&self, line: &str) -> Result<String, Failure> {
        let begun = Instant::now();
        let answer = loop {
            let answer = self.master.ask(line).await?;
            if !is_unreached(&answer) {
                break answer;
            }
            if begun.elapsed() > REACHED_WITHIN {
                let reason = format!("HAProxy's master does not reach worker {}: {}", self.pid, answer.trim());
                return Err(Failure::unavailable(reason));
            }
            sleep(AGAIN).await;
        };
        if answer.contains("Can't find the target") {
            return Err(Failure::new(ErrorKind::NotFound, format!("HAProxy's worker {} is gone", self.pid)));
        }
        Ok(answer)
    }

    /// Every slot of every backend.
    pub(super) async fn all_slots(&self) -> Result<BTreeMap<SlotName, SlotState>, Failure> {
        slots(&self.run(&["show servers state".to_owned()]).await?)
    }

    /// Every slot of these backends.
    pub(super) async fn slots(&self, backends: &[String]) -> Result<BTreeMap<SlotName, SlotState>, Failure> {
        let commands: Vec<String> = backends.iter().map(|name| show_slots(name)).collect();
        slots(&self.run(&commands).await?)
    }

    /// Open and queued connections of every slot of these backends.
    pub(super) async fn connections(&self, backends: &[String]) -> Result<BTreeMap<SlotName, u64>, Failure> {
        let commands: Vec<String> = backends.iter().map(|name| format!("show stat {name} 4 -1")).collect();
        connections(&self.run(&commands).await?)
    }

    /// Clients that are connected to a frontend, whether they ask for something or not.
    pub(super) async fn clients(&self, frontend: &str) -> Result<u64, Failure> {
        let answer = self.run(&[format!("show stat {frontend} 1 -1")]).await?;
        let row = answer.lines().find(|line| line.split(',').nth(1) == Some("FRONTEND"));
        // Columns: pxname, svname, qcur, qmax, scur.
        let open = row.and_then(|line| line.split(',').nth(4)?.parse().ok());
        open.ok_or_else(|| refused("show stat", &answer))
    }

    /// The entries of a map; `None` when the worker does not have it.
    pub(super) async fn map(&self, path: &str) -> Result<Option<BTreeMap<String, String>>, Failure> {
        map(&self.run(&[format!("show map {path}")]).await?)
    }

    /// What stands under these keys, each with its map.
    pub(super) async fn look_up(&self, keys: &[(Map, &str)]) -> Result<Vec<Found>, Failure> {
        let commands: Vec<String> = keys.iter().map(get_map).collect();
        all_found(&self.run(&commands).await?, keys.len())
    }

    /// Does this, and reads the slots of these backends and what stands under these keys back, in one exchange.
    pub(super) async fn state(
        &self,
        after: &[String],
        backends: &[String],
        keys: &[(Map, &str)],
    ) -> Result<State, Failure> {
        let shown = backends.iter().map(|name| show_slots(name)).chain(keys.iter().map(get_map));
        let commands: Vec<String> = after.iter().cloned().chain(shown).collect();
        let answer = self.run(&commands).await?;
        let (said, shown) = answer.split_at(answer.find("1\n# be_id").unwrap_or(0));
        let (of_maps, of_slots): (Vec<&str>, Vec<&str>) = shown.lines().partition(|line| found(line).is_some());
        let found = all_found(&of_maps.join("\n"), keys.len())?;
        Ok(State { slots: slots(&of_slots.join("\n"))?, found, said: said.to_owned() })
    }

    /// A line of `show info`.
    pub(super) async fn info(&self, name: &str) -> Result<String, Failure> {
        let answer = self.run(&["show info".to_owned()]).await?;
        let value = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(str::to_owned).ok_or_else(|| refused("show info", &answer))
    }
}

fn show_slots(backend: &str) -> String {
    format!("show servers state {backend}")
}

fn get_map((map, key): &(Map, &str)) -> String {
    format!("get map {} {key}", map.path())
}

fn refused(command: &str, answer: &str) -> Failure {
    let answer: String = answer.trim().chars().take(200).collect();
    Failure::internal(format!("HAProxy answered `{}` to `{command}`", answer.escape_debug()))
}

/// Every slot that is told of; a line that cannot be read is no slot less, but an error.
fn slots(answer: &str) -> Result<BTreeMap<SlotName, SlotState>, Failure> {
    let of = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        words.first()?.parse::<u32>().ok()?;
        let slot = words.get(3)?.strip_prefix('s')?.parse().ok()?;
        let admin: u32 = words.get(6)?.parse().ok()?;
        let port = words.get(18)?.parse().ok()?;
        let address = match *words.get(4)? {
            "-" => None,
            address => Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, port)),
        };
        let state = SlotState {
            address,
            // 4 only says that the configuration had it disabled.
            ready: admin & !4 == 0,
            up: *words.get(5)? != "0",
            weight: words.get(7)?.parse().ok()?,
        };
        Some((((*words.get(1)?).to_owned(), slot), state))
    };
    // The version of the format, the names of the columns, and a backend that came after that worker.
    let tells_nothing =
        |line: &&str| line.is_empty() || *line == "1" || line.starts_with('#') || *line == "Can't find backend.";
    let lines = answer.lines().filter(|line| !tells_nothing(line));
    lines.map(|line| of(line).ok_or_else(|| refused("show servers state", line))).collect()
}

/// The entries of a map; `None` when the worker does not have it.
fn map(answer: &str) -> Result<Option<BTreeMap<String, String>>, Failure> {
    if answer.contains(UNKNOWN_MAP) {
        return Ok(None);
    }
    let entry = |line: &str| {
        let mut words = line.splitn(3, ' ');
        words.next()?.starts_with("0x").then_some(())?;
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    let lines = answer.lines().filter(|line| !line.is_empty());
    lines.map(|line| entry(line).ok_or_else(|| refused("show map", line))).collect::<Result<_, _>>().map(Some)
}

/// Whether the master says that it did not pass a command on; nothing of it was done.
fn is_unreached(answer: &str) -> bool {
    answer.contains("Can't connect to the target CLI")
}

/// As many answers to `get map`.
fn all_found(answer: &str, count: usize) -> Result<Vec<Found>, Failure> {
    let found: Vec<Found> = answer.lines().filter_map(found).collect();
    if found.len() == count { Ok(found) } else { Err(refused("get map", answer)) }
}

/// An answer to `get map`.
fn found(line: &str) -> Option<Found> {
    if line.contains(UNKNOWN_MAP) {
        return Some(Found::NoMap);
    }
    let rest = line.strip_prefix("type=")?;
    if rest.contains(", found=no") {
        return Some(Found::Nothing);
    }
    let (_, value) = rest.split_once(", value=\"")?;
    value.split_once('"').map(|(value, _)| Found::Value(value.to_owned()))
}

fn connections(answer: &str) -> Result<BTreeMap<SlotName, u64>, Failure> {
    let mut found = BTreeMap::new();
    for line in answer.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split(',').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
        let (Some(backend), Some(server)) = (words.first(), words.get(1)) else {
            return Err(refused("show stat", line));
        };
        if *server == "BACKEND" {
            continue;
        }
        // Columns: pxname, svname, qcur, qmax, scur.
        let slot = server.strip_prefix('s').and_then(|slot| slot.parse().ok());
        let (Some(slot), Some(queued), Some(open)) = (slot, number(2), number(4)) else {
            return Err(refused("show stat", line));
        };
        found.insert(((*backend).to_owned(), slot), queued + open);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn the_state_of_a_slot_is_read_whatever_the_health() {
        let answer = "1\n# be_id be_name\n2 a.r0 1 s0 127.0.0.1 2 0 100 1 14 6 3 2 6 0 0 0 - 29060 - 0 0 - - 0\n\
            2 a.r0 2 s1 ::1 0 5 0 1 14 1 0 0 14 0 0 0 - 1 - 0 0 - - 0\n";
        let found = slots(answer).unwrap();
        let ready = SlotState { address: Some("127.0.0.1:29060".parse().unwrap()), ready: true, up: true, weight: 100 };
        let empty = SlotState { address: Some("[::1]:1".parse().unwrap()), ready: false, up: false, weight: 0 };
        assert_eq!(found, BTreeMap::from([(("a.r0".to_owned(), 0), ready), (("a.r0".to_owned(), 1), empty)]));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_and_no_slot_less() {
        assert_eq!(slots("1\n# be_id\nCan't find backend.\n\n").unwrap(), BTreeMap::new());
        let good = "2 a.r0 1 s0 127.0.0.1 2 0 100 1 14 6 3 2 6 0 0 0 - 29060 - 0 0 - - 0\n";
        for bad in ["2 a.r0 1 s0 nonsense 2 0 100 1 14 6 3 2 6 0 0 0 - 29060", "2 a.r0 1 s0", "Permission denied"] {
            assert!(slots(&format!("{good}{bad}\n")).is_err(), "{bad}");
        }
        assert!(connections("a.r0,other,0,0,3").is_err() && connections("Permission denied").is_err());
    }

    /// A stand-in for the master, which cannot be made busy on purpose.
    #[tokio::test]
    async fn a_worker_that_the_master_does_not_reach_at_first_is_asked_again() {
        let path = std::env::temp_dir().join(format!("vamp-unreached-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let answers = tokio::spawn(async move {
            for answer in ["Can't connect to the target CLI!\n", "done\n"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut asked = String::new();
                stream.read_to_string(&mut asked).await.unwrap();
                assert_eq!(asked, "@!7; show version\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let master = Master::new(path.clone());
        let answer = Worker { master: &master, pid: 7 }.run(&["show version".to_owned()]).await;
        assert_eq!(answer.unwrap(), "done\n");
        answers.await.unwrap();
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn an_entry_a_missing_one_and_a_missing_map_are_told_apart() {
        let entry = r#"type=str, case=sensitive, found=yes, idx=tree, key="a.example", value="g1", type="str""#;
        assert_eq!(found(entry), Some(Found::Value("g1".to_owned())));
        assert_eq!(found("type=str, case=sensitive, found=no"), Some(Found::Nothing));
        assert_eq!(found("Unknown map identifier. Please use #<id> or <file>."), Some(Found::NoMap));
        assert_eq!(found("Permission denied"), None);
    }

    #[test]
    fn connections_are_open_and_queued_ones() {
        let answer = "# pxname,svname,qcur,qmax,scur,\na.r0,s0,2,0,3,1\n\na.r0,BACKEND,0,0,0\n";
        assert_eq!(connections(answer).unwrap(), BTreeMap::from([(("a.r0".to_owned(), 0), 5)]));
        assert!(connections("a.r0,s0,x,0,3").is_err());
    }
}
