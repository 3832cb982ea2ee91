//! A server with 10 000 gateways: how long a page of them takes, how many reads there are in a second, and whether the
//! memory comes back when they are gone. Ends with an error when a goal is missed.
//!
//! `wrk` puts the load on; without it that figure is left out.

mod support;

use hdrhistogram::Histogram;
use hyper::Method;
use std::{
    process::Command,
    time::{Duration, Instant},
};
use support::{Outcome, Server};

const GATEWAYS: usize = 10_000;
const ROUNDS: usize = 5;
/// Connections that create and delete; a commit takes what they send at the same time.
const WRITERS: usize = 64;
const PAGE: &str = "/api/v1/gateways?page=17&per_page=30";
const ONE: &str = "/api/v1/gateways/many-4711";

const MOST_PAGE: f64 = 5.0;
const FEWEST_READS: f64 = 10_000.0;
const MOST_GROWTH: f64 = 1.10;
/// How long memory may take to come back.
const SETTLED: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Outcome<()> {
    if !support::is_wanted() {
        return Ok(());
    }
    let server = Server::start()?;
    let mut missed = Vec::new();
    let mut first = 0;
    for round in 1..=ROUNDS {
        let began = Instant::now();
        everyone(&server, &Method::PUT).await?;
        println!("round {round}: {GATEWAYS} gateways created in {:.1} s", began.elapsed().as_secs_f64());
        if round == 1 {
            missed.extend(reads(&server).await?);
        }
        let (full, began) = (server.resident()?, Instant::now());
        everyone(&server, &Method::DELETE).await?;
        println!("         and deleted in {:.1} s", began.elapsed().as_secs_f64());
        let most = (first as f64 * MOST_GROWTH) as u64;
        let left = settled(&server, most).await?;
        println!("         resident: {} MB with all of them, {} MB without", full >> 20, left >> 20);
        if round == 1 {
            first = left;
        } else if left > most {
            missed.push(format!("round {round}: {} MB stay of {} MB after the first", left >> 20, first >> 20));
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(missed.join("; ").into()) }
}

/// Creates or deletes all gateways.
async fn everyone(server: &Server, method: &Method) -> Outcome<()> {
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut client = server.connect().await?;
        let method = method.clone();
        writers.push(tokio::spawn(async move {
            for n in (writer..GATEWAYS).step_by(WRITERS) {
                let body = if method == Method::PUT { gateway(n) } else { String::new() };
                let sent = client.send(method.clone(), &format!("/api/v1/gateways/many-{n}"), body).await;
                sent.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        }));
    }
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

/// Without a port: HAProxy has nothing to do with them.
fn gateway(n: usize) -> String {
    format!(
        r#"{{"name":"many-{n}","routes":{{"[127.0.0.1:9001]":{{"weight":"90%"}},"[127.0.0.1:9002]":{{"weight":"10%","condition":"User-Agent == Chrome"}}}}}}"#
    )
}

/// Measures reads; answers the goals that are missed.
async fn reads(server: &Server) -> Outcome<Vec<String>> {
    let mut missed = Vec::new();
    let mut client = server.connect().await?;
    let mut taken = Histogram::<u64>::new(3)?;
    for _ in 0..1_000 {
        let started = Instant::now();
        client.send(Method::GET, PAGE, String::new()).await?;
        taken.record(u64::try_from(started.elapsed().as_micros())?)?;
    }
    let milliseconds = |quantile| taken.value_at_quantile(quantile) as f64 / 1_000.0;
    println!("         a page of 30 of them: p50 {:.2} ms, p99 {:.2} ms", milliseconds(0.5), milliseconds(0.99));
    if milliseconds(0.5) > MOST_PAGE {
        missed.push(format!("a page takes {:.2} ms, more than {MOST_PAGE} ms", milliseconds(0.5)));
    }
    for (what, path) in [("one gateway", ONE), ("a page of 30", PAGE)] {
        let Some(rate) = reads_per_second(server, path)? else {
            println!("         SKIPPED: reads per second (apt-get install wrk)");
            break;
        };
        println!("         {what}, 64 connections: {rate:.0} reads/s");
        if path == ONE && rate < FEWEST_READS {
            missed.push(format!("{rate:.0} reads/s, fewer than {FEWEST_READS}"));
        }
    }
    Ok(missed)
}

fn reads_per_second(server: &Server, path: &str) -> Outcome<Option<f64>> {
    let url = format!("http://{}{path}", server.listen);
    let Ok(output) = Command::new("wrk").args(["-t1", "-c64", "-d5s", &url]).output() else { return Ok(None) };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(text.into());
    }
    let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    Ok(Some(rate.ok_or_else(|| format!("wrk says {text}"))?.trim().parse()?))
}

/// The memory when it is no more than `most`, or when it does not come down any more.
async fn settled(server: &Server, most: u64) -> Outcome<u64> {
    let deadline = Instant::now() + SETTLED;
    let mut last = server.resident()?;
    let mut same = 0;
    while Instant::now() < deadline && same < 20 && last > most {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = server.resident()?;
        same = if now < last { 0 } else { same + 1 };
        last = now;
    }
    Ok(last)
}
