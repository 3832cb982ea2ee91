//! Throws damaged documents at every reader, for a time: none may panic, hang, or read back other than it wrote.
//!
//! `make fuzz`, or `cargo run --release --example fuzz -- [TARGET…]`. `FUZZ_SECONDS` is the time for each target (10),
//! `FUZZ_SEED` repeats a run. The seeds are `fuzz/corpus/<target>` and `examples/artifacts`; an input that is answered in
//! a way that no input before was answered becomes a seed, too. What fails is kept under `target/fuzz/`.

mod http;
mod mutate;
mod targets;

use mutate::Mutator;
use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Write as _},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use targets::{TARGETS, Target};

/// An input that takes longer hangs. The machine may be busy, and the build unoptimised.
const HANG: Duration = Duration::from_secs(30);
/// More seeds than these are not kept.
const MOST_SEEDS: usize = 4_000;
/// Longer inputs are cut, but for those that are there to be long.
const LONGEST: usize = 8 * 1024;

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    let unknown = names.iter().find(|name| TARGETS.iter().all(|target| target.name != **name));
    if let Some(name) = unknown {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("there is no target `{name}`; there is {}", known.join(", "));
        return ExitCode::from(2);
    }
    let (seconds, seed) = (number("FUZZ_SECONDS").unwrap_or(10), number("FUZZ_SEED").unwrap_or_else(now));
    let chosen = TARGETS.iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target.name));
    let mut failed = false;
    for target in chosen {
        match fuzz(target, Duration::from_secs(seconds), seed) {
            Ok(report) => println!("{report}"),
            Err(failure) => {
                println!("{}: {failure} (FUZZ_SEED={seed})", target.name);
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs())
}

/// Runs one target for a time; answers a line about it.
fn fuzz(target: &'static Target, time: Duration, seed: u64) -> Result<String, String> {
    let mut seeds = corpus(target.name).map_err(|error| format!("the corpus cannot be read: {error}"))?;
    let first = seeds.len();
    let mut mutator = Mutator::new(seed);
    let mut answers = BTreeSet::new();
    let runner = Runner::start(target);
    let begin = Instant::now();
    let mut runs: u64 = 0;
    for input in seeds.iter().cloned().chain(mutate::extremes()) {
        answers.insert(runner.run(&input)?);
        runs += 1;
    }
    while begin.elapsed() < time {
        let mut input = mutator.mutated(&seeds);
        input.truncate(LONGEST);
        runs += 1;
        if answers.insert(runner.run(&input)?) && seeds.len() < MOST_SEEDS {
            seeds.push(input);
        }
    }
    let (name, elapsed) = (target.name, begin.elapsed().as_secs());
    let found = seeds.len() - first;
    Ok(format!("{name}: {runs} inputs in {elapsed} s, {} answers, {found} new seeds, peak {}", answers.len(), peak()))
}

/// The most memory that the process had at once.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |text| text.split_whitespace().collect::<Vec<&str>>().join(" "))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The seeds of a target: its own, and all examples.
fn corpus(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for folder in [root().join("fuzz/corpus").join(target), root().join("examples/artifacts")] {
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        paths.sort();
        for path in paths {
            seeds.push(fs::read(path)?);
        }
    }
    Ok(seeds)
}

/// Runs inputs in a thread of its own, so that one that hangs is noticed.
struct Runner {
    name: &'static str,
    inputs: mpsc::Sender<Vec<u8>>,
    answers: mpsc::Receiver<Result<u64, String>>,
}

impl Runner {
    fn start(target: &'static Target) -> Self {
        let (inputs, received) = mpsc::channel::<Vec<u8>>();
        let (answer, answers) = mpsc::channel();
        thread::spawn(move || {
            for input in received {
                let run = AssertUnwindSafe(|| (target.run)(&input));
                let answered = panic::catch_unwind(run).unwrap_or_else(|_| Err("it panics".to_owned()));
                if answer.send(answered).is_err() {
                    return;
                }
            }
        });
        Self { name: target.name, inputs, answers }
    }

    /// A digest of the answer.
    fn run(&self, input: &[u8]) -> Result<u64, String> {
        let sent = self.inputs.send(input.to_vec());
        let answer = match (sent, self.answers.recv_timeout(HANG)) {
            (Ok(()), Ok(answer)) => answer,
            (Ok(()), Err(RecvTimeoutError::Timeout)) => Err(format!("it takes more than {HANG:?}")),
            _ => Err("the thread that runs it is gone".to_owned()),
        };
        answer.map_err(|reason| match keep(self.name, input) {
            Ok(path) => format!("{reason}; the input is {}", path.display()),
            Err(error) => format!("{reason}; the input cannot be kept ({error}): {}", String::from_utf8_lossy(input)),
        })
    }
}

/// Keeps an input that failed.
fn keep(target: &str, input: &[u8]) -> io::Result<PathBuf> {
    let folder = root().join("target/fuzz");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{target}-{:016x}", targets::digest(input)));
    fs::File::create(&path)?.write_all(input)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_takes_its_seeds_the_extremes_and_a_second_of_damage() {
        for target in &TARGETS {
            let report = fuzz(target, Duration::from_millis(300), 7);
            assert!(report.is_ok(), "{}: {report:?}", target.name);
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let seeds = vec![b"name: a".to_vec(), b"b: [c]".to_vec()];
        let (mut one, mut other) = (Mutator::new(3), Mutator::new(3));
        for _ in 0..100 {
            assert_eq!(one.mutated(&seeds), other.mutated(&seeds));
        }
    }

    #[test]
    fn a_target_that_panics_is_told_with_its_input() {
        static BROKEN: Target =
            Target { name: "broken", run: |input| if input.len() > 3 { Err("so".to_owned()) } else { Ok(0) } };
        let failure = fuzz(&BROKEN, Duration::ZERO, 1).expect_err("an example is longer");
        assert!(failure.contains("so; the input is"), "{failure}");
    }
}
