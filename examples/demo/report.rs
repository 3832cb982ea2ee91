//! The figures, as a table for people and as JSON for machines, and the verdict.

use crate::{
    samples::Sample,
    statistics::{LIMIT, Share},
};
use comfy_table::{Cell, CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::Serialize;

/// Everything the demo has measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether all of it is as it should be.
    pub(crate) ok: bool,
    /// What is not, in words.
    pub(crate) problems: Vec<String>,
    pub(crate) profile: &'static str,
    pub(crate) proxy: String,
    pub(crate) seconds: f64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// The first failures in words.
    pub(crate) failures: Vec<String>,
    pub(crate) runtime_changes: u64,
    pub(crate) structural_changes: u64,
    pub(crate) reloads: u64,
    pub(crate) steps: Vec<Step>,
    pub(crate) drain: Option<Drain>,
    pub(crate) crash: Option<Crash>,
    pub(crate) samples: Vec<Sample>,
}

/// One step of the release.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// When its change was acknowledged, since the load began.
    pub(crate) began_s: f64,
    /// From the request to the server until it was acknowledged.
    pub(crate) changed_in_ms: f64,
    pub(crate) shares: Vec<Share>,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) failed: u64,
    pub(crate) may_reload: bool,
    pub(crate) reloads: u64,
    pub(crate) reload_reasons: Vec<String>,
}

/// What became of the long responses, the streams and the instances when the old version was removed.
#[derive(Debug, Serialize)]
pub(crate) struct Drain {
    pub(crate) response_seconds: u64,
    pub(crate) responses: usize,
    pub(crate) responses_open_at_removal: usize,
    pub(crate) responses_completed: usize,
    pub(crate) streams: usize,
    pub(crate) streams_open_at_removal: usize,
    pub(crate) streams_completed: usize,
    pub(crate) broken: Vec<String>,
    /// From the acknowledged removal to the end of the last response or stream.
    pub(crate) last_ended_after_ms: Option<f64>,
    pub(crate) instances: usize,
    /// From the acknowledged removal to the end of the first and of the last instance.
    pub(crate) first_stopped_after_ms: Option<f64>,
    pub(crate) last_stopped_after_ms: Option<f64>,
}

/// What a `kill -9` of the server did.
#[derive(Debug, Serialize)]
pub(crate) struct Crash {
    pub(crate) down_ms: f64,
    pub(crate) answered_while_down: u64,
    pub(crate) failed: u64,
    pub(crate) same_gateway: bool,
    pub(crate) same_deployment: bool,
    /// Whether the same processes ran before the kill and five seconds after the new start.
    pub(crate) same_processes: bool,
    pub(crate) processes: usize,
}

impl Report {
    /// Draws the verdict; `early` is the problem that ended the run before its end.
    pub(crate) fn judge(&mut self, early: Option<String>) {
        self.problems.extend(early);
        if self.failed > 0 {
            self.problems.push(format!("{} requests failed: {}", self.failed, self.failures.join("; ")));
        }
        for step in &self.steps {
            self.problems.extend(step.problems());
        }
        self.problems.extend(self.drain.iter().flat_map(Drain::problems));
        self.problems.extend(self.crash.iter().flat_map(Crash::problems));
        self.ok = self.problems.is_empty();
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        let head = ["step", "users", "n", "wanted", "observed", "z", "req/s", "p50 ms", "p99 ms", "failed", "reloads"];
        table.load_style(UTF8_FULL_CONDENSED).set_header(head);
        for step in &self.steps {
            for (index, share) in step.shares.iter().enumerate() {
                let once = |text: String| if index == 0 { text } else { String::new() };
                let numbers = [
                    share.n.to_string(),
                    percent(share.wanted),
                    percent(share.observed),
                    share.z.map_or_else(|| "infinite".to_owned(), |z| format!("{z:+.2}")),
                    once(format!("{:.0}", step.per_second)),
                    once(format!("{:.2}", step.p50_ms)),
                    once(format!("{:.2}", step.p99_ms)),
                    once(step.failed.to_string()),
                ];
                let mut row = vec![Cell::new(once(step.name.clone())), Cell::new(share.population)];
                row.extend(numbers.into_iter().map(|text| Cell::new(text).set_alignment(CellAlignment::Right)));
                row.push(Cell::new(once(step.reloads_in_words())));
                table.add_row(row);
            }
        }
        table
    }

