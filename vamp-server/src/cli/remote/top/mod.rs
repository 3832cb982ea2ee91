//! `vamp top`: gateways, routes, shares and rates, live where somebody looks.

mod view;

use super::{
    Ended, Trouble, Verdict,
    client::{Ask, Client, Reach, seconds},
    screen::{Format, Output, say},
};
use clap::Args as ClapArgs;
use crossterm::{
    cursor::{Hide, MoveTo, Show},
    execute, queue,
    terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, size},
};
use hyper::Method;
use serde_json::Value;
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};
use tokio::{signal::ctrl_c, time::sleep};
use view::View;

/// So many of the newest rates are looked at: pages of 30.
const PAGES_OF_RATES: u32 = 10;

#[derive(Debug, ClapArgs)]
pub(crate) struct TopArgs {
    /// Only gateways whose name contains this
    #[arg(value_name = "TEXT")]
    filter: Option<String>,
    /// How often to look, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    interval: Duration,
    /// Look once and end, as without a terminal
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

pub(super) async fn run(args: &TopArgs) -> Ended {
    let client = args.reach.client()?;
    // What is wrong at once is told as everywhere; later it passes.
    let first = look(&client, args).await?;
    if args.once || args.output.output != Format::Text || !io::stdout().is_terminal() {
        args.output.show(&first.to_json(), |_| first.words())?;
        return Ok(Verdict::Yes);
    }
    let screen = Screen::open()?;
    let live = live(&client, args, first);
    tokio::select! {
        ended = live => ended?,
        _ = ctrl_c() => {}
    }
    drop(screen);
    Ok(Verdict::Yes)
}

async fn live(client: &Client, args: &TopArgs, mut view: View) -> Result<(), Trouble> {
    loop {
        draw(&view.words())?;
        sleep(args.interval).await;
        match look(client, args).await {
            Ok(seen) => view = seen,
            Err(Trouble::Failed(why) | Trouble::Usage(why)) => view.failed = Some(why),
            Err(Trouble::Unread) => return Ok(()),
        }
    }
}

/// Everything that is shown, as it is now.
async fn look(client: &Client, args: &TopArgs) -> Result<View, Trouble> {
    let gateways = client.list("gateways").await?;
    let agents = client.send(Ask::new(Method::GET, "agents")).await?.value;
    let rates = rates(client).await?;
    Ok(View::of(&gateways, &agents, &rates, args.filter.as_deref()))
}

/// The newest rates that somebody told.
async fn rates(client: &Client) -> Result<Vec<Value>, Trouble> {
    let mut all = Vec::new();
    for page in 1..=PAGES_OF_RATES {
        let ask = Ask::new(Method::GET, "events").query("type", "metrics").query("tag", "metrics:rate");
        let Value::Array(found) = client.send(ask.query("page", page.to_string())).await?.value else { break };
        let last = found.len() < 30;
        all.extend(found);
        if last {
            break;
        }
    }
    Ok(all)
}

/// A screen of its own, given back in the end.
struct Screen;

impl Screen {
    fn open() -> Result<Self, Trouble> {
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    }
}

/// Draws from the top, as many lines as there is room for.
fn draw(text: &str) -> Result<(), Trouble> {
    let (_, height) = size()?;
    let shown: Vec<&str> = text.lines().take(usize::from(height.saturating_sub(1)).max(1)).collect();
    let mut out = io::stdout();
    queue!(out, MoveTo(0, 0), Clear(ClearType::All))?;
    out.flush()?;
    say(shown.join("\n"))
}
