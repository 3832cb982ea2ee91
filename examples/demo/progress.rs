//! What is shown while a step runs: a bar on a terminal, lines elsewhere. All of it on standard error.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};

/// Shows one step after the other.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(1);
            // The template is a constant; the default style serves as well.
            if let Ok(style) = ProgressStyle::with_template("{bar:24.green} {pos:>6}/{len} {prefix}: {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar }
    }

    /// A line that stays.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    pub(crate) fn begin(&self, step: &str, requests: u64) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(step.to_owned());
            bar.set_message("changing");
            bar.set_length(requests);
            bar.set_position(0);
        }
    }

    pub(crate) fn update(&self, requests: u64, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_position(requests);
            bar.set_message(message);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
