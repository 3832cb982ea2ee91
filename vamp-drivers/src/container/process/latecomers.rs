//! Processes that a former server had begun to start when it died, and that appear only afterwards.
//!
//! Between a fork and its exec, a process carries nothing by which it could be found. The successor therefore gives the
//! intent another id, and whoever turns up under the former one is one too many.

use super::{context::Context, procfs};
use rustix::process::Signal;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// A process that was begun is there by then, however busy the machine is.
const WITHIN: Duration = Duration::from_secs(10);
/// Between two looks.
const EVERY: Duration = Duration::from_millis(50);

/// Kills whoever turns up under one of these ids, for as long as somebody may.
pub(super) async fn kill(context: Arc<Context>, ids: BTreeSet<String>) {
    if ids.is_empty() {
        return;
    }
    let (ids, until) = (Arc::new(ids), Instant::now() + WITHIN);
    while Instant::now() < until {
        let wanted = Arc::clone(&ids);
        let killed = context.blocking(move |context| -> std::io::Result<()> {
            let carriers = procfs::carriers(&context.store.data)?;
            let mut late = carriers.into_iter().filter(|carrier| wanted.contains(&carrier.instance));
            late.try_for_each(|carrier| procfs::signal(carrier.seen, Signal::KILL))
        });
        if let Err(error) = killed.await.and_then(|killed| killed) {
            tracing::warn!(%error, "processes that a former server had begun to start cannot be looked for");
        }
        sleep(EVERY).await;
    }
}
