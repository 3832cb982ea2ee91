//! Keeps what instances write from growing without bound.

use super::context::Context;
use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Between two looks at the sizes.
const EVERY: Duration = Duration::from_secs(2);
/// The outputs of so many former instances are kept, for people who ask why they ended.
const KEPT: usize = 32;

/// Trims the outputs for as long as it is polled.
pub(super) async fn keep_small(context: Arc<Context>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let trimmed = context.blocking(|context| {
            trim(&context.store.outputs(), context.config.output_bytes, KEPT, &context.instances())
        });
        if let Err(error) = trimmed.await.and_then(|trimmed| trimmed) {
            tracing::warn!(%error, "the output of instances cannot be trimmed");
        }
    }
}

/// Begins each output anew that has more than `limit` bytes, its former part kept beside it, and deletes those of
/// former instances but for the `kept` last written.
fn trim(folder: &Path, limit: u64, kept: usize, instances: &BTreeSet<String>) -> io::Result<()> {
    let mut former: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(instance) = name.strip_suffix(".log") else { continue };
        let meta = fs::metadata(&path)?;
        if meta.len() > limit {
            fs::copy(&path, before(&path))?;
            // Its writer appends, so it goes on at the new end; what it wrote since the copy is lost.
            OpenOptions::new().write(true).open(&path)?.set_len(0)?;
        }
        if !instances.contains(instance) {
            former.push((meta.modified()?, path));
        }
    }
    former.sort();
    former.truncate(former.len().saturating_sub(kept));
    for (_, path) in former {
        fs::remove_file(&path)?;
        match fs::remove_file(before(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn an_output_begins_anew_while_it_is_written_and_old_ones_are_deleted() {
        let folder = std::env::temp_dir().join(format!("vamp-output-{}", super::super::store::unique()));
        fs::create_dir_all(&folder).unwrap();
        let mut writer = OpenOptions::new().create(true).append(true).open(folder.join("live.log")).unwrap();
        writer.write_all(b"0123456789").unwrap();
        for name in ["a", "b"] {
            fs::write(folder.join(format!("{name}.log")), name).unwrap();
        }
        let live = BTreeSet::from(["live".to_owned()]);
        trim(&folder, 5, 1, &live).unwrap();
        writer.write_all(b"next").unwrap();
        assert_eq!(fs::read(folder.join("live.log")).unwrap(), b"next");
        assert_eq!(fs::read(folder.join("live.log.1")).unwrap(), b"0123456789");
        let left = ["a", "b"].iter().filter(|name| folder.join(format!("{name}.log")).exists()).count();
        assert_eq!(left, 1);
        trim(&folder, 5, 0, &BTreeSet::new()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(folder).unwrap();
    }
}
