//! The HAProxy that works in a folder, as the system tells of it: also one that was started a moment ago and has
//! neither written its process id nor opened its master socket.

use super::folder::SOCKET;
use std::{collections::BTreeSet, fs, io, path::Path};

/// The process ids of the masters that work in this folder, which is given without symbolic links.
pub(super) fn masters(folder: &Path) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let pid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<i32>().ok());
        // Processes end while we look, and those of other users are not ours.
        if let Some(pid) = pid
            && fs::read_link(path.join("cwd")).is_ok_and(|working| working == folder)
            && fs::read(path.join("cmdline")).is_ok_and(|line| serves(&line))
            && let Ok(parent) = parent(&path)
        {
            found.push((pid, parent));
        }
    }
    let pids: BTreeSet<i32> = found.iter().map(|(pid, _)| *pid).collect();
    Ok(found.into_iter().filter(|(_, parent)| !pids.contains(parent)).map(|(pid, _)| pid).collect())
}

/// Whether a command line is one that we start HAProxy with; somebody may look around in the folder with a shell.
fn serves(line: &[u8]) -> bool {
    let socket = format!("unix@./{SOCKET},");
    line.split(|byte| *byte == 0).any(|argument| argument.starts_with(socket.as_bytes()))
}

fn parent(process: &Path) -> io::Result<i32> {
    let stat = fs::read_to_string(process.join("stat"))?;
    // The name of the program may contain anything, and ends at the last parenthesis; the state comes before the parent.
    let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
    parent.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_command_line_counts() {
        assert!(serves(b"haproxy\0-W\0-S\0unix@./master.sock,mode,600\0-f\0haproxy.cfg\0"));
        assert!(!serves(b"haproxy\0-c\0-f\0haproxy.cfg\0"));
        assert!(!serves(b"bash\0"));
    }

    #[test]
    fn a_process_has_the_parent_that_the_system_says() {
        let expected = std::os::unix::process::parent_id();
        assert_eq!(parent(Path::new("/proc/self")).unwrap(), i32::try_from(expected).unwrap());
    }
}
