//! `vamp events`.

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, Sent, Stream},
    screen::{Format, Output, Tone, say, table, yaml},
    shape::{cell, items, plain, text},
};
use clap::Args as ClapArgs;
use hyper::Method;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A server that is gone longer than this does not come back.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, ClapArgs)]
pub(crate) struct EventsArgs {
    /// Only events with all of these tags, with `,` between several
    #[arg(short, long, value_name = "TAG,…", value_delimiter = ',')]
    tags: Vec<String>,
    /// Only events of this type
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Go on with what happens, until Ctrl-C
    #[arg(short, long, conflicts_with_all = ["page", "per_page"])]
    follow: bool,
    /// Which page, from 1; the newest events are on the first
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    page: u32,
    /// How many on a page, 30 at most
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    per_page: u32,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &EventsArgs) -> Ended {
    let client = args.reach.client()?;
    if args.follow {
        return follow(&client, args).await;
    }
    let ask = args.ask("events").query("page", args.page.to_string()).query("per_page", args.per_page.to_string());
    let found = client.send(ask).await?.value;
    args.output.show(&found, |found| table(&["TIME", "TYPE", "TAGS", "VALUE"], items(found, "").map(cells)))?;
    Ok(Verdict::Yes)
}

impl EventsArgs {
    fn ask(&self, path: &str) -> Ask<'static> {
        let ask = Ask::new(Method::GET, path);
        let ask = self.tags.iter().fold(ask, |ask, tag| ask.query("tag", tag.as_str()));
        self.kind.iter().fold(ask, |ask, kind| ask.query("type", kind.as_str()))
    }
}

/// Shows every event as it comes. Comes back with what it has seen when the server restarts.
async fn follow(client: &Client, args: &EventsArgs) -> Ended {
    let mut last = None;
    let mut seen = Instant::now();
    // What is wrong with the question is wrong at once, and a server that is not there was never there.
    let mut stream = Some(Stream::open(client, args.ask("events/stream")).await?);
    loop {
        let Some(open) = &mut stream else {
            sleep(PAUSE).await;
            let ask = args.ask("events/stream").after(last.clone());
            match Stream::open(client, ask).await {
                Ok(again) => stream = Some(again),
                Err(trouble) if seen.elapsed() > PATIENCE => return Err(trouble),
                Err(_) => {}
            }
            continue;
        };
        match open.next().await {
            Ok(Some(sent)) => {
                last = sent.id.clone().or(last);
                show(&sent, args.output.output)?;
            }
            Ok(None) | Err(_) => stream = None,
        }
        seen = Instant::now();
    }
}

fn show(sent: &Sent, format: Format) -> Result<(), Trouble> {
    let event: Value = serde_json::from_str(&sent.data).unwrap_or_else(|_| Value::String(sent.data.clone()));
    match format {
        // One a line, for programs that read lines.
        Format::Json => say(event.to_string()),
        Format::Yaml => say(format!("---\n{}", yaml(&event)?)),
        Format::Text => say(format!(
            "{} {} {} {}",
            Tone::Quiet.paint(text(&event, "/timestamp")),
            text(&event, "/type"),
            tags(&event),
            event.get("value").map(plain).unwrap_or_default()
        )),
    }
}

fn cells(event: &Value) -> Vec<comfy_table::Cell> {
    let value = event.get("value").map(plain).unwrap_or_default();
    vec![cell(text(event, "/timestamp")), cell(text(event, "/type")), cell(tags(event)), cell(value)]
}

/// The tags without those that only say the first half of another.
fn tags(event: &Value) -> String {
    let all: Vec<String> = items(event, "/tags").map(plain).collect();
    let is_half = |tag: &String| {
        all.iter().any(|other| other.strip_prefix(tag.as_str()).is_some_and(|rest| rest.starts_with(':')))
    };
    all.iter().filter(|tag| !is_half(tag)).map(String::as_str).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_that_is_half_of_another_is_not_shown() {
        let event = serde_json::json!({"tags": ["gateways:a/b", "gateways", "health", "healthy"]});
        assert_eq!(tags(&event), "gateways:a/b,health,healthy");
    }
}
