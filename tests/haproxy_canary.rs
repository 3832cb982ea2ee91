//! A whole canary release on a gateway that is in use: the real program, the real HAProxy, real processes.

#![allow(clippy::expect_used, clippy::panic, unreachable_pub)] // a test fails by panicking

#[path = "crash/load.rs"]
#[allow(dead_code)] // of use to the tests that kill
mod load;
#[path = "crash/process.rs"]
#[allow(dead_code)]
mod process;

mod haproxy_support;
mod server_support;

use haproxy_support::{assert_share, free_port};
use load::{Load, versions};
use process::{NEW, OLD, Vamp};
use serde_json::Value;
use server_support::{
    eventually,
    http::{delete, get},
};

/// What the one agent says of its proxy.
async fn proxy(vamp: &Vamp) -> Value {
    let agents = vamp.ask(get("/agents")).await.expect(200).json();
    agents.pointer("/0/status").cloned().unwrap_or_else(|| panic!("one agent with a status: {agents}"))
}

/// Reloads, changes at run time, and the reasons of the reloads.
async fn counters(vamp: &Vamp) -> (u64, u64, String) {
    let status = proxy(vamp).await;
    let number = |name: &str| status[name].as_u64().unwrap_or_else(|| panic!("{name}: {status}"));
    (number("reloads"), number("runtime_changes"), status["reload_reasons"].to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_canary_on_a_running_gateway_takes_no_reload_and_costs_no_request_under_load() {
    let mut vamp = Vamp::new("canary", free_port);
    vamp.start().await;
    vamp.deploy(OLD).await;
    vamp.until_settled(&[("sava:1.0", 3)]).await;
    let load = Load::start(vamp.gateway, 3, 3);
    load.answers(300).await;
    let (haproxy, (reloads, changes, _)) = (vamp.haproxy(), counters(&vamp).await);

    vamp.deploy(NEW).await;
    vamp.until_settled(&[("sava:1.0", 3), ("sava:1.1", 2)]).await;
    assert_share(&versions(vamp.gateway, 300).await, "1.0", 1_000_000);
    for percent in [1, 10, 25, 50, 100] {
        vamp.weigh(&format!("{}%", 100 - percent), &format!("{percent}%")).await;
        assert_share(&versions(vamp.gateway, 1_000).await, "1.1", percent * 10_000);
    }
    vamp.ask(delete("/deployments/sava").body(vamp.blueprint(OLD))).await.expect(202);
    eventually("the old version is gone", async || vamp.service("sava:1.0").await.is_none()).await;
    vamp.until_settled(&[("sava:1.1", 2)]).await;
    eventually("its processes are gone", async || vamp.instances().len() == 2).await;
    assert_share(&versions(vamp.gateway, 300).await, "1.1", 1_000_000);

    let answered = load.answered();
    assert_eq!(load.stop().await, Vec::<String>::new(), "of {answered} requests");
    let (now, more, reasons) = counters(&vamp).await;
    println!("{answered} requests, {} changes at run time, {} reloads", more - changes, now - reloads);
    assert_eq!(now, reloads, "{reasons}");
    assert!(more - changes >= 7, "{} changes: the merge, five weights, the removal", more - changes);
    assert_eq!(vamp.haproxy(), haproxy, "the very same worker");
}
