//! What is seen of a deployment while it is waited for.

use super::{
    Trouble,
    client::{Client, Reply, encoded},
    shape::{self, State},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::{future::Future, pin::pin, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How often somebody wants to see something new.
const PERIOD: Duration = Duration::from_millis(300);

/// A bar of healthy instances, on standard error, and only where that is a terminal.
pub(crate) struct Progress {
    deployment: String,
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(deployment: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{spinner} {prefix} {bar:20} {pos}/{len} healthy  {wide_msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(deployment.to_owned());
        Self { deployment: deployment.to_owned(), bar }
    }

    /// The answer, with the bar until it is there.
    pub(crate) async fn until(
        self,
        client: &Client,
        answer: impl Future<Output = Result<Reply, Trouble>>,
    ) -> Result<Reply, Trouble> {
        let mut answer = pin!(answer);
        if self.bar.is_hidden() {
            return answer.await;
        }
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = &mut answer => {
                    self.bar.finish_and_clear();
                    return answer;
                }
                _ = ticks.tick() => self.look(client).await,
            }
        }
    }

    /// One look; what cannot be seen now is seen later.
    async fn look(&self, client: &Client) {
        let found = client.get(format!("deployments/{}", encoded(&self.deployment))).await;
        if let Ok(Some(reply)) = found {
            let (up, wanted, message) = summary(&reply.value);
            self.bar.set_length(wanted);
            self.bar.set_position(up.min(wanted));
            self.bar.set_message(message);
        }
        self.bar.tick();
    }
}

/// Healthy and wanted instances, and which services are not done.
fn summary(deployment: &Value) -> (u64, u64, String) {
    let (mut up, mut wanted, mut busy) = (0, 0, Vec::new());
    for (_, service) in shape::services(deployment) {
        let (healthy, instances) = shape::health(service);
        (up, wanted) = (up + healthy, wanted + instances);
        let state = State::of_service(service);
        if state != State::Deployed {
            busy.push(format!("{} {state:?}", shape::text(service, "/breed/name")));
        }
    }
    (up, wanted, busy.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_summary_counts_instances_and_names_what_is_not_done() {
        let service = |name: &str, phase: &str, running: u64| {
            json!({"breed": {"name": name}, "scale": {"instances": 2}, "health": {"running": running},
                "status": {"intention": "Deployment", "phase": {"name": phase}}})
        };
        let services = [service("a:1", "Done", 2), service("a:2", "Updating", 1)];
        let deployment = json!({"clusters": {"a": {"services": services}}});
        assert_eq!(summary(&deployment), (3, 4, "a:2 Deploying".to_owned()));
    }
}
