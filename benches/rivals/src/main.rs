//! Prints what `make bench` measured: one line for each figure, beside what it is compared with.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde::Deserialize;
use std::{fs, path::PathBuf, process::ExitCode};

/// What a figure is compared with.
enum Beside {
    Nothing,
    /// Another one, and how many times that it may be.
    Figure(&'static str, Option<f64>),
    /// A time in nanoseconds that it should not exceed.
    Time(f64),
    /// It is the time for so many at once, and there should be so many in a second.
    Rate {
        at_once: f64,
        a_second: f64,
    },
}
use Beside::{Figure, Nothing, Rate, Time};

/// Figures of Vamp alone: what it is with `#` for the number, the name of the group, the numbers.
const ALONE: [(&str, &str, &[u32]); 12] = [
    ("condition of # tests: parse", "condition-parse", &[3, 12, 100]),
    ("condition of # tests: normalise", "condition-normalise", &[3, 12, 100]),
    ("condition of # tests: to HAProxy lines", "condition-lines", &[3, 12, 100]),
    ("condition of # tests: evaluate", "condition-evaluate", &[3, 12, 100]),
    ("# weights: split", "weight-split", &[3, 30]),
    ("# weights: rescale", "weight-rescale", &[3, 30]),
    ("router of # conditions: 100 requests", "router-decide", &[10, 1_000, 10_000]),
    ("router of # conditions: compile", "router-compile", &[10, 1_000, 10_000]),
    ("# gateways: compile", "compile", &[10, 1_000, 10_000]),
    ("# gateways: render", "render", &[10, 1_000, 10_000]),
    ("# gateways: render again", "render-again", &[10, 1_000, 10_000]),
    ("# gateways: configuration and maps", "files", &[10, 1_000, 10_000]),
];

/// Figures with something to compare: what it is, the name of the figure, what it is compared with.
const COMPARED: [(&str, &str, Beside); 17] = [
    ("the rule: parse, beside wirefilter", "rule-parse/vamp", Figure("rule-parse/wirefilter", Some(1.5))),
    ("the rule: parse, beside cel", "rule-parse/vamp", Figure("rule-parse/cel", None)),
    ("the rule: evaluate fields, beside wirefilter", "rule-fields/vamp", Figure("rule-fields/wirefilter", Some(1.0))),
    ("the rule: evaluate fields, beside cel", "rule-fields/vamp", Figure("rule-fields/cel", None)),
    (
        "the rule: evaluate request, beside wirefilter",
        "rule-request/vamp",
        Figure("rule-request/wirefilter", Some(1.0)),
    ),
    ("the rule: evaluate request, beside cel", "rule-request/vamp", Figure("rule-request/cel", None)),
    ("the rule: route 4 requests by their fields", "rule-fields/router", Time(100.0)),
    ("the rule: route 4 requests", "rule-request/router", Time(100.0)),
    ("the rule: route by fields, beside wirefilter", "rule-fields/router", Figure("rule-fields/wirefilter", Some(1.0))),
    ("the rule: route, beside wirefilter", "rule-request/router", Figure("rule-request/wirefilter", Some(1.0))),
    ("1000 rules: router, beside wirefilter", "rules-1000/router", Figure("rules-1000/wirefilter", Some(0.2))),
    ("10000 conditions: router, beside 10", "router-decide/10000", Figure("router-decide/10", Some(3.0))),
    ("10000 gateways: render", "render/10000", Time(50e6)),
    ("10000 gateways: render, beside 1000", "render/10000", Figure("render/1000", Some(12.0))),
    ("a blueprint of 30 lines: read and validate", "artifact-read/30", Time(150e3)),
    ("store: a durable write", "store-put/1", Nothing),
    ("store: 64 durable writes at once", "store-put/64", Rate { at_once: 64.0, a_second: 2_000.0 }),
];

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The median of a figure in nanoseconds.
fn median(name: &str) -> Result<f64, String> {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let path = folder.join("criterion").join(name).join("new/estimates.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let estimates: Estimates = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(estimates.median.point_estimate)
}

fn time(nanoseconds: f64) -> String {
    let (unit, size) = match nanoseconds {
        ..1e3 => ("ns", 1.0),
        ..1e6 => ("µs", 1e3),
        _ => ("ms", 1e6),
    };
    format!("{:.2} {unit}", nanoseconds / size)
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

/// What stands in a line behind the name and the time.
fn compared(found: f64, beside: &Beside) -> Result<[String; 3], String> {
    let empty = String::new;
    Ok(match beside {
        Nothing => [empty(), empty(), empty()],
        Figure(other, most) => {
            let other = median(other)?;
            let ratio = found / other;
            let goal = most.map(|most| format!("<= {most}: {}", verdict(ratio <= most)));
            [time(other), format!("{ratio:.2}"), goal.unwrap_or_default()]
        }
        Time(most) => [empty(), empty(), format!("<= {}: {}", time(*most), verdict(found <= *most))],
        Rate { at_once, a_second } => {
            let rate = at_once / (found / 1e9);
            [format!("{rate:.0}/s"), empty(), format!(">= {a_second}/s: {}", verdict(rate >= *a_second))]
        }
    })
}

fn report() -> Result<Table, String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["", "median", "beside it", "ratio", "goal"]);
    for (what, group, numbers) in ALONE {
        for number in numbers {
            let found = median(&format!("{group}/{number}"))?;
            table.add_row([what.replace('#', &number.to_string()), time(found)]);
        }
    }
    for (what, name, beside) in &COMPARED {
        let found = median(name)?;
        let [other, ratio, goal] = compared(found, beside)?;
        table.add_row([(*what).to_owned(), time(found), other, ratio, goal]);
    }
    for column in 1..=3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Ok(table)
}

fn main() -> ExitCode {
    match report() {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}; run `make bench`");
            ExitCode::FAILURE
        }
    }
}
