//! The real program is killed: requests are answered, what was acknowledged is there, nothing is doubled or orphaned.

#![allow(clippy::expect_used, clippy::panic, unreachable_pub)] // a test fails by panicking

mod haproxy_support;
mod server_support;

#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/drain.rs"]
mod drain;
#[path = "crash/haproxy.rs"]
mod haproxy;
#[path = "crash/hooks.rs"]
mod hooks;
#[path = "crash/load.rs"]
mod load;
#[path = "crash/moments.rs"]
mod moments;
#[path = "crash/ports.rs"]
mod ports;
#[path = "crash/process.rs"]
mod process;
#[path = "crash/server.rs"]
mod server;
#[path = "crash/start.rs"]
mod start;
#[path = "crash/yesterday.rs"]
mod yesterday;

use haproxy_support::free_port;
use process::{NEW, OLD, Vamp};
use server_support::eventually;

/// Version 1.0 with its three instances, and 1.1 with its two beside it at a share.
async fn canary(name: &str, share: &str) -> Vamp {
    let mut vamp = Vamp::new(name, free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    vamp.deploy(NEW).await;
    let rest = 100 - share.trim_end_matches('%').parse::<u32>().expect("a number");
    vamp.weigh(&format!("{rest}%"), share).await;
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    vamp
}

/// Waits until what runs is what is shown.
async fn until_consistent(vamp: &Vamp) {
    eventually("what runs is what is stored", async || vamp.is_consistent().await).await;
}