    /// The sentences under the table.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let total = format!(
            "{} requests answered, {} failed, in {:.0} s through {} ({} build); {} changes at run time, {} with {} reloads",
            self.answered,
            self.failed,
            self.seconds,
            self.proxy,
            self.profile,
            self.runtime_changes,
            self.structural_changes,
            self.reloads
        );
        let mut lines: Vec<String> = if self.steps.is_empty() { Vec::new() } else { vec![total] };
        lines.extend(self.drain.iter().map(Drain::in_words));
        lines.extend(self.crash.iter().map(Crash::in_words));
        lines.extend(self.problems.iter().map(|problem| format!("NOT OK: {problem}")));
        lines.push(if self.ok { "ok" } else { "not ok" }.to_owned());
        lines
    }
}

impl Step {
    fn problems(&self) -> impl Iterator<Item = String> + '_ {
        let shares = self.shares.iter().filter(|share| !share.is_fair()).map(|share| {
            let z = share.z.map_or_else(|| "infinite".to_owned(), |z| format!("{z:.2}"));
            format!(
                "{}: {} wanted, {} observed of {} requests of {}: |z| = {z} is more than {LIMIT}",
                self.name,
                percent(share.wanted),
                percent(share.observed),
                share.n,
                share.population
            )
        });
        let reload = (!self.may_reload && self.reloads > 0).then(|| {
            format!("{}: a change of values reloaded the proxy: {}", self.name, self.reload_reasons.join("; "))
        });
        shares.chain(reload)
    }

    fn reloads_in_words(&self) -> String {
        if self.reload_reasons.is_empty() {
            self.reloads.to_string()
        } else {
            format!("{}: {}", self.reloads, self.reload_reasons.join("; "))
        }
    }

    /// The line that stays when the step is done.
    pub(crate) fn in_words(&self) -> String {
        let shares: Vec<String> = self.shares.iter().map(Share::in_words).collect();
        format!(
            "{}: {}; {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} failed, reloads {}",
            self.name,
            shares.join(" · "),
            self.per_second,
            self.p50_ms,
            self.p99_ms,
            self.failed,
            self.reloads_in_words()
        )
    }
}

impl Share {
    /// The figures of the share in one line.
    pub(crate) fn in_words(&self) -> String {
        let z = self.z.map_or_else(|| "infinite".to_owned(), |z| format!("{z:+.2}"));
        let (wanted, observed) = (percent(self.wanted), percent(self.observed));
        format!("{} n {} wanted {wanted} observed {observed} z {z}", self.population, self.n)
    }
}

impl Drain {
    fn problems(&self) -> Vec<String> {
        let mut problems = self.broken.clone();
        if self.responses_open_at_removal < self.responses || self.streams_open_at_removal < self.streams {
            problems.push(format!(
                "only {} of {} long responses and {} of {} streams were open when the removal began",
                self.responses_open_at_removal, self.responses, self.streams_open_at_removal, self.streams
            ));
        }
        if self.responses_completed < self.responses || self.streams_completed < self.streams {
            problems.push(format!(
                "{} of {} long responses and {} of {} streams completed",
                self.responses_completed, self.responses, self.streams_completed, self.streams
            ));
        }
        match (self.last_ended_after_ms, self.first_stopped_after_ms) {
            (Some(ended), Some(stopped)) if stopped >= ended => {}
            (_, None) => problems.push("the instances of the removed version were not seen to stop".to_owned()),
            _ => {
                problems.push("an instance stopped before the last response or stream on its version ended".to_owned());
            }
        }
        problems
    }

    fn in_words(&self) -> String {
        let seconds = |milliseconds: Option<f64>| {
            milliseconds.map_or_else(|| "never".to_owned(), |ms| format!("{:.2} s", ms / 1_000.0))
        };
        format!(
            "drain: {} of {} responses of {} s and {} of {} streams completed, the last after {}; {} instances stopped after {} to {}",
            self.responses_completed,
            self.responses,
            self.response_seconds,
            self.streams_completed,
            self.streams,
            seconds(self.last_ended_after_ms),
            self.instances,
            seconds(self.first_stopped_after_ms),
            seconds(self.last_stopped_after_ms)
        )
    }
}

impl Crash {
    fn problems(&self) -> Vec<String> {
        let checks = [
            (self.answered_while_down > 0, "no request was answered while the server was down"),
            (self.same_gateway, "the gateway is not the same after the kill of the server"),
            (self.same_deployment, "the deployment is not the same after the kill of the server"),
            (self.same_processes, "not the same processes run after the kill of the server"),
        ];
        checks.into_iter().filter(|(good, _)| !good).map(|(_, problem)| problem.to_owned()).collect()
    }

    fn in_words(&self) -> String {
        format!(
            "kill -9: the server was away for {:.0} ms, {} requests were answered meanwhile and {} failed; {} processes stayed",
            self.down_ms, self.answered_while_down, self.failed, self.processes
        )
    }
}

pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
