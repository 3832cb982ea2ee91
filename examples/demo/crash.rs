//! `--kill-server`: the server is killed in the middle of a step, and nobody must notice.

use crate::{
    canary::{Canary, DEPLOYMENT, GATEWAY, Plan, set_weight, valid},
    problem::Problem,
    report::Crash,
};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use vamp_core::weight::Weight;

/// How long the server stays away.
const AWAY: Duration = Duration::from_secs(2);
/// When, after the new start, the processes must be the same as before.
const SETTLED: Duration = Duration::from_secs(5);

/// What must be the same before and after.
#[derive(Debug, PartialEq)]
struct State {
    gateway: Value,
    deployment: Option<Value>,
    processes: Vec<(u32, String)>,
}

impl Canary<'_> {
    /// Gives the new version this share, and kills the server when a quarter of the requests is counted.
    pub(crate) async fn shift_and_kill_the_server(&mut self, share: Option<Weight>) -> Result<(), Problem> {
        let share = valid(share)?;
        let mut plan = Plan::shift(share);
        plan.name.push_str(", server killed");
        let start = self.begin(&plan, set_weight(self.api, share)).await?;
        self.until(&plan, self.settings.requests / 4).await?;

        let before = self.state().await?;
        let (answered, failed) = (self.load.traffic.answered(), self.load.traffic.failed());
        let killed = Instant::now();
        self.server.kill().await?;
        sleep(AWAY).await;
        let answered_while_down = self.load.traffic.answered() - answered;
        self.server.start().await?;
        let down = killed.elapsed();
        sleep(SETTLED).await;
        let after = self.state().await?;

        self.report.crash = Some(Crash {
            down_ms: down.as_secs_f64() * 1_000.0,
            answered_while_down,
            failed: self.load.traffic.failed() - failed,
            same_gateway: before.gateway == after.gateway,
            same_deployment: before.deployment == after.deployment,
            same_processes: before.processes == after.processes,
            processes: after.processes.len(),
        });
        if before != after {
            self.progress.line(&format!("before the kill: {before:?}\nafter the new start: {after:?}"));
        }
        self.count(plan, start).await
    }

    async fn state(&self) -> Result<State, Problem> {
        let server = self.server.id();
        let processes = self.server.processes();
        Ok(State {
            gateway: self.api.gateway(GATEWAY).await?,
            deployment: self.api.deployment(DEPLOYMENT).await?,
            processes: processes.into_iter().filter(|(id, _)| Some(*id) != server).collect(),
        })
    }
}
