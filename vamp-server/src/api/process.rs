//! This process, as the system sees it.

use serde_json::{Map, Value, json};
use std::fs;

/// Process id, memory, threads, open files and processor time; what the system does not tell is left out.
pub(super) fn facts() -> Value {
    let mut shown = Map::new();
    shown.insert("pid".to_owned(), json!(std::process::id()));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = |key: &str| field(&status, key)?.split(' ').next()?.parse::<u64>().ok();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let numbers = [
        ("memory_bytes", kilobytes("VmRSS").map(|kilobytes| kilobytes * 1024)),
        ("memory_peak_bytes", kilobytes("VmHWM").map(|kilobytes| kilobytes * 1024)),
        ("threads", field(&status, "Threads").and_then(|text| text.parse().ok())),
        ("open_files", fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64)),
        ("processor_milliseconds", processor_milliseconds(&stat)),
    ];
    shown.extend(numbers.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))));
    Value::Object(shown)
}

fn field<'s>(status: &'s str, key: &str) -> Option<&'s str> {
    status.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()))
}

/// Time of user and system, the fields behind the name of the program, which may contain anything.
fn processor_milliseconds(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        let facts = facts();
        for key in ["pid", "memory_bytes", "threads", "open_files"] {
            assert!(facts[key].as_u64().is_some_and(|number| number > 0), "{key}: {facts}");
        }
        assert_eq!(field("Threads:\t7\nVmRSS:\t  12 kB\n", "VmRSS"), Some("12 kB"));
        let stat = "1 (a ) b) S 0 1 1 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 5";
        assert_eq!(processor_milliseconds(stat), Some(200 * 1_000 / rustix::param::clock_ticks_per_second()));
    }
}
