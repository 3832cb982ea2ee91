//! Files, and standard input.

use super::Trouble;
use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

/// Longer input is refused, as a server would.
const LIMIT: u64 = 8 * 1024 * 1024;

/// A text, and what to call the place that it is from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The file, or `standard input`.
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// As the core takes it.
    pub(crate) fn as_text(&self) -> vamp_core::model::Source<'_> {
        vamp_core::model::Source { name: &self.name, text: &self.text }
    }
}

/// Reads every file; `-` is standard input.
pub(crate) fn read_all(files: &[PathBuf]) -> Result<Vec<Source>, Trouble> {
    if files.iter().filter(|file| is_stdin(file)).count() > 1 {
        return Err(Trouble::Usage("`-` is named twice, and standard input can be read only once".to_owned()));
    }
    files.iter().map(|file| read(file)).collect()
}

/// Reads a file; `-` is standard input.
pub(crate) fn read(file: &Path) -> Result<Source, Trouble> {
    if is_stdin(file) {
        return stdin();
    }
    let name = file.display().to_string();
    let refuse = |why: String, hint: &str| Trouble::Usage(format!("{name}: {why}; {hint}"));
    let unread = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => refuse("no such file".to_owned(), "check the name, or use `-` for standard input"),
        io::ErrorKind::IsADirectory => refuse("is a folder".to_owned(), "name the files in it"),
        _ => refuse(error.to_string(), "see that you may read it"),
    };
    let opened = fs::File::open(file).map_err(unread)?;
    let mut bytes = Vec::new();
    opened.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unread)?;
    text(name.clone(), bytes)
}

/// The file if there is one, and otherwise standard input if it is no keyboard.
#[cfg(feature = "http")]
pub(crate) fn read_or_stdin(file: Option<&Path>, what: &str) -> Result<Source, Trouble> {
    match file {
        Some(file) => read(file),
        None if io::stdin().is_terminal() => {
            Err(Trouble::Usage(format!("{what} is missing; name a file with -f FILE, or pipe it in")))
        }
        None => stdin(),
    }
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn stdin() -> Result<Source, Trouble> {
    let name = "standard input".to_owned();
    if io::stdin().is_terminal() {
        eprintln!("vamp: reads from the keyboard; end with Ctrl-D");
    }
    let mut bytes = Vec::new();
    let read = io::stdin().take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| Trouble::Failed(format!("{name}: {error}")))?;
    text(name, bytes)
}

fn text(name: String, bytes: Vec<u8>) -> Result<Source, Trouble> {
    if bytes.len() as u64 > LIMIT {
        return Err(Trouble::Usage(format!("{name}: more than 8 MiB; split it")));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count();
            Err(Trouble::Usage(format!("{name}: line {line}: not UTF-8; save it in that encoding")))
        }
    }
}
