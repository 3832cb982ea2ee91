//! Ends processes at named moments, for crash tests: see [`vamp_core::moment`].
//!
//! `VAMP_KILL_AT` names a file. When a moment is reached that stands in it, the file is removed and the processes whose
//! ids stand behind the name are killed; this one if there are none. Without the variable nothing happens.

use rustix::process::{Pid, Signal, getpid, kill_process};
use std::{env, fs, path::PathBuf, sync::OnceLock};

static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Watches for moments, if the environment asks for it.
pub(crate) fn watch() {
    if let Some(file) = env::var_os("VAMP_KILL_AT") {
        FILE.get_or_init(|| PathBuf::from(file));
        vamp_core::moment::watch(act);
    }
}

fn act(moment: &str) {
    let Some(file) = FILE.get() else { return };
    let Ok(text) = fs::read_to_string(file) else { return };
    let mut words = text.split_whitespace();
    if words.next() != Some(moment) || fs::remove_file(file).is_err() {
        return;
    }
    let named: Vec<Pid> = words.filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect();
    let victims = if named.is_empty() { vec![getpid()] } else { named };
    for victim in victims {
        if let Err(error) = kill_process(victim, Signal::KILL) {
            tracing::warn!(moment, %error, "a process cannot be killed");
        }
    }
}
